package search

import (
	"math"

	"tourney"
)

// asha is asynchronous successive halving, the promotion scheme of Li et al.,
// "A System for Massively Parallel Hyperparameter Tuning", arXiv:1810.05934,
// Algorithm 2. A rung promotes the best 1/eta of those that have finished it
// as soon as they are known; it never waits for a rung to fill.
//
// Of two equal losses the one folded first ranks first. An infinite loss
// counts as one that finished, but is never promoted. A trial that diverged or
// failed on its way to a rung has not finished it.
type asha struct {
	budgets []int
	rungs   []rung   // all but the highest, which promotes nobody
	entries []*entry // by trial: its place in the rung that it finished last
}

func newASHA(spec tourney.Spec, _ tourney.Plan) (Scheduler, error) {
	e := spec.EarlyTerminate
	// Rungs multiplies by eta, so a huge one would overflow there.
	if e.Eta < 2 || e.Eta > maxEta {
		return nil, tourney.Invalid("early_terminate.eta", "must be between 2 and %d, not %d", maxEta, e.Eta)
	}
	if e.MinIter < 1 || e.MaxIter < e.MinIter || e.MaxIter > maxBudget {
		return nil, tourney.Invalid("early_terminate", "min_iter %d and max_iter %d make no ladder", e.MinIter, e.MaxIter)
	}
	a := &asha{budgets: e.Rungs()}
	for range len(a.budgets) - 1 {
		a.rungs = append(a.rungs, newRung(e.Eta))
	}
	return a, nil
}

func (a *asha) Ladder(int, tourney.Params) []int { return a.budgets }

func (a *asha) Finish(trial, rung int, loss float64) {
	if rung >= len(a.rungs) {
		return
	}
	for len(a.entries) <= trial {
		a.entries = append(a.entries, nil)
	}
	a.entries[trial] = a.rungs[rung].insert(trial, loss)
}

// Next looks from the highest rung down, as the paper's get_job does.
func (a *asha) Next() (trial, rung int, ok bool) {
	for r := len(a.rungs) - 1; r >= 0; r-- {
		if e := a.rungs[r].best(); e != nil {
			return e.trial, r + 1, true
		}
	}
	return 0, 0, false
}

func (a *asha) Start(trial, rung int) {
	if rung > 0 {
		a.entries[trial].promoted = true
	}
}

// rung ranks the trials that have finished it by (loss, order of folding), in
// O(log n) for each of its methods, amortised.
//
// top holds the best ⌊n/eta⌋, its worst one first, and rest the others, best
// first; as n grows, entries move between the two. ready holds those of top
// that may be promoted, best first. An entry that was promoted or fell out of
// top stays in ready until it comes to the front.
type rung struct {
	eta   int
	n     int
	top   heap[*entry]
	rest  heap[*entry]
	ready heap[*entry]
}

type entry struct {
	trial    int
	loss     float64
	seq      int // its place in the order of folding
	inTop    bool
	inReady  bool
	promoted bool
}

func (e *entry) before(f *entry) bool {
	return e.loss < f.loss || e.loss == f.loss && e.seq < f.seq
}

func newRung(eta int) rung {
	best := (*entry).before
	worst := func(e, f *entry) bool { return f.before(e) }
	return rung{eta: eta, top: heap[*entry]{before: worst}, rest: heap[*entry]{before: best}, ready: heap[*entry]{before: best}}
}

func (r *rung) insert(trial int, loss float64) *entry {
	e := &entry{trial: trial, loss: loss, seq: r.n}
	r.n++
	if r.top.len() > 0 && e.before(r.top.peek()) {
		worst := r.top.pop()
		worst.inTop = false
		r.rest.push(worst)
		r.rise(e)
	} else {
		r.rest.push(e)
	}
	if r.n/r.eta > r.top.len() {
		r.rise(r.rest.pop())
	}
	return e
}

// rise puts an entry into top.
func (r *rung) rise(e *entry) {
	e.inTop = true
	r.top.push(e)
	if !e.promoted && !e.inReady && !math.IsInf(e.loss, 1) {
		e.inReady = true
		r.ready.push(e)
	}
}

// best returns the best entry that may be promoted, or nil.
func (r *rung) best() *entry {
	for r.ready.len() > 0 {
		e := r.ready.peek()
		if e.inTop && !e.promoted {
			return e
		}
		r.ready.pop()
		e.inReady = false
	}
	return nil
}
