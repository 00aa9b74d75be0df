package search

import "tourney"

// asha is asynchronous successive halving, the promotion scheme of Li et al.,
// "A System for Massively Parallel Hyperparameter Tuning", arXiv:1810.05934,
// Algorithm 2. A rung promotes the best 1/eta of those that have finished it
// as soon as they are known; it never waits for a rung to fill.
//
// Of two equal losses the one folded first ranks first. An infinite loss
// counts as one that finished, but is never promoted. A trial that diverged or
// failed on its way to a rung has not finished it.
//
// With several brackets it is asynchronous Hyperband (section 3.2 there): each
// bracket begins a rung higher than the one before it and ranks for itself.
type asha struct {
	budgets  []int
	eta      int
	brackets brackets
	rungs    [][]ranking // by bracket and rung: all but the highest, which promotes nobody
	entries  []*entry    // by trial: its place at the rung that it finished last
}

func newASHA(spec tourney.Spec, _ tourney.Plan, ladder []int) Scheduler {
	a := halving(spec, ladder)
	if spec.EarlyTerminate.Stop {
		return &stoppingASHA{asha: a}
	}
	return a
}

func halving(spec tourney.Spec, ladder []int) *asha {
	e := spec.EarlyTerminate
	a := &asha{budgets: ladder, eta: e.Eta, brackets: newBrackets(max(e.Brackets, 1), len(ladder), e.Eta)}
	for first := range max(e.Brackets, 1) {
		rungs := make([]ranking, len(ladder)-1)
		for r := first; r < len(rungs); r++ {
			if spec.Objectives() > 1 {
				rungs[r] = newFronts(e.Eta)
			} else {
				rungs[r] = newRung(e.Eta)
			}
		}
		a.rungs = append(a.rungs, rungs)
	}
	return a
}

func (a *asha) Enter(p tourney.Proposed) (ladder []int, first int) {
	return a.budgets, a.brackets.of(p.Trial)
}

func (a *asha) Finish(f Finished) { a.rank(f) }

// rank takes a trial into the ranking of its rung, which it returns with the
// trial's place; nil at the highest.
func (a *asha) rank(f Finished) (ranking, *entry) {
	for len(a.entries) <= f.Trial {
		a.entries = append(a.entries, nil)
	}
	if f.Rung >= len(a.budgets)-1 {
		a.entries[f.Trial] = nil
		return nil, nil
	}
	at, e := a.rungs[a.brackets.of(f.Trial)][f.Rung], entryOf(f)
	at.insert(e)
	a.entries[f.Trial] = e
	return at, e
}

func (a *asha) Drop(int) {} // a rung counts those that have finished it, whatever became of them

// Next looks from the highest rung down, as the paper's get_job does.
func (a *asha) Next() (trial, rung int, ok bool) { return a.promotion(len(a.budgets) - 1) }

// promotion returns the trial that goes on, to a rung that is not above top.
func (a *asha) promotion(top int) (trial, rung int, ok bool) {
	for r := top - 1; r >= 0; r-- {
		for first := 0; first < len(a.rungs) && first <= r; first++ {
			if e := a.rungs[first][r].best(); e != nil {
				return e.trial, r + 1, true
			}
		}
	}
	return 0, 0, false
}

func (a *asha) Start(trial, _ int) {
	if trial < len(a.entries) && a.entries[trial] != nil {
		a.entries[trial].promoted = true
	}
}

// stoppingASHA is the stopping form: a trial that finishes a rung goes on at
// once if it is among the best 1/eta there now, or as good as the last of
// those, and ends otherwise. The first eta-1 of a rung all go on, since there is
// no best 1/eta of them. A trial without a value ends.
type stoppingASHA struct {
	*asha
	turns
}

func (a *stoppingASHA) Finish(f Finished) {
	if at, e := a.rank(f); e != nil {
		a.judge(f.Trial, f.Rung, e.finite() && (at.size() < a.eta || at.holds(e)))
	}
}

func (a *stoppingASHA) Next() (trial, rung int, ok bool) { return a.turns.Next() }

func (a *stoppingASHA) Start(trial, rung int) { a.turns.Start(trial, rung) }

func (a *stoppingASHA) Drop(trial int) { a.turns.Drop(trial) }
