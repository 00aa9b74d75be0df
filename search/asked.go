package search

import "tourney"

// maxAsked is the most trials that may be asked for at once.
const maxAsked = 1000

// foldAsked notes how many trials somebody outside wants. A search whose
// trials are trained outside does nothing by itself: what it proposes when it
// is asked has seen all that was told before.
func (s *Search) foldAsked(e tourney.Asked) error {
	switch {
	case !s.spec.External():
		return invalid("nobody asks in a sweep whose trials are trained by workers")
	case e.Trials < 1 || e.Trials > maxAsked:
		return invalid("%d trials are asked for; it must be between 1 and %d", e.Trials, maxAsked)
	}
	s.wanted = e.Trials
	return nil
}

// waits reports whether a search in which nothing is outstanding goes on once
// it is asked to. Where a space may run out it tries, since a search that has
// nothing left must end although nobody asks any more.
func (s *Search) waits() bool {
	if !s.spec.External() || s.wanted > 0 || s.closing || s.limits.reached != "" {
		return false
	}
	if _, ok := s.promoted(); ok || len(s.retries.due) > 0 {
		return true
	}
	if s.room() && s.spec.Parameters.Size() == 0 && len(s.spec.Constraints) == 0 {
		return true
	}
	return s.propose(nil) != nil
}

// Gives reports whether somebody who asks would perhaps get a trial.
func (s *Search) Gives() bool {
	if s.err != nil || s.state != tourney.SweepRunning || s.closing || s.limits.reached != "" || !s.slots.free() {
		return false
	}
	if s.room() && !s.exhausted || len(s.retries.due) > 0 {
		return true
	}
	_, ok := s.promoted()
	return ok
}

// Trained returns how many steps a trial's outstanding job goes on from.
func (s *Search) Trained(trial int) int {
	if trial < 0 || trial >= len(s.trials) {
		return 0
	}
	return s.trials[trial].trained
}
