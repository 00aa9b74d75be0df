package search

import (
	"math"

	"tourney"
)

// hyperband is W&B's early termination of that name, which is not the paper's:
// there are no brackets, and nothing is paused. A trial that comes to a band is
// held against all that have come to it, itself among them: the threshold is
// the loss at number ⌊n/eta⌋, from 0, of the n sorted losses that they had at
// the band. The trial ends if its best loss so far is above that; with strict,
// if its loss at the band is.
//
// W&B looks at the running trials every few minutes, at the band that each has
// passed last. Here a trial is looked at when it comes to a band, once, so that
// what becomes of it does not depend on a clock.
type hyperband struct {
	ladder []int
	strict bool
	bands  []*rung   // all but the highest rung, by the loss at the band
	best   []float64 // by trial
	turns
}

func newHyperband(spec tourney.Spec, _ tourney.Plan, ladder []int) Scheduler {
	h := &hyperband{ladder: ladder, strict: spec.EarlyTerminate.Strict}
	for range len(ladder) - 1 {
		band := newRung(spec.EarlyTerminate.Eta)
		band.extra = 1
		h.bands = append(h.bands, band)
	}
	return h
}

func (h *hyperband) Enter(tourney.Proposed) (ladder []int, first int) { return h.ladder, 0 }

func (h *hyperband) Finish(f Finished) {
	best := bestOf(&h.best, f)
	if f.Rung >= len(h.bands) {
		return
	}
	band := h.bands[f.Rung]
	band.insert(&entry{trial: f.Trial, loss: f.Last})
	judged := best
	if h.strict {
		judged = f.Last
	}
	h.judge(f.Trial, f.Rung, !(judged > band.top.peek().loss))
}

// bestOf keeps the best loss of each trial, of which it returns that of the
// one that finished.
func bestOf(best *[]float64, f Finished) float64 {
	for len(*best) <= f.Trial {
		*best = append(*best, math.Inf(1))
	}
	(*best)[f.Trial] = min((*best)[f.Trial], f.Loss, f.Last)
	return (*best)[f.Trial]
}
