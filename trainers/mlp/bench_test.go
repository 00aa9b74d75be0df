package mlp_test

import (
	"context"
	"fmt"
	"testing"

	"tourney"
	"tourney/trainers/heat"
	"tourney/trainers/mlp"
	"tourney/trainers/trainertest"
)

// BenchmarkEpoch is one epoch of a network on one slot, a few rows of validation
// included, and of 32 small ones together.
func BenchmarkEpoch(b *testing.B) {
	for _, s := range []struct {
		rows, d, classes int
		hidden           string
		batch, heat      int
		flops            float64 // of a row
	}{
		{10_000, 784, 10, "256", 256, 1, 4*784*256 + 6*256*10},
		{20_000, 30, 2, "64,64", 64, 1, 4*30*64 + 6*64*64 + 6*64},
		{2_000, 30, 2, "32", 64, 32, 4*30*32 + 6*32},
	} {
		b.Run(fmt.Sprintf("%d-%s-%d/batch=%d/heat=%d", s.d, s.hidden, s.classes, s.batch, s.heat), func(b *testing.B) {
			d := data(s.rows, 64, s.d, s.classes, false)
			pool := heat.NewPool(1)
			defer pool.Close()
			trials := make([]*trainertest.Trial, s.heat)
			for i := range trials {
				trials[i] = trainertest.NewTrial(tourney.Job{
					Kind: tourney.JobRung, Params: tourney.Params{"hidden": s.hidden, "batch_size": int64(s.batch)},
					Metric: tourney.Metric{Name: "accuracy", Goal: tourney.Maximize}, Budget: b.N, MaxBudget: b.N, Seed: uint64(i),
				}, nil)
			}
			b.ReportAllocs()
			b.ResetTimer()
			if err := mlp.Family().Trainer.Train(context.Background(), d, pool, &trainertest.Script{Joins: [][]*trainertest.Trial{trials}}); err != nil {
				b.Fatal(err)
			}
			rows := float64(s.rows*s.heat) * float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(rows, "rows/s")
			b.ReportMetric(rows*s.flops/1e9, "GFLOP/s")
		})
	}
}
