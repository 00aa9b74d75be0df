package coordinator_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/coordinator"
)

func external(s *tourney.Spec) {
	s.Trainer, s.Dataset = tourney.TrainerExternal, ""
	s.Metric = tourney.Metric{Name: "score", Goal: tourney.Maximize}
	s.Order = ""
}

func (d *desk) ask(id string, req tourney.AskRequest, key string) []tourney.AskedTrial {
	d.t.Helper()
	reply, err := d.Ask(d.t.Context(), id, req, key)
	if err != nil {
		d.t.Fatal(err)
	}
	return reply.Trials
}

func (d *desk) tell(id string, tells ...tourney.Tell) []tourney.Told {
	d.t.Helper()
	told, err := d.Tell(d.t.Context(), id, tells)
	if err != nil {
		d.t.Fatal(err)
	}
	return told
}

// verified wants the data directory whole: its rows, its log, and its replay.
func (d *desk) verified() {
	d.t.Helper()
	v, err := coordinator.Verify(d.t.Context(), d.db, blobless{})
	if err != nil || len(v.Problems) > 0 {
		d.t.Fatalf("verify: %v, %v", v.Problems, err)
	}
}

type blobless struct{}

func (blobless) Verify(context.Context, string) error { return nil }

func value1(x float64) *float64 { return &x }

// A sweep whose trials are trained outside proposes when it is asked, not
// before, and ends with the last trial that it may have.
func TestAskAndTell(t *testing.T) {
	d := newDesk(t)
	s := d.create(func(s *tourney.Spec) { external(s); s.RunCap = 3 })
	if n := len(d.queued(s.ID)); n != 0 {
		t.Fatalf("%d jobs before anybody asked", n)
	}
	best := -1.0
	for i := range 3 {
		got := d.ask(s.ID, tourney.AskRequest{Count: 1, Worker: "me"}, "")
		if len(got) != 1 || got[0].Trial != i || got[0].Budget != 5 || got[0].From != 0 {
			t.Fatalf("ask %d got %+v", i, got)
		}
		x, _ := got[0].Params.Float("x", -1)
		best = max(best, x)
		told := d.tell(s.ID, tourney.Tell{Token: got[0].Token, Value: &x})
		if told[0] != (tourney.Told{Trial: i, State: tourney.TrialCompleted, Stop: true}) {
			t.Errorf("told %+v", told[0])
		}
	}
	end := d.sweep(s.ID)
	if end.State != tourney.SweepCompleted || end.Best == nil || *end.Best.Value != best {
		t.Errorf("the sweep is %s, its best %+v", end.State, end.Best)
	}
	reply, err := d.Ask(t.Context(), s.ID, tourney.AskRequest{}, "")
	if err != nil || len(reply.Trials) != 0 || reply.State != tourney.SweepCompleted {
		t.Errorf("asked after the end: %+v, %v", reply, err)
	}
	if jobs := d.bus.take(); len(jobs) > 0 {
		t.Errorf("offered to workers: %v", jobs)
	}
	d.verified()
}

// Nothing that workers do reaches such a sweep, and nobody asks in others.
func TestAskersAndWorkersAreApart(t *testing.T) {
	d := newDesk(t)
	s := d.create(external)
	got := d.ask(s.ID, tourney.AskRequest{Count: 2, Lease: 60}, "")
	token, err := tourney.ParseToken(got[0].Token)
	if err != nil {
		t.Fatal(err)
	}
	id := tourney.JobID{Sweep: s.ID, Trial: 0}
	if g := d.claim("w", "c", id); len(g) != 0 {
		t.Errorf("a worker was granted %+v", g)
	}
	v := 0.5
	d.report("w", tourney.Entry{Token: token, End: &tourney.End{Outcome: tourney.OutcomeDone, Value: &v, Step: 5, BestStep: 5}})
	if state := d.trial(s.ID, 0).State; state != tourney.TrialRunning {
		t.Errorf("a worker's report made the trial %s", state)
	}
	other := d.create(nil)
	if _, err := d.Ask(t.Context(), other.ID, tourney.AskRequest{}, ""); !errors.Is(err, tourney.ErrConflict) {
		t.Errorf("ask in a sweep of workers: %v", err)
	}
	if _, err := d.Tell(t.Context(), s.ID, []tourney.Tell{{Token: "x/" + other.ID + "/0/1"}}); !errors.Is(err, tourney.ErrInvalid) {
		t.Errorf("another sweep's token: %v", err)
	}
	if _, err := d.Ask(t.Context(), "snone", tourney.AskRequest{}, ""); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("no such sweep: %v", err)
	}
}

