package search

import "tourney"

// Scheduler decides how long each trial trains. It is told of what was folded,
// in order, and must depend on nothing else.
type Scheduler interface {
	// Ladder returns the budgets of a new trial's rungs, rising, in steps in
	// all. The caller does not change them.
	Ladder(trial int, params tourney.Params) []int
	// Finish says that a trial reached the budget of a rung, with a loss that
	// may be +Inf.
	Finish(trial, rung int, loss float64)
	// Next returns the trial that should go on now and the rung that it should
	// train to, or false if none should. It promises nothing: only Start does.
	Next() (trial, rung int, ok bool)
	// Start says that a trial was sent to a rung.
	Start(trial, rung int)
}

// single is the scheduler of a sweep without early termination: one rung,
// whose budget is the plan's or a parameter of the trial.
type single struct {
	ladder []int  // of each trial, unless param is set
	param  string // the parameter that says the budget
}

func newSingle(spec tourney.Spec, plan tourney.Plan) (Scheduler, error) {
	s := &single{ladder: []int{plan.Budget}, param: plan.BudgetParam}
	if s.param != "" {
		return s, checkBudgetParam(spec, s.param)
	}
	if plan.Budget < 1 || plan.Budget > maxBudget {
		return nil, tourney.Invalid("", "the plan trains %d steps; it must be between 1 and %d", plan.Budget, maxBudget)
	}
	return s, nil
}

func (s *single) Ladder(_ int, params tourney.Params) []int {
	if s.param == "" {
		return s.ladder
	}
	steps, _ := params.Float(s.param, 1)
	return []int{int(min(max(steps, 1), maxBudget))}
}

func (s *single) Finish(int, int, float64) {}

func (s *single) Next() (trial, rung int, ok bool) { return 0, 0, false }

func (s *single) Start(int, int) {}

// checkBudgetParam makes sure that every value of the parameter is a number.
// Whether they are fit to be budgets is for the trainer to say; Ladder cuts
// them to whole numbers of at least 1.
func checkBudgetParam(spec tourney.Spec, name string) error {
	p := spec.Parameters.Lookup(name)
	if p == nil {
		return tourney.Invalid("parameters", "the plan takes the budget from %q, which is not a parameter", name)
	}
	values := p.Values
	if len(values) == 0 {
		values = []any{p.Decode(0)}
	}
	for _, v := range values {
		if _, ok := (tourney.Params{name: v}).Float(name, 0); !ok {
			return tourney.Invalid("parameters."+name, "must be a number of steps, as it is the budget of a trial, not %v", v)
		}
	}
	return nil
}
