package storetest

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"sync"
	"testing"
	"time"

	"tourney"
)

func testSweepReadsBack(t *testing.T, open Opener) {
	s := start(t, open)
	c := creation(t, "s1", tourney.Maximize)
	c.Create.Plan.Dataset = dataset("churn", 1).Version
	must(t, s.SaveDataset(t.Context(), dataset("churn", 1)))
	before := time.Now().Add(-time.Millisecond)
	must(t, s.Commit(t.Context(), c))
	got, err := s.Sweep(t.Context(), "s1")
	must(t, err)
	if !reflect.DeepEqual(got.Spec, c.Create.Spec) {
		t.Errorf("spec is %+v, want %+v", got.Spec, c.Create.Spec)
	}
	if !reflect.DeepEqual(got.Plan, c.Create.Plan) {
		t.Errorf("plan is %+v, want %+v", got.Plan, c.Create.Plan)
	}
	if got.ID != "s1" || got.State != tourney.SweepRunning || got.Best != nil || len(got.Counts) != 0 || got.Cursor != c.Events[0].ID {
		t.Errorf("sweep is %+v", got)
	}
	if got.Created.Before(before) || got.Started == nil || got.Started.Before(before) || got.Ended != nil {
		t.Errorf("created %v, started %v, ended %v", got.Created, got.Started, got.Ended)
	}

	must(t, s.Commit(t.Context(), &tourney.Change{Sweep: "s1", State: tourney.SweepCancelled, Reason: "by hand"}))
	end, err := s.Sweep(t.Context(), "s1")
	must(t, err)
	if end.State != tourney.SweepCancelled || end.Reason != "by hand" || end.Ended == nil || !end.Started.Equal(*got.Started) {
		t.Errorf("cancelled sweep is %+v", end)
	}
	if open, err := s.OpenSweeps(t.Context()); err != nil || len(open) != 0 {
		t.Errorf("open sweeps are %v, %v", open, err)
	}
}

