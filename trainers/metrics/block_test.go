package metrics_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tourney/trainers/metrics"
)

// A block is its rows one by one, but for rounding.
func TestBlocksAreTheirRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, k := range []int{2, 3, 7} {
		for _, weighted := range []bool{false, true} {
			var block, rows metrics.Classification
			for range 5 {
				n := rng.IntN(200)
				p, y := make([]float32, n*k), make([]float32, n)
				var w []float32
				for i := range n {
					sum := float32(0)
					for j := range k {
						v := float32(math.Exp(12 * rng.NormFloat64()))
						p[i*k+j] = v
						sum += v
					}
					for j := range k {
						p[i*k+j] /= sum
					}
					if k == 2 {
						p[i*k] = 1 - p[i*k+1]
					}
					y[i] = float32(rng.IntN(k))
					if weighted {
						w = append(w, rng.Float32())
					}
				}
				block.AddBlock(p, y, w, k)
				for i := range n {
					of := 1.0
					if weighted {
						of = float64(w[i])
					}
					rows.AddWeighted(p[i*k:(i+1)*k], int(y[i]), of)
				}
			}
			for name, v := range map[string][2]float64{
				"logloss": {block.LogLoss(), rows.LogLoss()}, "brier": {block.Brier(), rows.Brier()},
				"accuracy": {block.Accuracy(), rows.Accuracy()}, "f1": {block.F1(), rows.F1()},
			} {
				if math.Abs(v[0]-v[1]) > 1e-12*math.Abs(v[1]) || math.IsNaN(v[0]) {
					t.Errorf("%d classes, weights %v: %s of blocks %v, of rows %v", k, weighted, name, v[0], v[1])
				}
			}
		}
	}
	var block, rows metrics.Regression
	y, p := make([]float32, 999), make([]float32, 999)
	for i := range y {
		y[i], p[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
		rows.Add(float64(y[i]), float64(p[i]))
	}
	y[3], p[3] = 0, 0
	rows = metrics.Regression{}
	for i := range y {
		rows.Add(float64(y[i]), float64(p[i]))
	}
	block.AddBlock(y, p, nil)
	if block != rows {
		t.Errorf("of a block %+v, of its rows %+v", block, rows)
	}
	// NaN reaches the log loss.
	var c metrics.Classification
	c.AddBlock([]float32{0.5, 0.5, float32(math.NaN()), float32(math.NaN())}, []float32{0, 1}, nil, 2)
	if !math.IsNaN(c.LogLoss()) {
		t.Errorf("log loss of NaN is %v", c.LogLoss())
	}
}
