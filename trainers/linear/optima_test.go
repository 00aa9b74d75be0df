package linear_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"tourney"
	"tourney/dataset"
)

// optimum is a problem of testdata/optima.json, with its optimum by
// scikit-learn 1.9.1; testdata/optima.py says how it was made.
type optimum struct {
	Name      string         `json:"name"`
	Loss      string         `json:"loss"`
	Y         []float32      `json:"y"`
	Coef      [][]float64    `json:"coef"`
	Intercept []float64      `json:"intercept"`
	L1        float64        `json:"l1"`
	L2        float64        `json:"l2"`
	Weighted  bool           `json:"weighted"`
	Objective *float64       `json:"objective"`
	Params    tourney.Params `json:"params"`
}

func optima(t *testing.T) (problems []optimum, of func(p *optimum) *dataset.Data) {
	t.Helper()
	raw, err := os.ReadFile("testdata/optima.json")
	if err != nil {
		t.Fatal(err)
	}
	var ref struct {
		X        [][]float32 `json:"x"`
		Weight   []float32   `json:"weight"`
		Problems []optimum   `json:"problems"`
	}
	if err := json.Unmarshal(raw, &ref); err != nil {
		t.Fatal(err)
	}
	return ref.Problems, func(p *optimum) *dataset.Data {
		m := &dataset.Matrix{N: len(ref.X), D: len(ref.X[0]), Y: p.Y}
		for _, row := range ref.X {
			m.X = append(m.X, row...)
		}
		if p.Weighted {
			m.W = ref.Weight
		}
		d := &dataset.Data{Task: tourney.Regression, Folds: []*dataset.Fold{{Train: m, Valid: m}}}
		if p.Loss == "logistic" || p.Loss == "hinge" || p.Loss == "squared_hinge" {
			d.Task, d.Classes = tourney.Classification, []string{"a", "b", "c"}[:max(2, len(p.Coef))]
		}
		return d
	}
}

func (p *optimum) params(more tourney.Params) tourney.Params {
	params := tourney.Params{"loss": p.Loss, "l1": p.L1, "l2": p.L2}
	for _, of := range []tourney.Params{p.Params, more} {
		for k, v := range of {
			params[k] = v
		}
	}
	return params
}

// compare compares weights with the optimum. The intercepts of softmax are free
// up to a constant.
func (p *optimum) compare(t *testing.T, how string, w []float32, tolerance float64) {
	t.Helper()
	k, d, free := len(p.Coef), len(p.Coef[0]), 0.0
	if k > 1 {
		for c := range k {
			free += (float64(w[d*k+c]) - p.Intercept[c]) / float64(k)
		}
	}
	for c := range k {
		for j := range d {
			if got, want := float64(w[j*k+c]), p.Coef[c][j]; math.Abs(got-want) > tolerance || p.L1 > 0 && want == 0 && got != 0 {
				t.Errorf("%s by %s: coefficient %d of output %d is %v, want %v", p.Name, how, j, c, got, want)
			}
		}
		if got, want := float64(w[d*k+c])-free, p.Intercept[c]; math.Abs(got-want) > 4*tolerance {
			t.Errorf("%s by %s: intercept of output %d is %v, want %v", p.Name, how, c, got, want)
		}
	}
}

// L-BFGS, with its variant for l1, and the solution from products reach the
// coefficients of scikit-learn; absent ones are absent.
func TestOptimaOfScikitLearn(t *testing.T) {
	problems, of := optima(t)
	for _, p := range problems {
		if p.Objective != nil {
			continue
		}
		d, metric := of(&p), "logloss"
		if d.Task == tourney.Regression {
			metric = "rmse"
		}
		trial := train(t, d, metric, 1000, p.params(tourney.Params{"optimizer": "lbfgs", "tol": 1e-6}))[0]
		if trial.Ended.Step > 300 {
			t.Errorf("%s: %d iterations", p.Name, trial.Ended.Step)
		}
		p.compare(t, "lbfgs", weights(t, d, 0, trial.Final), 1e-4)
		if p.Loss == "squared" {
			for _, d := range []*dataset.Data{d, sparseData(d)} {
				p.compare(t, "gram", weights(t, d, 0, train(t, d, metric, 1, p.params(tourney.Params{"optimizer": "gram"}))[0].Final), 2e-6)
			}
		}
	}
}

// Losses with corners come to within three thousandths of their least value by
// gradient steps that become shorter.
func TestLossesWithCornersReachTheirLeastValue(t *testing.T) {
	problems, of := optima(t)
	for _, p := range problems {
		if p.Objective == nil {
			continue
		}
		d := of(&p)
		metric := "accuracy"
		if d.Task == tourney.Regression {
			metric = "mae"
		}
		for _, more := range []tourney.Params{
			{"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.01, "batch_size": int64(240), "schedule": "linear"},
			{"optimizer": "adam", "learning_rate": 0.02, "batch_size": int64(1000), "schedule": "cosine"},
			{"optimizer": "adagrad", "learning_rate": 0.5, "batch_size": int64(60), "schedule": "linear"},
		} {
			trial := train(t, d, metric, 800, p.params(more))[0]
			if got := p.objective(d, weights(t, d, 0, trial.Final)); got > *p.Objective*1.003 || got < *p.Objective*(1-1e-6) {
				t.Errorf("%s by %v: %v, the least is %v", p.Name, more["optimizer"], got, *p.Objective)
			}
		}
	}
}

// objective is what is minimised, in float64.
func (p *optimum) objective(d *dataset.Data, w []float32) float64 {
	b := &book{name: p.Loss, x: d.Folds[0].Train}
	if tau, ok := p.Params.Float("tau", 0); ok {
		b.parameter = tau
	}
	for _, y := range p.Y {
		b.target = append(b.target, float64(y))
	}
	if d.Task == tourney.Regression {
		standardise(b)
	}
	all := make([]float64, len(w))
	penalty := 0.0
	for i, v := range w {
		all[i] = float64(v)
		if i < len(w)-len(p.Coef) {
			penalty += p.L1*math.Abs(all[i]) + p.L2/2*all[i]*all[i]
		}
	}
	return b.mean(all) + penalty
}
