package linear_test

import (
	"fmt"
	"testing"

	"tourney"
	"tourney/trainers/heat"
	"tourney/trainers/trainertest"
)

// BenchmarkStep is one step of a heat on one slot, validation included: alone
// and 32 together, in time per trial and rows per second of all trials.
func BenchmarkStep(b *testing.B) {
	for _, s := range []struct {
		optimizer     string
		classes, n, d int
		batch         int
	}{
		{"sgd", 10, 1437, 64, 256},
		{"sgd", 2, 40_000, 30, 256},
		{"sgd", 2, 40_000, 30, 64},
		{"sgd", 2, 40_000, 100, 256},
		{"adam", 2, 40_000, 100, 256},
		{"sgd", 2, 8_000, 1000, 256},
		{"lbfgs", 2, 40_000, 30, 0},
		{"lbfgs", 2, 40_000, 100, 0},
		{"lbfgs", 2, 8_000, 1000, 0},
	} {
		d := data(s.n, s.n/10, s.d, s.classes, false)
		for _, width := range []int{1, 32} {
			b.Run(fmt.Sprintf("%s/classes=%d/d=%d/batch=%d/heat=%d", s.optimizer, s.classes, s.d, s.batch, width), func(b *testing.B) {
				trials := make([]*trainertest.Trial, width)
				for i := range trials {
					trials[i] = trainertest.NewTrial(tourney.Job{
						Kind: tourney.JobRung, Metric: tourney.DefaultMetric(tourney.Classification), Budget: b.N, MaxBudget: b.N,
						Params: tourney.Params{"optimizer": s.optimizer, "learning_rate": 0.01, "batch_size": max(1, s.batch), "l2": 0.0001 * float64(i), "tol": 0.0},
					}, nil)
				}
				pool := heat.NewPool(1)
				defer pool.Close()
				b.ResetTimer()
				runOn(b, d, pool, trials...)
				steps := 0
				for _, t := range trials {
					steps += len(t.Points)
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(steps), "µs/trial-step")
				b.ReportMetric(float64(steps)*float64(s.n)/b.Elapsed().Seconds()/1e6, "Mrows/s")
			})
		}
	}
}

// BenchmarkRidge is 1,000 penalties of ridge in 5 folds, in one heat on one
// slot: sums, solutions, and all metrics of the validation rows.
func BenchmarkRidge(b *testing.B) {
	for _, s := range []struct{ n, d int }{{20_000, 30}, {20_000, 100}} {
		b.Run(fmt.Sprintf("n=%d/d=%d", s.n, s.d), func(b *testing.B) {
			d := data(s.n*4/5, s.n/5, s.d, 0, false)
			for range 4 {
				d.Folds = append(d.Folds, d.Folds[0])
			}
			pool := heat.NewPool(1)
			defer pool.Close()
			for b.Loop() {
				trials := make([]*trainertest.Trial, 1000)
				for i := range trials {
					trials[i] = trainertest.NewTrial(job(d, tourney.JobRung, 1, tourney.Params{"optimizer": "gram", "l2": 0.001 * float64(i+1)}), nil)
				}
				runOn(b, d, pool, trials...)
			}
		})
	}
}
