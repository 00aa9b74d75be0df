package coordinator_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/coordinator"
)

// finish trains everything that is offered until the sweep has ended.
func (d *desk) finish(id string) tourney.Sweep {
	d.t.Helper()
	for i := 0; ; i++ {
		s := d.sweep(id)
		if s.State.Terminal() {
			return s
		}
		jobs := d.queued(id)
		if len(jobs) == 0 || i > 10_000 {
			d.t.Fatalf("the sweep is %s and nothing is offered", s.State)
		}
		for _, g := range d.claim("w", "finish-"+jobs[0].String()+time.Now().String(), jobs[0]) {
			d.report("w", done(g))
		}
	}
}

// A search whose time is over starts nothing more; what trains goes on to its
// end, and the winner is refitted. Pauses do not count.
func TestWallLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(func(s *tourney.Spec) { s.Limits.Wall = 60 })
		jobs := d.queued(s.ID)
		grant := d.claim("w", "c1", jobs[0])[0]
		beat := func(seconds int) {
			for range seconds {
				time.Sleep(time.Second)
				d.Beat(t.Context(), "w", tourney.Beat{Running: []tourney.Token{grant.Token}})
			}
		}
		beat(30)
		act(t, d, s.ID, tourney.ActionPause)
		beat(100)
		act(t, d, s.ID, tourney.ActionResume)
		beat(25)
		if n := events(t, d, s.ID, "limited"); n != 0 {
			t.Fatal("the limit was reached after 55 s of 60")
		}
		beat(10)
		synctest.Wait()
		if n := events(t, d, s.ID, "limited"); n != 1 {
			t.Fatalf("the limit was noted %d times after 65 s of 60", n)
		}
		proposed := events(t, d, s.ID, "proposed")
		d.report("w", done(grant))
		last := d.finish(s.ID)
		if last.State != tourney.SweepCompleted || events(t, d, s.ID, "proposed") != proposed {
			t.Errorf("the sweep is %s with %d proposals, %d of them after the limit", last.State, proposed, events(t, d, s.ID, "proposed")-proposed)
		}
		d.close()
	})
}

// Work counts whether or not anything came of it.
func TestWorkerHoursLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(func(s *tourney.Spec) { s.Limits.WorkerHours = 1.0 / 60 })
		jobs := d.queued(s.ID)
		lost := d.claim("w", "c1", jobs[0])[0]
		time.Sleep(coordinator.DefaultLease + 5*time.Second) // nobody beats
		synctest.Wait()
		again := d.claim("w", "c2", lost.Job.JobID)[0]
		for range 70 {
			time.Sleep(time.Second)
			d.Beat(t.Context(), "w", tourney.Beat{Running: []tourney.Token{again.Token}})
		}
		synctest.Wait()
		if n := events(t, d, s.ID, "limited"); n != 1 {
			t.Errorf("after more than a minute of work the limit was noted %d times", n)
		}
		d.close()
	})
}

func TestCostNeedsAPrice(t *testing.T) {
	d := newDesk(t)
	_, err := d.CreateSweep(t.Context(), spec(func(s *tourney.Spec) { s.Limits.Cost = 1 }), "")
	if inv := tourney.AsInvalid(err); inv == nil || inv.Fields[0].Path != "limits.cost" {
		t.Errorf("%v", err)
	}
}

// A past sweep's trials are in the log of the one that they warm, before its
// first decision.
func TestWarmStart(t *testing.T) {
	d := newDesk(t)
	first := d.create(nil)
	d.finish(first.ID)
	second := d.create(func(s *tourney.Spec) { s.WarmStart, s.Seed = []string{first.ID}, 2 })
	log, err := d.db.Events(t.Context(), second.ID, 0, 3)
	if err != nil {
		t.Fatal(err)
	}
	warmed, ok := log[0].Body.(tourney.Warmed)
	if !ok || warmed.Sweep != first.ID || len(warmed.Trials) != 12 {
		t.Fatalf("the first event is %+v", log[0].Body)
	}
	for _, p := range warmed.Trials {
		if p.Value == nil || p.Params["x"] == nil {
			t.Errorf("a past trial is %+v", p)
		}
	}
	d.finish(second.ID)
	for name, edit := range map[string]func(*tourney.Spec){
		`there is no sweep "nobody"`: func(s *tourney.Spec) { s.WarmStart = []string{"nobody"} },
		"no parameter in common": func(s *tourney.Spec) {
			s.WarmStart, s.Parameters[0].Name = []string{first.ID}, "z"
		},
	} {
		if _, err := d.CreateSweep(t.Context(), spec(edit), ""); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %s", err, name)
		}
	}
}

func act(t *testing.T, d *desk, id string, action tourney.Action) {
	t.Helper()
	if _, err := d.Act(t.Context(), id, action); err != nil {
		t.Fatal(err)
	}
}

// events counts the events of a kind.
func events(t *testing.T, d *desk, id, kind string) int {
	t.Helper()
	n := 0
	for e, err := range coordinator.Walk(t.Context(), d.db, id) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Body.Kind() == kind {
			n++
		}
	}
	return n
}

// The whole board is looked at, not its first page alone.
func TestImportanceOfASweep(t *testing.T) {
	d := newDesk(t)
	s := d.create(nil)
	d.finish(s.ID)
	got, err := d.Importance(t.Context(), s.ID, tourney.ImportanceRequest{})
	if err != nil || got.Trials != 12 || len(got.Params) != 1 || got.Params[0].Name != "x" || got.Params[0].Value != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	front, err := d.Pareto(t.Context(), s.ID)
	if err != nil || len(front.Trials) != 1 || front.Trials[0].Number != d.sweep(s.ID).Best.Number {
		t.Errorf("%+v, %v", front, err)
	}
	if _, err := d.Importance(t.Context(), "nobody", tourney.ImportanceRequest{}); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("%v", err)
	}
}
