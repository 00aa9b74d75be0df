package dataset

import (
	"tourney"
	"tourney/dataset/table"
)

// Wants returns the columns that Apply looks for.
func (p *Pipeline) Wants() []table.Want {
	out := make([]table.Want, len(p.Inputs))
	for i := range p.Inputs {
		in := &p.Inputs[i]
		out[i] = table.Want{Name: in.Name, Kind: in.Kind, Levels: in.Levels, Width: in.Width}
	}
	return out
}

// Wants returns the columns that Apply looks for.
func (b *Binning) Wants() []table.Want {
	var out []table.Want
	for k := 0; k < len(b.Features); {
		f := &b.Features[k]
		if f.Of == "" {
			out = append(out, table.Want{Name: f.Name, Kind: f.Kind, Levels: f.Levels})
			k++
			continue
		}
		w := table.Want{Name: f.Of, Kind: tourney.Sparse}
		for n := b.entries(k); n > 0; n-- {
			w.Width = max(w.Width, b.Features[k].Index+1)
			k++
		}
		out = append(out, w)
	}
	return out
}