// The same told twice is answered the same, before and after a restart and the
// sweep's end; something else told with the same token is a conflict.
func TestTellIsExactlyOnce(t *testing.T) {
	dir := t.TempDir()
	d := openDesk(t, dir)
	s := d.create(func(s *tourney.Spec) { external(s); s.RunCap = 2 })
	got := d.ask(s.ID, tourney.AskRequest{Count: 2}, "")
	first := tourney.Tell{Token: got[0].Token, Value: value1(0.25)}
	want := d.tell(s.ID, first)
	check := func(when string) {
		t.Helper()
		if again := d.tell(s.ID, first); !slices.Equal(again, want) {
			t.Errorf("%s: the same again is answered %+v, was %+v", when, again, want)
		}
		other := first
		other.Value = value1(0.75)
		if _, err := d.Tell(t.Context(), s.ID, []tourney.Tell{other}); !errors.Is(err, tourney.ErrConflict) {
			t.Errorf("%s: something else is %v", when, err)
		}
		if v := d.trial(s.ID, 0).Value; v == nil || *v != 0.25 {
			t.Errorf("%s: the trial's value is %v", when, v)
		}
	}
	check("at once")
	d.close()
	d = openDesk(t, dir)
	check("after a restart")
	d.tell(s.ID, tourney.Tell{Token: got[1].Token, Value: value1(0.5)}, first)
	if state := d.sweep(s.ID).State; state != tourney.SweepCompleted {
		t.Fatalf("the sweep is %s", state)
	}
	check("after the end")
	d.verified()
}

// Of tells that go together none is taken if one of them cannot be.
func TestTellsAreAllOrNothing(t *testing.T) {
	d := newDesk(t)
	s := d.create(external)
	got := d.ask(s.ID, tourney.AskRequest{Count: 2}, "")
	good := tourney.Tell{Token: got[0].Token, Value: value1(1)}
	for name, bad := range map[string]tourney.Tell{
		"no value":             {Token: got[1].Token, Outcome: tourney.OutcomeDone},
		"two values":           {Token: got[1].Token, Value: value1(1), Metrics: tourney.Metrics{"score": 2}},
		"a value of a failure": {Token: got[1].Token, Value: value1(1), Outcome: tourney.OutcomeFailed},
		"no such attempt":      {Token: fmt.Sprintf("%s9", got[1].Token), Value: value1(1)},
	} {
		if _, err := d.Tell(t.Context(), s.ID, []tourney.Tell{good, bad}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if state := d.trial(s.ID, 0).State; state != tourney.TrialRunning {
		t.Errorf("the first trial is %s", state)
	}
}

// A trial that is not heard of for its lease is given to the next who asks; a
// tell of its first holder is stale. Signs of life keep it.
func TestLostAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(external)
		got := d.ask(s.ID, tourney.AskRequest{Count: 2, Lease: 100}, "")
		for range 4 {
			time.Sleep(50 * time.Second)
			told := d.tell(s.ID, tourney.Tell{Token: got[0].Token, Points: []tourney.Point{{Step: 1, Metrics: tourney.Metrics{"score": 0.1}}}})
			if told[0].Stop {
				t.Fatal("told to stop")
			}
		}
		synctest.Wait()
		if _, err := d.Tell(t.Context(), s.ID, []tourney.Tell{{Token: got[1].Token, Value: value1(1)}}); !errors.Is(err, tourney.ErrStale) {
			t.Errorf("told too late: %v", err)
		}
		next := d.ask(s.ID, tourney.AskRequest{Count: 1}, "")
		if len(next) != 1 || next[0].Trial != got[1].Trial || next[0].Token == got[1].Token {
			t.Fatalf("the next gets %+v", next)
		}
		d.tell(s.ID, tourney.Tell{Token: next[0].Token, Value: value1(2)})
		if _, err := d.Act(t.Context(), s.ID, tourney.ActionCancel); err != nil {
			t.Fatal(err)
		}
		if told := d.tell(s.ID, tourney.Tell{Token: got[0].Token}); !told[0].Stop {
			t.Errorf("after the cancellation: %+v", told)
		}
		d.verified()
		d.close()
	})
}

