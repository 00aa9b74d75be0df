package trainers_test

import (
	"testing"

	"tourney"
	"tourney/trainers"
)

// A sweep whose trials are trained outside needs no dataset and no family; its
// budget is early_terminate's, or one step.
func TestPlanOfTrialsTrainedOutside(t *testing.T) {
	const base = "trainer: external\nmetric: {name: my/score, goal: maximize}\nrun_cap: 8\nparameters: {x: {values: [1, 2, 3]}}\n"
	for early, budget := range map[string]int{"": 1, "early_terminate: {type: asha, min_iter: 1, max_iter: 9}\n": 9} {
		spec, err := tourney.ParseSpec([]byte(base+early), "")
		if err != nil {
			t.Fatal(err)
		}
		plan, err := trainers.Catalog{}.Plan(&spec, tourney.Dataset{})
		if err != nil || plan.Budget != budget || plan.Size != 3 || plan.Dataset != "" || spec.Parallelism != 1000 || spec.Order != tourney.OrderArrival {
			t.Errorf("%q: %+v, %d at a time, order %s, %v", early, plan, spec.Parallelism, spec.Order, err)
		}
	}
	for what, file := range map[string]string{
		"dataset":         base + "dataset: d\n",
		"order":           base + "order: fixed\n",
		"early_terminate": base + "early_terminate: {type: pbt, max_iter: 9}\n",
		"metric.goal":     "trainer: external\nmetric: {name: mine}\nrun_cap: 8\nparameters: {x: {values: [1, 2]}}\n",
		"metric.name":     "trainer: external\nrun_cap: 8\nparameters: {x: {values: [1, 2]}}\n",
	} {
		_, err := tourney.ParseSpec([]byte(file), "")
		if inv := tourney.AsInvalid(err); inv == nil || inv.Fields[0].Path != what {
			t.Errorf("%s: %v", what, err)
		}
	}
}
