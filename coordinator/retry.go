package coordinator

import (
	"context"

	"tourney"
)

// Retry has a failed trial tried again, as a new one; see api.Service.
func (c *Coordinator) Retry(ctx context.Context, id string, trial int) (tourney.Retry, error) {
	if err := c.Healthy(ctx); err != nil {
		return tourney.Retry{}, err
	}
	if _, err := c.cfg.Store.Trial(ctx, id, trial); err != nil {
		return tourney.Retry{}, err
	}
	r := tourney.Retry{Of: trial}
	err := c.wake(ctx, id, func(ctx context.Context, s *sweep) (err error) {
		r.Trial, err = s.retry(ctx, trial)
		r.State = s.row.State
		return err
	})
	if err != nil {
		return tourney.Retry{}, err
	}
	c.offers.wake()
	return r, nil
}

// retry returns the number of the new trial.
func (s *sweep) retry(ctx context.Context, trial int) (int, error) {
	ch := s.begin()
	ended := s.row.State.Terminal()
	if err := s.fold.Apply(tourney.Retried{Trial: trial}); err != nil {
		return 0, err
	}
	ch.log(tourney.Retried{Trial: trial})
	number, _ := s.fold.RetryOf(trial)
	if ended && !s.row.Spec.External() { // its test metrics were known
		now := tourney.Amendment{}
		if s.row.Amended != nil {
			now = *s.row.Amended
		}
		if s.row.State == tourney.SweepCompleted && !now.Unsealed {
			now.Unsealed = true
			s.row.Amended, ch.Amended = &now, &now
		}
	}
	if err := ch.decide(ctx); err != nil {
		return 0, s.spoil(ctx, err)
	}
	return number, s.commit(ctx, ch)
}
