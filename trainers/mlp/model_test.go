package mlp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/mlp"
	"tourney/trainers/trainertest"
)

// A model that was opened, written and read again scores as the trial did.
func TestModelsScoreAsTheirTrials(t *testing.T) {
	for _, tt := range []struct {
		classes int
		metric  string
		params  tourney.Params
	}{
		{0, "rmse", tourney.Params{"hidden": "9,4", "activation": "tanh"}},
		{2, "logloss", tourney.Params{"hidden": "8", "batch_norm": true, "dropout": 0.2}},
		{3, "logloss", tourney.Params{"hidden": "6,5", "activation": "gelu", "batch_norm": true}},
	} {
		t.Run(fmt.Sprint(tt.classes, tt.params), func(t *testing.T) {
			d := data(300, 700, 4, tt.classes, true)
			builtin, _ := tourney.LookupMetric(tt.metric)
			trial := trainertest.NewTrial(tourney.Job{
				Kind: tourney.JobFinal, Params: tt.params, Metric: tourney.Metric{Name: tt.metric, Goal: builtin.Goal}, Budget: 3, MaxBudget: 3, Seed: 4,
			}, nil)
			pool := heat.NewPool(1)
			defer pool.Close()
			f := mlp.Family()
			if err := f.Trainer.Train(context.Background(), d, pool, &trainertest.Script{Joins: [][]*trainertest.Trial{{trial}}}); err != nil {
				t.Fatal(err)
			}
			opened, err := f.Open(trial.Job(), d, trial.Final)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(opened)
			if err != nil {
				t.Fatal(err)
			}
			about := heat.About{Task: d.Task, Classes: d.Classes, Features: []string{"a", "b", "c", "d"}}
			read, err := f.ReadModel(text, about)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range []heat.Model{opened, read} {
				out := make([]float32, d.Test.N*about.Outputs())
				m.Predict(d.Test, 0, d.Test.N, out)
				if got := score(d, out, about.Outputs()); math.Abs(got-*trial.Ended.Value) > 1e-6*max(1, got) {
					t.Errorf("scores %v, the trial %v", got, *trial.Ended.Value)
				}
				some := make([]float32, 100*about.Outputs())
				m.Predict(d.Test, 600, 700, some)
				if !slices.Equal(some, out[600*about.Outputs():]) {
					t.Error("the last rows by themselves have other outputs")
				}
			}
			again, _ := json.Marshal(read)
			if string(again) != string(text) {
				t.Error("what was read is written otherwise")
			}
			for _, wrong := range [][]byte{nil, trial.Final[:len(trial.Final)-4], []byte("TLAP")} {
				if _, err := f.Open(trial.Job(), d, wrong); err == nil {
					t.Errorf("opens a state of %d bytes", len(wrong))
				}
			}
			if _, err := f.ReadModel(text, heat.About{Classes: d.Classes, Features: []string{"a"}}); err == nil || !strings.Contains(err.Error(), "inputs") {
				t.Errorf("with another number of features: %v", err)
			}
		})
	}
}

// score is the root mean square error, or the log loss.
func score(d *dataset.Data, out []float32, k int) float64 {
	sum := 0.0
	for i, y := range d.Test.Y {
		if k == 1 {
			sum += float64(y-out[i]) * float64(y-out[i])
		} else {
			sum -= math.Log(float64(out[i*k+int(y)]))
		}
	}
	if k == 1 {
		return math.Sqrt(sum / float64(d.Test.N))
	}
	return sum / float64(d.Test.N)
}

// A network of two units, by hand.
const small = `{"activation": "relu", "layers": [
	{"inputs": 2, "units": 2, "weights": [1, -1, 2, 0.5], "shift": [0.5, -1], "scale": [2, 1], "mean": [1, 0], "variance": [0.24999, 0.99999]},
	{"inputs": 2, "units": 1, "weights": [3, 10], "shift": [-4]}],
	"target": {"mean": 100, "deviation": 10}}`

func TestDocumentIsReadAsItSays(t *testing.T) {
	about := heat.About{Task: tourney.Regression, Features: []string{"a", "b"}}
	m, err := mlp.Family().ReadModel([]byte(small), about)
	if err != nil {
		t.Fatal(err)
	}
	// Row (1, 2): z = (5, 0); normalised (2·(5-1)/0.5 + 0.5, 0/1 - 1) = (16.5, -1);
	// rectified (16.5, 0); the output is 3·16.5 - 4 = 45.5, which is 555.
	// Row (-3, 4): z = (5, 5); (16.5, 4); 49.5 + 40 - 4 = 85.5, which is 955.
	out := make([]float32, 2)
	m.Predict(&dataset.Matrix{N: 2, D: 2, X: []float32{1, 2, -3, 4}}, 0, 2, out)
	if math.Abs(float64(out[0])-555) > 1e-3 || math.Abs(float64(out[1])-955) > 1e-3 {
		t.Errorf("outputs %v, want 555 and 955", out)
	}
}

func TestDocumentsThatAreWrong(t *testing.T) {
	about := heat.About{Task: tourney.Regression, Features: []string{"a", "b"}}
	for from, c := range map[string]struct{ to, want string }{
		`"relu"`:                    {`"step"`, "activation"},
		`"shift": [-4]`:             {`"shift": []`, "layers[1].shift"},
		`"inputs": 2, "units": 1`:   {`"inputs": 3, "units": 1`, "layers[1].inputs"},
		`"inputs": 2, "units": 2`:   {`"inputs": 2, "units": 0`, "layers[0].units"},
		`"scale": [2, 1], `:         {``, "layers[0].mean"},
		`0.24999`:                   {`-1`, "layers[0].variance[0]"},
		`"deviation": 10`:           {`"deviation": 0`, "target"},
		`, -1, 2, 0.5]`:             {`]`, "layers[0].weights"},
		`"layers": [`:               {`"layers": 7, "more": [`, "layers"},
		`"weights": [3, 10]`:        {`"weights": [3, 10], "scale": [1]`, "layers[1].scale"},
		`"units": 2, "weights": [1`: {`"units": 2, "weights": [1e99`, "weights"},
	} {
		if !strings.Contains(small, from) {
			t.Fatalf("%s is not in the document", from)
		}
		_, err := mlp.Family().ReadModel([]byte(strings.Replace(small, from, c.to, 1)), about)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s for %s: error %v, want one about %s", c.to, from, err, c.want)
		}
	}
}
