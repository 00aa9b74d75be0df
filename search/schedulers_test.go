package search_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"tourney"
	"tourney/search"
	"tourney/search/searchtest"
)

// early has a spec's early_terminate for each scheduler.
var early = map[string]string{
	"asha":              "{type: asha, min_iter: 1, max_iter: 27, eta: 3}",
	"asha, stop":        "{type: asha, min_iter: 1, max_iter: 27, eta: 3, stop: true}",
	"asha, brackets":    "{type: asha, min_iter: 1, max_iter: 20, eta: 2, brackets: 4}",
	"asha, all":         "{type: asha, min_iter: 2, max_iter: 18, eta: 3, brackets: 3, stop: true}",
	"asha, rows":        "{type: asha, min_iter: 1, max_iter: 9, eta: 3, fidelity: rows}",
	"hyperband":         "{type: hyperband, min_iter: 1, eta: 2}",
	"hyperband, s":      "{type: hyperband, max_iter: 27, s: 2, eta: 3, strict: true}",
	"median":            "{type: median, max_iter: 12, interval: 2, min_trials: 3}",
	"pasha":             "{type: pasha, min_iter: 1, max_iter: 27, eta: 2}",
	"pbt":               "{type: pbt, max_iter: 12, interval: 3, population: 6}",
	"pbt, resampling":   "{type: pbt, max_iter: 10, interval: 1, population: 4, quantile: 0.5, resample: 1}",
	"pbt, one interval": "{type: pbt, max_iter: 4, interval: 4, population: 5}",
}

const conditional = `
parameters:
  kind: {values: [tree, net]}
  depth: {min: 1, max: 8, when: {kind: tree}}
  rate: {distribution: log_uniform_values, min: 0.0001, max: 1, when: {kind: net}}
  act: {values: [relu, tanh], when: {kind: net}}
  size: {distribution: ordinal, values: [s, m, l]}
`

func TestSchedulerClaims(t *testing.T) {
	spaces := []string{mixed, conditional, finite}
	for i, name := range slices.Sorted(maps.Keys(early)) {
		for _, order := range []string{"fixed", "arrival"} {
			for _, width := range []int{1, 5} {
				t.Run(fmt.Sprintf("%s, %s, P=%d", name, order, width), func(t *testing.T) {
					spec := parse(t, fmt.Sprintf("metric: {name: rmse}\nmethod: random\nrun_cap: 12\nseed: 3\nparallelism: %d\norder: %s\nearly_terminate: %s\n%s",
						width, order, early[name], spaces[(i+width)%3]))
					searchtest.Claims(t, spec, plan)
				})
			}
		}
	}
}

// TestLimitsEndEverySweep: once a limit was reached nothing is proposed or
// promoted, and the sweep comes to its end, whatever the scheduler.
func TestLimitsEndEverySweep(t *testing.T) {
	for name, e := range early {
		for _, order := range []string{"fixed", "arrival"} {
			t.Run(name+", "+order, func(t *testing.T) {
				spec := parse(t, "metric: {name: rmse}\nmethod: random\nrun_cap: 60\nparallelism: 4\norder: "+order+"\nlimits: {target: 0.4}\nearly_terminate: "+e+"\n"+mixed)
				fleet := searchtest.Fleet{Spec: spec, Plan: plan, Workers: 3, Lose: 0.1, Pause: 0.1, Train: searchtest.Curves(4), Duration: searchtest.LogNormal(0.7)}
				log, err := fleet.Run()
				if err != nil {
					t.Fatal(err)
				}
				halted := false
				for _, ev := range log {
					switch b := ev.Body.(type) {
					case tourney.Halted:
						halted = true
					case tourney.Proposed:
						if halted {
							t.Errorf("trial %d is proposed after the limit", b.Trial)
						}
					case tourney.Queued:
						if halted && b.For == tourney.JobRung {
							t.Errorf("trial %d is promoted after the limit", b.Trial)
						}
					}
				}
				if !halted {
					t.Error("the target was not reached, so the test says nothing")
				}
			})
		}
	}
}

