package search

import (
	"math/rand/v2"

	"tourney"
	"tourney/search/cmaes"
	"tourney/search/nsga2"
)

// strategy is CMA-ES. It is told every result in the order of folding, of a
// trial that trains in rungs that of each rung, and asks for one point at a
// time.
type strategy struct {
	seed uint64
	core *cmaes.CMA
	told int // results of the history
	dst  []float64
}

func newStrategy(spec tourney.Spec) (Sampler, error) { return &strategy{seed: spec.Seed}, nil }

func (s *strategy) Sample(rng *rand.Rand, h *History) (tourney.Params, bool) {
	if s.core == nil {
		var past []cmaes.Observation
		for _, p := range h.Past() {
			past = append(past, cmaes.Observation{U: p.Point, Loss: p.Loss})
		}
		s.core = cmaes.New(h.Axes(), cmaes.Options{Seed: s.seed, Start: past})
		s.dst = make([]float64, h.Dim())
	}
	for _, r := range h.Done()[s.told:] {
		s.core.Tell(h.At(r.Trial), r.Loss)
	}
	s.told = len(h.Done())
	for range redraws {
		s.core.Ask(rng, s.dst)
		if params := h.Params(s.dst); h.Open(params) {
			return params, true
		}
	}
	return random{}.Sample(rng, h)
}

// genetic is NSGA-II. It learns from the trials that have come to their highest
// rung, in the order of folding.
type genetic struct {
	core *nsga2.Search
	told int // results of the history
	dst  []float64
}

func newGenetic(tourney.Spec) (Sampler, error) { return &genetic{}, nil }

func (g *genetic) Sample(rng *rand.Rand, h *History) (tourney.Params, bool) {
	if g.core == nil {
		g.core = nsga2.New(h.Axes(), nsga2.Options{Mask: func(u []float64) { h.cube.mask(h.views, u) }})
		g.dst = make([]float64, h.Dim())
	}
	for _, r := range h.Done()[g.told:] {
		if r.Whole {
			g.core.Tell(h.At(r.Trial), r.losses(), r.Violation)
		}
	}
	g.told = len(h.Done())
	for range redraws {
		g.core.Ask(rng, g.dst)
		if params := h.Params(g.dst); h.Open(params) {
			return params, true
		}
	}
	return random{}.Sample(rng, h)
}
