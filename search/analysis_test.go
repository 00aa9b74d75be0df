package search_test

import (
	"math"
	"testing"

	"tourney"
	"tourney/search"
)

// measuredTrials are trials of a space whose first metric is what f says.
func measuredTrials(t *testing.T, spec tourney.Spec, f func(p tourney.Params) tourney.Metrics) []tourney.Trial {
	t.Helper()
	var trials []tourney.Trial
	for i, p := range propose(t, spec) {
		m := f(p)
		v := m[spec.Metric.Name]
		trials = append(trials, tourney.Trial{Number: i, Params: p, State: tourney.TrialCompleted, Value: &v, Metrics: m})
	}
	return trials
}

// Of f = 3a + b with a and b uniform, a has nine tenths of the variance, and a
// parameter that is in no formula has none.
func TestImportance(t *testing.T) {
	spec := sweep(t, "random", 600, "  a: {min: 0.0, max: 1.0}\n  b: {min: 0.0, max: 1.0}\n  c: {values: [x, y, z]}\n")
	trials := measuredTrials(t, spec, func(p tourney.Params) tourney.Metrics {
		return tourney.Metrics{spec.Metric.Name: 3*p["a"].(float64) + p["b"].(float64), "other": p["b"].(float64)}
	})
	fanova, err := search.Importance(spec, trials, tourney.ImportanceRequest{Method: "fanova", Pairs: 2})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		name  string
		value float64
	}{{"a", 0.9}, {"b", 0.1}, {"c", 0}} {
		if got := fanova.Params[i]; got.Name != want.name || math.Abs(got.Value-want.value) > 0.04 {
			t.Errorf("fanova: place %d is %+v, want %+v", i, got, want)
		}
	}
	if len(fanova.Pairs) != 1 || fanova.Pairs[0].Value > 0.05 {
		t.Errorf("a sum has pairs %+v", fanova.Pairs)
	}
	ped, err := search.Importance(spec, trials, tourney.ImportanceRequest{})
	if err != nil || ped.Params[0].Name != "a" || ped.Params[2].Name != "c" || ped.Trials != 600 {
		t.Errorf("ped: %+v, %v", ped, err)
	}
	other, err := search.Importance(spec, trials, tourney.ImportanceRequest{Metric: "other", Trials: []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}})
	if err != nil || other.Params[0].Name != "b" || other.Trials != 20 {
		t.Errorf("of another metric: %+v, %v", other, err)
	}
	for _, bad := range []tourney.ImportanceRequest{{Method: "shap"}, {Metric: "nosuch"}} {
		if _, err := search.Importance(spec, trials, bad); tourney.AsInvalid(err) == nil {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if none, err := search.Importance(spec, nil, tourney.ImportanceRequest{}); err != nil || len(none.Params) != 0 {
		t.Errorf("without trials: %+v, %v", none, err)
	}
}

// By hand: of (loss, accuracy) the front is (1, 0.5), (2, 0.7) and (3, 0.9);
// from the worst values (4, 0.4) it spans 3·0.1 + 2·0.2 + 1·0.2.
func TestPareto(t *testing.T) {
	spec := tourney.Spec{Metrics: []tourney.Metric{
		{Name: "logloss", Goal: tourney.Minimize},
		{Name: "accuracy", Goal: tourney.Maximize},
		{Name: "size", AtMost: new(float64)},
	}}
	*spec.Metrics[2].AtMost = 10
	var trials []tourney.Trial
	for i, v := range [][3]float64{{3, 0.9, 1}, {4, 0.4, 1}, {1, 0.5, 1}, {2, 0.7, 10}, {2.5, 0.6, 1}, {0, 1, 11}} {
		trials = append(trials, tourney.Trial{
			Number: i, State: tourney.TrialCompleted, Value: &v[0],
			Metrics: tourney.Metrics{"logloss": v[0], "accuracy": v[1], "size": v[2]},
		})
	}
	front := search.Pareto(spec, trials)
	if len(front.Trials) != 3 || front.Trials[0].Number != 2 || front.Trials[1].Number != 3 || front.Trials[2].Number != 0 {
		t.Fatalf("front %+v", front.Trials)
	}
	if front.Hypervolume == nil || math.Abs(*front.Hypervolume-0.9) > 1e-12 || front.Reference[0] != 4 || front.Reference[1] != 0.4 {
		t.Errorf("volume %v from %v", front.Hypervolume, front.Reference)
	}
}
