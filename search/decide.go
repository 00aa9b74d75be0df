package search

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"tourney"
)

// next returns the decision that comes next, or nil if there is none until
// more is applied. It changes nothing that a result depends on.
func (s *Search) next() tourney.EventBody {
	if !s.begun {
		return nil
	}
	if len(s.owed) > 0 {
		return s.owed[0]
	}
	switch s.state {
	case tourney.SweepCreated:
		return tourney.Turned{State: tourney.SweepRunning}
	case tourney.SweepRunning:
		if d := s.halt(); d != nil {
			return d
		}
		if d := s.stop(); d != nil {
			return d
		}
		if d := s.fill(); d != nil {
			return d
		}
		if s.slots.idle() && !s.waits() {
			return s.close()
		}
	case tourney.SweepFinishing:
		if !s.spec.Refits() { // its trials leave nothing that could be refitted
			return tourney.Turned{State: tourney.SweepCompleted}
		}
		if !s.final {
			return s.finalJob(s.winner())
		}
		if s.refit != nil {
			return tourney.Turned{State: tourney.SweepCompleted, Reason: s.refitReason()}
		}
	}
	return nil
}

// stop ends a trial that the scheduler is done with.
func (s *Search) stop() tourney.EventBody {
	if scheduler, ok := s.scheduler.(stopper); ok {
		if trial, ok := scheduler.Stop(); ok {
			return tourney.Ended{Trial: trial, State: tourney.TrialPruned}
		}
	}
	return nil
}

// fill gives a free slot a promotion, or else a new trial; in a population,
// whichever has its turn.
func (s *Search) fill() tourney.EventBody {
	if s.closing || s.limits.reached != "" || !s.slots.free() || s.spec.External() && s.wanted < 1 {
		return nil
	}
	if s.fresh >= 0 {
		return s.rungJob(s.fresh)
	}
	if d := s.retry(); d != nil {
		return d
	}
	population, bred := s.scheduler.(breeder)
	if bred && population.Vacant() {
		if d := s.propose(population); d != nil {
			return d
		}
	}
	if trial, ok := s.promoted(); ok {
		return s.rungJob(trial)
	}
	if bred {
		return nil
	}
	return s.propose(nil)
}

// promoted returns the trial that should go on now. In a sweep that was
// extended one may have its turn that was pruned at the end before: it is
// passed over, which changes nothing for the others.
func (s *Search) promoted() (trial int, ok bool) {
	for {
		trial, rung, ok := s.scheduler.Next()
		if !ok || !s.trials[trial].state.Terminal() {
			return trial, ok
		}
		s.scheduler.Start(trial, rung)
	}
}

// propose returns the next trial, or nil if there can be none.
func (s *Search) propose(population breeder) tourney.EventBody {
	number := len(s.trials)
	if !s.room() {
		return nil
	}
	rng := rand.New(rand.NewPCG(s.spec.Seed, uint64(number)))
	if population != nil {
		if parent, ok := population.Parent(rng); ok {
			params := s.history.explore(rng, parent.Trial, s.spec.EarlyTerminate.Resample)
			return tourney.Proposed{Trial: number, Params: params, Parent: &parent}
		}
	}
	if s.exhausted {
		return nil
	}
	params, ok := s.points.next(rng, s.history)
	if !ok {
		params, ok = s.sampler.Sample(rng, s.history)
	}
	if !ok {
		s.exhausted = true
		return nil
	}
	return tourney.Proposed{Trial: number, Params: params}
}

// close ends the trials that wait for a promotion that cannot come, and then
// the search.
func (s *Search) close() tourney.EventBody {
	if trial := s.nextPaused(); trial >= 0 {
		return tourney.Ended{Trial: trial, State: tourney.TrialPruned}
	}
	if s.winner() >= 0 {
		return tourney.Turned{State: tourney.SweepFinishing}
	}
	failed, diverged := 0, 0
	for i := range s.trials {
		switch s.trials[i].state {
		case tourney.TrialFailed:
			failed++
		case tourney.TrialDiverged:
			diverged++
		}
	}
	return tourney.Turned{State: tourney.SweepFailed, Reason: fmt.Sprintf(
		"no trial finished with a value: of %d, %d failed and %d diverged", len(s.trials), failed, diverged)}
}

// nextPaused returns the first trial that is paused, or -1. It is asked only
// when no trial can become paused any more, so it need not look back.
func (s *Search) nextPaused() int {
	for ; s.pruned < len(s.trials); s.pruned++ {
		if s.trials[s.pruned].state == tourney.TrialPaused {
			return s.pruned
		}
	}
	return -1
}

// rungJob returns the job that takes a trial to its next rung, now.
func (s *Search) rungJob(number int) tourney.Queued {
	t := &s.trials[number]
	job := tourney.Queued{Trial: number, Rung: t.rung + 1, For: tourney.JobRung}
	if job.Rung >= len(t.ladder) {
		return tourney.Queued{} // there is no rung above the highest; fits no event
	}
	job.Budget = t.ladder[job.Rung]
	return s.slots.place(job, job.Budget-t.trained)
}

// finalJob returns the job that refits a trial for as long as served it best.
func (s *Search) finalJob(number int) tourney.Queued {
	t := &s.trials[number]
	job := tourney.Queued{Trial: number, Rung: len(t.ladder) + s.finals, For: tourney.JobFinal, Budget: max(t.bestStep, 1)}
	return s.slots.place(job, job.Budget)
}

// ranked reports whether a trial may win.
func (t *trial) ranked() bool {
	return t.value != nil && t.state != tourney.TrialDiverged && t.state != tourney.TrialFailed
}

// winner returns the first trial of the board that has a value, or -1.
func (s *Search) winner() int {
	best := -1
	var top tourney.Trial
	for i := range s.trials {
		t := &s.trials[i]
		if !t.ranked() {
			continue
		}
		row := tourney.Trial{Number: i, State: t.state, Rung: t.rung, Value: t.value, Violation: t.violation}
		if best < 0 || s.spec.Metric.CompareTrials(&row, &top) < 0 {
			best, top = i, row
		}
	}
	return best
}

// refitReason says why there is no refitted winner; empty if there is one.
func (s *Search) refitReason() string {
	end := s.refit
	if end.Outcome == tourney.OutcomeDone {
		return ""
	}
	why := string(end.Outcome)
	if end.Reason != "" {
		why += " (" + string(end.Reason) + ")"
	}
	// Of an error's many lines, the last is the one that names it.
	lines := strings.Split(strings.TrimSpace(end.Error), "\n")
	if last := lines[len(lines)-1]; last != "" {
		why += ": " + last
	}
	return "the winner could not be refitted: " + why
}
