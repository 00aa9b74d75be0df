package search

import (
	"fmt"
	"math"
	"slices"

	"tourney"
)

// invalid is an event that cannot follow what came before.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w event: %s", tourney.ErrInvalid, fmt.Sprintf(format, args...))
}

// fold is the one way into the state, for events of the log and for decisions
// just made.
func (s *Search) fold(body tourney.EventBody) error {
	switch e := body.(type) {
	case tourney.Engine:
		s.begun = true // which one it is matters to people alone
		return nil
	case tourney.Warmed:
		return s.foldWarmed(e)
	}
	if !s.begun {
		return invalid("a log begins with an engine, not with %T", body)
	}
	if body != nil && !body.Decision() {
		s.wanted = 0 // what was asked for and could not be had is forgotten
	}
	switch e := body.(type) {
	case tourney.Lost:
		return nil // the job is offered again; the search waits
	case tourney.Reported:
		return s.foldReported(e)
	case tourney.Limited:
		return s.foldLimited(e)
	case tourney.Acted:
		return s.foldActed(e)
	case tourney.Extended:
		return s.foldExtended(e)
	case tourney.Retried:
		return s.foldRetried(e)
	case tourney.Asked:
		return s.foldAsked(e)
	}
	if len(s.owed) > 0 {
		return s.foldOwed(body)
	}
	switch e := body.(type) {
	case tourney.Proposed:
		return s.foldProposed(e)
	case tourney.Queued:
		return s.foldQueued(e)
	case tourney.Ended:
		return s.foldPruned(e)
	case tourney.Halted:
		return s.foldHalted(e)
	case tourney.Turned:
		return s.foldTurned(e)
	}
	return invalid("%T is none of this log", body)
}

// foldReported frees the job's slot and ranks its trial. What follows for the
// trial without a choice is owed.
func (s *Search) foldReported(e tourney.Reported) error {
	switch e.Outcome {
	case tourney.OutcomeDone, tourney.OutcomeDiverged, tourney.OutcomeFailed:
	default:
		return invalid("a report of %d@%d with outcome %q; only done, diverged and failed are folded", e.Trial, e.Rung, e.Outcome)
	}
	job, err := s.slots.take(e.Trial, e.Rung)
	if err != nil {
		return err
	}
	if job.For == tourney.JobFinal {
		s.refit = &e.End
		return nil
	}
	t := &s.trials[e.Trial]
	// A program that ended by itself has no more to train. It was not there
	// when others passed the rungs above, and is held against nobody there.
	top := e.Rung == len(t.ladder)-1
	early := e.Whole && !top && e.Outcome == tourney.OutcomeDone && s.spec.Streams()
	whole := top || early
	r := Result{Trial: e.Trial, Rung: e.Rung, Budget: job.Budget, Whole: whole, Loss: math.Inf(1)}
	r.Losses, _ = s.spec.Losses(nil)
	if e.Outcome == tourney.OutcomeDone {
		t.rung, t.value, t.bestStep = e.Rung, finite(e.Value), e.BestStep
		if t.value != nil {
			r.Loss = s.spec.Metric.Loss(*t.value)
		}
		r.Losses, r.Violation = s.spec.Losses(e.Metrics)
		t.violation = r.Violation
		if !s.restarts {
			t.trained = job.Budget
		}
		last := r.Loss
		if v := finite(e.Last); v != nil {
			last = s.spec.Metric.Loss(*v)
		}
		if early {
			s.scheduler.Drop(e.Trial)
		} else {
			s.scheduler.Finish(Finished{Result: r, Last: last})
		}
	} else {
		s.scheduler.Drop(e.Trial)
	}
	s.history.finish(r)
	s.limits.finish(r, whole)
	switch {
	case e.Outcome == tourney.OutcomeDiverged:
		s.owe(e.Trial, tourney.TrialDiverged)
	case e.Outcome == tourney.OutcomeFailed:
		s.owe(e.Trial, tourney.TrialFailed)
	case whole:
		s.owe(e.Trial, tourney.TrialCompleted)
	default:
		t.state = tourney.TrialPaused
	}
	return nil
}

// foldWarmed takes what a past sweep has learnt.
func (s *Search) foldWarmed(e tourney.Warmed) error {
	if s.begun {
		return invalid("what sweep %s has learnt comes after the engine", e.Sweep)
	}
	s.history.warm(e, s.spec.Metric)
	return nil
}

