package search

import (
	"fmt"
	"slices"

	"tourney"
)

// retries are the failed trials that a user wants tried again. What was said of
// a trial stays; a retry is a new one at the same point, beyond the cap.
type retries struct {
	due  []int       // not proposed yet, in the order in which they were wanted
	as   map[int]int // by number of the failed trial: that of the new one
	only bool        // the search had come to its end: nothing else is proposed
}

// foldRetried notes that a failed trial is to be tried again, before anything
// else is promoted or proposed. A sweep that has ended goes on for it.
func (s *Search) foldRetried(e tourney.Retried) error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("cannot retry trial %d: %s: %w", e.Trial, fmt.Sprintf(format, args...), tourney.ErrConflict)
	}
	if e.Trial < 0 || e.Trial >= len(s.trials) {
		return refuse("there is no such trial; the sweep has %d, from 0", len(s.trials))
	}
	if state := s.trials[e.Trial].state; state != tourney.TrialFailed {
		return refuse("it is %s; only a trial that failed is retried", state)
	}
	if to, ok := s.RetryOf(e.Trial); ok {
		return refuse("that is trial %d; if it failed as well, retry that one", to)
	}
	if _, population := s.scheduler.(breeder); population {
		return refuse("in the population of pbt others have taken its place")
	}
	if len(s.trials)+len(s.retries.due) >= tourney.MaxTrials {
		return refuse("the sweep has %d trials, and may have no more", len(s.trials))
	}
	state := s.turning()
	switch {
	case state == tourney.SweepCompleted || state == tourney.SweepFailed:
		switch s.limits.reached {
		case "wall", "worker_hours", "cost":
			return refuse("the limit %s ended the sweep; extend it with a higher one first", s.limits.reached)
		}
		s.reopen()
		s.retries.only = true
	case state != tourney.SweepRunning && state != tourney.SweepPaused:
		return refuse("the sweep is %s", state)
	case s.closing || s.limits.reached != "" || s.limits.due != "":
		return refuse("the sweep is about to end; retry it once that is completed")
	}
	s.retries.due = append(s.retries.due, e.Trial)
	return nil
}

// turning returns the state that the sweep is in once all that is owed is done.
func (s *Search) turning() tourney.SweepState {
	state := s.state
	for _, d := range s.owed {
		if turned, ok := d.(tourney.Turned); ok {
			state = turned.State
		}
	}
	return state
}

// RetryOf returns the number of the trial that tries a failed one again, also
// if it is not proposed yet: then none is before it but other retries.
func (s *Search) RetryOf(trial int) (number int, ok bool) {
	if number, ok := s.retries.as[trial]; ok {
		return number, true
	}
	if at := slices.Index(s.retries.due, trial); at >= 0 {
		return len(s.trials) + at, true
	}
	return 0, false
}

// room reports whether there may be a trial more, retries not counted.
func (s *Search) room() bool { return !s.retries.only && s.history.Sampled() < s.limit }

// retry returns the trial that is to be tried again, or nil.
func (s *Search) retry() tourney.EventBody {
	if len(s.retries.due) == 0 {
		return nil
	}
	of := s.retries.due[0]
	return tourney.Proposed{Trial: len(s.trials), Params: s.history.paramsOf(of), RetryOf: &of}
}

// checkRetry makes sure that a proposal tries again what is due, and at the
// same point.
func (s *Search) checkRetry(e tourney.Proposed) error {
	due := s.retries.due
	switch {
	case e.RetryOf == nil && len(due) == 0:
		return nil
	case e.RetryOf == nil:
		return invalid("trial %d is proposed before trial %d is tried again", e.Trial, due[0])
	case len(due) == 0 || *e.RetryOf != due[0]:
		return invalid("trial %d tries trial %d again, which nobody wants", e.Trial, *e.RetryOf)
	case e.Params.Key() != s.history.paramsOf(*e.RetryOf).Key():
		return invalid("trial %d does not have the parameters of trial %d, which it tries again", e.Trial, *e.RetryOf)
	}
	return nil
}

// retried notes that a proposal tries another trial again.
func (s *Search) retried(e tourney.Proposed) {
	if e.RetryOf == nil {
		return
	}
	s.retries.due = s.retries.due[1:]
	s.retries.as[*e.RetryOf] = e.Trial
	s.history.retries++
}
