package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"tourney"
)

// model is a store of one sweep as maps, and a random life of that sweep.
type model struct {
	s        Store
	rng      *rand.Rand
	sweep    string
	seq      int64
	trials   map[int]tourney.Trial
	jobs     map[tourney.JobID]tourney.JobRow
	outcomes map[tourney.Token]tourney.Outcome // empty: open
	events   []tourney.Event
}

// testModel plays random changes, some of them stale, into the store and the
// model, and compares what they hold.
func testModel(t *testing.T, open Opener) {
	s := start(t, open)
	for seed := range uint64(6) {
		m := &model{
			s: s, rng: random(seed), sweep: fmt.Sprint("s", seed), seq: 1,
			trials: map[int]tourney.Trial{}, jobs: map[tourney.JobID]tourney.JobRow{}, outcomes: map[tourney.Token]tourney.Outcome{},
		}
		c := creation(t, m.sweep, tourney.Minimize)
		must(t, s.Commit(t.Context(), c))
		m.events = c.Events
		var stale []*tourney.Change
		for range 150 {
			c := m.step()
			must(t, s.Commit(t.Context(), c))
			m.apply(c)
			stale = append(stale, c)
			old := stale[m.rng.IntN(len(stale))]
			if len(old.Events) == 0 && len(old.Attempts) == 0 {
				continue
			}
			if err := s.Commit(t.Context(), old); !errors.Is(err, tourney.ErrConflict) {
				t.Fatalf("seed %d: a change was written twice: %+v: %v", seed, old, err)
			}
		}
		m.compare(t)
	}
	clean(t, s)
}

// step draws a change: a proposal, a claim, the loss of an attempt, the end of
// one held, or the fold of one that is held.
func (m *model) step() *tourney.Change {
	open := m.openJobs()
	if len(open) == 0 || m.rng.IntN(4) == 0 {
		return proposal(m.sweep, len(m.trials), m.seq+1)
	}
	j := open[m.rng.IntN(len(open))]
	t := m.trials[j.Trial]
	j.Was, j.New = j.Attempt, false
	switch j.State {
	case tourney.JobQueued:
		return claim(m.s, t, j, fmt.Sprint("w", m.rng.IntN(3)))
	case tourney.JobRunning:
		a := tourney.AttemptRow{Token: tokenOf(m.s, j), Rung: j.Rung, Worker: j.Worker, Outcome: tourney.OutcomeLost}
		if m.rng.IntN(3) == 0 {
			j.State, t.State = tourney.JobQueued, tourney.TrialQueued
			j.Losses++
		} else {
			value := m.rng.NormFloat64()
			a.Outcome, a.Step = tourney.OutcomeDone, j.Budget
			j.State = tourney.JobHeld
			j.Held = &tourney.End{Outcome: tourney.OutcomeDone, Step: j.Budget, BestStep: 1, Value: &value}
		}
		return &tourney.Change{Sweep: m.sweep, Trials: []tourney.Trial{t}, Jobs: []tourney.JobRow{j}, Attempts: []tourney.AttemptRow{a}}
	}
	return m.fold(t, j)
}

// fold folds a held job; the trial then ends, waits, or goes on.
func (m *model) fold(t tourney.Trial, j tourney.JobRow) *tourney.Change {
	end := *j.Held
	c := &tourney.Change{Sweep: m.sweep, Events: []tourney.Event{{Seq: m.seq + 1, Body: tourney.Reported{Trial: j.Trial, Rung: j.Rung, End: end}}}}
	j.State, j.Held = tourney.JobDone, nil
	j.Checkpoint = &tourney.Checkpoint{Blob: "b", Size: 1, Step: end.Step}
	c.Jobs = []tourney.JobRow{j}
	t.Rung, t.Step, t.BestStep, t.Value = j.Rung, end.Step, end.BestStep, end.Value
	switch m.rng.IntN(3) {
	case 0:
		t.State = tourney.TrialCompleted
		c.Events = append(c.Events, tourney.Event{Seq: m.seq + 2, Body: tourney.Ended{Trial: t.Number, State: t.State}})
	case 1:
		t.State = tourney.TrialPaused
	default:
		t.State = tourney.TrialQueued
		c.Jobs = append(c.Jobs, queuedJob(m.sweep, t.Number, j.Rung+1))
	}
	c.Trials = []tourney.Trial{t}
	return c
}

