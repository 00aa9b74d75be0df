package search_test

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tourney"
	"tourney/search/searchtest"
)

const branchy = `
parameters:
  model: {values: [svm, forest]}
  c: {distribution: log_uniform_values, min: 0.01, max: 100, when: {model: svm}}
  kernel: {values: [rbf, poly], when: {model: svm}}
  degree: {min: 2, max: 4, when: {kernel: poly}}
  trees: {min: 10, max: 500, when: {model: forest}}
`

// Every method keeps every claim, whatever the space and the scheduler.
func TestMethodsKeepTheClaims(t *testing.T) {
	asha := "early_terminate: {type: asha, min_iter: 1, max_iter: 9, eta: 3}\n"
	spaces := map[string]string{
		"mixed":       "run_cap: 14\n" + mixed,
		"to the end":  "run_cap: 100\n" + finite,
		"conditional": "run_cap: 16\n" + branchy,
		"constraint":  "run_cap: 14\nconstraints: [depth < 5 or drop > 0.2]\n" + mixed,
		"asha":        "run_cap: 16\n" + asha + mixed,
	}
	for _, method := range tourney.Methods() {
		if method == tourney.MethodNSGA2 || method == tourney.MethodGrid || method == tourney.MethodBayes {
			continue
		}
		for name, yaml := range spaces {
			t.Run(string(method)+", "+name, func(t *testing.T) {
				t.Parallel()
				spec := parse(t, "metric: {name: rmse}\nparallelism: 3\nseed: 7\nmethod: "+string(method)+"\n"+yaml)
				searchtest.Claims(t, spec, plan)
			})
		}
	}
	for _, method := range []string{"nsga2", "auto", "tpe", "random"} {
		t.Run(method+", two objectives", func(t *testing.T) {
			t.Parallel()
			spec := parse(t, "metrics: [{name: rmse}, {name: mae}]\nparallelism: 3\nseed: 7\nrun_cap: 26\nmethod: "+method+"\n"+mixed)
			searchtest.Claims(t, spec, plan)
		})
	}
}

// best runs a search of a function alone and returns the loss of its best trial.
func best(t *testing.T, yaml string, past *tourney.Warmed, f func(p tourney.Params) float64) float64 {
	t.Helper()
	spec := parse(t, yaml)
	least := math.Inf(1)
	fleet := searchtest.Fleet{
		Spec: spec, Plan: plan, Workers: 1, Duration: searchtest.LogNormal(0),
		Train: func(job tourney.Queued, p tourney.Params) tourney.End {
			v := f(p)
			least = min(least, v)
			return tourney.End{Outcome: tourney.OutcomeDone, Step: job.Budget, BestStep: job.Budget, Value: &v, Metrics: tourney.Metrics{"rmse": v}}
		},
	}
	if past != nil {
		fleet.Warm = []tourney.Warmed{*past}
	}
	if _, err := fleet.Run(); err != nil {
		t.Fatal(err)
	}
	return least
}

// bowl has its least value, 0, at rate = 0.01 and depth = 6.
func bowl(p tourney.Params) float64 {
	rate := math.Log10(p["rate"].(float64)) + 2
	depth := float64(p["depth"].(int64)-6) / 4
	return rate*rate + depth*depth
}

// Of 21 seeds, the median best of each method beats that of random search.
func TestMethodsBeatRandom(t *testing.T) {
	if raced {
		t.Skip("one goroutine computes; nothing that the race detector could see")
	}
	space := "metric: {name: rmse}\nparallelism: 1\nrun_cap: 30\nparameters:\n  rate: {distribution: log_uniform_values, min: 1e-5, max: 1}\n  depth: {min: 1, max: 12}\n  act: {values: [relu, tanh, gelu]}\n"
	median := func(method string) float64 {
		var all []float64
		for seed := range 21 {
			all = append(all, best(t, space+"method: "+method+"\nseed: "+strconv.Itoa(seed)+"\n", nil, bowl))
		}
		slices.Sort(all)
		return all[10]
	}
	random := median("random")
	for _, method := range []string{"tpe", "tpe-optuna5", "gp", "auto", "cmaes"} {
		if got := median(method); got > random/2 {
			t.Errorf("%s comes to %.3g, random search to %.3g", method, got, random)
		}
	}
}

// What a past sweep has learnt makes the first trials of the next one good,
// even if that has a parameter more.
func TestWarmStartHelps(t *testing.T) {
	space := "metric: {name: rmse}\nparallelism: 1\nrun_cap: 4\nmethod: METHOD\nparameters:\n  rate: {distribution: log_uniform_values, min: 1e-5, max: 1}\n  depth: {min: 1, max: 12}\n  extra: {min: 0.0, max: 1.0}\n"
	past := &tourney.Warmed{Sweep: "s0"}
	for _, rate := range []float64{1e-5, 1e-4, 1e-3, 0.02, 0.1, 0.9} {
		for depth := int64(1); depth <= 12; depth += 2 {
			p := tourney.Params{"rate": rate, "depth": depth}
			v := 100 + 5*bowl(p) // on another scale
			past.Trials = append(past.Trials, tourney.Past{Params: p, Value: &v})
		}
	}
	for _, method := range []string{"gp", "tpe", "auto"} {
		cold, warm := 0.0, 0.0
		for seed := range 9 {
			yaml := "seed: " + strconv.Itoa(seed) + "\n" + space
			yaml = strings.ReplaceAll(yaml, "METHOD", method)
			cold += best(t, yaml, nil, bowl)
			warm += best(t, yaml, past, bowl)
		}
		if warm > cold/2 {
			t.Errorf("%s: four trials come to %.3g on average, and to %.3g without the past", method, warm/9, cold/9)
		}
	}
}

// A point of the list is tried in its place, and what it leaves out is drawn.
func TestPointsComeFirst(t *testing.T) {
	yaml := "metric: {name: rmse}\nparallelism: 8\nrun_cap: 8\nmethod: gp\npoints: [{depth: 3, rate: 0.5}, {act: tanh}, {depth: 3, rate: 0.5, act: tanh, drop: 0.1, seed: 3}]\n" + mixed
	points := propose(t, parse(t, yaml))
	if p := points[0]; p["depth"] != int64(3) || p["rate"] != 0.5 || len(p) != 5 {
		t.Errorf("the first point is %s", p.Key())
	}
	if points[1]["act"] != "tanh" {
		t.Errorf("the second point is %s", points[1].Key())
	}
	if p := points[2]; p.Key() != `{"act":"tanh","depth":3,"drop":0.1,"rate":0.5,"seed":3}` {
		t.Errorf("the third point is %s", p.Key())
	}
}
