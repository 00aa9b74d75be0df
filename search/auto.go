package search

import (
	"math/rand/v2"

	"tourney"
)

// auto chooses, for each trial anew, the sampler that suits the space and how
// much is known: by counts alone, so that the choice is a function of the
// history.
//
//	few trials         a Gaussian process, with conditions or without
//	more               Parzen estimators; also where very many are pending, or
//	                   the space has too many coordinates
//	several objectives and very many trials
//	                   NSGA-II
type auto struct {
	several   bool
	ledger    ledger
	surrogate Sampler
	parzen    Sampler
	genetic   Sampler
}

const (
	autoNarrow = 250  // finished trials of up to ten coordinates that a Gaussian process models
	autoWide   = 400  // likewise of more
	autoDim    = 50   // coordinates above which it models none
	autoFlight = 128  // pending trials above which it is too slow
	autoMany   = 1000 // trials from which several objectives are left to NSGA-II
)

func newAuto(spec tourney.Spec) (Sampler, error) {
	a := &auto{several: spec.Objectives() > 1}
	var err error
	if a.surrogate, err = newSurrogate(spec); err != nil {
		return nil, err
	}
	if a.parzen, err = newParzen(spec); err != nil {
		return nil, err
	}
	a.genetic, err = newGenetic(spec)
	return a, err
}

func (a *auto) Sample(rng *rand.Rand, h *History) (tourney.Params, bool) {
	a.ledger.follow(h)
	known := a.ledger.values + a.ledger.failed
	limit := autoNarrow
	if h.Dim() > 10 {
		limit = autoWide
	}
	switch {
	case a.several && known >= autoMany:
		return a.genetic.Sample(rng, h)
	case known >= limit || h.Dim() > autoDim || h.Outstanding() > autoFlight:
		return a.parzen.Sample(rng, h)
	}
	return a.surrogate.Sample(rng, h)
}
