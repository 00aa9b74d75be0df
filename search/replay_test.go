package search_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"tourney"
	"tourney/search"
	"tourney/search/searchtest"
)

// simulate returns a spec and a log of it with promotions, losses, failures
// and pauses, as a store gives it back.
func simulate(t testing.TB, seed uint64) (tourney.Spec, []tourney.Event) {
	t.Helper()
	spec := parse(t, "metric: {name: rmse}\nparallelism: 4\nmethod: random\nrun_cap: 30\nseed: 3\nearly_terminate: {type: asha, max_iter: 9}\n"+mixed)
	spec.Seed = seed
	if seed%2 == 1 {
		spec.Order = tourney.OrderArrival
	}
	log, err := searchtest.Fleet{
		Spec: spec, Plan: plan, Workers: 3, Seed: seed, Lose: 0.1, Pause: 0.05,
		Train: searchtest.Curves(4), Duration: searchtest.LogNormal(0.7),
	}.Run()
	if err != nil {
		t.Fatal(err)
	}
	return spec, searchtest.Stored(t, log)
}

func renumber(log []tourney.Event) []tourney.Event {
	for i := range log {
		log[i].Seq = int64(i) + 1
	}
	return log
}

func TestReplayAgreesWithAnHonestLog(t *testing.T) {
	for seed := range uint64(20) {
		spec, log := simulate(t, seed)
		decisions := 0
		for _, e := range log {
			if e.Body.Decision() {
				decisions++
			}
		}
		if n, err := search.Replay(spec, plan, searchtest.All(log)); err != nil || n != decisions {
			t.Errorf("seed %d: Replay = %d, %v, want all %d decisions", seed, n, err, decisions)
		}
	}
}

func TestReplayFindsWhereALogWasChanged(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 1))
		spec, log := simulate(t, seed)
		var at []int // of the decisions
		for i, e := range log {
			if e.Body.Decision() {
				at = append(at, i)
			}
		}
		i := at[rng.IntN(len(at))]
		seq := log[i].Seq
		check := func(what string, log []tourney.Event, from, to int64) *search.DivergedError {
			t.Helper()
			_, err := search.Replay(spec, plan, searchtest.All(renumber(slices.Clone(log))))
			var diverged *search.DivergedError
			if !errors.As(err, &diverged) || diverged.Seq < from || diverged.Seq > to {
				t.Fatalf("seed %d, %s at event %d: %v, want a DivergedError at event %d to %d", seed, what, seq, err, from, to)
			}
			return diverged
		}

		// A repeated decision may equal nothing that follows: the copy is found.
		d := check("a decision twice", slices.Insert(slices.Clone(log), i, log[i]), seq+1, seq+1)
		if d.Want == nil {
			t.Errorf("seed %d: the extra decision is not named: %v", seed, d)
		}
		d = check("a decision left out", slices.Delete(slices.Clone(log), i, i+1), seq, seq)
		if d.Got == nil {
			t.Errorf("seed %d: the missing decision is not named: %v", seed, d)
		}
		for i, e := range log {
			if p, ok := e.Body.(tourney.Proposed); ok && rng.IntN(10) == 0 {
				changed := slices.Clone(log)
				params := maps.Clone(p.Params)
				params["depth"] = params["depth"].(int64)%8 + 1
				changed[i].Body = tourney.Proposed{Trial: p.Trial, Params: params}
				check("changed parameters", changed, e.Seq, e.Seq)
				break
			}
		}
		for i, e := range log {
			// Another value may lead to the same decisions; another seed cannot.
			if _, ok := e.Body.(tourney.Proposed); ok {
				honest := spec.Seed
				spec.Seed += 1000
				check("another seed", log, log[i].Seq, log[i].Seq)
				spec.Seed = honest
				break
			}
		}
		if d = check("its end cut off", log[:len(log)-1], log[len(log)-1].Seq, log[len(log)-1].Seq); d.Want != nil || d.Got == nil {
			t.Errorf("seed %d: %v, want the last decision to be missing", seed, d)
		}
	}
}

