package coordinator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tourney"
)

// limitEvery is how often limits of time, work and money are looked at.
const limitEvery = time.Second

// watchLimits ends the searches whose limits are reached, until ctx is done.
func (c *Coordinator) watchLimits(ctx context.Context) error {
	tick := time.NewTicker(limitEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		for _, s := range c.live() {
			if err := s.do(ctx, s.checkTimes); err != nil && ctx.Err() == nil && !errors.Is(err, errEnded) {
				c.log.Error("limits of a sweep", "sweep", s.id, "error", err)
			}
		}
	}
}

// checkLimits tells the search of a limit that is reached.
func (s *sweep) checkLimits(ctx context.Context) error {
	l := s.row.LimitsNow()
	if l.Wall == 0 && l.WorkerHours == 0 && l.Cost == 0 || s.row.State != tourney.SweepRunning || s.fold.Limit() != "" {
		return nil
	}
	u, err := s.c.cfg.Store.Usage(ctx, s.id, time.Now())
	if err != nil {
		return err
	}
	hours := u.Slots / 3600
	var limit string
	switch {
	case l.Wall > 0 && u.Wall >= l.Wall:
		limit = "wall"
	case l.WorkerHours > 0 && hours >= l.WorkerHours:
		limit = "worker_hours"
	case l.Cost > 0 && u.Cost >= l.Cost:
		limit = "cost"
	default:
		return nil
	}
	s.c.log.Info("limit reached", "sweep", s.id, "limit", limit, "wall_s", u.Wall, "worker_hours", hours)
	ch := s.begin()
	if err := ch.input(tourney.Limited{Limit: limit}); err != nil {
		return s.spoil(ctx, err)
	}
	if err := ch.decide(ctx); err != nil {
		return s.spoil(ctx, err)
	}
	return s.commit(ctx, ch)
}

// warmTrials bounds what a past sweep brings: the best of its board.
const warmTrials = 1000

// warmth returns what the past sweeps that a spec names have learnt.
func (c *Coordinator) warmth(ctx context.Context, spec *tourney.Spec) ([]tourney.Warmed, error) {
	var all []tourney.Warmed
	for i, id := range spec.WarmStart {
		bad := func(format string, args ...any) error {
			return tourney.Invalid(fmt.Sprintf("warm_start.%d", i), format, args...)
		}
		past, err := c.cfg.Store.Sweep(ctx, id)
		switch {
		case errors.Is(err, tourney.ErrNotFound):
			return nil, bad("there is no sweep %q", id)
		case err != nil:
			return nil, err
		case !sharesParameter(past.Spec.Parameters, spec.Parameters):
			return nil, bad("sweep %s has no parameter in common with this one", id)
		}
		w := tourney.Warmed{Sweep: id}
		trials, _, err := c.cfg.Store.Leaderboard(ctx, id, tourney.Page{Limit: warmTrials})
		if err != nil {
			return nil, err
		}
		for _, t := range trials {
			if !t.State.Terminal() || t.State == tourney.TrialCancelled {
				continue
			}
			p := tourney.Past{Params: t.Params}
			if t.Value != nil && t.State != tourney.TrialDiverged && t.State != tourney.TrialFailed {
				// The search sees losses; a value is given with this sweep's sign.
				loss := past.Spec.Metric.Loss(*t.Value)
				value := loss
				if spec.Metric.Goal == tourney.Maximize {
					value = -loss
				}
				p.Value = &value
			}
			w.Trials = append(w.Trials, p)
		}
		all = append(all, w)
	}
	return all, nil
}

func sharesParameter(a, b tourney.Space) bool {
	for i := range a {
		if !a[i].Fixed() && b.Lookup(a[i].Name) != nil {
			return true
		}
	}
	return false
}
