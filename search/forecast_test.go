package search_test

import (
	"testing"

	"tourney"
	"tourney/search"
)

// A forecast's points are those that the sweep then proposes, and its work is
// that of halving: of 9 trials 3 and 1 go on, so that 13 jobs train 9·1 + 3·2 +
// 1·6 steps.
func TestForecast(t *testing.T) {
	spec := parse(t, "metric: {name: rmse}\nparallelism: 4\nmethod: tpe\nseed: 5\nrun_cap: 9\nearly_terminate: {type: asha, min_iter: 1, max_iter: 9, eta: 3}\nparameters: {a: {values: [x, y]}, b: {min: 0, max: 1.5}}\n")
	f, err := search.Forecast(spec, plan, nil, 20)
	if err != nil {
		t.Fatal(err)
	}
	if f.Trials != 9 || f.Jobs != 13 || f.Steps != 21 || len(f.Rungs) != 3 || f.Rungs[2] != (tourney.RungForecast{Rung: 2, Budget: 9, Trials: 1}) {
		t.Errorf("trials %d, jobs %d, steps %d, rungs %+v", f.Trials, f.Jobs, f.Steps, f.Rungs)
	}
	if f.Spec.Parallelism != 4 || len(f.Proposals) != 9 {
		t.Errorf("%d at a time, %d points", f.Spec.Parallelism, len(f.Proposals))
	}
	s, err := search.New(spec, plan)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(tourney.Engine{}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, d := range s.Decide() {
		if p, ok := d.(tourney.Proposed); ok {
			if n++; p.Params.Key() != f.Proposals[p.Trial].Key() {
				t.Errorf("trial %d is %v, forecast %v", p.Trial, p.Params, f.Proposals[p.Trial])
			}
		}
	}
	if n != 4 {
		t.Errorf("%d trials are proposed", n)
	}
}

// A sweep that only limits end has no work that could be told.
func TestForecastWithoutACap(t *testing.T) {
	spec := parse(t, "metric: {name: rmse}\nparallelism: 2\nmethod: random\nlimits: {wall: 1h}\nparameters: {b: {min: 0, max: 1.5}}\n")
	f, err := search.Forecast(spec, plan, nil, 20)
	if err != nil || f.Trials != 0 || f.Jobs != 0 || f.Steps != 0 || len(f.Proposals) != 20 {
		t.Errorf("%+v, %v", f, err)
	}
}
