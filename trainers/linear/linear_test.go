package linear_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/linear"
	"tourney/trainers/trainertest"
)

// Two batches of one feature, by hand, with all numbers exact in binary.
// Targets 0 2 0 2 are standardised to -1 1 -1 1; x is 1 2 | 0.5 -1.
//
//	batch 1: z = 0 0, e = 1 -1,  gw = (1-2)/2 = -0.5,      gb = 0
//	         w = 0.25·0.5 = 0.125, b = 0, v = (-0.5, 0)
//	batch 2: z = 0.0625 -0.125, e = 1.0625 -1.125
//	         gw = (0.53125+1.125)/2 + 0.5·0.125 = 0.890625, gb = -0.03125
//	         v = 0.5·(-0.5)+0.890625 = 0.640625, w = 0.125-0.25·0.640625
//	         b = 0.25·0.03125
func TestTwoBatchesByHand(t *testing.T) {
	m := &dataset.Matrix{N: 4, D: 1, X: []float32{1, 2, 0.5, -1}, Y: []float32{0, 2, 0, 2}}
	d := &dataset.Data{Task: tourney.Regression, Folds: []*dataset.Fold{{Train: m, Valid: m}}}
	trial := train(t, d, "rmse", 1, tourney.Params{"learning_rate": 0.25, "momentum": 0.5, "l2": 0.5, "batch_size": int64(2)})[0]
	w := weights(t, d, 0, trial.Final)
	if want := []float32{0.125 - 0.25*0.640625, 0.25 * 0.03125}; w[0] != want[0] || w[1] != want[1] {
		t.Errorf("weights %v, want %v", w, want)
	}
	if got, want := trial.Points[0].Metrics["train_rmse"], math.Sqrt((1+1+1.0625*1.0625+1.125*1.125)/4); math.Abs(got-want) > 1e-15 {
		t.Errorf("train_rmse %v, want %v", got, want)
	}
}

// Full batches converge to the optimum that scikit-learn finds; the file is
// written by testdata/reference.py.
func TestConvergesToScikitLearn(t *testing.T) {
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var ref struct {
		L2       float64     `json:"l2"`
		X        [][]float32 `json:"x"`
		Problems []struct {
			Name      string      `json:"name"`
			Y         []float32   `json:"y"`
			Coef      [][]float64 `json:"coef"`
			Intercept []float64   `json:"intercept"`
		} `json:"problems"`
	}
	if err := json.Unmarshal(raw, &ref); err != nil {
		t.Fatal(err)
	}
	for _, p := range ref.Problems {
		d := &dataset.Data{Task: tourney.Classification, Classes: []string{"a", "b", "c"}[:max(2, len(p.Coef))], Folds: []*dataset.Fold{{}}}
		metric := "logloss"
		if p.Name == "regression" {
			d.Task, d.Classes, metric = tourney.Regression, nil, "rmse"
		}
		d.Folds[0].Train = &dataset.Matrix{N: len(ref.X), D: len(ref.X[0]), Y: p.Y}
		for _, row := range ref.X {
			d.Folds[0].Train.X = append(d.Folds[0].Train.X, row...)
		}
		d.Folds[0].Valid = d.Folds[0].Train
		const epochs = 400
		trial := train(t, d, metric, epochs, tourney.Params{"learning_rate": 0.5, "momentum": 0.8, "l2": ref.L2, "batch_size": int64(1000)})[0]
		w := weights(t, d, 0, trial.Final)
		k, free := len(p.Coef), 0.0
		if k > 1 { // the intercepts of softmax are free up to a constant
			for c := range k {
				free += (float64(w[d.Folds[0].Train.D*k+c]) - p.Intercept[c]) / float64(k)
			}
		}
		for c := range k {
			for j := range d.Folds[0].Train.D {
				if got := float64(w[j*k+c]); math.Abs(got-p.Coef[c][j]) > 5e-6 {
					t.Errorf("%s: coefficient %d of output %d is %v, want %v", p.Name, j, c, got, p.Coef[c][j])
				}
			}
			if got := float64(w[d.Folds[0].Train.D*k+c]) - free; math.Abs(got-p.Intercept[c]) > 5e-6 {
				t.Errorf("%s: intercept of output %d is %v, want %v", p.Name, c, got, p.Intercept[c])
			}
		}
	}
}

