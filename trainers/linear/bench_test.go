package linear_test

import (
	"context"
	"fmt"
	"testing"

	"tourney"
	"tourney/trainers/heat"
	"tourney/trainers/linear"
	"tourney/trainers/trainertest"
)

// BenchmarkEpoch is one epoch of a heat, validation included, on one slot:
// alone and 32 together, in time per trial.
func BenchmarkEpoch(b *testing.B) {
	for _, s := range []struct{ classes, d int }{{10, 64}, {2, 30}} {
		d := data(1437, 360, s.d, s.classes, false)
		for _, width := range []int{1, 32} {
			b.Run(fmt.Sprintf("classes=%d/d=%d/heat=%d", s.classes, s.d, width), func(b *testing.B) {
				pool := heat.NewPool(1)
				defer pool.Close()
				trials := make([]*trainertest.Trial, width)
				for i := range trials {
					trials[i] = trainertest.NewTrial(tourney.Job{
						Kind: tourney.JobRung, Params: tourney.Params{"learning_rate": 0.1, "l2": 0.001 * float64(i)},
						Metric: tourney.DefaultMetric(tourney.Classification), Budget: b.N,
					}, nil)
				}
				b.ResetTimer()
				if err := linear.Family().Trainer.Train(context.Background(), d, pool, &trainertest.Script{Joins: [][]*trainertest.Trial{trials}}); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*width), "µs/trial-epoch")
			})
		}
	}
}
