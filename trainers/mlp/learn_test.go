package mlp_test

import (
	"context"
	"encoding/csv"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/mlp"
	"tourney/trainers/trainertest"
)

// train trains a heat of rungs with parameters, and returns them.
func train(t *testing.T, d *dataset.Data, metric string, epochs int, params ...tourney.Params) []*trainertest.Trial {
	t.Helper()
	return trainOn(t, 2, d, metric, epochs, params...)
}

// trainOn is train on that many slots. All trials have the same seed.
func trainOn(t *testing.T, slots int, d *dataset.Data, metric string, epochs int, params ...tourney.Params) []*trainertest.Trial {
	t.Helper()
	builtin, _ := tourney.LookupMetric(metric)
	trials := make([]*trainertest.Trial, len(params))
	for i, p := range params {
		trials[i] = trainertest.NewTrial(tourney.Job{
			Kind: tourney.JobRung, Params: p, Metric: tourney.Metric{Name: metric, Goal: builtin.Goal}, Budget: epochs, MaxBudget: epochs, Seed: 11,
		}, nil)
	}
	pool := heat.NewPool(slots)
	defer pool.Close()
	if err := mlp.Family().Trainer.Train(context.Background(), d, pool, &trainertest.Script{Joins: [][]*trainertest.Trial{trials}}); err != nil {
		t.Fatal(err)
	}
	for _, trial := range trials {
		if trial.Ended == nil || trial.Ended.Outcome != tourney.OutcomeDone {
			t.Fatalf("%v ended as %+v", trial.Job().Params, trial.Ended)
		}
	}
	return trials
}

// value returns the best value of trials, by name of the metric.
func value(trials []*trainertest.Trial) float64 {
	best := *trials[0].Ended.Value
	for _, trial := range trials[1:] {
		if m := trial.Job().Metric; m.Loss(*trial.Ended.Value) < m.Loss(best) {
			best = *trial.Ended.Value
		}
	}
	return best
}

// No linear model tells the quadrants of an exclusive or apart: half of the rows
// are what it gets right.
func TestLearnsExclusiveOr(t *testing.T) {
	draw := func(seed uint64, n int) *dataset.Matrix {
		rng := rand.New(rand.NewPCG(seed, 0))
		m := &dataset.Matrix{N: n, D: 2}
		for range n {
			a, b := rng.Float32()*2-1, rng.Float32()*2-1
			m.X = append(m.X, a, b)
			y := float32(0)
			if (a > 0) != (b > 0) {
				y = 1
			}
			m.Y = append(m.Y, y)
		}
		return m
	}
	d := &dataset.Data{Task: tourney.Classification, Classes: []string{"n", "y"}, Folds: []*dataset.Fold{{Train: draw(1, 800), Valid: draw(2, 400)}}}
	for _, params := range []tourney.Params{
		{"hidden": "16", "learning_rate": 0.01, "batch_size": int64(32)},
		{"hidden": "16", "activation": "tanh", "learning_rate": 0.03, "batch_size": int64(32)},
		{"hidden": "16,16", "activation": "gelu", "batch_norm": true, "learning_rate": 0.01, "batch_size": int64(32)},
		{"hidden": "16", "optimizer": "sgd", "nesterov": true, "learning_rate": 0.1, "batch_size": int64(32), "schedule": "cosine", "warmup": 2.0},
		{"hidden": "24", "optimizer": "adamw", "weight_decay": 0.01, "dropout": 0.1, "label_smoothing": 0.05, "learning_rate": 0.01, "batch_size": int64(32)},
	} {
		if got := value(train(t, d, "accuracy", 40, params)); got < 0.96 {
			t.Errorf("%v: accuracy %v, want at least 0.96", params, got)
		}
	}
}

// table is a CSV file of real data, which are not part of the repository.
type table struct {
	header []string
	rows   [][]string
}

