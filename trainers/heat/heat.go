package heat

import (
	"context"

	"tourney"
	"tourney/dataset"
)

// Trainer trains a heat: trials that share data and family, in one pass.
//
// What a trial comes to is a function of its job and the data alone: not of
// the trials beside it, of when they join or leave, of the pool's size, nor of
// having been stopped and gone on from a state. Package trainertest holds
// every trainer against that.
type Trainer interface {
	Name() string
	// Train trains what feed gives until feed has no more or ctx ends. When
	// ctx ends it returns nil at the next batch at the latest, and the trials
	// it had get no End. An error means that the heat as a whole could not go
	// on; one trial's failure is that trial's End.
	Train(ctx context.Context, data *dataset.Data, pool *Pool, feed Feed) error
}

// Feed is where a heat gets its trials from.
type Feed interface {
	// Next returns the trials that join now. With busy it returns at once,
	// perhaps with none; without, it waits for one. ok is false when none will
	// come any more; it is not called again then.
	Next(ctx context.Context, busy bool) (tasks []Task, ok bool)
}

// Task is one trial in a heat. Its methods are called from the heat's
// goroutine alone.
type Task interface {
	// Job returns the job, which does not change.
	Job() *tourney.Job
	// State returns what Step's snapshot or End gave for the step of
	// Job().Checkpoint, or nil to start from 0.
	State() []byte
	// Stopped reports whether the heat is to leave the trial at once, without
	// an End.
	Stopped() bool
	// Step takes the metrics of a step. It calls snapshot, before it returns,
	// if a checkpoint is wanted.
	Step(p tourney.Point, snapshot func() []byte)
	// End takes the trial's last word, and its state, nil if there is none to
	// keep. No call follows.
	End(end tourney.End, state []byte)
}
