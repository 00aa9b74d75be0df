package coordinator

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tourney"
)

// checkTimeouts fails the trials whose attempt trains for longer than the sweep
// allows. What counts is this process's monotonic clock since the claim: a
// restart of the coordinator, and a clock that jumps, are not the trial's fault.
func (s *sweep) checkTimeouts(ctx context.Context) error {
	if s.row.Spec.Timeout == 0 {
		return nil
	}
	limit := time.Duration(s.row.Spec.Timeout * float64(time.Second))
	var late []*job
	for _, j := range s.jobs {
		if j.State == tourney.JobRunning && time.Since(j.since) >= limit {
			late = append(late, j)
		}
	}
	if len(late) == 0 {
		return nil
	}
	slices.SortFunc(late, func(a, b *job) int { return a.Trial - b.Trial })
	ch := s.begin()
	for _, j := range late {
		ch.stopped[j.Worker] = append(ch.stopped[j.Worker], s.token(&j.JobRow))
		ch.closeAttempt(j, tourney.OutcomeFailed, 0)
		ch.hold(j, &tourney.End{
			Outcome: tourney.OutcomeFailed, Reason: tourney.ReasonTimeout, Metrics: tourney.Metrics{}, Step: s.trials[j.Trial].Step,
			Error: fmt.Sprintf("attempt %d trained for longer than the sweep's timeout, %v", j.Attempt, limit),
		})
	}
	if err := ch.foldHeld(ctx); err != nil {
		return s.spoil(ctx, err)
	}
	return s.commit(ctx, ch)
}

// checkTimes looks at what time alone may end: attempts, and the search.
func (s *sweep) checkTimes(ctx context.Context) error {
	if err := s.checkTimeouts(ctx); err != nil || s.row.State.Terminal() {
		return err
	}
	return s.checkLimits(ctx)
}