func TestDivergedErrorNamesBothSides(t *testing.T) {
	for _, c := range []struct {
		err  search.DivergedError
		want string
	}{
		{
			search.DivergedError{Seq: 7, Want: tourney.Ended{Trial: 2, State: tourney.TrialPruned}, Got: tourney.Turned{State: tourney.SweepFinishing}},
			`replay parts from the log at event 7: the log has ended {"trial":2,"state":"pruned"}, the search decides turned {"state":"finishing"}`,
		},
		{
			search.DivergedError{Seq: 8, Got: tourney.Proposed{Trial: 3, Params: tourney.Params{"x": 0.5}}},
			`replay parts from the log at event 8: the log has nothing, the search decides proposed {"trial":3,"params":{"x":0.5}}`,
		},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestReplayPassesErrorsOn(t *testing.T) {
	spec, log := simulate(t, 0)
	broken := errors.New("disk on fire")
	_, err := search.Replay(spec, plan, func(yield func(tourney.Event, error) bool) {
		_ = yield(log[0], nil) && yield(log[1], nil) && yield(tourney.Event{}, broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	twice := slices.Clone(log)
	for i, e := range log {
		if _, ok := e.Body.(tourney.Reported); ok {
			for !log[i+1].Body.Decision() {
				i++
			}
			for i+1 < len(log) && log[i+1].Body.Decision() {
				i++
			}
			twice = renumber(slices.Insert(twice, i+1, e))
			break
		}
	}
	if _, err := search.Replay(spec, plan, searchtest.All(twice)); !errors.Is(err, tourney.ErrInvalid) {
		t.Errorf("a report that comes twice: error %v, want ErrInvalid", err)
	}
	empty := []tourney.Event{{Seq: 1}}
	if _, err := search.Replay(spec, plan, searchtest.All(empty)); !errors.Is(err, tourney.ErrInvalid) {
		t.Errorf("an empty event: error %v, want ErrInvalid", err)
	}
}

// TestRandomHistories takes the claims over many sweeps of random shape.
func TestRandomHistories(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 2))
		spec := parse(t, "metric: {name: rmse}\nparallelism: 1\nmethod: random\nrun_cap: 1\n"+mixed)
		spec.Seed = seed
		spec.RunCap = 1 + rng.IntN(12)
		spec.Parallelism = 1 + rng.IntN(6)
		if rng.IntN(2) == 0 {
			spec.Metric = tourney.Metric{Name: "accuracy", Goal: tourney.Maximize}
		}
		if rng.IntN(3) > 0 {
			spec.EarlyTerminate = &tourney.EarlyTerminate{Type: "asha", MinIter: 1 + rng.IntN(3), MaxIter: 3 + rng.IntN(10), Eta: 2 + rng.IntN(2)}
		}
		if rng.IntN(2) == 0 {
			spec.Order = tourney.OrderArrival
		}
		fleet := searchtest.Fleet{
			Spec: spec, Plan: plan, Workers: 1 + rng.IntN(5), Seed: seed, Lose: 0.3 * rng.Float64(), Pause: 0.3 * rng.Float64(),
			Train: searchtest.Curves(rng.IntN(30)), Duration: searchtest.LogNormal(1),
		}
		log, err := fleet.Run()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if _, err := search.Replay(spec, plan, searchtest.All(log)); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		searchtest.Rebuilds(t, spec, plan, searchtest.Stored(t, log))
		if spec.Order == tourney.OrderFixed {
			searchtest.Unmoved(t, fleet)
		}
	}
}

// TestCancelAnywhere cancels after each event of a sweep: every trial has one
// end then, and nothing is outstanding.
func TestCancelAnywhere(t *testing.T) {
	spec, log := simulate(t, 4)
	for cut := range len(log) {
		s, err := search.New(spec, plan)
		if err != nil {
			t.Fatal(err)
		}
		ends := map[int]int{}
		trials := 0
		count := func(body tourney.EventBody) {
			switch e := body.(type) {
			case tourney.Proposed:
				trials++
			case tourney.Ended:
				ends[e.Trial]++
			}
		}
		for _, e := range log[:cut+1] {
			if err := s.Apply(e.Body); err != nil {
				t.Fatal(err)
			}
			count(e.Body)
		}
		ended := s.State().Terminal()
		if err := s.Apply(tourney.Acted{Action: tourney.ActionCancel}); ended != errors.Is(err, tourney.ErrConflict) {
			t.Fatalf("cancel after event %d: %v", cut+1, err)
		}
		for _, d := range s.Decide() {
			count(d)
		}
		for trial := range trials {
			if ends[trial] != 1 {
				t.Fatalf("cancelled after event %d, trial %d has %d ends", cut+1, trial, ends[trial])
			}
		}
		if _, _, ok := s.Due(); ok || !s.State().Terminal() {
			t.Fatalf("cancelled after event %d, the sweep is %s and a job is due: %v", cut+1, s.State(), ok)
		}
	}
}