func testRowsReadBack(t *testing.T, open Opener) {
	s := start(t, open)
	create(t, s, "s", tourney.Minimize)
	value, at := 0.1+0.2, time.UnixMicro(1_700_000_000_123_456).UTC()
	trial := tourney.Trial{
		Sweep: "s", Number: 3, State: tourney.TrialPaused, Rung: 1, Step: 9, BestStep: 7, Value: &value, Attempts: 1,
		Params:  tourney.Params{"a": int64(1) << 60, "b": 0.1, "c": "x'\"\x00\u2028", "d": true, "e": nil},
		Metrics: tourney.Metrics{"logloss": value, "tiny": math.SmallestNonzeroFloat64, "huge": -math.MaxFloat64},
		Error:   "line 1\nline 2", Created: at, Ended: nil, Violation: 0.25, Parent: &tourney.Parent{Trial: 1, Step: 4}, RetryOf: new(2),
	}
	done := queuedJob("s", 3, 1)
	done.State, done.Attempt, done.Worker, done.Claim, done.Losses, done.Failures, done.Alone = tourney.JobDone, 1, "w", "c", 2, 1, true
	done.Checkpoint = &tourney.Checkpoint{Blob: "ab", Offset: 1 << 40, Size: 5, Step: 9}
	other := queuedTrial("s", 4)
	other.Created = at
	held := queuedJob("s", 4, 0)
	held.State, held.Attempt = tourney.JobHeld, 1
	held.Held = &tourney.End{Outcome: tourney.OutcomeDone, Step: 3, BestStep: 2, Value: &value, Metrics: tourney.Metrics{"m": 1}}
	token := tourney.Token{Epoch: s.Epoch(), Sweep: "s", Trial: 4, Attempt: 1}
	bodies := []tourney.EventBody{
		tourney.Reported{Trial: 3, Rung: 1, End: *held.Held},
		tourney.Lost{Trial: 3, Attempt: 1, Outcome: tourney.OutcomeLost, Reason: tourney.ReasonPoison, Error: "e"},
		tourney.Acted{Action: tourney.ActionPause},
		tourney.Queued{Trial: 3, Rung: 1, For: tourney.JobFinal, Budget: 2, Start: 1, Finish: 3},
		tourney.Ended{Trial: 3, State: tourney.TrialPruned},
		tourney.Turned{State: tourney.SweepPaused, Reason: "r"},
	}
	c := &tourney.Change{
		Sweep: "s", Trials: []tourney.Trial{trial, other}, Jobs: []tourney.JobRow{done, held},
		Attempts: []tourney.AttemptRow{{Token: token, Rung: 0, Worker: "w", Outcome: tourney.OutcomeDone, Step: 3, New: true}},
		Points:   []tourney.TrialPoints{{Trial: 3, Points: []tourney.Point{{Step: 9, Metrics: tourney.Metrics{"m": 2}}, {Step: 1, Metrics: tourney.Metrics{"m": 1}}}}},
	}
	for i, b := range bodies {
		c.Events = append(c.Events, tourney.Event{Seq: int64(i) + 2, Body: b})
	}
	must(t, s.Commit(t.Context(), c))

	same := func(what string, got, want any, err error) {
		t.Helper()
		must(t, err)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", what, got, want)
		}
	}
	got, err := s.Trial(t.Context(), "s", 3)
	same("trial", got, trial, err)
	at9, err := s.CheckpointAt(t.Context(), "s", 3, 9)
	must(t, err)
	if at9 != *done.Checkpoint {
		t.Errorf("the checkpoint at step 9 is %+v, want %+v", at9, *done.Checkpoint)
	}
	for _, at := range [][2]int{{3, 8}, {4, 9}, {9, 9}} {
		if _, err := s.CheckpointAt(t.Context(), "s", at[0], at[1]); !errors.Is(err, tourney.ErrNotFound) {
			t.Errorf("the checkpoint of trial %d at step %d: %v", at[0], at[1], err)
		}
	}
	trials, err := s.OpenTrials(t.Context(), "s")
	same("open trials", trials, []tourney.Trial{trial, other}, err)
	done.New, held.New, done.Was, held.Was = false, false, 1, 1
	jobs, err := s.OpenJobs(t.Context(), "s")
	same("open jobs", jobs, []tourney.JobRow{done, held}, err)
	outcomes, err := s.Outcomes(t.Context(), []tourney.Token{token, {Epoch: "other", Sweep: "s", Trial: 4, Attempt: 1}})
	same("outcomes", outcomes, map[tourney.Token]tourney.Outcome{token: tourney.OutcomeDone}, err)
	events, err := s.Events(t.Context(), "s", 1, 100)
	same("events", events, c.Events, err)

	must(t, s.Commit(t.Context(), &tourney.Change{Sweep: "s", Points: []tourney.TrialPoints{{Trial: 3, Points: []tourney.Point{{Step: 1, Metrics: tourney.Metrics{"m": 5}}}}}}))
	points, err := s.Points(t.Context(), "s", 3)
	same("points, of which one was replaced", points, []tourney.Point{{Step: 1, Metrics: tourney.Metrics{"m": 5}}, {Step: 9, Metrics: tourney.Metrics{"m": 2}}}, err)
}

func testFinalJobs(t *testing.T, open Opener) {
	s := start(t, open)
	create(t, s, "s", tourney.Minimize)
	create(t, s, "other", tourney.Minimize)
	c := &tourney.Change{Sweep: "s"}
	add := func(trial, rung int, kind tourney.JobKind, state tourney.JobState, step int) tourney.JobRow {
		j := queuedJob("s", trial, rung)
		j.Kind, j.State = kind, state
		if step > 0 {
			j.Checkpoint = &tourney.Checkpoint{Blob: "ab", Offset: int64(trial), Size: 5, Step: step}
		}
		c.Jobs = append(c.Jobs, j)
		return j
	}
	for n := range 4 {
		c.Trials = append(c.Trials, queuedTrial("s", n))
	}
	add(0, 0, tourney.JobRung, tourney.JobDone, 4)
	without := add(3, 1, tourney.JobFinal, tourney.JobDone, 0)
	add(2, 1, tourney.JobFinal, tourney.JobHeld, 7)
	with := add(1, 1, tourney.JobFinal, tourney.JobDone, 9)
	must(t, s.Commit(t.Context(), c))

	jobs, err := s.FinalJobs(t.Context(), "s")
	must(t, err)
	without.New, with.New = false, false
	if want := []tourney.JobRow{with, without}; !reflect.DeepEqual(jobs, want) {
		t.Errorf("final jobs %+v, want %+v", jobs, want)
	}
	if jobs, err := s.FinalJobs(t.Context(), "other"); err != nil || len(jobs) != 0 {
		t.Errorf("final jobs of a sweep without: %v, %v", jobs, err)
	}
	if _, err := s.FinalJobs(t.Context(), "nowhere"); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("final jobs of no sweep: %v", err)
	}
	// A model is no state to go on from.
	if _, err := s.CheckpointAt(t.Context(), "s", 1, 9); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("the model of trial 1 as a checkpoint: %v", err)
	}
}

