package linear_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/linear"
	"tourney/trainers/metrics"
	"tourney/trainers/trainertest"
)

// A model that was written and read predicts, from dense and from sparse rows,
// what the final job was measured by.
func TestModelsPredictWhatWasMeasured(t *testing.T) {
	f := linear.Family()
	for _, c := range []struct {
		classes int
		params  tourney.Params
		link    string
	}{
		{0, tourney.Params{"optimizer": "gram", "l2": 0.01}, "identity"},
		{0, tourney.Params{"loss": "huber", "optimizer": "lbfgs"}, "identity"},
		{0, tourney.Params{"loss": "poisson", "optimizer": "lbfgs", "l2": 0.1}, "log"},
		{2, tourney.Params{"learning_rate": 0.2}, "logit"},
		{2, tourney.Params{"loss": "hinge"}, "logit"},
		{3, tourney.Params{"optimizer": "ftrl"}, "softmax"},
		{4, tourney.Params{"loss": "squared_hinge", "optimizer": "adam"}, "softmax"},
	} {
		d := data(400, 300, 5, c.classes, true)
		if c.link == "log" {
			for _, m := range []*dataset.Matrix{d.Folds[0].Train, d.Test} {
				for i := range m.Y {
					m.Y[i] = float32(math.Abs(float64(m.Y[i]))) / 300
				}
			}
		}
		j := job(d, tourney.JobFinal, 12, c.params)
		trial := trainertest.NewTrial(j, nil)
		run(t, d, 2, trial)
		m, err := f.Open(&j, d, trial.Final)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), `"link":"`+c.link+`"`) {
			t.Errorf("%v: %s", c.params, text)
		}
		about := heat.About{Task: d.Task, Classes: d.Classes, Features: make([]string, 5)}
		again, err := f.ReadModel(text, about)
		if err != nil {
			t.Fatal(err)
		}
		k := about.Outputs()
		out, thin, lone := make([]float32, 300*k), make([]float32, 300*k), make([]float32, k)
		m.Predict(d.Test, 0, 300, out)
		again.Predict(sparse(d.Test), 0, 300, thin)
		again.Predict(d.Test, 17, 18, lone)
		if !slices.Equal(out, thin) || !slices.Equal(lone, out[17*k:18*k]) {
			t.Errorf("%v: predictions differ between forms or calls", c.params)
		}
		var got float64
		if c.classes > 0 {
			var sums metrics.Classification
			sums.AddBlock(out, d.Test.Y, nil, k)
			got = sums.LogLoss()
		} else {
			var sums metrics.Regression
			sums.AddBlock(d.Test.Y, out, nil)
			got = sums.RMSE()
		}
		if math.Abs(got-*trial.Ended.Value) > 1e-12*math.Abs(got) {
			t.Errorf("%v: the model measures %v, the trial told %v", c.params, got, *trial.Ended.Value)
		}
	}
}

// Coefficients are in the target's units: those of ordinary least squares.
func TestCoefficientsAreInTheTargetsUnits(t *testing.T) {
	f := linear.Family()
	m := &dataset.Matrix{N: 5, D: 1, X: []float32{0, 1, 2, 3, 4}, Y: []float32{100, 103, 106, 109, 112}}
	d := &dataset.Data{Task: tourney.Regression, Folds: []*dataset.Fold{{Train: m}}, Test: m}
	for _, optimizer := range []string{"gram", "lbfgs"} {
		j := job(d, tourney.JobFinal, 50, tourney.Params{"optimizer": optimizer, "tol": 0.0})
		trial := trainertest.NewTrial(j, nil)
		run(t, d, 1, trial)
		model, err := f.Open(&j, d, trial.Final)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Coefficients [][]float64
			Intercepts   []float64
		}
		text, _ := model.MarshalJSON()
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		if math.Abs(doc.Coefficients[0][0]-3) > 1e-5 || math.Abs(doc.Intercepts[0]-100) > 1e-4 {
			t.Errorf("%s: %s", optimizer, text)
		}
	}
}

func TestModelsThatAreNone(t *testing.T) {
	two := heat.About{Task: tourney.Classification, Classes: []string{"a", "b"}, Features: []string{"x", "y"}}
	f := linear.Family()
	const good = `{"loss":"logistic","link":"logit","coefficients":[[1,2]],"intercepts":[3]}`
	if _, err := f.ReadModel([]byte(good), two); err != nil {
		t.Fatal(err)
	}
	for text, about := range map[string]heat.About{
		good: {Task: tourney.Classification, Classes: []string{"a", "b", "c"}, Features: two.Features},
		strings.Replace(good, "logit\"", "softmax\"", 1):   two,
		strings.Replace(good, "logistic", "auto", 1):       two,
		strings.Replace(good, "logistic", "squared", 1):    two,
		strings.Replace(good, "logistic", "lightning", 1):  two,
		strings.Replace(good, "[1,2]", "[1]", 1):           two,
		strings.Replace(good, "[[1,2]]", "[]", 1):          two,
		strings.Replace(good, "[[1,2]]", "[[1,2],[1]]", 1): two,
		strings.Replace(good, "[3]", "[]", 1):              two,
		strings.Replace(good, "[3]", "[1e300]", 1):         two,
		strings.Replace(good, "loss", "los", 1):            two,
		`null`:                                             two,
		``:                                                 two,
	} {
		if _, err := f.ReadModel([]byte(text), about); err == nil {
			t.Errorf("%s is read", text)
		}
	}
}

func FuzzReadModel(f *testing.F) {
	family := linear.Family()
	about := heat.About{Task: tourney.Classification, Classes: []string{"a", "b"}, Features: []string{"x", "y"}}
	f.Add([]byte(`{"loss":"logistic","link":"logit","coefficients":[[1,2]],"intercepts":[3]}`))
	m := &dataset.Matrix{N: 1, D: 2, X: []float32{1, 2}}
	f.Fuzz(func(_ *testing.T, b []byte) {
		if model, err := family.ReadModel(b, about); err == nil {
			model.Predict(m, 0, 1, make([]float32, 2))
		}
	})
}
