package search

import "tourney"

// Ladder returns the budgets of all rungs that a trial of a sweep may pass,
// rising, in steps in all. Events number rungs by their place in it; nil if
// the spec describes no search. The one rung of a sweep whose trials take
// their budget from a parameter has the highest of those budgets.
func Ladder(spec tourney.Spec, plan tourney.Plan) []int {
	family, err := schedulerOf(spec)
	if err != nil {
		return nil
	}
	ladder, err := family.ladder(spec, plan)
	if err != nil {
		return nil
	}
	return ladder
}

// TopRung returns the number of the highest rung of a sweep's trials.
func TopRung(spec tourney.Spec, plan tourney.Plan) int { return max(len(Ladder(spec, plan))-1, 0) }

// maxRungs is how many rungs a ladder with even steps may have.
const maxRungs = 10_000

// singleLadder is that of trials that train in one go.
func singleLadder(spec tourney.Spec, plan tourney.Plan) ([]int, error) {
	if plan.BudgetParam != "" {
		return budgetParam(spec, plan.BudgetParam)
	}
	if err := checkBudget(plan); err != nil {
		return nil, err
	}
	return []int{plan.Budget}, nil
}

func checkBudget(plan tourney.Plan) error {
	if plan.Budget < 1 || plan.Budget > maxBudget {
		return tourney.Invalid("", "the plan trains %d steps; it must be between 1 and %d", plan.Budget, maxBudget)
	}
	return nil
}

// budgetParam makes sure that every value of the parameter is a number.
// Whether they are fit to be budgets is for the trainer to say; stepsOf cuts
// them to whole numbers of at least 1.
func budgetParam(spec tourney.Spec, name string) ([]int, error) {
	p := spec.Parameters.Lookup(name)
	if p == nil {
		return nil, tourney.Invalid("parameters", "the plan takes the budget from %q, which is not a parameter", name)
	}
	values := p.Values
	if len(values) == 0 {
		values = []any{p.Decode(0), p.Decode(1 - 1.0/ticks)}
	}
	top := 1
	for _, v := range values {
		point := tourney.Params{name: v}
		if _, ok := point.Float(name, 0); !ok {
			return nil, tourney.Invalid("parameters."+name, "must be a number of steps, as it is the budget of a trial, not %v", v)
		}
		top = max(top, stepsOf(point, name))
	}
	return []int{top}, nil
}

// halvingLadder is that of asha and pasha: min_iter times the powers of eta
// below max_iter, then max_iter.
func halvingLadder(spec tourney.Spec, _ tourney.Plan) ([]int, error) {
	e := spec.EarlyTerminate
	if err := checkEta(e); err != nil {
		return nil, err
	}
	if e.MinIter < 1 || e.MaxIter < e.MinIter || e.MaxIter > maxBudget {
		return nil, tourney.Invalid("early_terminate", "min_iter %d and max_iter %d make no ladder", e.MinIter, e.MaxIter)
	}
	rungs := e.Rungs()
	if e.Brackets < 0 || e.Brackets > len(rungs) {
		return nil, tourney.Invalid("early_terminate.brackets", "must be at most %d, the rungs that there are, not %d", len(rungs), e.Brackets)
	}
	return rungs, nil
}

// checkEta keeps products of a budget and eta from overflowing.
func checkEta(e *tourney.EarlyTerminate) error {
	if e.Eta < 2 || e.Eta > maxEta {
		return tourney.Invalid("early_terminate.eta", "must be between 2 and %d, not %d", maxEta, e.Eta)
	}
	return nil
}

// bandLadder is that of W&B's hyperband: its bands below the budget of a
// trial, then that budget, which is max_iter if the spec has it and the plan's
// otherwise. The bands are min_iter times the powers of eta, or max_iter
// divided by the first s powers of eta, without its fraction.
func bandLadder(spec tourney.Spec, plan tourney.Plan) ([]int, error) {
	e := spec.EarlyTerminate
	if err := checkEta(e); err != nil {
		return nil, err
	}
	if e.MinIter < 1 && e.S < 1 || e.MinIter > 0 && e.S > 0 {
		return nil, tourney.Invalid("early_terminate", "hyperband needs min_iter, or max_iter and s")
	}
	if e.MaxIter > 0 {
		plan.Budget = e.MaxIter
	} else if e.S > 0 {
		return nil, tourney.Invalid("early_terminate.max_iter", "is missing: s counts the bands below it")
	}
	if err := checkBudget(plan); err != nil {
		return nil, err
	}
	ladder := []int{plan.Budget}
	if e.S > 0 {
		for band := plan.Budget / e.Eta; band >= 1 && len(ladder) <= e.S; band /= e.Eta {
			ladder = append([]int{band}, ladder...)
		}
		return ladder, nil
	}
	ladder = nil
	for band := e.MinIter; band < plan.Budget; band *= e.Eta {
		ladder = append(ladder, band)
	}
	return append(ladder, plan.Budget), nil
}

// medianLadder has a rung for each look: at min_iter, and every interval after
// it up to max_iter.
func medianLadder(spec tourney.Spec, _ tourney.Plan) ([]int, error) {
	e := spec.EarlyTerminate
	if e.MinTrials < 1 {
		return nil, tourney.Invalid("early_terminate.min_trials", "must be at least 1, not %d", e.MinTrials)
	}
	return evenLadder(e, e.MinIter)
}

// pbtLadder has a rung for each interval up to max_iter.
func pbtLadder(spec tourney.Spec, _ tourney.Plan) ([]int, error) {
	e := spec.EarlyTerminate
	switch {
	case e.Population < 1:
		return nil, tourney.Invalid("early_terminate.population", "must be at least 1, not %d", e.Population)
	case !(e.Quantile > 0 && e.Quantile <= 0.5):
		return nil, tourney.Invalid("early_terminate.quantile", "must be greater than 0 and at most 0.5, not %v", e.Quantile)
	case !(e.Resample >= 0 && e.Resample <= 1):
		return nil, tourney.Invalid("early_terminate.resample", "must be between 0 and 1, not %v", e.Resample)
	}
	return evenLadder(e, e.Interval)
}

func evenLadder(e *tourney.EarlyTerminate, first int) ([]int, error) {
	switch {
	case first < 1 || e.MaxIter < first || e.MaxIter > maxBudget:
		return nil, tourney.Invalid("early_terminate", "a first look after %d steps and max_iter %d make no ladder", first, e.MaxIter)
	case e.Interval < 1 || (e.MaxIter-first)/e.Interval >= maxRungs:
		return nil, tourney.Invalid("early_terminate.interval", "an interval of %d steps looks at a trial of %d steps more than %d times; use a longer one", e.Interval, e.MaxIter, maxRungs)
	}
	var ladder []int
	for b := first; b < e.MaxIter; b += e.Interval {
		ladder = append(ladder, b)
	}
	return append(ladder, e.MaxIter), nil
}
