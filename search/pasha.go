package search

import (
	"cmp"
	"math"
	"slices"

	"tourney"
)

// pasha is asha by promotion whose highest rung rises only while the two
// highest disagree: Bohdal et al., "PASHA: Efficient HPO and NAS with
// Progressive Resource Allocation", arXiv:2207.06940, Algorithm 1.
//
// It begins with two rungs. When a trial finishes the highest one, the trials
// there are ranked by their losses there and by those at the rung below. The
// two rankings agree if no place is held by two trials whose losses at the rung
// below are more than epsilon apart (the paper's soft ranking); if they do not,
// the next rung opens.
//
// Epsilon is what noise alone does to a ranking (section 4.2): the 90th
// percentile of how far two trials of the highest rung are apart there, over
// the pairs that have changed order twice on the way up. The paper looks at
// every epoch; here the rungs are what is known. While there is no such pair it
// stays as it was, at first 0.
type pasha struct {
	*asha
	top     int         // the highest rung that is open
	losses  [][]float64 // by trial and rung
	reached []int       // trials that have a loss at the highest rung
	here    []place     // those, by the losses there
	below   []place     // the same, by the losses at the rung below
	apart   middle      // of pairs at the highest rung that have changed order twice
	epsilon float64
}

// place is a trial in a ranking by its loss at one rung, and, where those are
// equal, at the other, so that no tie makes the rankings disagree.
type place struct{ loss, other float64 }

func newPASHA(spec tourney.Spec, _ tourney.Plan, ladder []int) Scheduler {
	return &pasha{asha: halving(spec, ladder), top: min(1, len(ladder)-1), apart: newMiddle(9, 10)}
}

func (p *pasha) Finish(f Finished) {
	p.rank(f)
	for len(p.losses) <= f.Trial {
		p.losses = append(p.losses, nil)
	}
	p.losses[f.Trial] = append(p.losses[f.Trial], f.Loss)
	if f.Rung != p.top || p.top == len(p.budgets)-1 || math.IsInf(f.Loss, 1) || len(p.losses[f.Trial]) <= f.Rung {
		return
	}
	before := p.epsilon
	p.compare(f.Trial)
	below := p.losses[f.Trial][f.Rung-1]
	i, j := insertPlace(&p.here, place{f.Loss, below}), insertPlace(&p.below, place{below, f.Loss})
	if p.epsilon < before {
		i, j = 0, len(p.here)-1
	}
	if !p.settled(min(i, j), max(i, j)) {
		p.top++
		p.reached, p.here, p.below, p.apart = nil, nil, nil, newMiddle(9, 10)
	}
}

// compare holds a trial that comes to the highest rung against those there.
func (p *pasha) compare(trial int) {
	if p.top < 2 {
		return // nothing can have changed order twice
	}
	a := p.losses[trial]
	for _, o := range p.reached {
		if b := p.losses[o]; changedTwice(a, b) {
			p.apart.insert(math.Abs(a[p.top] - b[p.top]))
		}
	}
	p.reached = append(p.reached, trial)
	if p.apart.len() > 0 {
		p.epsilon = p.apart.quantile()
	}
}

// changedTwice reports whether two trials have, going down from the last rung,
// the other order at some rung and again the first one further down.
func changedTwice(a, b []float64) bool {
	last := len(a) - 1
	if a[last] == b[last] {
		return false
	}
	first, other := a[last] < b[last], false
	for r := last - 1; r >= 0; r-- {
		if a[r] == b[r] {
			continue
		}
		if order := a[r] < b[r]; order != first {
			other = true
		} else if other {
			return true
		}
	}
	return false
}

// settled reports whether the rankings agree at these places: those between the
// two that a trial was put in. Before and behind them nobody has moved in one
// ranking and not in the other.
func (p *pasha) settled(first, last int) bool {
	for i := first; i <= last; i++ {
		if math.Abs(p.here[i].other-p.below[i].loss) > p.epsilon {
			return false
		}
	}
	return true
}

func (p *pasha) Next() (trial, rung int, ok bool) { return p.promotion(p.top) }

// insertPlace keeps a ranking sorted, and returns where the place went.
func insertPlace(list *[]place, x place) int {
	at, _ := slices.BinarySearchFunc(*list, x, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.loss, b.loss), cmp.Compare(a.other, b.other))
	})
	*list = slices.Insert(*list, at, x)
	return at
}
