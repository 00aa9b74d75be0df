package fm_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/fm"
)

// Losses and weights are those of a textbook implementation in float64
// (testdata/reference.py), for all kinds of target, optimizers, penalties and
// weights of rows; here from rows that begin in the middle of their entries.
func TestTrainingIsTheTextbooks(t *testing.T) {
	text, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Classes, Epochs int
		Field           []int
		X               [][]float32
		Y, W            []float32
		Runs            []struct {
			Params             tourney.Params
			Losses, Intercepts []float64
			Weights, Vectors   [][]float64
		}
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		m := &dataset.Matrix{N: len(c.X), D: len(c.X[0]), Y: c.Y, W: c.W, Col: []uint32{6, 2, 1}, Val: []float32{7, 7, 7}, RowPtr: []int64{3}}
		for _, row := range c.X {
			for j, v := range row {
				if v != 0 {
					m.Col, m.Val = append(m.Col, uint32(j)), append(m.Val, v)
				}
			}
			m.RowPtr = append(m.RowPtr, int64(len(m.Col)))
		}
		d := &dataset.Data{Task: tourney.Regression, Folds: []*dataset.Fold{{Train: m, Prep: &dataset.Pipeline{}}}, Test: m}
		name := "train_rmse"
		for k := range c.Classes {
			d.Task, d.Classes, name = tourney.Classification, append(d.Classes, string(rune('a'+k))), "train_logloss"
		}
		for f := range c.Field[len(c.Field)-1] + 1 {
			in := dataset.Input{Name: string(rune('a' + f)), Kind: tourney.Text}
			for _, field := range c.Field {
				if field == f {
					in.Buckets++
				}
			}
			d.Folds[0].Prep.Inputs = append(d.Folds[0].Prep.Inputs, in)
		}
		for _, r := range c.Runs {
			trial := train(t, d, tourney.JobFinal, tourney.DefaultMetric(d.Task).Name, c.Epochs, r.Params)[0]
			if len(trial.Points) != len(r.Losses) {
				t.Fatalf("%d classes, %v: end %+v", c.Classes, r.Params, trial.Ended)
			}
			for i, want := range r.Losses {
				if got := trial.Points[i].Metrics[name]; math.Abs(got-want) > 2e-6*want {
					t.Errorf("%d classes, %v: loss %v of epoch %d, want %v", c.Classes, r.Params, got, i+1, want)
				}
			}
			model, err := fm.Family().Open(trial.Job(), d, trial.Final)
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(model)
			if err != nil {
				t.Fatal(err)
			}
			var doc struct {
				Intercepts       []float64
				Weights, Vectors [][]float64
			}
			if err := json.Unmarshal(b, &doc); err != nil {
				t.Fatal(err)
			}
			for o := range doc.Intercepts {
				near(t, r.Params, "intercept", doc.Intercepts[o:o+1], r.Intercepts[o:o+1])
				near(t, r.Params, "weights", doc.Weights[o], r.Weights[o])
				near(t, r.Params, "vectors", doc.Vectors[o], r.Vectors[o])
			}
		}
	}
}

func near(t *testing.T, p tourney.Params, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%v: %d %s, want %d", p, len(got), what, len(want))
	}
	for i := range got {
		if math.Abs(got[i]-want[i]) > 1e-5*(1+math.Abs(want[i])) {
			t.Errorf("%v: %s %d is %v, want %v", p, what, i, got[i], want[i])
		}
	}
}