func (m *model) apply(c *tourney.Change) {
	for _, t := range c.Trials {
		m.trials[t.Number] = t
	}
	for _, j := range c.Jobs {
		j.New, j.Was = false, j.Attempt
		m.jobs[j.JobID] = j
	}
	for _, a := range c.Attempts {
		m.outcomes[a.Token] = a.Outcome
	}
	m.events = append(m.events, c.Events...)
	m.seq += int64(len(c.Events))
}

func (m *model) openJobs() []tourney.JobRow {
	var open []tourney.JobRow
	for _, j := range m.jobs {
		if j.State != tourney.JobDone {
			open = append(open, j)
		}
	}
	return byPlace(open)
}

func byPlace(jobs []tourney.JobRow) []tourney.JobRow {
	slices.SortFunc(jobs, func(a, b tourney.JobRow) int { return cmp.Or(a.Trial-b.Trial, a.Rung-b.Rung) })
	return jobs
}

func (m *model) compare(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	wantJobs := m.openJobs()
	counts := map[tourney.TrialState]int{}
	var wantOpen []tourney.Trial
	for _, n := range slices.Sorted(maps.Keys(m.trials)) {
		trial := m.trials[n]
		counts[trial.State]++
		for token, outcome := range m.outcomes {
			if token.Trial == n && outcome != "" {
				if trial.Outcomes == nil {
					trial.Outcomes = tourney.Outcomes{}
				}
				trial.Outcomes[outcome]++
			}
		}
		got, err := m.s.Trial(ctx, m.sweep, n)
		must(t, err)
		got.Created, got.Ended = time.Time{}, nil
		if !reflect.DeepEqual(got, trial) {
			t.Errorf("trial is %+v, want %+v", got, trial)
		}
		if trial.State.Terminal() {
			continue
		}
		wantOpen = append(wantOpen, trial)
		for rung := trial.Rung; rung >= 0; rung-- {
			if j := m.jobs[tourney.JobID{Sweep: m.sweep, Trial: n, Rung: rung}]; j.State == tourney.JobDone {
				wantJobs = append(wantJobs, j)
				break
			}
		}
	}
	open, err := m.s.OpenTrials(ctx, m.sweep)
	must(t, err)
	if !slices.Equal(numbers(open), numbers(wantOpen)) {
		t.Errorf("open trials are %v, want %v", numbers(open), numbers(wantOpen))
	}
	jobs, err := m.s.OpenJobs(ctx, m.sweep)
	must(t, err)
	for i := range jobs {
		if jobs[i].Started.IsZero() == (jobs[i].State == tourney.JobRunning) {
			t.Errorf("job %s is %s and began at %v", jobs[i].JobID, jobs[i].State, jobs[i].Started)
		}
		jobs[i].Started = time.Time{}
	}
	if !reflect.DeepEqual(jobs, byPlace(wantJobs)) {
		t.Errorf("open jobs are %+v, want %+v", jobs, wantJobs)
	}
	outcomes, err := m.s.Outcomes(ctx, slices.Collect(maps.Keys(m.outcomes)))
	must(t, err)
	maps.DeleteFunc(m.outcomes, func(_ tourney.Token, o tourney.Outcome) bool { return o == "" })
	if !maps.Equal(outcomes, m.outcomes) {
		t.Errorf("outcomes are %v, want %v", outcomes, m.outcomes)
	}
	events, err := m.s.Events(ctx, m.sweep, 0, len(m.events)+1)
	must(t, err)
	if !reflect.DeepEqual(events, m.events) {
		t.Errorf("events are %+v, want %+v", events, m.events)
	}
	sw, err := m.s.Sweep(ctx, m.sweep)
	must(t, err)
	if !maps.Equal(sw.Counts, counts) || sw.Cursor != m.events[len(m.events)-1].ID {
		t.Errorf("counts are %v, want %v; cursor %d", sw.Counts, counts, sw.Cursor)
	}
}