func readTable(t *testing.T, name string) *table {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "data", name)
	f, err := os.Open(path)
	if err != nil {
		t.Skipf("%s is not on this machine: %v", name, err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return &table{all[0], all[1:]}
}

// matrices returns the rows, of which held says which are held out, with
// numbers standardised and categories in one column a level, by the rows that
// are not.
func (tb *table) matrices(t *testing.T, target string, without []string, held func(i int, row []string) bool) (train, valid *dataset.Matrix, classes []string) {
	t.Helper()
	at := slices.Index(tb.header, target)
	x := make([][]float32, len(tb.rows))
	out := make([]bool, len(tb.rows))
	labels := map[string]bool{}
	numeric := true
	for i, row := range tb.rows {
		out[i] = held(i, row)
		labels[row[at]] = true
		if _, err := strconv.ParseFloat(row[at], 64); err != nil {
			numeric = false
		}
	}
	for j, name := range tb.header {
		if j != at && !slices.Contains(without, name) {
			tb.column(j, out, x)
		}
	}
	if !numeric || len(labels) <= 10 {
		for l := range labels {
			classes = append(classes, l)
		}
		slices.Sort(classes)
	}
	train, valid = &dataset.Matrix{D: len(x[0])}, &dataset.Matrix{D: len(x[0])}
	order := rand.New(rand.NewPCG(5, 6)).Perm(len(x))
	for _, i := range order {
		m := train
		if out[i] {
			m = valid
		}
		y, _ := strconv.ParseFloat(tb.rows[i][at], 64)
		if classes != nil {
			y = float64(slices.Index(classes, tb.rows[i][at]))
		}
		m.N, m.X, m.Y = m.N+1, append(m.X, x[i]...), append(m.Y, float32(y))
	}
	return train, valid, classes
}

// column appends what a column of the table comes to.
func (tb *table) column(j int, out []bool, x [][]float32) {
	values := make([]float64, len(tb.rows))
	levels := map[string]int{}
	texts := 0
	for i, row := range tb.rows {
		v, err := strconv.ParseFloat(row[j], 64)
		if err != nil {
			v = math.NaN()
			if len(row[j]) > 1 {
				texts++
			}
		}
		values[i] = v
		if _, ok := levels[row[j]]; !ok && !out[i] {
			levels[row[j]] = len(levels)
		}
	}
	if texts > 0 {
		for i, row := range tb.rows {
			hot := make([]float32, len(levels))
			if l, ok := levels[row[j]]; ok {
				hot[l] = 1
			}
			x[i] = append(x[i], hot...)
		}
		return
	}
	n, mean, square := 0.0, 0.0, 0.0
	for i, v := range values {
		if !out[i] && v == v {
			n, mean, square = n+1, mean+v, square+v*v
		}
	}
	mean /= n
	sd := math.Sqrt(square/n - mean*mean)
	for i, v := range values {
		z := 0.0
		if v == v && sd > 0 {
			z = (v - mean) / sd
		}
		x[i] = append(x[i], float32(z))
	}
}

// fifth holds a fifth of the rows out, by their text.
func fifth(_ int, row []string) bool {
	h := fnv.New32a()
	for _, v := range row {
		h.Write([]byte(v))
	}
	return h.Sum32()%5 == 0
}

// What real tables come to, against what linear models come to: scikit-learn's
// logistic regression on the same rows, and its ridge regression.
func TestRealTables(t *testing.T) {
	for _, tt := range []struct {
		file, target, metric string
		without              []string
		epochs               int
		params               []tourney.Params // the best of a heat counts
		linear, least        float64
	}{
		{
			"telco_churn.csv", "Churn", "auc",
			[]string{"customerID"},
			15,
			[]tourney.Params{
				{"hidden": "16", "dropout": 0.1, "learning_rate": 0.003, "batch_size": int64(64), "schedule": "cosine", "optimizer": "adamw", "weight_decay": 0.05},
				{"hidden": "16", "dropout": 0.3, "learning_rate": 0.003, "batch_size": int64(64), "schedule": "cosine", "optimizer": "adamw", "weight_decay": 0.05},
			},
			0.8355, 0.8355,
		},
		{
			"california_housing.csv", "median_house_value", "rmse", nil, 25,
			[]tourney.Params{{"hidden": "128,64", "learning_rate": 0.003, "batch_size": int64(64), "schedule": "cosine"}},
			68_361, 54_000,
		},
	} {
		t.Run(tt.file, func(t *testing.T) {
			rows, valid, classes := readTable(t, tt.file).matrices(t, tt.target, tt.without, fifth)
			d := &dataset.Data{Task: tourney.Classification, Classes: classes, Folds: []*dataset.Fold{{Train: rows, Valid: valid}}}
			if classes == nil {
				d.Task = tourney.Regression
			}
			trials := train(t, d, tt.metric, tt.epochs, tt.params...)
			m := trials[0].Job().Metric
			got := value(trials)
			t.Logf("%s %v on %d of %d rows", tt.metric, got, valid.N, valid.N+rows.N)
			if m.Loss(got) > m.Loss(tt.least) {
				t.Errorf("%s %v, want %v or better; linear models have %v", tt.metric, got, tt.least, tt.linear)
			}
		})
	}
}

// The test file's digits are of other writers than those trained on. Softmax
// regression, by scikit-learn, has 0.950 of them right.
func TestDigits(t *testing.T) {
	whole := readTable(t, "optdigits_train.csv")
	n := len(whole.rows)
	whole.rows = append(whole.rows, readTable(t, "optdigits_test.csv").rows...)
	rows, valid, classes := whole.matrices(t, whole.header[64], nil, func(i int, _ []string) bool { return i >= n })
	if len(classes) != 10 || valid.N != 1797 {
		t.Fatalf("%d classes, %d rows held out", len(classes), valid.N)
	}
	d := &dataset.Data{Task: tourney.Classification, Classes: classes, Folds: []*dataset.Fold{{Train: rows, Valid: valid}}}
	trials := train(t, d, "accuracy", 20,
		tourney.Params{"hidden": "128", "learning_rate": 0.003, "batch_size": int64(64), "schedule": "cosine", "dropout": 0.2},
		tourney.Params{"hidden": "64,64", "batch_norm": true, "activation": "gelu", "learning_rate": 0.003, "batch_size": int64(64), "schedule": "linear"},
	)
	for _, trial := range trials {
		t.Logf("%v: accuracy %v", trial.Job().Params, *trial.Ended.Value)
		if *trial.Ended.Value < 0.965 {
			t.Errorf("%v: accuracy %v, want at least 0.965", trial.Job().Params, *trial.Ended.Value)
		}
	}
}
