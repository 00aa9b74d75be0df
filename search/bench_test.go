package search_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"tourney"
	"tourney/search"
	"tourney/search/searchtest"
)

// big is a sweep of 100,000 trials.
func big(b *testing.B, method string) tourney.Spec {
	b.Helper()
	return parse(b, "metric: {name: rmse}\nparallelism: 64\nmethod: "+method+"\nrun_cap: 100000\nearly_terminate: {type: asha, max_iter: 81}\n"+`
parameters:
  depth: {min: 1, max: 64}
  drop: {distribution: q_uniform, min: 0, max: 1, q: 0.01}
  rate: {`+map[string]string{"random": "distribution: log_uniform_values, min: 0.0001, max: 1", "grid": "min: 1, max: 100"}[method]+`}
`)
}

// carry takes a sweep to its end, each report folded at once.
func carry(b *testing.B, spec tourney.Spec) (log []tourney.EventBody) {
	b.Helper()
	s, err := search.New(spec, plan)
	if err != nil {
		b.Fatal(err)
	}
	train := searchtest.Curves(2)
	params := map[int]tourney.Params{}
	jobs := map[[2]int]tourney.Queued{}
	var input tourney.EventBody = tourney.Engine{}
	for {
		if err := s.Apply(input); err != nil {
			b.Fatal(err)
		}
		log = append(log, input)
		for _, d := range s.Decide() {
			log = append(log, d)
			switch d := d.(type) {
			case tourney.Proposed:
				params[d.Trial] = d.Params
			case tourney.Queued:
				jobs[[2]int{d.Trial, d.Rung}] = d
			}
		}
		trial, rung, ok := s.Due()
		if !ok {
			return log
		}
		input = tourney.Reported{Trial: trial, Rung: rung, End: train(jobs[[2]int{trial, rung}], params[trial])}
	}
}

// BenchmarkApply100k is a restart of a sweep of 100,000 trials at its end, and
// the first decision after it.
func BenchmarkApply100k(b *testing.B) {
	for _, method := range []string{"random", "grid"} {
		b.Run(method, func(b *testing.B) {
			spec := big(b, method)
			log := carry(b, spec)
			for b.Loop() {
				s, err := search.New(spec, plan)
				if err != nil {
					b.Fatal(err)
				}
				for _, body := range log {
					if err := s.Apply(body); err != nil {
						b.Fatal(err)
					}
				}
				s.Decide()
			}
			b.ReportMetric(float64(len(log)), "events/op")
		})
	}
}

// BenchmarkDecide100k is a whole sweep of 100,000 trials.
func BenchmarkDecide100k(b *testing.B) {
	for _, method := range []string{"random", "grid"} {
		b.Run(method, func(b *testing.B) {
			spec := big(b, method)
			for b.Loop() {
				carry(b, spec)
			}
		})
	}
}

// BenchmarkRung is one report and one promotion at a rung of n trials.
func BenchmarkRung(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			early := &tourney.EarlyTerminate{Type: "asha", MinIter: 1, MaxIter: 3, Eta: 3}
			var asha search.Scheduler
			trial := n
			for b.Loop() {
				if trial == n {
					var err error
					if asha, err = search.NewScheduler(tourney.Spec{EarlyTerminate: early}, plan); err != nil {
						b.Fatal(err)
					}
					trial = 0
				}
				asha.Finish(search.Finished{Result: search.Result{Trial: trial, Loss: float64(trial * 7919 % n)}})
				if promoted, rung, ok := asha.Next(); ok {
					asha.Start(promoted, rung)
				}
				trial++
			}
		})
	}
}

// BenchmarkExhaust takes a finite space of 20,000 points to its last one.
func BenchmarkExhaust(b *testing.B) {
	spec := parse(b, "metric: {name: rmse}\nparallelism: 64\nmethod: random\nrun_cap: 100000\nparameters:\n  a: {min: 1, max: 200}\n  b: {distribution: q_log_uniform_values, min: 1, max: 100, q: 1}\n")
	for b.Loop() {
		carry(b, spec)
	}
}

// BenchmarkSchedulers100k is, for each scheduler, a sweep of 100,000 trials
// (apply: a restart at its end; decide: the sweep itself).
func BenchmarkSchedulers100k(b *testing.B) {
	for name, e := range map[string]string{
		"asha":      "{type: asha, max_iter: 81}",
		"stop":      "{type: asha, max_iter: 81, stop: true}",
		"brackets":  "{type: asha, max_iter: 81, brackets: 5}",
		"hyperband": "{type: hyperband, min_iter: 1, max_iter: 81}",
		"median":    "{type: median, max_iter: 81, interval: 8}",
		"pasha":     "{type: pasha, max_iter: 81}",
		"pbt":       "{type: pbt, max_iter: 20000, interval: 20, population: 1000}",
	} {
		spec := parse(b, "metric: {name: rmse}\nparallelism: 64\nmethod: random\nrun_cap: 100000\nearly_terminate: "+e+"\nparameters:\n  depth: {min: 1, max: 64}\n  rate: {distribution: log_uniform_values, min: 0.0001, max: 1}\n")
		b.Run("decide/"+name, func(b *testing.B) {
			for b.Loop() {
				carry(b, spec)
			}
		})
		b.Run("apply/"+name, func(b *testing.B) {
			log := carry(b, spec)
			for b.Loop() {
				s, err := search.New(spec, plan)
				if err != nil {
					b.Fatal(err)
				}
				for _, body := range log {
					if err := s.Apply(body); err != nil {
						b.Fatal(err)
					}
				}
				s.Decide()
			}
			b.ReportMetric(float64(len(log)), "events/op")
		})
	}
}

// BenchmarkObjectives is 10,000 reports at a rung that ranks by several
// objectives, with a promotion after each where there is one.
func BenchmarkObjectives(b *testing.B) {
	for _, n := range []int{2, 3} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			spec := tourney.Spec{
				EarlyTerminate: &tourney.EarlyTerminate{Type: "asha", MinIter: 1, MaxIter: 3, Eta: 3},
				Metrics:        slices.Repeat([]tourney.Metric{{Goal: tourney.Minimize}}, n),
			}
			for b.Loop() {
				s, err := search.NewScheduler(spec, plan)
				if err != nil {
					b.Fatal(err)
				}
				rng := rand.New(rand.NewPCG(1, 1))
				for trial := range 10_000 {
					losses := make([]float64, n)
					for m := range losses {
						losses[m] = rng.Float64()
					}
					s.Finish(search.Finished{Result: search.Result{Trial: trial, Loss: losses[0], Losses: losses}})
					if next, rung, ok := s.Next(); ok {
						s.Start(next, rung)
					}
				}
			}
		})
	}
}
