package store_test

import (
	"context"
	"errors"
	"maps"
	"testing"

	"tourney"
	"tourney/store"
)

// What was committed is counted, by state; what is paused, held or trained
// elsewhere wants no cores.
func TestCensus(t *testing.T) {
	ctx := t.Context()
	s, err := store.Open(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.SaveDataset(ctx, tourney.Dataset{Name: "d", Version: "9f86d081884c7d65"}); err != nil {
		t.Fatal(err)
	}
	for _, sweep := range []struct {
		id, trainer string
		state       tourney.SweepState
		weight      float64
		jobs        []tourney.JobState
	}{
		{"one", "mlp", tourney.SweepRunning, 1, []tourney.JobState{tourney.JobQueued, tourney.JobRunning, tourney.JobHeld}},
		{"two", "linear", tourney.SweepRunning, 0.25, []tourney.JobState{tourney.JobQueued, tourney.JobQueued}},
		{"still", "mlp", tourney.SweepPaused, 1, []tourney.JobState{tourney.JobQueued}},
		{"outside", tourney.TrainerExternal, tourney.SweepRunning, 1, []tourney.JobState{tourney.JobQueued}},
	} {
		c := &tourney.Change{Sweep: sweep.id, Create: &tourney.Sweep{
			ID: sweep.id, State: sweep.state, Plan: tourney.Plan{Dataset: "9f86d081884c7d65", Weight: sweep.weight},
			Spec: tourney.Spec{Trainer: sweep.trainer},
		}}
		for i, state := range sweep.jobs {
			c.Trials = append(c.Trials, tourney.Trial{Sweep: sweep.id, Number: i, State: tourney.TrialQueued, Rung: -1})
			c.Jobs = append(c.Jobs, tourney.JobRow{JobID: tourney.JobID{Sweep: sweep.id, Trial: i}, Kind: tourney.JobRung, State: state, New: true})
		}
		if err := s.Commit(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Census(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got.Sweeps, map[tourney.SweepState]int{tourney.SweepRunning: 3, tourney.SweepPaused: 1}) ||
		!maps.Equal(got.Trials, map[tourney.TrialState]int{tourney.TrialQueued: 7}) ||
		!maps.Equal(got.Jobs, map[tourney.JobState]int{tourney.JobQueued: 5, tourney.JobRunning: 1, tourney.JobHeld: 1}) ||
		got.Wanted != 2.5 {
		t.Errorf("%+v", got)
	}
	if err := s.Ping(ctx); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(context.Background()); !errors.Is(err, tourney.ErrUnavailable) {
		t.Errorf("a closed store takes changes: %v", err)
	}
}
