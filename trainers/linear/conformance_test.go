package linear_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/linear"
	"tourney/trainers/trainertest"
)

// synthetic draws rows of a noisy linear model: classes 0 is regression, whose
// target is far from standard.
func synthetic(seed uint64, n, d, classes int) *dataset.Matrix {
	rng := rand.New(rand.NewPCG(99, 100))
	truth := make([]float64, d*max(1, classes))
	for i := range truth {
		truth[i] = rng.NormFloat64()
	}
	rng = rand.New(rand.NewPCG(seed, 1))
	m := &dataset.Matrix{N: n, D: d, X: make([]float32, n*d), Y: make([]float32, n)}
	for i := range n {
		best := math.Inf(-1)
		for j := range d {
			m.X[i*d+j] = float32(rng.NormFloat64())
			if j%3 == 2 {
				m.X[i*d+j] = float32(rng.IntN(2)) // as of a category
			}
		}
		for c := range max(1, classes) {
			z := rng.NormFloat64()
			for j := range d {
				z += float64(truth[j*max(1, classes)+c] * float64(m.X[i*d+j]))
			}
			if classes == 0 {
				m.Y[i] = float32(1000 + float64(50*z))
			} else if z > best {
				best, m.Y[i] = z, float32(c)
			}
		}
	}
	return m
}

func data(train, other, d, classes int, final bool) *dataset.Data {
	out := &dataset.Data{Version: "v", Task: tourney.Classification, Folds: []*dataset.Fold{{Train: synthetic(1, train, d, classes)}}}
	for i := range classes {
		out.Classes = append(out.Classes, string(rune('a'+i)))
	}
	if classes == 0 {
		out.Task = tourney.Regression
	}
	if final {
		out.Test = synthetic(3, other, d, classes)
	} else {
		out.Folds[0].Valid = synthetic(2, other, d, classes)
	}
	return out
}

// Seven trials with batches of one row to more than all, several of them alike.
var seven = []tourney.Params{
	{"learning_rate": 0.05},
	{"learning_rate": 0.02, "momentum": 0.9, "l2": 0.001},
	{"learning_rate": 0.1, "batch_size": int64(64), "momentum": 0.5},
	{"learning_rate": 0.001, "batch_size": int64(7)},
	{"learning_rate": 0.3, "batch_size": int64(100_000), "momentum": 0.8},
	{"learning_rate": 0.03, "batch_size": int64(64), "l2": 0.1},
	{"learning_rate": 0.5, "batch_size": int64(5000), "epochs": int64(5)},
}

func suite(train, d, classes int, metric string) *trainertest.Suite {
	builtin, _ := tourney.LookupMetric(metric)
	return &trainertest.Suite{
		Trainer: linear.Family().Trainer,
		Rung:    data(train, 300, d, classes, false),
		Final:   data(train+300, 200, d, classes, true),
		Metric:  tourney.Metric{Name: metric, Goal: builtin.Goal},
		Params:  seven,
		Diverge: tourney.Params{"learning_rate": 1e30, "l2": 1.0, "batch_size": int64(32)},
		Refuse:  tourney.Params{"learning_rate": -1.0},
		Budget:  5,
	}
}

func TestLinearRegressionIsATrainer(t *testing.T)   { suite(700, 5, 0, "rmse").Run(t) }
func TestLogisticRegressionIsATrainer(t *testing.T) { suite(700, 6, 2, "logloss").Run(t) }
func TestSoftmaxRegressionIsATrainer(t *testing.T)  { suite(500, 5, 3, "accuracy").Run(t) }

// With more rows than a part, batches are spread over the pool, and so are the
// rows that are measured.
func TestLargeBatchesAreATrainer(t *testing.T) {
	if testing.Short() {
		t.Skip("trains on 10,000 rows")
	}
	s := suite(2*dataset.PartRows+700, 2, 2, "logloss")
	s.Rung.Folds[0].Valid = synthetic(2, dataset.PartRows+100, 2, 2)
	s.Params = []tourney.Params{seven[4], seven[6], {"learning_rate": 0.2, "batch_size": int64(dataset.PartRows)}, seven[2]}
	s.Budget = 4
	s.Run(t)
}
