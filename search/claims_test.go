package search_test

import (
	"testing"

	"tourney"
	"tourney/search/searchtest"
)

// parse reads a sweep file without the lines that mean nothing to the search.
func parse(t testing.TB, yaml string) tourney.Spec {
	t.Helper()
	spec, err := tourney.ParseSpec([]byte("dataset: d\ntrainer: linear\n"+yaml), "")
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

var plan = tourney.Plan{Budget: 10}

const mixed = `
parameters:
  act: {values: [relu, tanh, null]}
  depth: {min: 1, max: 8}
  drop: {distribution: q_uniform, min: 0, max: 0.5, q: 0.1}
  rate: {distribution: log_uniform_values, min: 0.0001, max: 1}
  seed: {value: 3}
`

const finite = `
parameters:
  a: {min: 0, max: 2}
  b: {values: [x, y]}
  c: {distribution: q_uniform, min: 0, max: 2, q: 1}
`

func TestClaims(t *testing.T) {
	asha := "early_terminate: {type: asha, min_iter: 1, max_iter: 9, eta: 3}\n"
	for name, yaml := range map[string]string{
		"random":              "method: random\nrun_cap: 12\n" + mixed,
		"random, arrival":     "method: random\norder: arrival\nrun_cap: 12\n" + mixed,
		"random, asha":        "method: random\nrun_cap: 20\n" + asha + mixed,
		"random, to the end":  "method: random\nrun_cap: 100\n" + finite,
		"grid":                "method: grid\n" + finite,
		"grid, asha":          "method: grid\n" + asha + finite,
		"grid, asha, arrival": "method: grid\norder: arrival\nrun_cap: 10\n" + asha + finite,
	} {
		for _, width := range []string{"1", "5"} {
			t.Run(name+", P="+width, func(t *testing.T) {
				spec := parse(t, "metric: {name: rmse}\nparallelism: "+width+"\nseed: 7\n"+yaml)
				searchtest.Claims(t, spec, plan)
			})
		}
	}
	t.Run("budget from a parameter", func(t *testing.T) {
		spec := parse(t, "metric: {name: r2}\nparallelism: 4\nmethod: random\nrun_cap: 20\n"+mixed)
		searchtest.Claims(t, spec, tourney.Plan{BudgetParam: "depth"})
	})
}
