package lap_test

import (
	"context"
	"testing"

	"tourney"
	"tourney/trainers/heat"
	"tourney/trainers/trainertest"
)

// BenchmarkMeasure measures 32 fits on 200,000 rows, whose scores cost next to
// nothing.
func BenchmarkMeasure(b *testing.B) {
	for _, c := range []struct {
		name   string
		metric tourney.Metric
		weight bool
	}{{"plain", byLoss, false}, {"weighted", byLoss, true}, {"ranked", byAUC, false}} {
		b.Run(c.name, func(b *testing.B) {
			d := classes(100_000, 100_000)
			if c.weight {
				d.Folds[0].Valid.W = make([]float32, 200_000)
				for i := range d.Folds[0].Valid.W {
					d.Folds[0].Valid.W[i] = float32(1 + i%3)
				}
			}
			pool := heat.NewPool(1)
			defer pool.Close()
			for b.Loop() {
				var trials []*trainertest.Trial
				for range 32 {
					trials = append(trials, trial(c.metric, 1, tourney.Params{"errors": "0.3"}, nil))
				}
				if err := (&script{}).Train(context.Background(), d, pool, &trainertest.Script{Joins: [][]*trainertest.Trial{trials}}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/32/200_000, "ns/row")
		})
	}
}
