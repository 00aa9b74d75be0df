package coordinator

import (
	"context"
	"errors"
	"fmt"

	"tourney"
)

// Amend changes the name, the cap or the limits of a sweep; see api.Service.
func (c *Coordinator) Amend(ctx context.Context, id string, a tourney.Amendment, revision string) (tourney.Sweep, error) {
	return c.amend(ctx, id, a, revision, false)
}

// Extend lets a sweep have more trials or other limits, also one that is
// completed; see api.Service.
func (c *Coordinator) Extend(ctx context.Context, id string, a tourney.Amendment) (tourney.Sweep, error) {
	if a.RunCap == 0 && a.Limits == nil {
		return tourney.Sweep{}, tourney.Invalid("run_cap", "is missing: say how many trials the sweep may have in all, or give limits")
	}
	return c.amend(ctx, id, a, "", true)
}

func (c *Coordinator) amend(ctx context.Context, id string, a tourney.Amendment, revision string, extend bool) (tourney.Sweep, error) {
	if err := c.checkAmendment(&a); err != nil {
		return tourney.Sweep{}, err
	}
	if err := c.Healthy(ctx); err != nil {
		return tourney.Sweep{}, err
	}
	step := func(ctx context.Context, s *sweep) error { return s.amend(ctx, a, revision, extend) }
	if err := c.wake(ctx, id, step); err != nil {
		return tourney.Sweep{}, err
	}
	c.offers.wake()
	return c.cfg.Store.Sweep(ctx, id)
}

// checkAmendment says what is wrong with it by itself.
func (c *Coordinator) checkAmendment(a *tourney.Amendment) error {
	if a.Name != "" {
		if err := tourney.CheckName(a.Name); err != nil {
			return tourney.Invalid("name", "%v", err)
		}
	}
	if a.RunCap < 0 || a.RunCap > tourney.MaxTrials {
		return tourney.Invalid("run_cap", "must be between 1 and %d, not %d", tourney.MaxTrials, a.RunCap)
	}
	return nil
}

// wake has a sweep's goroutine do something, also if the sweep has ended: then
// it is loaded for that, and has a goroutine as long as it is open.
func (c *Coordinator) wake(ctx context.Context, id string, step func(context.Context, *sweep) error) error {
	for {
		s := c.lookup(id)
		if s == nil {
			if _, err := c.cfg.Store.Sweep(ctx, id); err != nil {
				return err
			}
			s = c.revive(id)
		}
		err := s.do(ctx, func(ctx context.Context) error { return step(ctx, s) })
		if !errors.Is(err, errEnded) {
			return err
		}
	}
}

// revive gives a sweep that has ended a goroutine, which loads it and serves
// those who wait for it. If another has been there first, it is that one's.
func (c *Coordinator) revive(id string) *sweep {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.sweeps[id]; s != nil {
		return s
	}
	s := &sweep{c: c, id: id, inbox: make(chan call), done: make(chan struct{})}
	c.begin(s, func(ctx context.Context) {
		err := s.load(ctx)
		if err == nil && s.row.State.Terminal() {
			err = s.serveOne(ctx, nil)
		} else if err != nil {
			c.log.Error("load a sweep that has ended", "sweep", id, "error", err)
			err = s.serveOne(ctx, fmt.Errorf("load sweep %s: %w", id, err))
		}
		if err == nil && !s.row.State.Terminal() {
			s.run(ctx)
		}
	})
	return s
}

// serveOne serves the first who waits, or refuses it with err.
func (s *sweep) serveOne(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case call := <-s.inbox:
		if err == nil {
			call.errs <- call.f(ctx)
		} else {
			call.errs <- err
		}
		return err
	}
}

// amend takes in what a user changes.
func (s *sweep) amend(ctx context.Context, a tourney.Amendment, revision string, extend bool) error {
	if revision != "" && revision != s.row.Revision() {
		return tourney.ErrChanged
	}
	now := tourney.Amendment{}
	if s.row.Amended != nil {
		now = *s.row.Amended
	}
	ended := s.row.State.Terminal()
	ch := s.begin()
	if a.RunCap > 0 || a.Limits != nil {
		if ended && !extend {
			return fmt.Errorf("%w: sweep %s is %s; extend it, or change its name alone", tourney.ErrConflict, s.id, s.row.State)
		}
		if a.Limits != nil {
			if fields := s.row.Spec.CheckLimits(*a.Limits); len(fields) > 0 {
				return &tourney.InvalidError{Fields: fields}
			}
		}
		if err := s.fold.Apply(tourney.Extended{RunCap: a.RunCap, Limits: a.Limits}); err != nil {
			return err
		}
		ch.log(tourney.Extended{RunCap: a.RunCap, Limits: a.Limits})
		if a.RunCap > 0 {
			now.RunCap = a.RunCap
		}
		if a.Limits != nil {
			now.Limits = a.Limits
		}
		now.Unsealed = now.Unsealed || ended && s.row.Spec.Refits()
	}
	if a.Limits != nil && a.Limits.Cost > 0 && !s.c.priced(s.terms.Pool) {
		return noPrice()
	}
	if a.ChangesTerms() {
		if err := s.changeTerms(&now, a, ended && !extend); err != nil {
			return err
		}
	}
	if a.Name != "" {
		now.Name = a.Name
		s.row.Spec.Name = a.Name
	}
	s.row.Amended, ch.Amended = &now, &now
	if err := ch.decide(ctx); err != nil {
		return s.spoil(ctx, err)
	}
	return s.commit(ctx, ch)
}

// DeleteSweep removes a sweep that has ended, with all that is known of it; see
// api.Service.
func (c *Coordinator) DeleteSweep(ctx context.Context, id string, cancel bool, revision string) error {
	row, err := c.cfg.Store.Sweep(ctx, id)
	if err != nil {
		return err
	}
	if revision != "" && revision != row.Revision() {
		return tourney.ErrChanged
	}
	if !row.State.Terminal() && cancel {
		if _, err := c.Act(ctx, id, tourney.ActionCancel); err != nil && !errors.Is(err, tourney.ErrConflict) {
			return err
		}
		if row, err = c.cfg.Store.Sweep(ctx, id); err != nil {
			return err
		}
	}
	if !row.State.Terminal() {
		return fmt.Errorf("%w: sweep %s is %s; cancel it first", tourney.ErrConflict, id, row.State)
	}
	if err := c.cfg.Store.DeleteSweep(ctx, id); err != nil {
		return fmt.Errorf("delete sweep %s: %w", id, err)
	}
	c.log.Info("sweep deleted", "sweep", id)
	return nil
}
