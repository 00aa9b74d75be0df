package search

import (
	"maps"
	"slices"

	"tourney"
)

// The families, by the names that a sweep file uses.
var (
	samplers = map[tourney.Method]func(tourney.Space) (Sampler, error){
		tourney.MethodRandom: newRandom,
		tourney.MethodGrid:   newGrid,
	}
	schedulers = map[string]func(tourney.Spec, tourney.Plan) (Scheduler, error){
		"":     newSingle, // no early_terminate
		"asha": newASHA,
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
	return construct(spec.Parameters)
}

func newScheduler(spec tourney.Spec, plan tourney.Plan) (Scheduler, error) {
	kind := ""
	if spec.EarlyTerminate != nil {
		kind = spec.EarlyTerminate.Type
		if _, ok := schedulers[kind]; !ok || kind == "" {
			return nil, tourney.Invalid("early_terminate.type", "no scheduler %q; use asha", kind)
		}
	}
	return schedulers[kind](spec, plan)
}