// finite drops a value that has no place in an order.
func finite(v *float64) *float64 {
	if v == nil || math.IsNaN(*v) || math.IsInf(*v, 0) {
		return nil
	}
	return v
}

// owe notes the end of a trial, which the next decision must be.
func (s *Search) owe(trial int, state tourney.TrialState) {
	s.trials[trial].ending = true
	s.owed = append(s.owed, tourney.Ended{Trial: trial, State: state})
}

// foldActed notes what a user's action leads to, or refuses it.
func (s *Search) foldActed(e tourney.Acted) error {
	// Decisions still owed may turn the sweep; what counts is the last one.
	state := s.turning()
	var legal bool
	switch e.Action {
	case tourney.ActionPause:
		legal = state == tourney.SweepRunning || state == tourney.SweepFinishing
	case tourney.ActionResume:
		legal = state == tourney.SweepPaused
	case tourney.ActionCancel:
		legal = !state.Terminal()
	default:
		return invalid("no action %q; there are pause, resume and cancel", e.Action)
	}
	if !legal {
		return fmt.Errorf("cannot %s a sweep that is %s: %w", e.Action, state, tourney.ErrConflict)
	}
	switch e.Action {
	case tourney.ActionPause:
		s.back = state
		s.owed = append(s.owed, tourney.Turned{State: tourney.SweepPaused})
	case tourney.ActionResume:
		s.owed = append(s.owed, tourney.Turned{State: s.back})
	case tourney.ActionCancel:
		s.slots.clear()
		for i := range s.trials {
			if t := &s.trials[i]; !t.state.Terminal() && !t.ending {
				s.owe(i, tourney.TrialCancelled)
			}
		}
		s.owed = append(s.owed, tourney.Turned{State: tourney.SweepCancelled})
	}
	return nil
}

// foldOwed takes the decision that is owed first; no other can come now.
func (s *Search) foldOwed(body tourney.EventBody) error {
	if body != s.owed[0] {
		return invalid("%v, when %v is owed", body, s.owed[0])
	}
	s.owed = s.owed[1:]
	switch e := body.(type) {
	case tourney.Ended:
		s.trials[e.Trial].state = e.State
		if e.Trial == s.fresh {
			s.fresh = -1
		}
	case tourney.Turned:
		s.state = e.State
	}
	return nil
}

func (s *Search) foldProposed(e tourney.Proposed) error {
	switch {
	case s.state != tourney.SweepRunning || s.closing || s.limits.reached != "":
		return invalid("a proposal in a sweep that is %s", s.stage())
	case s.fresh >= 0:
		return invalid("a proposal before trial %d was queued", s.fresh)
	case !s.slots.free():
		return invalid("a proposal when all %d slots are taken", s.slots.width)
	case e.Trial != len(s.trials):
		return invalid("trial %d is proposed when the next is %d", e.Trial, len(s.trials))
	case e.RetryOf == nil && !s.room():
		return invalid("trial %d is proposed in a sweep of %d trials", e.Trial, s.limit)
	}
	if err := s.checkRetry(e); err != nil {
		return err
	}
	if err := s.cube.checkValues(e.Params); err != nil {
		return fmt.Errorf("trial %d: %w", e.Trial, err)
	}
	t := trial{state: tourney.TrialQueued}
	if e.Parent != nil {
		if err := s.checkParent(*e.Parent); err != nil {
			return fmt.Errorf("trial %d: %w", e.Trial, err)
		}
		t.trained = e.Parent.Step
	}
	s.history.propose(e.Params)
	s.retried(e)
	t.ladder, t.first = s.scheduler.Enter(e)
	t.rung = t.first - 1
	s.trials = append(s.trials, t)
	s.fresh = e.Trial
	return nil
}

// checkParent makes sure that a trial had such a state, and that there is a
// rung above it.
func (s *Search) checkParent(p tourney.Parent) error {
	if _, ok := s.scheduler.(breeder); !ok {
		return invalid("no trial of this sweep goes on from another's state")
	}
	if p.Trial < 0 || p.Trial >= len(s.trials) {
		return invalid("its parent %d was not proposed", p.Trial)
	}
	t := &s.trials[p.Trial]
	at, ok := slices.BinarySearch(t.ladder, p.Step)
	if !ok || at < t.first || at > t.rung || at == len(t.ladder)-1 {
		return invalid("its parent %d has no state after %d steps to go on from", p.Trial, p.Step)
	}
	return nil
}

