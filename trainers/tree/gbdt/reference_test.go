package gbdt_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/trainertest"
	"tourney/trainers/tree/gbdt"
)

// reference is what testdata/reference.py made.
type reference struct {
	Version string
	Rounds  int
	X       [][]int // -1: missing
	Y       map[string][]float64
	Weight  []float64
	Cases   []struct {
		Name, Target string
		Weighted     bool
		Numbers      bool // the categories are numbers
		Params       map[string]any
		Root         [3]int
		Raw          [][]float64
	}
}

func readReference(t *testing.T) *reference {
	t.Helper()
	b, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	r := new(reference)
	if err := json.Unmarshal(b, r); err != nil {
		t.Fatal(err)
	}
	return r
}

// binned bins whole numbers: each value has a bin of its own. Category 4's
// levels are in the order of how frequent they are, as the dataset's are.
func (r *reference) binned(categories bool) (*dataset.Matrix, *dataset.Binning) {
	n, d := len(r.X), len(r.X[0])
	m := &dataset.Matrix{N: n, D: d, Bins: make([]uint8, n*d), Spans: []dataset.Span{{From: 0, To: n}}}
	b := &dataset.Binning{}
	for j := range d {
		var values []int
		counts := map[int]int{}
		for i := range n {
			if v := r.X[i][j]; v >= 0 {
				values = append(values, v)
				counts[v]++
			}
		}
		slices.Sort(values)
		values = slices.Compact(values)
		f := dataset.BinnedFeature{Name: string(rune('a' + j)), Kind: tourney.Number}
		if j == 4 && categories {
			f.Kind = tourney.Category
			slices.SortStableFunc(values, func(a, b int) int { return counts[b] - counts[a] })
			for _, v := range values {
				f.Levels = append(f.Levels, string(rune('A'+v)))
			}
		} else {
			for i := range len(values) - 1 {
				f.Edges = append(f.Edges, float64(values[i]+values[i+1])/2)
			}
		}
		for i := range n {
			m.Bins[i*d+j] = uint8(slices.Index(values, r.X[i][j]) + 1)
		}
		b.Features = append(b.Features, f)
	}
	return m, b
}

// final trains a final job of so many rounds and returns its model and trial.
func final(t *testing.T, data *dataset.Data, params tourney.Params, rounds int) (heat.Model, *trainertest.Trial) {
	t.Helper()
	f := gbdt.Family()
	trial := trainertest.NewTrial(tourney.Job{
		Kind: tourney.JobFinal, Trainer: "gbdt", Params: params, Metric: tourney.DefaultMetric(data.Task),
		Budget: rounds, MaxBudget: rounds, Seed: 3, Weight: 1,
	}, nil)
	train(t, data, 1, []*trainertest.Trial{trial})
	if trial.Ended == nil || trial.Ended.Outcome != tourney.OutcomeDone {
		t.Fatalf("%v: end %+v", params, trial.Ended)
	}
	m, err := f.Open(trial.Job(), data, trial.Final)
	if err != nil {
		t.Fatal(err)
	}
	return m, trial
}

// train runs a heat in which trials join at the calls of Next.
func train(t *testing.T, data *dataset.Data, slots int, joins ...[]*trainertest.Trial) {
	t.Helper()
	pool := heat.NewPool(slots)
	defer pool.Close()
	if err := gbdt.Family().Trainer.Train(t.Context(), data, pool, &trainertest.Script{Joins: joins}); err != nil {
		t.Fatal(err)
	}
	for _, join := range joins {
		for _, trial := range join {
			for _, e := range trial.Errors {
				t.Error(e)
			}
		}
	}
}

// Where the algorithm is LightGBM's and so are the bins, so are the trees:
// predictions differ by what float32 scores and quantised gradients come to.
func TestLightGBM(t *testing.T) {
	r := readReference(t)
	for _, c := range r.Cases {
		t.Run(c.Name, func(t *testing.T) {
			x, binning := r.binned(!c.Numbers)
			classes := 0
			for _, y := range r.Y[c.Target] {
				x.Y = append(x.Y, float32(y))
				classes = max(classes, int(y)+1)
			}
			if c.Weighted {
				for _, w := range r.Weight {
					x.W = append(x.W, float32(w))
				}
			}
			data := &dataset.Data{Version: "v", Form: dataset.Binned, Task: tourney.Regression, Test: x}
			if c.Target == "two" || c.Target == "three" {
				data.Task, data.Classes = tourney.Classification, []string{"A", "B", "C"}[:classes]
			}
			data.Folds = []*dataset.Fold{{Train: x, Bins: binning}}
			params := merged(tourney.Params{"num_leaves": 15, "min_data_in_leaf": 10}, c.Params)
			model, _ := final(t, data, params, r.Rounds)
			k := max(1, classes)
			if data.Task == tourney.Regression {
				k = 1
			}
			out := make([]float32, len(c.Raw)*k)
			model.Predict(x, 0, len(c.Raw), out)
			worst := 0.0
			for i, raw := range c.Raw {
				for j, want := range linked(c.Params["objective"], raw) {
					got := float64(out[i*k+j])
					worst = max(worst, math.Abs(got-want)/max(1, math.Abs(want)))
				}
			}
			if worst > 2e-5 {
				t.Errorf("predictions differ from LightGBM's by up to %.3g", worst)
			}
		})
	}
}

// linked turns LightGBM's raw scores of a row into outputs.
func linked(objective any, raw []float64) []float64 {
	switch objective {
	case "binary":
		p := 1 / (1 + math.Exp(-raw[0]))
		return []float64{1 - p, p}
	case "poisson", "gamma", "tweedie":
		return []float64{math.Exp(raw[0])}
	case "multiclass":
		out := make([]float64, len(raw))
		sum := 0.0
		for i, v := range raw {
			out[i] = math.Exp(v)
			sum += out[i]
		}
		for i := range out {
			out[i] /= sum
		}
		return out
	}
	return raw
}