func testKey(t *testing.T, open Opener) {
	s := start(t, open)
	first := creation(t, "a", tourney.Minimize)
	first.Key, first.KeyBody = "key", "body"
	must(t, s.Commit(t.Context(), first))
	second := creation(t, "b", tourney.Minimize)
	second.Key, second.KeyBody = "key", "other"
	wantError(t, s.Commit(t.Context(), second), tourney.ErrConflict)
	_, err := s.Sweep(t.Context(), "b")
	wantError(t, err, tourney.ErrNotFound)
	id, body, err := s.SweepByKey(t.Context(), "key")
	if err != nil || id != "a" || body != "body" {
		t.Errorf("key is of %q with %q, %v", id, body, err)
	}
	_, _, err = s.SweepByKey(t.Context(), "none")
	wantError(t, err, tourney.ErrNotFound)
	wantError(t, s.Commit(t.Context(), creation(t, "a", tourney.Minimize)), tourney.ErrConflict)
	create(t, s, "c", tourney.Minimize) // two without a key do not collide
	create(t, s, "d", tourney.Minimize)
}

func testEventsGoOn(t *testing.T, open Opener) {
	s := start(t, open)
	create(t, s, "s", tourney.Minimize)
	for _, seqs := range [][]int64{{1}, {3}, {0}, {2, 4}, {2, 2}, {3, 2}} {
		c := &tourney.Change{Sweep: "s"}
		for _, seq := range seqs {
			c.Events = append(c.Events, tourney.Event{Seq: seq, Body: tourney.Acted{Action: tourney.ActionPause}})
		}
		if err := s.Commit(t.Context(), c); !errors.Is(err, tourney.ErrConflict) {
			t.Errorf("events %v after 1: %v", seqs, err)
		}
		if c.Events[0].ID != 0 || !c.Events[0].At.IsZero() {
			t.Errorf("events %v were dated, though not written", seqs)
		}
	}
	wantError(t, s.Commit(t.Context(), proposal("unknown", 0, 1)), tourney.ErrConflict)
	c := proposal("s", 0, 2)
	must(t, s.Commit(t.Context(), c))
	if c.Events[0].ID == 0 || c.Events[0].At.IsZero() {
		t.Errorf("the event has id %d and time %v", c.Events[0].ID, c.Events[0].At)
	}
	clean(t, s)
}

// testAllOrNothing puts the one row that does not fit last.
func testAllOrNothing(t *testing.T, open Opener) {
	s := start(t, open)
	create(t, s, "s", tourney.Minimize)
	must(t, s.Commit(t.Context(), proposal("s", 0, 2)))
	c := proposal("s", 1, 3)
	c.State, c.Reason = tourney.SweepPaused, "wait"
	c.Points = []tourney.TrialPoints{{Trial: 1, Points: []tourney.Point{{Step: 1, Metrics: tourney.Metrics{"m": 1}}}}}
	c.Jobs = append(c.Jobs, queuedJob("s", 0, 0)) // it is there
	wantError(t, s.Commit(t.Context(), c), tourney.ErrConflict)

	_, err := s.Trial(t.Context(), "s", 1)
	wantError(t, err, tourney.ErrNotFound)
	_, err = s.Points(t.Context(), "s", 1)
	wantError(t, err, tourney.ErrNotFound)
	got, err := s.Sweep(t.Context(), "s")
	must(t, err)
	if got.State != tourney.SweepRunning || got.Counts[tourney.TrialQueued] != 1 {
		t.Errorf("sweep is %s with %v", got.State, got.Counts)
	}
	must(t, s.Commit(t.Context(), proposal("s", 1, 3))) // seq 3 is free
	clean(t, s)
}

