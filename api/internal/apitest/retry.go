package apitest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"tourney"
)

// Retry implements api.Service.
func (w *World) Retry(_ context.Context, sweep string, trial int) (tourney.Retry, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.find(sweep)
	if err != nil {
		return tourney.Retry{}, err
	}
	trials := w.trials[sweep]
	if trial >= len(trials) {
		return tourney.Retry{}, fmt.Errorf("trial %s/%d: %w", sweep, trial, tourney.ErrNotFound)
	}
	again := slices.ContainsFunc(trials, func(t tourney.Trial) bool { return t.RetryOf != nil && *t.RetryOf == trial })
	if trials[trial].State != tourney.TrialFailed || again {
		return tourney.Retry{}, fmt.Errorf("%w: cannot retry trial %d", tourney.ErrConflict, trial)
	}
	n := len(trials)
	w.trials[sweep] = append(trials, tourney.Trial{
		Sweep: sweep, Number: n, State: tourney.TrialQueued, Params: trials[trial].Params, Rung: -1, RetryOf: &trial,
		Metrics: tourney.Metrics{}, Created: time.Now().UTC(),
	})
	w.commit(s, tourney.Retried{Trial: trial}, tourney.Proposed{Trial: n, Params: trials[trial].Params, RetryOf: &trial})
	return tourney.Retry{Of: trial, Trial: n, State: s.State}, nil
}

// Fail ends the newest trial of a sweep as failed.
func (w *World) Fail(sweep string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.find(sweep)
	if err != nil {
		panic(err)
	}
	t := &w.trials[sweep][len(w.trials[sweep])-1]
	t.State, t.Reason, t.Value, t.Metrics = tourney.TrialFailed, tourney.ReasonUserError, nil, tourney.Metrics{}
	w.commit(s, tourney.Ended{Trial: t.Number, State: t.State})
}

// passing returns the trials that fulfil the terms of a filter that name a
// state or a lowest rung, which are those that are asked for here.
func passing(trials []tourney.Trial, where tourney.TrialFilter) []tourney.Trial {
	return slices.DeleteFunc(slices.Clone(trials), func(t tourney.Trial) bool {
		return slices.ContainsFunc(where, func(term tourney.Term) bool {
			switch term.Field + term.Op {
			case "state:":
				return string(t.State) != term.Value
			case "rung>=":
				n, err := strconv.Atoi(term.Value)
				return err != nil || t.Rung < n
			}
			return true
		})
	})
}