// The same call again gets the trials that it got before.
func TestAskAgain(t *testing.T) {
	d := newDesk(t)
	s := d.create(external)
	a := d.ask(s.ID, tourney.AskRequest{Count: 2}, "key")
	b := d.ask(s.ID, tourney.AskRequest{Count: 2}, "key")
	if len(b) != 2 || a[0].Token != b[0].Token || a[1].Token != b[1].Token {
		t.Errorf("got %+v, then %+v", a, b)
	}
	if _, err := d.Ask(t.Context(), s.ID, tourney.AskRequest{Count: 3}, "key"); !errors.Is(err, tourney.ErrConflict) {
		t.Errorf("the key with another request: %v", err)
	}
}

// Rungs: a trial comes back when it is promoted, with the steps that it has.
func TestAskInRungs(t *testing.T) {
	d := newDesk(t)
	s := d.create(func(s *tourney.Spec) { external(s); asha(s); s.RunCap = 9 })
	top := map[int]int{}
	for range 100 {
		got := d.ask(s.ID, tourney.AskRequest{}, "")
		if len(got) == 0 {
			break
		}
		if want := map[int][2]int{0: {0, 1}, 1: {1, 3}, 2: {3, 9}}[got[0].Rung]; got[0].From != want[0] || got[0].Budget != want[1] {
			t.Errorf("rung %d goes from %d to %d", got[0].Rung, got[0].From, got[0].Budget)
		}
		top[got[0].Trial] = got[0].Rung
		x, _ := got[0].Params.Float("x", 0)
		d.tell(s.ID, tourney.Tell{Token: got[0].Token, Value: &x})
	}
	rungs := map[int]int{}
	for _, r := range top {
		rungs[r]++
	}
	// 9 trials, a third of which goes on: 6 stay at the first rung or more.
	if end := d.sweep(s.ID); end.State != tourney.SweepCompleted || len(top) != 9 || rungs[2] < 1 {
		t.Errorf("the sweep is %s; trials by their highest rung: %v", end.State, rungs)
	}
	d.verified()
}

// A space that runs out ends the sweep, although nobody asks again.
func TestAskUntilNothingIsLeft(t *testing.T) {
	for _, order := range []string{"alone", "together"} {
		d := newDesk(t)
		s := d.create(func(s *tourney.Spec) {
			external(s)
			s.RunCap = 0
			s.Parameters = tourney.Space{{Name: "x", Distribution: tourney.Categorical, Values: []any{1, 2, 3, 4}}}
			s.Constraints = []string{"x != 2"}
		})
		n := 0
		for {
			got := d.ask(s.ID, tourney.AskRequest{Count: map[string]int{"alone": 1, "together": 7}[order]}, "")
			if len(got) == 0 {
				break
			}
			for _, a := range got {
				n++
				d.tell(s.ID, tourney.Tell{Token: a.Token, Value: value1(1)})
			}
		}
		if state := d.sweep(s.ID).State; state != tourney.SweepCompleted || n != 3 {
			t.Errorf("%s: after %d trials the sweep is %s", order, n, state)
		}
		d.verified()
	}
}

// Histories of askers that tell twice, late, wrong or never, with restarts in
// between, end in a board on which each trial has what was told first of it.
func TestAskHistories(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { askHistory(t, rand.New(rand.NewPCG(seed, 8))) })
		})
	}
}