func testJobGuard(t *testing.T, open Opener) {
	s := start(t, open)
	create(t, s, "s", tourney.Minimize)
	must(t, s.Commit(t.Context(), proposal("s", 0, 2)))
	trial, job := queuedTrial("s", 0), queuedJob("s", 0, 0)
	must(t, s.Commit(t.Context(), claim(s, trial, job, "w1")))
	wantError(t, s.Commit(t.Context(), claim(s, trial, job, "w2")), tourney.ErrConflict) // made on attempt 0

	jobs, err := s.OpenJobs(t.Context(), "s")
	must(t, err)
	if len(jobs) != 1 || jobs[0].Worker != "w1" || jobs[0].Attempt != 1 {
		t.Fatalf("open jobs are %+v", jobs)
	}
	wrong := jobs[0]
	wrong.Was = 2
	wantError(t, s.Commit(t.Context(), &tourney.Change{Sweep: "s", Jobs: []tourney.JobRow{wrong}}), tourney.ErrConflict)
	second := queuedJob("s", 0, 1)
	wantError(t, s.Commit(t.Context(), &tourney.Change{Sweep: "s", Jobs: []tourney.JobRow{second}}), tourney.ErrConflict) // two open jobs

	// A job makes room for the next in the same change, in either order.
	done := jobs[0]
	done.State = tourney.JobDone
	second.Checkpoint = &tourney.Checkpoint{Blob: "b", Step: 3}
	must(t, s.Commit(t.Context(), &tourney.Change{Sweep: "s", Jobs: []tourney.JobRow{second, done}}))
	wantError(t, s.Commit(t.Context(), &tourney.Change{Sweep: "s", Jobs: []tourney.JobRow{done}}), tourney.ErrConflict) // closed
	unknown := queuedJob("s", 0, 5)
	unknown.New = false
	wantError(t, s.Commit(t.Context(), &tourney.Change{Sweep: "s", Jobs: []tourney.JobRow{unknown}}), tourney.ErrConflict)
	orphan := queuedJob("s", 77, 0)
	wantError(t, s.Commit(t.Context(), &tourney.Change{Sweep: "s", Jobs: []tourney.JobRow{orphan}}), tourney.ErrConflict)
}

func testAttempts(t *testing.T, open Opener) {
	s := start(t, open)
	create(t, s, "s", tourney.Minimize)
	must(t, s.Commit(t.Context(), proposal("s", 0, 2)))
	attempt := func(n int, fresh bool, outcome tourney.Outcome) *tourney.Change {
		token := tourney.Token{Epoch: s.Epoch(), Sweep: "s", Trial: 0, Attempt: n}
		return &tourney.Change{Sweep: "s", Attempts: []tourney.AttemptRow{{Token: token, Worker: "w", Outcome: outcome, New: fresh}}}
	}
	steps := []struct {
		what string
		c    *tourney.Change
		ok   bool
	}{
		{"the second before the first", attempt(2, true, ""), false},
		{"the first", attempt(1, true, ""), true},
		{"the first again", attempt(1, true, ""), false},
		{"the second while the first is open", attempt(2, true, ""), false},
		{"the end of one that is unknown", attempt(2, false, tourney.OutcomeLost), false},
		{"the end of the first", attempt(1, false, tourney.OutcomeLost), true},
		{"another end of the first", attempt(1, false, tourney.OutcomeDone), false},
		{"the third", attempt(3, true, ""), false},
		{"the second", attempt(2, true, ""), true},
	}
	for _, step := range steps {
		err := s.Commit(t.Context(), step.c)
		if step.ok && err != nil || !step.ok && !errors.Is(err, tourney.ErrConflict) {
			t.Errorf("%s: %v", step.what, err)
		}
	}
	foreign := attempt(2, false, tourney.OutcomeDone)
	foreign.Attempts[0].Token.Epoch = "0000000000000000"
	wantError(t, s.Commit(t.Context(), foreign), tourney.ErrConflict)
	token := attempt(1, false, "").Attempts[0].Token
	open2 := attempt(2, false, "").Attempts[0].Token
	got, err := s.Outcomes(t.Context(), []tourney.Token{token, open2})
	if want := (map[tourney.Token]tourney.Outcome{token: tourney.OutcomeLost}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("outcomes are %v, %v; want %v", got, err, want)
	}
}

