package searchtest

import (
	"encoding/json"
	"iter"
	"reflect"
	"testing"

	"tourney"
	"tourney/search"
)

// Claims checks what every method and scheduler must keep, on one spec: a
// sweep ends; no point is proposed twice,
// but to go on from another's state; the same seed gives the same
// proposals; under order fixed the log is the same whatever the workers do;
// a log replays, also after it was stored; and a fold rebuilt from any prefix
// of a log goes on as the one that wrote it.
func Claims(t *testing.T, spec tourney.Spec, plan tourney.Plan) {
	t.Helper()
	fleet := Fleet{Spec: spec, Plan: plan, Workers: 3, Seed: 1, Lose: 0.1, Pause: 0.05, Train: Curves(4), Duration: LogNormal(0.7)}
	log, err := fleet.Run()
	if err != nil {
		t.Fatalf("the sweep does not end: %v", err)
	}
	noRepeat(t, log)
	if n, err := search.Replay(spec, plan, All(log)); err != nil || n == 0 {
		t.Errorf("Replay = %d, %v; want all decisions equal", n, err)
	}
	if _, err := search.Replay(spec, plan, All(Stored(t, log))); err != nil {
		t.Errorf("Replay of the stored log: %v", err)
	}
	again, err := fleet.Run()
	if err != nil || !reflect.DeepEqual(again, log) {
		t.Errorf("a second run with the same seeds differs (error %v)", err)
	}
	Rebuilds(t, spec, plan, log)
	if spec.Order == tourney.OrderFixed {
		Unmoved(t, fleet)
	}
}

// Unmoved checks that a sweep under order fixed has the same log on any number
// of workers, however long their jobs take and however many are lost.
func Unmoved(t *testing.T, fleet Fleet) {
	t.Helper()
	fleet.Pause = 0 // a user's action is an input like any other, at a time of its own
	var first []tourney.EventBody
	for _, workers := range []int{1, 4, 50} {
		for seed := range uint64(3) {
			fleet.Workers, fleet.Seed, fleet.Lose = workers, seed, 0.1*float64(seed)
			log, err := fleet.Run()
			if err != nil {
				t.Fatalf("%d workers, seed %d: %v", workers, seed, err)
			}
			var bodies []tourney.EventBody
			for _, e := range log {
				if _, lost := e.Body.(tourney.Lost); !lost {
					bodies = append(bodies, e.Body)
				}
			}
			if first == nil {
				first = bodies
			} else if !reflect.DeepEqual(bodies, first) {
				t.Fatalf("the log of %d workers, seed %d, differs from that of 1 worker", workers, seed)
			}
		}
	}
}

// Rebuilds checks that a fold rebuilt by Apply from each prefix of a log goes
// on with the rest of the log, decision by decision.
func Rebuilds(t *testing.T, spec tourney.Spec, plan tourney.Plan, log []tourney.Event) {
	t.Helper()
	for cut := range len(log) + 1 {
		s, err := search.New(spec, plan)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range log[:cut] {
			if err := s.Apply(e.Body); err != nil {
				t.Fatalf("event %d of its own log: %v", e.Seq, err)
			}
		}
		if rest := goOn(t, s, log[cut:]); rest != "" {
			t.Fatalf("rebuilt from the first %d events of %d, %s", cut, len(log), rest)
		}
	}
}

// goOn feeds the inputs of the rest of a log and says where the decisions
// differ.
func goOn(t *testing.T, s *search.Search, rest []tourney.Event) string {
	t.Helper()
	made := s.Decide()
	for _, e := range rest {
		switch {
		case !e.Body.Decision():
			if len(made) > 0 {
				return "it decides more than the log has: " + text(t, made[0])
			}
			if err := s.Apply(e.Body); err != nil {
				return "it refuses " + text(t, e.Body) + ": " + err.Error()
			}
			made = s.Decide()
		case len(made) == 0:
			return "it does not decide " + text(t, e.Body)
		case text(t, made[0]) != text(t, e.Body):
			return "it decides " + text(t, made[0]) + ", not " + text(t, e.Body)
		default:
			made = made[1:]
		}
	}
	if len(made) > 0 {
		return "it decides more than the log has: " + text(t, made[0])
	}
	return ""
}

func noRepeat(t *testing.T, log []tourney.Event) {
	t.Helper()
	first := map[string]int{}
	for _, e := range log {
		p, ok := e.Body.(tourney.Proposed)
		if !ok || p.Parent != nil { // a state that is trained further is no repeat
			continue
		}
		if n, dup := first[p.Params.Key()]; dup {
			t.Errorf("trial %d repeats the point %s of trial %d", p.Trial, p.Params.Key(), n)
		}
		first[p.Params.Key()] = p.Trial
	}
}

// All iterates over a log as a store does.
func All(log []tourney.Event) iter.Seq2[tourney.Event, error] {
	return func(yield func(tourney.Event, error) bool) {
		for _, e := range log {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// Stored returns a log as it comes back from a store.
func Stored(t testing.TB, log []tourney.Event) []tourney.Event {
	t.Helper()
	out := make([]tourney.Event, len(log))
	for i, e := range log {
		data, err := json.Marshal(e.Body)
		if err != nil {
			t.Fatal(err)
		}
		body, err := tourney.DecodeEvent(e.Body.Kind(), data)
		if err != nil {
			t.Fatal(err)
		}
		e.Body = body
		out[i] = e
	}
	return out
}

func text(t testing.TB, body tourney.EventBody) string {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return body.Kind() + " " + string(data)
}
