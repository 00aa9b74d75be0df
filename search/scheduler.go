package search

import (
	"math/rand/v2"

	"tourney"
)

// Scheduler decides how long each trial trains. It is told of what was folded,
// in order, and must depend on nothing else.
//
// The trials of a sweep share one ladder of budgets, and a rung is numbered by
// its place there, so that rungs of different trials compare. A trial may enter
// above the lowest rung: in a higher bracket, or where it goes on from the
// state of another trial.
type Scheduler interface {
	// Enter takes in a new trial. It returns the ladder, rising, in steps in
	// all, and the first rung of the trial. The caller does not change the
	// ladder.
	Enter(p tourney.Proposed) (ladder []int, first int)
	// Finish says that a trial reached the budget of a rung.
	Finish(f Finished)
	// Drop says that a trial ended below the highest rung: it diverged, failed
	// or was pruned.
	Drop(trial int)
	// Next returns the trial that should go on now and the rung that it should
	// train to, or false if none should. It promises nothing: only Start does.
	Next() (trial, rung int, ok bool)
	// Start says that a trial was sent to a rung.
	Start(trial, rung int)
}

// Finished is a result as schedulers see it. Its losses may be +Inf.
type Finished struct {
	Result
	Last float64 // the loss at the budget itself, where Loss may be of a step before it
}

// stopper is a Scheduler that ends trials for good while the search goes on.
type stopper interface {
	Scheduler
	// Stop returns a paused trial that should end now, or false if there is
	// none. It promises nothing: only Drop does.
	Stop() (trial int, ok bool)
}

// breeder is a Scheduler that also decides when a trial may be proposed, and
// which of them go on from the state of another.
type breeder interface {
	stopper
	// Vacant reports whether a new trial comes before the one that Next
	// returns. While it is false none is proposed.
	Vacant() bool
	// Parent draws the state that the next trial goes on from, or returns false
	// if it starts from the beginning.
	Parent(rng *rand.Rand) (tourney.Parent, bool)
}

// single is the scheduler of a sweep without early termination: one rung,
// whose budget is the plan's or a parameter of the trial.
type single struct {
	ladder []int  // of each trial, unless param is set
	param  string // the parameter that says the budget
}

func newSingle(_ tourney.Spec, plan tourney.Plan, ladder []int) Scheduler {
	return &single{ladder: ladder, param: plan.BudgetParam}
}

func (s *single) Enter(p tourney.Proposed) (ladder []int, first int) {
	if s.param == "" {
		return s.ladder, 0
	}
	return []int{stepsOf(p.Params, s.param)}, 0
}

func (s *single) Finish(Finished) {}

func (s *single) Drop(int) {}

func (s *single) Next() (trial, rung int, ok bool) { return 0, 0, false }

func (s *single) Start(int, int) {}

// stepsOf cuts a parameter that says the budget to a whole number of at least 1.
func stepsOf(params tourney.Params, name string) int {
	steps, _ := params.Float(name, 1)
	return int(min(max(steps, 1), maxBudget))
}
