package trainers

import (
	"math"

	"tourney"
)

// Infos says what trainers there are, by name, for those who write sweeps.
func Infos() []tourney.TrainerInfo {
	out := make([]tourney.TrainerInfo, len(families))
	for i := range families {
		f := &families[i]
		out[i] = tourney.TrainerInfo{Name: f.Trainer.Name(), Budget: f.Budget, Params: make([]tourney.TrainerParam, len(f.Params))}
		for j := range f.Params {
			out[i].Params[j] = infoOf(&f.Params[j])
		}
	}
	return out
}

func infoOf(p *Param) tourney.TrainerParam {
	info := tourney.TrainerParam{Name: p.Name, Help: p.Help, Range: p.Range(), Whole: p.Whole, Words: p.Words}
	numeric := p.Text == nil && (p.Words == nil || p.Numbers)
	switch {
	case p.DefaultWord != "":
		info.Default = p.DefaultWord
	case numeric:
		info.Default = p.Default
	}
	if numeric && !math.IsInf(p.Min, 0) {
		low := p.Min
		info.Min = &low
	}
	if numeric && !math.IsInf(p.Max, 0) {
		high := p.Max
		info.Max = &high
	}
	return info
}
