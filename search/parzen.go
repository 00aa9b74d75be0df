package search

import (
	"math/rand/v2"

	"tourney"
	"tourney/search/sobol"
	"tourney/search/tpe"
)

// parzen proposes by tree-structured Parzen estimators. A trial that has
// finished a rung below its highest counts as one that was stopped there.
type parzen struct {
	seed   uint64
	optuna bool // by Optuna's rules
	multi  bool // several objectives
	core   *tpe.TPE
	ledger ledger
	trials []tpe.Trial
	folded int // results that are in trials
}

func newParzen(spec tourney.Spec) (Sampler, error) {
	return &parzen{seed: spec.Seed, optuna: spec.Method == tourney.MethodTPE5, multi: spec.Objectives() > 1}, nil
}

func (p *parzen) Sample(rng *rand.Rand, h *History) (tourney.Params, bool) {
	if p.core == nil {
		var err error
		if p.core, err = tpe.New(h.Axes(), p.options(h)); err != nil {
			panic("search: the axes of a space that was checked: " + err.Error())
		}
	}
	p.follow(h)
	if params, ok := h.warmPoint(rng, 10); ok && !p.optuna {
		return params, true
	}
	var seen func(u []float64) bool
	if !p.optuna {
		seen = func(u []float64) bool { return !h.Open(h.Params(u)) }
	}
	if u := p.core.Propose(rng, p.trials, seen); u != nil {
		if params := h.Params(u); h.Open(params) {
			return params, true
		}
	}
	return random{}.Sample(rng, h)
}

func (p *parzen) options(h *History) tpe.Options {
	o := tpe.Options{Optuna: p.optuna}
	if h.cube.space.Conditional() {
		o.Active = func(u []float64, num int) bool { return h.cube.active(h.views, u, num) }
	}
	if !p.optuna {
		start := sobol.New(h.Dim(), p.seed)
		o.Start = func(n int) []float64 {
			u := make([]float64, h.Dim())
			start.At(n, u)
			for i := range h.views {
				u[i] = h.views[i].Snap(u[i])
			}
			h.cube.mask(h.views, u)
			return u
		}
	}
	return o
}

// follow brings the trials up to a history. A trial that goes on to a higher
// rung keeps its last result until there is a new one.
func (p *parzen) follow(h *History) {
	p.ledger.follow(h)
	for n := len(p.trials); n < h.Trials(); n++ {
		p.trials = append(p.trials, tpe.Trial{U: h.At(n), State: tpe.Pending})
	}
	for _, r := range h.Done()[p.folded:] {
		t := &p.trials[r.Trial]
		standing := p.ledger.trials[r.Trial]
		switch {
		case standing.failed:
			t.State = tpe.Failed
		case standing.last.Whole:
			t.State = tpe.Complete
		default:
			t.State = tpe.Pruned
		}
		t.Loss, t.Step, t.Violation = standing.last.Loss, standing.last.Budget, standing.last.Violation
		if p.multi {
			t.Losses = standing.last.losses()
		}
	}
	p.folded = len(h.Done())
}
