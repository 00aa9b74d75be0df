package mlp_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/kernels"
	"tourney/trainers/mlp"
	"tourney/trainers/trainertest"
)

// synthetic draws rows whose target bends: classes 0 is regression, whose target
// is far from standard.
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
			z := rng.NormFloat64() / 4
			for j := range d {
				x := float64(m.X[i*d+j])
				z += truth[j*max(1, classes)+c] * (x*x - math.Abs(x)/2)
			}
			if classes == 0 {
				m.Y[i] = float32(1000 + 50*z)
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

// weigh gives all rows weights, of which some are 0.
func weigh(d *dataset.Data) *dataset.Data {
	for _, m := range []*dataset.Matrix{d.Folds[0].Train, d.Folds[0].Valid, d.Test} {
		if m == nil {
			continue
		}
		m.W = make([]float32, m.N)
		for i := range m.W {
			m.W[i] = float32(i % 4)
		}
	}
	return d
}

func suite(train, d, classes int, metric string, params ...tourney.Params) *trainertest.Suite {
	builtin, _ := tourney.LookupMetric(metric)
	return &trainertest.Suite{
		Trainer: mlp.Family().Trainer,
		Rung:    data(train, 100, d, classes, false),
		Final:   data(train+100, 80, d, classes, true),
		Metric:  tourney.Metric{Name: metric, Goal: builtin.Goal},
		Params:  params,
		Diverge: tourney.Params{"learning_rate": 1e30, "optimizer": "sgd", "hidden": "8", "batch_size": int64(16)},
		Refuse:  tourney.Params{"hidden": "8,-1"},
		Budget:  4,
	}
}

func TestRegressionIsATrainer(t *testing.T) {
	suite(
		180, 5, 0, "rmse",
		tourney.Params{"hidden": "8", "batch_size": int64(32)},
		tourney.Params{"hidden": "9,5", "activation": "tanh", "optimizer": "sgd", "learning_rate": 0.01, "batch_size": int64(25)},
		tourney.Params{"layers": int64(3), "width": int64(7), "activation": "gelu", "dropout": 0.3, "schedule": "cosine", "batch_size": int64(16)},
		tourney.Params{"hidden": "17", "optimizer": "adamw", "weight_decay": 0.1, "clip_norm": 0.5, "warmup": 1.5, "shuffle": "none"},
	).Run(t)
}

func TestTwoClassesAreATrainer(t *testing.T) {
	suite(
		150, 6, 2, "logloss",
		tourney.Params{"hidden": "8", "batch_norm": true, "batch_size": int64(20)},
		tourney.Params{"hidden": "6,6", "batch_norm": true, "dropout": 0.5, "activation": "tanh", "batch_size": int64(49)},
		tourney.Params{"hidden": "33", "label_smoothing": 0.2, "optimizer": "sgd", "nesterov": true, "learning_rate": 0.05, "batch_size": int64(1)},
		tourney.Params{"hidden": "8", "class_weight": "balanced", "schedule": "step", "step_size": int64(2), "alpha": 0.5, "batch_size": int64(1_000_000)},
	).Run(t)
}

func TestManyClassesAreATrainer(t *testing.T) {
	s := suite(
		160, 4, 3, "accuracy",
		tourney.Params{"hidden": "12,12,12", "activation": "gelu", "batch_norm": true, "label_smoothing": 0.1, "batch_size": int64(32)},
		tourney.Params{"hidden": "5", "dropout": 0.2, "schedule": "linear", "learning_rate": 0.01, "batch_size": int64(8)},
		tourney.Params{"hidden": "8,4", "activation": "tanh", "l2": 0.01, "class_weight": "balanced", "learning_rate": 0.02, "batch_size": int64(16)},
		tourney.Params{"hidden": "16", "optimizer": "sgd", "momentum": 0.5, "learning_rate": 0.1, "clip_norm": 0.1, "batch_size": int64(16)},
	)
	weigh(s.Rung)
	weigh(s.Final)
	s.Run(t)
}

// Batches large enough for slots to share them, of one part and of several:
// one trial alone, and three of which one is left over.
func TestSharedBatchesChangeNoBit(t *testing.T) {
	d := data(dataset.PartRows+300, 60, 3, 2, false)
	params := []tourney.Params{
		{"hidden": "40,24", "batch_size": int64(1_000_000), "learning_rate": 0.01},
		{"hidden": "50,30", "batch_norm": true, "dropout": 0.1, "batch_size": int64(dataset.PartRows), "learning_rate": 0.01},
		{"hidden": "24,20", "batch_norm": true, "dropout": 0.2, "activation": "tanh", "batch_size": int64(4200), "learning_rate": 0.02},
		{"hidden": "20,40", "activation": "gelu", "dropout": 0.1, "batch_size": int64(3000), "clip_norm": 0.1},
	}
	const epochs = 2
	run := func(slots int, params ...tourney.Params) []*trainertest.Trial {
		return trainOn(t, slots, d, "logloss", epochs, params...)
	}
	for i, p := range params {
		want := run(1, p)[0]
		for _, slots := range []int{2, 3} {
			for n, got := range map[string]*trainertest.Trial{"alone": run(slots, p)[0], "with others": run(slots, p, params[(i+1)%4], params[(i+2)%4])[0]} {
				if !bytes.Equal(got.Final, want.Final) || !reflect.DeepEqual(got.Points, want.Points) {
					t.Errorf("%v %s on %d slots has other bits than on one", p, n, slots)
				}
			}
		}
	}
}

// The plain Go kernels are the definition, also for a processor that has faster
// ones.
func TestKernelsChangeNoBit(t *testing.T) {
	params := []tourney.Params{
		{"hidden": "33,18", "batch_norm": true, "dropout": 0.3, "batch_size": int64(50)},
		{"hidden": "40", "activation": "gelu", "optimizer": "adamw", "weight_decay": 0.1, "schedule": "cosine", "batch_size": int64(64)},
		{"hidden": "16,7", "activation": "tanh", "optimizer": "sgd", "nesterov": true, "clip_norm": 0.3, "label_smoothing": 0.1, "l2": 0.01, "batch_size": int64(17)},
	}
	for _, classes := range []int{0, 2, 5} {
		d := weigh(data(230, 60, 9, classes, false))
		metric := map[bool]string{true: "rmse", false: "logloss"}[classes == 0]
		var want []*trainertest.Trial
		for _, class := range kernels.Classes() {
			restore, err := kernels.Use(class)
			if err != nil {
				t.Fatal(err)
			}
			got := train(t, d, metric, 3, params...)
			restore()
			if want == nil {
				want = got
			}
			for i, trial := range got {
				if !bytes.Equal(trial.Final, want[i].Final) || !reflect.DeepEqual(trial.Points, want[i].Points) {
					t.Errorf("%d classes, %v: %s has other bits than %s", classes, params[i], class, kernels.Classes()[0])
				}
			}
		}
	}
}

// Folds of unlike sizes and widths, as of categories of which a fold has seen
// fewer levels.
func TestFoldsAreATrainer(t *testing.T) {
	s := suite(
		120, 4, 3, "logloss",
		tourney.Params{"hidden": "7", "batch_norm": true, "batch_size": int64(32)},
		tourney.Params{"hidden": "6,5", "dropout": 0.3, "batch_size": int64(20)},
		tourney.Params{"hidden": "9", "activation": "tanh", "optimizer": "sgd", "learning_rate": 0.05, "batch_size": int64(16)},
		tourney.Params{"hidden": "5", "class_weight": "balanced", "schedule": "cosine", "batch_size": int64(1000)},
	)
	s.Rung.Folds = append(s.Rung.Folds, data(150, 40, 5, 3, false).Folds[0], weigh(data(101, 80, 4, 3, false)).Folds[0])
	s.Run(t)
}
