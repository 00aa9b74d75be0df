package bins_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/tree/bins"
	"tourney/trainers/tree/ensemble"
	"tourney/trainers/tree/grow"
)

// two are the features a and b, numbers, and c, a category.
func two() (*grow.Table, *dataset.Binning, *dataset.Data) {
	b := &dataset.Binning{Features: []dataset.BinnedFeature{
		{Name: "a", Kind: tourney.Number, Edges: []float64{1, 2}},
		{Name: "b", Kind: tourney.Boolean, Edges: []float64{0.5}},
		{Name: "c", Kind: tourney.Category, Levels: []string{"x", "y"}, Other: true},
	}}
	rows := make([]uint8, 10*3)
	train := &dataset.Matrix{N: 6, D: 3, Bins: rows, Y: make([]float32, 6), Spans: []dataset.Span{{From: 0, To: 2}, {From: 5, To: 9}}}
	data := &dataset.Data{Folds: []*dataset.Fold{{Train: train, Bins: b}}}
	t, err := bins.Table(data)
	if err != nil {
		panic(err)
	}
	return t, b, data
}

func TestTable(t *testing.T) {
	table, _, data := two()
	want := []grow.Feature{{Bins: 4}, {Bins: 3}, {Bins: 4, Categorical: true}}
	if !slices.Equal(table.Features, want) || table.D != 3 {
		t.Errorf("features %+v, want %+v", table.Features, want)
	}
	rows, err := bins.Rows(data.Folds[0].Train)
	if err != nil || !slices.Equal(rows, []int32{0, 1, 5, 6, 7, 8}) {
		t.Errorf("rows %v, %v", rows, err)
	}
	other := &dataset.Fold{Train: &dataset.Matrix{N: 1, D: 3, Bins: make([]uint8, 30)}, Bins: data.Folds[0].Bins}
	for name, wrong := range map[string]*dataset.Data{
		"not binned": {Folds: []*dataset.Fold{{Train: &dataset.Matrix{N: 1, D: 1, X: []float32{1}}}}},
		"too few":    {Folds: []*dataset.Fold{{Train: data.Folds[0].Train, Bins: &dataset.Binning{}}}},
		"two tables": {Folds: []*dataset.Fold{data.Folds[0], other}},
	} {
		if _, err := bins.Table(wrong); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCut(t *testing.T) {
	_, _, data := two()
	m := data.Folds[0].Train
	rows, _ := bins.Rows(m)
	for lo := range m.N + 1 {
		for hi := lo; hi <= m.N; hi++ {
			cut := bins.Cut(m, lo, hi)
			got, err := bins.Rows(cut)
			if err != nil || !slices.Equal(got, rows[lo:hi]) || cut.N != hi-lo {
				t.Errorf("rows %d to %d are %v, want %v", lo, hi, got, rows[lo:hi])
			}
		}
	}
}

func TestConstraints(t *testing.T) {
	table, b, _ := two()
	for text, want := range map[string][]int8{
		"1,-1,0": {1, -1, 0}, "(0, 1 ,0)": {0, 1, 0}, "[-1,0,0]": {-1, 0, 0}, "b:1": {0, 1, 0}, "b:-1,a: 1": {1, -1, 0}, "": nil, "0,0,0": nil, "c:0": nil,
	} {
		got, err := bins.Constrain(table, b, text)
		switch {
		case err != nil:
			t.Errorf("%q: %v", text, err)
		case want == nil && got != table:
			t.Errorf("%q: another table", text)
		case want != nil:
			for i, f := range got.Features {
				if f.Monotone != want[i] {
					t.Errorf("%q: %+v, want %v", text, got.Features, want)
				}
			}
		}
	}
	for text, says := range map[string]string{
		"1,0": "2 signs for 3 features", "d:1": `no feature "d"`, "c:1": "in no order", "a:1,a:0": "twice", "2,0,0": "1, 0 or -1",
		"a:1,0": "all features or none", ":1": "before the colon", "up": "1, 0 or -1",
	} {
		if _, err := bins.Constrain(table, b, text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
	if table.Features[0].Monotone != 0 {
		t.Error("the shared table has been changed")
	}
	ds := &tourney.Dataset{Columns: []tourney.Column{{Name: "age"}}}
	if err := bins.CheckNames("ages:1", ds); err == nil || !strings.Contains(err.Error(), `did you mean "age"`) {
		t.Error(err)
	}
	if err := bins.CheckNames("age:1", ds); err != nil {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	f := heat.Family{Trainer: trainer{}, Params: bins.Params()}
	for _, c := range []struct {
		params tourney.Params
		want   func(c *grow.Config)
	}{
		{nil, func(*grow.Config) {}},
		{tourney.Params{"grow_policy": "depthwise", "max_depth": 6}, func(c *grow.Config) { c.LeafWise, c.MaxDepth, c.MaxLeaves = false, 6, 0 }},
		{tourney.Params{"grow_policy": "depth", "max_depth": 6, "max_leaves": 20}, func(c *grow.Config) { c.LeafWise, c.MaxDepth, c.MaxLeaves = false, 6, 20 }},
		{tourney.Params{"grow_policy": "lossguide", "reg_lambda": 2, "reg_alpha": 1, "gamma": 0.5}, func(c *grow.Config) { c.L2, c.L1, c.MinGain = 2, 1, 0.5 }},
		{tourney.Params{"colsample_bynode": 0.5, "extra_trees": true}, func(c *grow.Config) { c.NodeFeatures, c.ExtraTrees = 0.5, true }},
	} {
		v, err := f.Read(c.params)
		if err != nil {
			t.Fatal(err)
		}
		want := grow.Default()
		want.MaxDepth = -1
		c.want(&want)
		if got := bins.Config(v); got != want {
			t.Errorf("%v: %+v, want %+v", c.params, got, want)
		}
	}
	if n := len(bins.Params()) - len(bins.Params("max_bin", "path_smooth")); n != 2 {
		t.Errorf("%d parameters are left out, want 2", n)
	}
}

type trainer struct{ heat.Trainer }

func (trainer) Name() string { return "toy" }

// Link gives what ensemble.Linked gives, to the bit.
func TestLink(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		link ensemble.Link
		k    int
	}{{ensemble.Identity, 3}, {ensemble.Logistic, 1}, {ensemble.Softmax, 4}, {ensemble.Exp, 1}} {
		e := &ensemble.Ensemble{Outputs: c.k, Link: c.link}
		scores := make([]float64, 500*c.k)
		for i := range scores {
			scores[i] = rng.NormFloat64() * 10
		}
		want := e.Linked(scores)
		got := make([]float32, len(want))
		bins.Link(got, scores, c.link, c.k)
		for i := range want {
			if got[i] != float32(want[i]) {
				t.Errorf("%s: output %d is %v, want %v", c.link, i, got[i], want[i])
			}
		}
	}
}