func (s *Search) foldQueued(e tourney.Queued) error {
	if e.Trial < 0 || e.Trial >= len(s.trials) {
		return invalid("a job of trial %d, which was not proposed", e.Trial)
	}
	t := &s.trials[e.Trial]
	if e.For == tourney.JobFinal {
		switch {
		case s.state != tourney.SweepFinishing || s.final:
			return invalid("a final job in a sweep that is %s", s.stage())
		case !t.ranked():
			return invalid("a final job of trial %d, which has no value", e.Trial)
		case e != s.finalJob(e.Trial):
			return invalid("%v, when the final job would be %v", e, s.finalJob(e.Trial))
		}
		s.final = true
		s.slots.add(e)
		return nil
	}
	switch {
	case s.state != tourney.SweepRunning || s.closing || s.limits.reached != "":
		return invalid("a job in a sweep that is %s", s.stage())
	case !s.slots.free():
		return invalid("a job when all %d slots are taken", s.slots.width)
	case s.fresh >= 0 && e.Trial != s.fresh:
		return invalid("a job of trial %d before trial %d was queued", e.Trial, s.fresh)
	case s.spec.External() && s.wanted < 1:
		return invalid("a job of trial %d, which nobody asked for", e.Trial)
	case s.fresh < 0 && t.state != tourney.TrialPaused:
		return invalid("a job of trial %d, which is %s", e.Trial, t.state)
	case e != s.rungJob(e.Trial):
		return invalid("%v, when the trial's next job is %v", e, s.rungJob(e.Trial))
	}
	t.state = tourney.TrialQueued
	s.fresh = -1
	s.wanted = max(s.wanted-1, 0)
	s.slots.add(e)
	s.scheduler.Start(e.Trial, e.Rung)
	return nil
}

// foldPruned takes the end of a trial that the search does not go on with. A
// scheduler that ends trials for good may end any that is paused, at any time,
// so that the logs of other versions can be read. Otherwise what is paused ends
// when nothing can promote it any more, and what was proposed and not queued
// when a limit was reached.
func (s *Search) foldPruned(e tourney.Ended) error {
	if e.Trial < 0 || e.Trial >= len(s.trials) {
		return invalid("the end of trial %d, which was not proposed", e.Trial)
	}
	t := &s.trials[e.Trial]
	_, stops := s.scheduler.(stopper)
	unwanted := e.Trial == s.fresh && s.limits.reached != ""
	switch {
	case e.State != tourney.TrialPruned || t.state != tourney.TrialPaused && !unwanted:
		return invalid("trial %d, which is %s, has no cause to be %s", e.Trial, t.state, e.State)
	case s.state != tourney.SweepRunning || !s.quiet() && !stops && !unwanted:
		return invalid("trial %d is pruned before the search is over", e.Trial)
	}
	t.state = tourney.TrialPruned
	if unwanted {
		s.fresh = -1
	} else if !stops {
		s.closing = true
	}
	s.scheduler.Drop(e.Trial)
	return nil
}

func (s *Search) foldTurned(e tourney.Turned) error {
	legal := false
	switch e.State {
	case tourney.SweepRunning:
		legal = s.state == tourney.SweepCreated
	case tourney.SweepFinishing:
		legal = s.quiet() && s.nextPaused() < 0 && s.winner() >= 0
	case tourney.SweepFailed:
		legal = s.quiet() && s.nextPaused() < 0 && s.winner() < 0
	case tourney.SweepCompleted:
		legal = s.state == tourney.SweepFinishing && (s.refit != nil || !s.spec.Refits())
	}
	if !legal {
		return invalid("a sweep that is %s has no cause to be %s", s.stage(), e.State)
	}
	s.state = e.State
	s.closing = s.closing || e.State != tourney.SweepRunning
	if s.closing {
		s.retries.due = nil // a limit came first
	}
	return nil
}

// quiet reports whether nothing of a running sweep is outstanding.
func (s *Search) quiet() bool {
	return s.state == tourney.SweepRunning && s.slots.idle() && s.fresh < 0
}

// stage names the state for an error, with what goes on inside it.
func (s *Search) stage() string {
	if s.closing && s.state == tourney.SweepRunning {
		return "running and pruning"
	}
	return string(s.state)
}
