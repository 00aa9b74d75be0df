package ensemble

import (
	"math"
	"math/rand/v2"

	"tourney/dataset"
)

// Gains returns by how much the splits at each feature lower the objective,
// added up over all trees as they were grown, whatever their weights.
func (e *Ensemble) Gains() []float64 {
	out := make([]float64, len(e.Features.Features))
	for _, t := range e.Trees {
		for i, f := range t.Feature {
			out[f] += t.Gain[i]
		}
	}
	return out
}

// Splits returns how many nodes ask for each feature.
func (e *Ensemble) Splits() []int {
	out := make([]int, len(e.Features.Features))
	for _, t := range e.Trees {
		for _, f := range t.Feature {
			out[f]++
		}
	}
	return out
}

// Permuted is by how much a loss rises if the values of a feature are dealt out
// to the rows anew: mean and standard deviation over the times that was done.
type Permuted struct{ Mean, SD float64 }

// Permutation returns how much a loss of the rows' scores depends on each
// feature: by how much it rises if its values change places among the rows, as
// in Breiman, "Random forests", 2001, section 10. It is a function of the seed
// and the loss, and 0 for features that no tree asks for. The loss is given the
// scores of all rows by all rounds, [N×Outputs] row-major, and must not keep
// them.
func (p *Predictor) Permutation(pool Pool, m *dataset.Matrix, times int, seed uint64, loss func(scores []float64) float64) []Permuted {
	e := p.ensemble
	out := make([]Permuted, len(e.Features.Features))
	before := loss(p.Scores(pool, m, p.Rounds()))
	for f, splits := range e.Splits() {
		if splits == 0 || times < 1 {
			continue
		}
		column := column(m, f)
		rises := make([]float64, times)
		for k := range rises {
			rng := rand.New(rand.NewPCG(seed, uint64(f)<<32|uint64(k)))
			rng.Shuffle(len(column), func(i, j int) { column[i], column[j] = column[j], column[i] })
			scores := p.scores(pool, m, p.Rounds(), func(rows []uint8, at int) {
				for i := f; i < len(rows); i += m.D {
					rows[i] = column[at+i/m.D]
				}
			})
			rises[k] = loss(scores) - before
		}
		out[f] = moments(rises)
	}
	return out
}

// column returns the bins of a feature.
func column(m *dataset.Matrix, feature int) []uint8 {
	out := make([]uint8, 0, m.N)
	for _, s := range m.Spans {
		for row := s.From; row < s.To; row++ {
			out = append(out, m.Bins[row*m.D+feature])
		}
	}
	return out
}

// moments returns the mean and the standard deviation, dividing by their
// number.
func moments(values []float64) Permuted {
	sum, squares := 0.0, 0.0
	for _, v := range values {
		sum += v
	}
	mean := sum / float64(len(values))
	for _, v := range values {
		squares += float64((v - mean) * (v - mean))
	}
	return Permuted{mean, math.Sqrt(squares / float64(len(values)))}
}