func askHistory(t *testing.T, rng *rand.Rand) {
	dir := t.TempDir()
	d := openDesk(t, dir)
	s := d.create(func(s *tourney.Spec) {
		external(s)
		s.RunCap = 10
		if rng.IntN(2) == 0 {
			asha(s)
		}
	})
	type heldTrial struct {
		tourney.AskedTrial
		told *tourney.Tell
		was  tourney.Told
	}
	var held []*heldTrial
	score := func(a tourney.AskedTrial) *float64 { x, _ := a.Params.Float("x", 0); x += float64(a.Budget); return &x }
	wants := map[int]float64{} // by trial, of its highest rung
	rung := map[int]int{}
	failed := map[int]bool{}
	for step := 0; d.sweep(s.ID).State == tourney.SweepRunning; step++ {
		if step > 3000 {
			t.Fatal("it comes to no end")
		}
		switch k := rng.IntN(10); {
		case k < 3 || len(held) == 0:
			for _, a := range d.ask(s.ID, tourney.AskRequest{Count: 1 + rng.IntN(4), Lease: 60}, "") {
				held = append(held, &heldTrial{AskedTrial: a})
			}
		case k < 8:
			h := held[rng.IntN(len(held))]
			tell := tourney.Tell{Token: h.Token, Value: score(h.AskedTrial)}
			switch rng.IntN(8) {
			case 0:
				tell = tourney.Tell{Token: h.Token, Outcome: tourney.OutcomeFailed, Reason: tourney.ReasonSpecInvalid}
			case 1:
				tell = tourney.Tell{Token: h.Token, Points: []tourney.Point{{Step: h.Budget, Metrics: tourney.Metrics{"score": 1}}}}
			}
			told, err := d.Tell(t.Context(), s.ID, []tourney.Tell{tell})
			switch {
			case !tell.Ends():
				if err != nil && !errors.Is(err, tourney.ErrStale) && h.told == nil {
					t.Fatalf("a sign of life: %v", err)
				}
			case h.told == nil && err == nil:
				h.told, h.was = &tell, told[0]
				if tell.Value != nil {
					wants[h.Trial], rung[h.Trial] = *tell.Value, h.Rung
				} else {
					failed[h.Trial] = true
				}
			case h.told == nil && !errors.Is(err, tourney.ErrStale):
				t.Fatalf("the first tell: %v", err)
			case h.told != nil && (h.told.Value == nil) == (tell.Value == nil):
				if err != nil || told[0] != h.was {
					t.Fatalf("the same again: %+v, %v; was %+v", told, err, h.was)
				}
			case h.told != nil && !errors.Is(err, tourney.ErrConflict):
				t.Fatalf("something else again: %v", err)
			}
		case k < 9:
			time.Sleep(time.Duration(rng.IntN(70)) * time.Second)
			synctest.Wait()
		default:
			d.close()
			d = openDesk(t, dir)
		}
	}
	trials, _, err := d.db.Trials(t.Context(), s.ID, tourney.Page{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, trial := range trials {
		switch want, ok := wants[trial.Number]; {
		case failed[trial.Number]:
			if trial.State != tourney.TrialFailed {
				t.Errorf("trial %d is %s, and it was told that it failed", trial.Number, trial.State)
			}
		case trial.Reason == tourney.ReasonPoison: // lost ten times in a row
			failed[trial.Number] = true
		case !ok || trial.Value == nil || *trial.Value != want || trial.Rung != rung[trial.Number]:
			t.Errorf("trial %d has %v at rung %d, and %v was told at %d", trial.Number, trial.Value, trial.Rung, want, rung[trial.Number])
		}
	}
	if n := len(wants); n == 0 || len(slices.Collect(maps.Keys(failed)))+n < 10 {
		t.Errorf("told of %d trials, %d failed", n, len(failed))
	}
	d.verified()
	d.close()
}

// Many who ask and tell at the same time share commits, and nobody gets what
// another has.
func TestManyAskers(t *testing.T) {
	d := newDesk(t)
	s := d.create(func(s *tourney.Spec) { external(s); s.RunCap = 200; s.Parallelism = 50 })
	var mu sync.Mutex
	seen := map[int]int{}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for {
				reply, err := d.Ask(context.Background(), s.ID, tourney.AskRequest{Count: 2}, "")
				if err != nil {
					t.Error(err)
					return
				}
				if reply.State.Terminal() || len(reply.Trials) == 0 {
					return
				}
				for _, a := range reply.Trials {
					mu.Lock()
					seen[a.Trial]++
					mu.Unlock()
					x, _ := a.Params.Float("x", 0)
					if _, err := d.Tell(context.Background(), s.ID, []tourney.Tell{{Token: a.Token, Value: &x}}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	for n, times := range seen {
		if times != 1 {
			t.Errorf("trial %d was given %d times", n, times)
		}
	}
	if state := d.sweep(s.ID).State; state != tourney.SweepCompleted || len(seen) != 200 {
		t.Errorf("after %d trials the sweep is %s", len(seen), state)
	}
	d.verified()
}
