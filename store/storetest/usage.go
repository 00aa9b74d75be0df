package storetest

import (
	"testing"
	"time"

	"tourney"
)

// testUsage runs a trial in a sweep that is paused in between. The store sets
// the times, so that what is known of them is their order.
func testUsage(t *testing.T, open Opener) {
	s := start(t, open)
	create(t, s, "s", tourney.Minimize)
	turn := func(seq int64, state tourney.SweepState) time.Time {
		c := &tourney.Change{Sweep: "s", State: state, Events: []tourney.Event{{Sweep: "s", Seq: seq, Body: tourney.Turned{State: state}}}}
		must(t, s.Commit(t.Context(), c))
		return c.Events[0].At
	}
	usage := func(now time.Time) tourney.Usage {
		u, err := s.Usage(t.Context(), "s", now)
		must(t, err)
		return u
	}
	if u := usage(time.Now()); u != (tourney.Usage{}) {
		t.Errorf("a sweep that never ran has used %+v", u)
	}
	began := turn(2, tourney.SweepRunning)
	proposed := proposal("s", 0, 3)
	must(t, s.Commit(t.Context(), proposed))
	trial, job := proposed.Trials[0], proposed.Jobs[0]
	claimed := claim(s, trial, job, "w")
	must(t, s.Commit(t.Context(), claimed))
	// What runs counts up to the moment that is asked about: the plan's jobs take
	// a 32nd of a core, and so an hour of one is 112.5 seconds of a core.
	hour := began.Add(time.Hour)
	if u := usage(hour); u.Wall != 3600 || u.Slots <= 112 || u.Slots > 112.5 {
		t.Errorf("after an hour it has used %+v", u)
	}
	paused := turn(4, tourney.SweepPaused)
	ran := paused.Sub(began).Seconds()
	if u := usage(hour); u.Wall != ran {
		t.Errorf("paused after %v s it has used %v s", ran, u.Wall)
	}
	resumed := turn(5, tourney.SweepRunning)
	if u, want := usage(resumed.Add(time.Minute)), ran+60; u.Wall < want-1e-6 || u.Wall > want+1e-6 {
		t.Errorf("a minute after the pause it has used %v s, want %v s", u.Wall, want)
	}
	// It ran for an hour at 64 an hour of a core, and so cost 64/32.
	ended := &tourney.Change{Sweep: "s", Improvements: 4, Attempts: []tourney.AttemptRow{{
		Token: claimed.Attempts[0].Token, Worker: "w", Outcome: tourney.OutcomePreempted, Started: time.Now().Add(-time.Hour), Price: 64,
	}}}
	must(t, s.Commit(t.Context(), ended))
	first := usage(hour)
	if first.Slots < 112.5 || first.Slots > 113 || first.Cost < 2 || first.Cost > 2.01 {
		t.Errorf("after an attempt of an hour it has used %+v", first)
	}
	if u := usage(hour.Add(time.Hour)); u.Slots != first.Slots || u.Cost != first.Cost {
		t.Errorf("an attempt that has ended goes on: %+v", u)
	}
	sw, err := s.Sweep(t.Context(), "s")
	must(t, err)
	if sw.Spent == nil || sw.Spent.Improvements != 4 || *sw.Spent.PerImprovement != first.Cost/4 || sw.Spent.WorkerHours != first.Slots/3600 {
		t.Errorf("the sweep tells %+v, after %+v", sw.Spent, first)
	}
}
