package linear_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/kernels"
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

// Trials of all optimisers and losses, which one heat can have side by side.
var (
	classifiers = []tourney.Params{
		{"optimizer": "sgd", "momentum": 0.9, "nesterov": true, "learning_rate": 0.02, "schedule": "cosine", "l1": 0.001},
		{"optimizer": "adam", "l2": 0.01, "batch_size": int64(64), "schedule": "linear", "warmup": 1.5, "class_weight": "balanced"},
		{"optimizer": "adam", "beta1": 0.8, "beta2": 0.99, "batch_size": int64(512), "l1": 0.002, "learning_rate": 0.03},
		{"optimizer": "adagrad", "learning_rate": 0.2, "loss": "squared_hinge", "batch_size": int64(32)},
		{"optimizer": "adagrad", "l1": 0.001, "l2": 0.1, "learning_rate": 0.2, "batch_size": int64(512)},
		{"optimizer": "ftrl", "l1": 0.5, "l2": 0.1, "ftrl_beta": 0.5, "learning_rate": 0.3, "class_weight": "a:3"},
		{"optimizer": "ftrl", "schedule": "inv_scaling", "batch_size": int64(50), "loss": "hinge"},
		{"optimizer": "lbfgs", "l2": 0.01, "tol": 0.0},
		{"optimizer": "lbfgs", "l1": 0.005, "tol": 0.0, "loss": "squared_hinge"},
		{"optimizer": "lbfgs", "l2": 0.001, "tol": 0.0},
	}
	regressors = []tourney.Params{
		{"optimizer": "sgd", "momentum": 0.9, "nesterov": true, "learning_rate": 0.02, "loss": "huber", "delta": 0.8},
		{"optimizer": "sgd", "batch_size": int64(256), "loss": "huber", "delta": 0.4},
		{"optimizer": "adam", "loss": "quantile", "tau": 0.3, "batch_size": int64(32)},
		{"optimizer": "adam", "l1": 0.01, "learning_rate": 0.05, "batch_size": int64(1024)},
		{"optimizer": "adagrad", "learning_rate": 0.3, "l2": 0.01},
		{"optimizer": "ftrl", "learning_rate": 0.3, "l1": 0.2, "batch_size": int64(40)},
		{"optimizer": "lbfgs", "tol": 0.0, "l2": 0.02},
		{"optimizer": "lbfgs", "tol": 0.0, "loss": "huber", "l1": 0.01},
	}
)

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

func TestOptimisersOfRegressionAreATrainer(t *testing.T) {
	s := suite(700, 7, 0, "rmse")
	s.Params = regressors
	s.Run(t)
}

func TestOptimisersOfTwoClassesAreATrainer(t *testing.T) {
	s := suite(700, 7, 2, "logloss")
	s.Params = classifiers
	s.Run(t)
}

func TestOptimisersOfManyClassesAreATrainer(t *testing.T) {
	s := suite(500, 5, 3, "accuracy")
	s.Params = classifiers
	s.Run(t)
}

// Rows have weights, and matrices are sparse.
func TestOptimisersOfSparseRowsAreATrainer(t *testing.T) {
	s := suite(500, 5, 2, "auc")
	f := s.Rung.Folds[0]
	f.Train = weighted(f.Train, func(i int) float32 { return float32(1 + i%3) })
	s.Rung, s.Final, s.Params = sparseData(s.Rung), sparseData(s.Final), classifiers
	s.Run(t)
}

// Parts of a pass are spread over the pool.
func TestOptimisersOfManyRowsAreATrainer(t *testing.T) {
	if testing.Short() {
		t.Skip("trains on 10,000 rows")
	}
	s := suite(2*dataset.PartRows+700, 2, 2, "logloss")
	s.Params = []tourney.Params{
		classifiers[7], classifiers[8],
		{"optimizer": "adam", "batch_size": int64(dataset.PartRows + 100)},
		{"optimizer": "ftrl", "batch_size": int64(100_000), "class_weight": "balanced"},
	}
	s.Budget = 4
	s.Run(t)
}

// The form of a matrix changes no bit, nor does the class of kernels.
func TestFormsAndKernelsGiveEqualBits(t *testing.T) {
	for _, classes := range []int{0, 2, 3} {
		d, metric, params := data(700, 300, 9, classes, false), "logloss", classifiers
		if classes == 0 {
			metric, params = "rmse", append([]tourney.Params{{"optimizer": "gram", "l2": 0.1}, {"optimizer": "gram", "l1": 0.1}}, regressors...)
		}
		f := d.Folds[0]
		for i := range f.Train.X { // zeros to leave out
			if i%5 > 1 {
				f.Train.X[i] = 0
			}
		}
		var want []*trainertest.Trial
		for _, class := range kernels.Classes() {
			restore, err := kernels.Use(class)
			if err != nil {
				t.Fatal(err)
			}
			got := train(t, d, metric, 5, params...)
			thin := train(t, sparseData(d), metric, 5, params...)
			restore()
			if want == nil {
				want = got
			}
			for i := range params {
				if !sameBytes(got[i].Final, want[i].Final) || *got[i].Ended.Value != *want[i].Ended.Value {
					t.Errorf("%d classes, %v: %s kernels give other bits than %s", classes, params[i], class, kernels.Classes()[0])
				}
				if params[i]["optimizer"] == "gram" {
					continue // sums CSR rows in float64
				}
				if !sameBytes(thin[i].Final, want[i].Final) || *thin[i].Ended.Value != *want[i].Ended.Value {
					t.Errorf("%d classes, %v, %s kernels: other bits of CSR than of dense rows", classes, params[i], class)
				}
			}
		}
	}
}
