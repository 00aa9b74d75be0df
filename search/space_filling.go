package search

import (
	"math/rand/v2"

	"tourney"
	"tourney/search/sobol"
)

// evenly takes the points of a scrambled Sobol sequence, which lie more evenly
// than random ones: trial n is point n, retries not
// counted. Where that may not be proposed it draws
// one.
type evenly struct {
	sequence *sobol.Sequence
	u        []float64
}

func newEvenly(spec tourney.Spec) (Sampler, error) {
	dim := 0
	for i := range spec.Parameters {
		if !spec.Parameters[i].Fixed() {
			dim++
		}
	}
	return &evenly{sequence: sobol.New(dim, spec.Seed), u: make([]float64, dim)}, nil
}

func (e *evenly) Sample(rng *rand.Rand, h *History) (tourney.Params, bool) {
	e.sequence.At(h.Sampled(), e.u)
	if params := h.Decode(e.u); h.Open(params) {
		return params, true
	}
	return random{}.Sample(rng, h)
}