func testEndsAreFinal(t *testing.T, open Opener) {
	s := start(t, open)
	create(t, s, "s", tourney.Minimize)
	all := tourney.TrialStates()
	for _, from := range all {
		for _, to := range all {
			trial := queuedTrial("s", 0)
			trial.Number = len(all)*indexOf(all, from) + indexOf(all, to)
			trial.State = from
			must(t, s.Commit(t.Context(), &tourney.Change{Sweep: "s", Trials: []tourney.Trial{trial}}))
			first, err := s.Trial(t.Context(), "s", trial.Number)
			must(t, err)
			if (first.Ended != nil) != from.Terminal() {
				t.Errorf("a trial that is %s ended at %v", from, first.Ended)
			}
			trial.State, trial.Metrics = to, tourney.Metrics{"test_rmse": 1}
			err = s.Commit(t.Context(), &tourney.Change{Sweep: "s", Trials: []tourney.Trial{trial}})
			if from.Terminal() && from != to {
				if !errors.Is(err, tourney.ErrConflict) {
					t.Errorf("%s became %s: %v", from, to, err)
				}
				continue
			}
			must(t, err) // also of an end that stays, which test metrics are added to
			second, err := s.Trial(t.Context(), "s", trial.Number)
			must(t, err)
			if from.Terminal() && !second.Ended.Equal(*first.Ended) || second.Metrics["test_rmse"] != 1 || !second.Created.Equal(first.Created) {
				t.Errorf("%+v became %+v", first, second)
			}
		}
	}
	for i, end := range []tourney.SweepState{tourney.SweepCompleted, tourney.SweepFailed, tourney.SweepCancelled} {
		id := fmt.Sprint("e", i)
		create(t, s, id, tourney.Minimize)
		must(t, s.Commit(t.Context(), &tourney.Change{Sweep: id, State: end}))
		wantError(t, s.Commit(t.Context(), &tourney.Change{Sweep: id, State: tourney.SweepPaused}), tourney.ErrConflict)
		err := s.Commit(t.Context(), &tourney.Change{Sweep: id, State: tourney.SweepRunning})
		if end == tourney.SweepCancelled {
			wantError(t, err, tourney.ErrConflict)
			continue
		}
		must(t, err) // it was extended or a trial retried, and has not ended any more
		sweep, err := s.Sweep(t.Context(), id)
		must(t, err)
		if sweep.Ended != nil {
			t.Errorf("it runs, and ended at %v", sweep.Ended)
		}
	}
}

func indexOf[T comparable](list []T, x T) int {
	for i, y := range list {
		if x == y {
			return i
		}
	}
	return -1
}

func testNonFinite(t *testing.T, open Opener) {
	s := start(t, open)
	create(t, s, "s", tourney.Minimize)
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		inValue, inMetrics, inParams := queuedTrial("s", 0), queuedTrial("s", 0), queuedTrial("s", 0)
		inValue.Value, inMetrics.Metrics, inParams.Params["lr"] = &v, tourney.Metrics{"m": v}, v
		end := tourney.End{Outcome: tourney.OutcomeDone, Value: &v}
		held := queuedJob("s", 0, 0)
		held.State, held.Held = tourney.JobHeld, &end
		for what, c := range map[string]*tourney.Change{
			"value":      {Trials: []tourney.Trial{inValue}},
			"metrics":    {Trials: []tourney.Trial{inMetrics}},
			"parameters": {Trials: []tourney.Trial{inParams}},
			"held end":   {Trials: []tourney.Trial{queuedTrial("s", 0)}, Jobs: []tourney.JobRow{held}},
			"event":      {Events: []tourney.Event{{Seq: 2, Body: tourney.Reported{End: end}}}},
			"point": {
				Trials: []tourney.Trial{queuedTrial("s", 0)},
				Points: []tourney.TrialPoints{{Points: []tourney.Point{{Step: 1, Metrics: tourney.Metrics{"m": v}}}}},
			},
		} {
			c.Sweep = "s"
			if err := s.Commit(t.Context(), c); err == nil {
				t.Errorf("%v was stored in %s", v, what)
			}
		}
	}
	if trials, err := s.OpenTrials(t.Context(), "s"); err != nil || len(trials) != 0 {
		t.Errorf("trials %v were stored, %v", trials, err)
	}
}

// testConcurrent has many sweeps written at once, each change followed by one
// that conflicts.
func testConcurrent(t *testing.T, open Opener) {
	s := start(t, open)
	const sweeps, each = 16, 20
	var wg sync.WaitGroup
	for i := range sweeps {
		id := fmt.Sprintf("s%02d", i)
		create(t, s, id, tourney.Minimize)
		wg.Go(func() {
			for n := range each {
				if err := s.Commit(t.Context(), proposal(id, n, int64(n)+2)); err != nil {
					t.Error(err)
				}
				bad := proposal(id, n+1, int64(n)+3)
				bad.Jobs = append(bad.Jobs, queuedJob(id, n, 0))
				if err := s.Commit(t.Context(), bad); !errors.Is(err, tourney.ErrConflict) {
					t.Errorf("a conflict gave %v", err)
				}
			}
		})
	}
	wg.Wait()
	open2, err := s.OpenSweeps(t.Context())
	must(t, err)
	for _, sw := range open2 {
		if sw.Counts[tourney.TrialQueued] != each {
			t.Errorf("sweep %s has %v", sw.ID, sw.Counts)
		}
	}
	clean(t, s)
}
