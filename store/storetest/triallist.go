package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tourney"
)

// listedTrials draws trials with ties in everything that they are sorted by.
func listedTrials(rng *rand.Rand, sweep string, n int) []tourney.Trial {
	trials := randomTrials(rng, sweep, n)
	at := time.UnixMicro(1_700_000_000_000_000).UTC()
	for i := range trials {
		t := &trials[i]
		t.Created = at.Add(time.Duration(t.Number) * time.Second)
		if t.State.Terminal() {
			end := t.Created.Add(time.Duration(rng.IntN(5)) * time.Millisecond)
			t.Ended = &end
		}
		if t.State == tourney.TrialFailed {
			t.Reason = tourney.Reasons()[rng.IntN(2)]
		}
		t.Params = tourney.Params{"lr": float64(rng.IntN(8)) / 8, "kind": []any{"a", "b", int64(1), true}[rng.IntN(4)]}
	}
	return trials
}

// lesser returns the order that a sort asks for.
func lesser(field string, down bool) func(a, b tourney.Trial) int {
	value := func(t *tourney.Trial) (v float64, has bool) {
		switch {
		case field == "rung":
			return float64(t.Rung), true
		case field == "value" && t.Value != nil:
			return *t.Value, true
		case field == "duration" && t.Ended != nil:
			return float64(t.Ended.Sub(t.Created)), true
		}
		return 0, field == "number" || field == "state"
	}
	return func(a, b tourney.Trial) int {
		va, hasA := value(&a)
		vb, hasB := value(&b)
		if hasA != hasB { // those that lack it are last, either way
			if hasA {
				return -1
			}
			return 1
		}
		c := cmp.Compare(va, vb)
		if field == "state" {
			c = cmp.Compare(a.State, b.State)
		}
		c = cmp.Or(c, cmp.Compare(a.Number, b.Number))
		if down {
			c = -c
		}
		return c
	}
}

// The filters that the lists are tested with, and what each lets through.
var filters = map[string]func(*tourney.Trial) bool{
	"":                           func(*tourney.Trial) bool { return true },
	"state:failed":               func(t *tourney.Trial) bool { return t.State == tourney.TrialFailed },
	"reason:oom":                 func(t *tourney.Trial) bool { return t.Reason == tourney.ReasonOOM },
	"rung>=1,rung<3":             func(t *tourney.Trial) bool { return t.Rung == 1 || t.Rung == 2 },
	"rung:-1":                    func(t *tourney.Trial) bool { return t.Rung == -1 },
	"value<0.3":                  func(t *tourney.Trial) bool { return t.Value != nil && *t.Value < 0.3 },
	"params.lr>0.25,params.lr<1": func(t *tourney.Trial) bool { return t.Params["lr"].(float64) > 0.25 },
	"params.kind:b":              func(t *tourney.Trial) bool { return t.Params["kind"] == "b" },
	"params.kind>0":              func(t *tourney.Trial) bool { return t.Params["kind"] == int64(1) }, // texts and truths are no numbers
	"params.none:1":              func(*tourney.Trial) bool { return false },
	"state:completed,value>=0": func(t *tourney.Trial) bool {
		return t.State == tourney.TrialCompleted && t.Value != nil && *t.Value >= 0
	},
}

// testTrialOrders pages through trials in each order under each filter, which
// gives the whole list as sorted and filtered here.
func testTrialOrders(t *testing.T, open Opener) {
	s := start(t, open)
	for seed := range uint64(3) {
		rng := random(seed)
		sweep := fmt.Sprint("s", seed)
		create(t, s, sweep, tourney.Minimize)
		trials := listedTrials(rng, sweep, 20+rng.IntN(40))
		must(t, s.Commit(t.Context(), &tourney.Change{Sweep: sweep, Trials: trials}))
		for text, lets := range filters {
			where, err := tourney.ParseTrialFilter(text)
			must(t, err)
			passing := slices.DeleteFunc(slices.Clone(trials), func(t tourney.Trial) bool { return !lets(&t) })
			check := func(what string, order func(a, b tourney.Trial) int, read func(tourney.Page) ([]tourney.Trial, string, error)) {
				t.Helper()
				slices.SortFunc(passing, order)
				for _, size := range []int{1, 2, 7, 100} {
					if got, want := numbers(pages(t, size, read)), numbers(passing); !slices.Equal(got, want) {
						t.Fatalf("seed %d, %s, filter %q, pages of %d: %v, want %v", seed, what, text, size, got, want)
					}
				}
			}
			for _, field := range tourney.TrialSorts() {
				for _, down := range []bool{false, true} {
					order := tourney.TrialSort(field)
					if down {
						order = "-" + order
					}
					check(string(order), lesser(field, down), func(p tourney.Page) ([]tourney.Trial, string, error) {
						p.Sort, p.Where = order, where
						return s.Trials(t.Context(), sweep, p)
					})
				}
			}
			metric := tourney.Metric{Goal: tourney.Minimize}
			check("board", func(a, b tourney.Trial) int { return metric.CompareTrials(&a, &b) }, func(p tourney.Page) ([]tourney.Trial, string, error) {
				p.Where = where
				return s.Leaderboard(t.Context(), sweep, p)
			})
		}
	}
	_, next, err := s.Trials(t.Context(), "s0", tourney.Page{Limit: 3, Sort: "value"})
	must(t, err)
	for _, p := range []tourney.Page{
		{Cursor: next, Sort: "-value"}, {Cursor: next}, {Cursor: next, Sort: "value", Where: tourney.TrialFilter{{Field: "rung", Op: ">", Value: "0"}}},
	} {
		if _, _, err := s.Trials(t.Context(), "s0", p); tourney.AsInvalid(err) == nil {
			t.Errorf("a cursor of another list: %v", err)
		}
	}
	if _, _, err := s.Trials(t.Context(), "s0", tourney.Page{Sort: "valeu; DROP TABLE trials"}); tourney.AsInvalid(err) == nil {
		t.Errorf("an order that is none: %v", err)
	}
}
