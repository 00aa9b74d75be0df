package search

import (
	"fmt"

	"tourney"
)

// foldExtended lets a search have more trials, or other limits. One that is
// completed goes on: what was pruned stays so, and at its next end there is
// another finalist, or the same again.
func (s *Search) foldExtended(e tourney.Extended) error {
	state := s.turning()
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("cannot extend the sweep: %s: %w", fmt.Sprintf(format, args...), tourney.ErrConflict)
	}
	spec := s.spec
	if e.RunCap > 0 {
		spec.RunCap = e.RunCap
	}
	if e.Limits != nil {
		spec.Limits = *e.Limits
	}
	limit := trialsOf(spec)
	_, population := s.scheduler.(breeder)
	again := state == tourney.SweepCompleted
	switch {
	case !again && state != tourney.SweepRunning && state != tourney.SweepPaused:
		return refuse("it is %s", state)
	case !again && (s.closing || s.limits.reached != "" || s.limits.due != ""):
		return refuse("it is about to end; extend it once it is completed")
	case again && population:
		return refuse("the population of pbt has come to its end; start another sweep, with warm_start")
	case limit < s.limit || limit > tourney.MaxTrials:
		return refuse("it may have %d trials, and a cap must not be less, nor more than %d", s.limit, tourney.MaxTrials)
	case again && limit+s.history.retries <= len(s.trials):
		return refuse("it has %d trials, and would have no more: raise run_cap above that, if its space has as many points", len(s.trials))
	case !spec.Bounded():
		return refuse("nothing would end it: give run_cap or a limit")
	}
	s.spec, s.limit, s.retries.only = spec, limit, false
	if !again {
		best, idle := s.limits.best, s.limits.idle
		s.limits = newLimits(&s.spec)
		s.limits.best, s.limits.idle = best, idle
		return nil
	}
	s.reopen()
	return nil
}

// reopen lets a search that has come to its end go on.
func (s *Search) reopen() {
	best := s.limits.best
	s.limits = newLimits(&s.spec)
	s.limits.best = best
	s.closing, s.exhausted, s.pruned = false, false, 0
	s.final, s.refit = false, nil
	s.finals++
	s.owed = append(s.owed, tourney.Turned{State: tourney.SweepRunning})
}