// TestRandomFleets takes every scheduler over sweeps of random shape, with
// workers that are lost or leave in the middle, failures and pauses.
func TestRandomFleets(t *testing.T) {
	names := slices.Sorted(maps.Keys(early))
	spaces := []string{mixed, conditional, finite}
	for seed := range uint64(120) {
		rng := rand.New(rand.NewPCG(seed, 6))
		name := names[int(seed)%len(names)]
		spec := parse(t, fmt.Sprintf("metric: {name: rmse}\nmethod: random\nseed: %d\nrun_cap: %d\nparallelism: %d\nearly_terminate: %s\n%s",
			seed, 1+rng.IntN(24), 1+rng.IntN(8), early[name], spaces[rng.IntN(3)]))
		if rng.IntN(2) == 0 {
			spec.Order = tourney.OrderArrival
		}
		if rng.IntN(4) == 0 {
			spec.Limits.NoImprovement = 1 + rng.IntN(5)
		}
		fleet := searchtest.Fleet{
			Spec: spec, Plan: plan, Workers: 1 + rng.IntN(8), Seed: seed,
			Lose: 0.3 * rng.Float64(), Preempt: 0.3 * rng.Float64(), Pause: 0.3 * rng.Float64(),
			Train: searchtest.Curves(rng.IntN(33)), Duration: searchtest.LogNormal(1),
		}
		log, err := fleet.Run()
		if err != nil {
			t.Fatalf("%s, seed %d: %v", name, seed, err)
		}
		if _, err := search.Replay(spec, plan, searchtest.All(searchtest.Stored(t, log))); err != nil {
			t.Fatalf("%s, seed %d: %v", name, seed, err)
		}
		if seed%5 == 0 {
			searchtest.Rebuilds(t, spec, plan, searchtest.Stored(t, log))
		}
		if spec.Order == tourney.OrderFixed && seed%3 == 0 {
			searchtest.Unmoved(t, fleet)
		}
	}
}

// TestEndsThatCannotFollow: a scheduler that stops trials may have any that is
// paused ended, which leaves the log of another version readable; nothing else
// may.
func TestEndsThatCannotFollow(t *testing.T) {
	value := 0.5
	done := func(trial int) tourney.Reported {
		return tourney.Reported{Trial: trial, End: tourney.End{Outcome: tourney.OutcomeDone, Value: &value}}
	}
	for _, stop := range []bool{false, true} {
		for name, c := range map[string]struct {
			before []tourney.EventBody
			end    tourney.Ended
			good   bool
		}{
			"paused":       {[]tourney.EventBody{done(0)}, tourney.Ended{Trial: 0, State: tourney.TrialPruned}, stop},
			"queued":       {nil, tourney.Ended{Trial: 0, State: tourney.TrialPruned}, false},
			"as completed": {[]tourney.EventBody{done(0)}, tourney.Ended{Trial: 0, State: tourney.TrialCompleted}, false},
			"twice": {
				[]tourney.EventBody{done(0), done(1), tourney.Ended{Trial: 0, State: tourney.TrialPruned}},
				tourney.Ended{Trial: 0, State: tourney.TrialPruned},
				false,
			},
			"in a paused sweep": {
				[]tourney.EventBody{done(0), tourney.Acted{Action: tourney.ActionPause}, tourney.Turned{State: tourney.SweepPaused}},
				tourney.Ended{Trial: 0, State: tourney.TrialPruned},
				false,
			},
			"not queued yet": {
				[]tourney.EventBody{done(0), tourney.Proposed{Trial: 2, Params: tourney.Params{"a": int64(3)}}},
				tourney.Ended{Trial: 2, State: tourney.TrialPruned},
				false,
			},
			"not queued yet, after a limit": {
				[]tourney.EventBody{done(0), tourney.Proposed{Trial: 2, Params: tourney.Params{"a": int64(3)}}, tourney.Limited{Limit: "wall"}},
				tourney.Ended{Trial: 2, State: tourney.TrialPruned},
				true,
			},
		} {
			spec := sweep(t, "grid", 4, "  a: {min: 1, max: 4}\n")
			spec.Parallelism = 2
			spec.EarlyTerminate = &tourney.EarlyTerminate{Type: "asha", MinIter: 1, MaxIter: 2, Eta: 2, Stop: stop}
			s, err := search.New(spec, plan)
			if err != nil {
				t.Fatal(err)
			}
			events := []tourney.EventBody{tourney.Engine{}, tourney.Turned{State: tourney.SweepRunning}}
			for n := range 2 {
				events = append(events, tourney.Proposed{Trial: n, Params: tourney.Params{"a": int64(n + 1)}}, tourney.Queued{Trial: n, For: tourney.JobRung, Budget: 1, Finish: 1})
			}
			for _, e := range append(events, c.before...) {
				if err := s.Apply(e); err != nil {
					t.Fatalf("%s, stop %v: %v before it", name, stop, err)
				}
			}
			if err := s.Apply(c.end); (err == nil) != c.good {
				t.Errorf("%s, stop %v: error %v", name, stop, err)
			}
			if c.good {
				s.Decide()
				if err := s.Apply(tourney.Lost{}); err != nil {
					t.Errorf("%s, stop %v: afterwards %v", name, stop, err)
				}
			}
		}
	}
}
