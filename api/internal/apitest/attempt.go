package apitest

import (
	"context"

	"tourney"
)

// Attempts implements api.Reader: every trial was preempted once, and then
// ran to its end.
func (w *World) Attempts(ctx context.Context, sweep string, number int) ([]tourney.Attempt, error) {
	t, err := w.Trial(ctx, sweep, number)
	if err != nil {
		return nil, err
	}
	ended := t.Created
	return []tourney.Attempt{
		{Number: 1, Worker: "w-1", Outcome: string(tourney.OutcomePreempted), Started: t.Created, Ended: &ended},
		{Number: 2, Worker: "w-2", Host: "spot-2", Pool: "default", Started: t.Created},
	}, nil
}
