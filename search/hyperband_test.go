package search_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"tourney"
	"tourney/search"
)

// TestHyperbandStopsWhatWandBStops holds the rule against what W&B's own code
// said (testdata/hyperband/make.py).
func TestHyperbandStopsWhatWandBStops(t *testing.T) {
	data, err := os.ReadFile("testdata/hyperband/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Early  tourney.EarlyTerminate `json:"early_terminate"`
		Goal   tourney.Goal
		Steps  int
		Values [][]float64
		Calls  [][3]any
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	calls, stops := 0, 0
	for n, c := range cases {
		spec, plan := tourney.Spec{EarlyTerminate: &c.Early}, tourney.Plan{Budget: c.Steps}
		made, err := search.NewScheduler(spec, plan)
		if err != nil {
			t.Fatal(err)
		}
		s := made.(stopper)
		ladder := search.Ladder(spec, plan)
		metric := tourney.Metric{Name: "m", Goal: c.Goal}
		rung := map[int]int{}
		for i, call := range c.Calls {
			run, steps, want := int(call[0].(float64)), int(call[1].(float64)), call[2].(bool)
			at := rung[run]
			rung[run]++
			if ladder[at] != steps {
				t.Fatalf("case %d: band %d of %v, where W&B has one at %d", n, at, ladder, steps)
			}
			best := math.Inf(1)
			for _, v := range c.Values[run][:steps] {
				best = min(best, metric.Loss(v))
			}
			s.Finish(search.Finished{
				Result: search.Result{Trial: run, Rung: at, Budget: steps, Loss: best},
				Last:   metric.Loss(c.Values[run][steps-1]),
			})
			_, stopped := s.Stop()
			if stopped != want {
				t.Fatalf("case %d, call %d: run %d at %d steps is stopped: %v, want %v", n, i, run, steps, stopped, want)
			}
			if stopped {
				s.Drop(run)
				stops++
			}
			calls++
		}
	}
	if calls < 500 || stops < 200 {
		t.Errorf("only %d calls and %d stops", calls, stops)
	}
}
