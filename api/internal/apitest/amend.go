package apitest

import (
	"context"
	"fmt"
	"slices"

	"tourney"
)

// Amend implements api.Service.
func (w *World) Amend(_ context.Context, sweep string, a tourney.Amendment, revision string) (tourney.Sweep, error) {
	return w.amend(sweep, a, revision, false)
}

// Extend implements api.Service.
func (w *World) Extend(_ context.Context, sweep string, a tourney.Amendment) (tourney.Sweep, error) {
	if a.RunCap == 0 && a.Limits == nil {
		return tourney.Sweep{}, tourney.Invalid("run_cap", "is missing")
	}
	return w.amend(sweep, a, "", true)
}

func (w *World) amend(sweep string, a tourney.Amendment, revision string, extend bool) (tourney.Sweep, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.find(sweep)
	if err != nil {
		return tourney.Sweep{}, err
	}
	if revision != "" && revision != s.Revision() {
		return tourney.Sweep{}, tourney.ErrChanged
	}
	more := a.RunCap > 0 || a.Limits != nil
	if more && (s.State.Terminal() && !extend || a.RunCap > 0 && a.RunCap < s.Spec.RunCap) {
		return tourney.Sweep{}, fmt.Errorf("%w: sweep %s is %s", tourney.ErrConflict, sweep, s.State)
	}
	now := tourney.Amendment{}
	if s.Amended != nil {
		now = *s.Amended
	}
	if a.Name != "" {
		now.Name, s.Spec.Name = a.Name, a.Name
	}
	if more {
		now.RunCap, now.Limits = a.RunCap, a.Limits
		w.commit(s, tourney.Extended{RunCap: a.RunCap, Limits: a.Limits})
		if s.State == tourney.SweepCompleted {
			now.Unsealed, s.State = true, tourney.SweepRunning
			w.commit(s, tourney.Turned{State: s.State})
		}
	}
	s.Amended = &now
	return *s, nil
}

// DeleteSweep implements api.Service.
func (w *World) DeleteSweep(_ context.Context, sweep string, cancel bool, revision string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.find(sweep)
	if err != nil {
		return err
	}
	if revision != "" && revision != s.Revision() {
		return tourney.ErrChanged
	}
	if !s.State.Terminal() && !cancel {
		return fmt.Errorf("%w: sweep %s is %s; cancel it first", tourney.ErrConflict, sweep, s.State)
	}
	w.sweeps = slices.DeleteFunc(w.sweeps, func(other *tourney.Sweep) bool { return other == s })
	return nil
}
