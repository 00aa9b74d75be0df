package trainertest

import (
	"context"

	"tourney"
	"tourney/trainers/heat"
)

// Trial is a task that writes down what becomes of it.
type Trial struct {
	job   tourney.Job
	state []byte

	StopAfter int // leave the heat after that many steps; 0: never

	Points []tourney.Point
	States [][]byte // a snapshot of each step
	Ended  *tourney.End
	Final  []byte // the state that End gave
	Errors []string
}

// NewTrial returns a trial of a job that goes on from a state; nil starts it.
func NewTrial(job tourney.Job, state []byte) *Trial { return &Trial{job: job, state: state} }

// Job returns the job.
func (t *Trial) Job() *tourney.Job { return &t.job }

// State returns the state to go on from.
func (t *Trial) State() []byte { return t.state }

// Stopped reports whether the trial is to be left.
func (t *Trial) Stopped() bool { return t.StopAfter > 0 && len(t.Points) >= t.StopAfter }

// Step takes a step and a snapshot of it.
func (t *Trial) Step(p tourney.Point, snapshot func() []byte) {
	switch {
	case t.Ended != nil:
		t.Errors = append(t.Errors, "a step after the end")
	case t.Stopped():
		t.Errors = append(t.Errors, "a step after the stop")
	}
	t.Points = append(t.Points, p)
	t.States = append(t.States, snapshot())
}

// End takes the end.
func (t *Trial) End(end tourney.End, state []byte) {
	switch {
	case t.Ended != nil:
		t.Errors = append(t.Errors, "a second end")
	case t.Stopped():
		t.Errors = append(t.Errors, "an end after the stop")
	}
	t.Ended, t.Final = &end, state
}

// Script is a feed that gives its trials at certain calls of Next: those of
// Joins[0] at the first, and so on. A heat that calls it once a pass, as heats
// do, sees them join at those passes.
type Script struct {
	Joins  [][]*Trial
	Cancel context.CancelFunc // called when the script is at its end, unless nil
}

// Next gives the trials of the next call.
func (s *Script) Next(_ context.Context, busy bool) ([]heat.Task, bool) {
	for len(s.Joins) > 0 {
		join := s.Joins[0]
		s.Joins = s.Joins[1:]
		tasks := make([]heat.Task, len(join))
		for i, t := range join {
			tasks[i] = t
		}
		if len(tasks) > 0 || busy {
			return tasks, true
		}
	}
	if s.Cancel != nil {
		s.Cancel()
		return nil, true
	}
	return nil, false
}