// A target far from 0 and of any size trains alike, and metrics are in its own
// units.
func TestRegressionMetricsAreInTheTargetsUnits(t *testing.T) {
	d := data(400, 100, 3, 0, false)
	scaled := data(400, 100, 3, 0, false)
	for _, m := range []*dataset.Matrix{scaled.Folds[0].Train, scaled.Folds[0].Valid} {
		for i := range m.Y {
			m.Y[i] *= 1024
		}
	}
	a := train(t, d, "rmse", 3, tourney.Params{})[0].Ended.Metrics
	b := train(t, scaled, "rmse", 3, tourney.Params{})[0].Ended.Metrics
	for _, name := range []string{"rmse", "mae", "train_rmse"} {
		if math.Abs(b[name]/1024-a[name]) > 1e-6*a[name] {
			t.Errorf("%s %v, of the target times 1024 %v", name, a[name], b[name])
		}
	}
	if a["r2"] != b["r2"] || a["r2"] <= 0 {
		t.Errorf("r2 %v and %v", a["r2"], b["r2"])
	}
}

// A step length that explodes ends in its first epoch, with no step counted.
func TestExplodingEndsWithinAnEpoch(t *testing.T) {
	for _, classes := range []int{0, 2, 3} {
		d := data(700, 50, 4, classes, false)
		metric := "logloss"
		if classes == 0 {
			metric = "rmse"
		}
		got := train(t, d, metric, 50, tourney.Params{"learning_rate": 1e6, "l2": 10.0, "batch_size": int64(32)})[0]
		if got.Ended == nil || got.Ended.Outcome != tourney.OutcomeDiverged || got.Ended.Step != 0 || len(got.Points) != 0 {
			t.Errorf("%d classes: %d steps, end %+v", classes, len(got.Points), got.Ended)
		}
	}
}

// A target of one value has nothing to learn and nothing to divide by.
func TestConstantTarget(t *testing.T) {
	m := &dataset.Matrix{N: 3, D: 1, X: []float32{1, 2, 3}, Y: []float32{5, 5, 5}}
	d := &dataset.Data{Task: tourney.Regression, Folds: []*dataset.Fold{{Train: m, Valid: m}}}
	end := train(t, d, "r2", 2, tourney.Params{})[0].Ended
	if end.Outcome != tourney.OutcomeDone || end.Metrics["rmse"] != 0 || *end.Value != 1 || end.BestStep != 1 {
		t.Errorf("end %+v", end)
	}
}

