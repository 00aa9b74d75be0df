package mlp_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/mlp"
)

// reference is testdata/reference.json, which testdata/reference.py wrote.
type reference struct {
	Features, Batch, Epochs int
	X                       []float32
	Cases                   []struct {
		Name           string
		Classes        int
		Hidden         []int
		Activation     string
		BatchNorm      bool    `json:"batch_norm"`
		LabelSmoothing float64 `json:"label_smoothing"`
		Y              []float32
		Start          []float32
		Gradient       []float64
		Loss           float64
		Weights        [][]float64
		Averages       []float64
		Outputs        []float64
		Spread         float64 // of PyTorch's float32 from its float64
	}
	raw []map[string]any
}

func readReference(t *testing.T) *reference {
	t.Helper()
	b, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	raw := struct{ Cases []map[string]any }{}
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatal(err)
	}
	r.raw = raw.Cases
	return &r
}

// params returns what a case says to the package.
func (r *reference) params(i int) tourney.Params {
	params := tourney.Params{"batch_size": int64(r.Batch), "shuffle": "none"}
	for _, name := range []string{
		"activation", "batch_norm", "optimizer", "learning_rate", "momentum", "nesterov", "beta1", "beta2", "epsilon",
		"weight_decay", "l2", "schedule", "step_size", "gamma", "label_smoothing", "clip_norm",
	} {
		if v, ok := r.raw[i][name]; ok {
			params[name] = v
		}
	}
	hidden, _ := json.Marshal(r.Cases[i].Hidden)
	params["hidden"] = string(hidden)
	return params
}

// PyTorch in float64 comes to the same gradient, weights, running averages and
// outputs, within little more than what its own float32 is off.
func TestTrainingAgainstPyTorch(t *testing.T) {
	r := readReference(t)
	if len(r.Cases) < 6 {
		t.Fatalf("%d cases", len(r.Cases))
	}
	for i := range r.Cases {
		c := &r.Cases[i]
		t.Run(c.Name, func(t *testing.T) {
			tolerance := 8*c.Spread + 1e-6
			d := &dataset.Data{Task: tourney.Classification, Classes: make([]string, c.Classes)}
			if c.Classes == 0 {
				d.Task, d.Classes = tourney.Regression, nil
			}
			m := &dataset.Matrix{N: len(c.Y), D: r.Features, X: r.X, Y: c.Y}
			d.Folds = []*dataset.Fold{{Train: m}}
			probe, err := mlp.NewProbe(d, tourney.Job{Params: r.params(i), Budget: r.Epochs, MaxBudget: r.Epochs})
			if err != nil {
				t.Fatal(err)
			}
			if len(probe.Weights()) != len(c.Start) {
				t.Fatalf("%d weights, want %d", len(probe.Weights()), len(c.Start))
			}
			copy(probe.Weights(), c.Start)
			gradient, loss := probe.Gradient(r.Batch)
			for j := range gradient {
				gradient[j] /= float32(r.Batch)
			}
			near(t, "gradient", gradient, c.Gradient, 1e-6)
			if loss /= float64(r.Batch); c.LabelSmoothing == 0 && math.Abs(loss-c.Loss) > 1e-6 {
				t.Errorf("loss %v, want %v", loss, c.Loss)
			}
			for epoch := range r.Epochs {
				probe.Epoch()
				near(t, "weights", probe.Weights(), c.Weights[epoch], tolerance)
			}
			near(t, "averages", probe.Averages(), c.Averages, tolerance)
			outputs := make([]float32, len(c.Outputs))
			probe.Model().Predict(m, 0, m.N, outputs)
			near(t, "outputs", outputs, c.Outputs, 4*tolerance)
		})
	}
}

func near(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i, v := range got {
		if !(math.Abs(float64(v)-want[i]) <= tolerance) {
			t.Fatalf("%s %d is %v, want %v within %v", what, i, v, want[i], tolerance)
		}
	}
}
