package search

import (
	"maps"
	"slices"

	"tourney"
)

// The families, by the names that a sweep file uses.
var (
	samplers = map[tourney.Method]func(tourney.Spec) (Sampler, error){
		tourney.MethodRandom: func(tourney.Spec) (Sampler, error) { return random{}, nil },
		tourney.MethodGrid:   func(s tourney.Spec) (Sampler, error) { return newGrid(s.Parameters, len(s.Constraints)) },
		tourney.MethodSobol:  newEvenly,
		tourney.MethodTPE:    newParzen,
		tourney.MethodTPE5:   newParzen,
		tourney.MethodGP:     newSurrogate,
		tourney.MethodCMAES:  newStrategy,
		tourney.MethodNSGA2:  newGenetic,
		tourney.MethodAuto:   newAuto,
	}
	schedulers = map[string]family{
		"":          {singleLadder, newSingle}, // no early_terminate
		"asha":      {halvingLadder, newASHA},
		"hyperband": {bandLadder, newHyperband},
		"median":    {medianLadder, newMedian},
		"pasha":     {halvingLadder, newPASHA},
		"pbt":       {pbtLadder, newPBT},
	}
)

const (
	// maxBudget is the most steps of a trial. Virtual time adds up the budgets
	// of at most MaxTrials trials and stays below 2^62.
	maxBudget = 1 << 40
	// maxEta keeps the product of a budget and eta below 2^63.
	maxEta = 1 << 20
)

func newSampler(spec tourney.Spec) (Sampler, error) {
	construct, ok := samplers[spec.Method]
	if !ok {
		return nil, tourney.Invalid("method", "no method %q; there are %v", spec.Method, slices.Sorted(maps.Keys(samplers)))
	}
	return construct(spec)
}

// family makes schedulers of one type. ladder checks what the type needs of the
// spec and the plan, and returns the budgets of all rungs.
type family struct {
	ladder    func(tourney.Spec, tourney.Plan) ([]int, error)
	construct func(tourney.Spec, tourney.Plan, []int) Scheduler
}

func newScheduler(spec tourney.Spec, plan tourney.Plan) (Scheduler, error) {
	f, err := schedulerOf(spec)
	if err != nil {
		return nil, err
	}
	ladder, err := f.ladder(spec, plan)
	if err != nil {
		return nil, err
	}
	return f.construct(spec, plan, ladder), nil
}

func schedulerOf(spec tourney.Spec) (family, error) {
	if spec.EarlyTerminate == nil {
		return schedulers[""], nil
	}
	f, ok := schedulers[spec.EarlyTerminate.Type]
	if !ok || spec.EarlyTerminate.Type == "" {
		return family{}, tourney.Invalid("early_terminate.type", "no scheduler %q; there are %v", spec.EarlyTerminate.Type, slices.Sorted(maps.Keys(schedulers))[1:])
	}
	return f, nil
}