func TestTrainRefusesTornData(t *testing.T) {
	good := func() *dataset.Data { return data(20, 10, 2, 3, false) }
	for name, tear := range map[string]func(*dataset.Data){
		"no folds":      func(d *dataset.Data) { d.Folds = nil },
		"no rows":       func(d *dataset.Data) { d.Folds[0].Train = nil },
		"short weights": func(d *dataset.Data) { d.Folds[0].Train.W = []float32{1} },
		"negative weight": func(d *dataset.Data) {
			d.Folds[0].Valid = weighted(d.Folds[0].Valid, func(i int) float32 { return float32(i - 1) })
		},
		"weights of 0":     func(d *dataset.Data) { d.Folds[0].Train = weighted(d.Folds[0].Train, func(int) float32 { return 0 }) },
		"short matrix":     func(d *dataset.Data) { d.Folds[0].Valid.X = d.Folds[0].Valid.X[1:] },
		"other width":      func(d *dataset.Data) { d.Folds[0].Valid.D = 1 },
		"class too high":   func(d *dataset.Data) { d.Folds[0].Train.Y[3] = 3 },
		"class between":    func(d *dataset.Data) { d.Folds[0].Valid.Y[3] = 0.5 },
		"class not finite": func(d *dataset.Data) { d.Folds[0].Train.Y[3] = float32(math.NaN()) },
		"one class":        func(d *dataset.Data) { d.Classes = d.Classes[:1] },
	} {
		d := good()
		tear(d)
		pool := heat.NewPool(1)
		err := linear.Family().Trainer.Train(context.Background(), d, pool, &trainertest.Script{})
		pool.Close()
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzState(f *testing.F) {
	sets := []*dataset.Data{data(40, 10, 2, 3, false), data(40, 10, 3, 0, false)}
	names := []string{"accuracy", "rmse"}
	kinds := []tourney.Params{{"learning_rate": 0.3}, {"optimizer": "adam"}, {"optimizer": "lbfgs", "tol": 0.0}, {"momentum": 0.5}}
	for i, d := range sets {
		for _, p := range kinds {
			for _, s := range train(f, d, names[i], 4, p)[0].States {
				f.Add(s)
				f.Add(s[:len(s)/2])
			}
		}
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		for i, d := range sets {
			for _, p := range kinds {
				if again := reencode(t, d, p, names[i], tourney.JobRung, state); again != nil && !sameBytes(again, state) {
					t.Errorf("%x is read and written as %x", state, again)
				}
			}
		}
	})
}

// digits reads the optical digits, standardises their features by the training
// rows and cuts off a fifth to validate on.
func digits(t testing.TB) *dataset.Data {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "data", "optdigits_test.csv")
	file, err := os.Open(path)
	if err != nil {
		t.Skipf("the digits are not here: %v", err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows = rows[1:]
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	cut := len(rows) * 4 / 5
	d := len(rows[0]) - 1
	out := &dataset.Data{Task: tourney.Classification, Folds: []*dataset.Fold{{Train: &dataset.Matrix{N: cut, D: d}, Valid: &dataset.Matrix{N: len(rows) - cut, D: d}}}}
	for c := range 10 {
		out.Classes = append(out.Classes, strconv.Itoa(c))
	}
	for i, row := range rows {
		m := out.Folds[0].Train
		if i >= cut {
			m = out.Folds[0].Valid
		}
		for j, cell := range row {
			v, err := strconv.ParseFloat(cell, 32)
			if err != nil {
				t.Fatal(err)
			}
			if j < d {
				m.X = append(m.X, float32(v))
			} else {
				m.Y = append(m.Y, float32(v))
			}
		}
	}
	for j := range d {
		column := make([]float64, cut)
		mean, spread := 0.0, 0.0
		for i := range column {
			mean += float64(out.Folds[0].Train.X[i*d+j]) / float64(cut)
		}
		for i := range column {
			e := float64(out.Folds[0].Train.X[i*d+j]) - mean
			spread += e * e / float64(cut)
		}
		for _, m := range []*dataset.Matrix{out.Folds[0].Train, out.Folds[0].Valid} {
			for i := range m.N {
				x := &m.X[i*d+j]
				if spread == 0 {
					*x = 0
				} else {
					*x = float32((float64(*x) - mean) / math.Sqrt(spread))
				}
			}
		}
	}
	return out
}

func TestDigitsAreLearnt(t *testing.T) {
	d := digits(t)
	trial := train(t, d, "accuracy", 20, tourney.Params{"learning_rate": 0.1, "momentum": 0.9, "batch_size": int64(64), "l2": 1e-4})[0]
	if v := *trial.Ended.Value; v < 0.95 {
		t.Errorf("accuracy %v", v)
	}
}

// Losses of weighted rows are summed in another way than those of others, which
// no company may bring to a trial.
func TestClassWeightsAreNoMatterOfCompany(t *testing.T) {
	d := data(700, 40, 6, 2, false)
	for _, optimizer := range []string{"sgd", "lbfgs"} {
		plain := tourney.Params{"optimizer": optimizer, "l2": 0.01}
		weighted := tourney.Params{"optimizer": optimizer, "l2": 0.01, "class_weight": "balanced"}
		together := train(t, d, "logloss", 3, plain, weighted, plain)
		for i, params := range []tourney.Params{plain, weighted, plain} {
			alone := train(t, d, "logloss", 3, params)[0]
			if !reflect.DeepEqual(alone.Points, together[i].Points) || !bytes.Equal(alone.Final, together[i].Final) {
				t.Errorf("%s, trial %d: %v in company, %v alone", optimizer, i, together[i].Points, alone.Points)
			}
		}
	}
}
