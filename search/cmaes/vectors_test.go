package cmaes_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"tourney/search/axis"
	"tourney/search/cmaes"
)

// told is what a reference program was told: a point, or cells, and a loss.
type told[T any] struct {
	Point []T
	Loss  float64
}

func (t *told[T]) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[2]any{&t.Point, &t.Loss})
}

type step struct {
	Told    []told[float64]
	Mean    []float64
	Sigma   float64
	Cov     []float64
	PathC   []float64 `json:"path_c"`
	PathS   []float64 `json:"path_s"`
	Stretch []float64
}

type vectors struct {
	Plain []struct {
		Dim, Population int
		Steps           []step
	}
	Margin []struct {
		Cells      []int64
		Population int
		Steps      []step
	}
	Categories []struct {
		Cells      []int64
		Population int
		Steps      []struct {
			Told   []told[int64]
			Q      [][]float64
			Spread float64
		}
	}
	Warm struct {
		Start     []told[float64]
		Mean, Cov []float64
		Sigma     float64
	}
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func continuous(n int) []axis.Axis { return make([]axis.Axis, n) }

// near fails where two states differ by more than 1e-10 of their size.
func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= 1e-10*max(1, math.Abs(want[i]))) {
			t.Fatalf("%s[%d] = %v, want %v", what, i, got[i], want[i])
		}
	}
}

func nearState(t *testing.T, got cmaes.State, want step) {
	t.Helper()
	near(t, "mean", got.Mean, want.Mean)
	near(t, "sigma", []float64{got.Sigma}, []float64{want.Sigma})
	near(t, "path of the covariance", got.PathC, want.PathC)
	near(t, "path of the step size", got.PathS, want.PathS)
	near(t, "covariance", got.Cov, want.Cov)
}

func TestUpdatesAreTheReferences(t *testing.T) {
	for _, v := range readVectors(t).Plain {
		c := cmaes.New(continuous(v.Dim), cmaes.Options{Population: v.Population})
		for _, s := range v.Steps {
			for _, r := range s.Told {
				c.Tell(r.Point, r.Loss)
			}
			nearState(t, c.State(), s)
		}
	}
}

func TestMarginIsTheReferences(t *testing.T) {
	for _, v := range readVectors(t).Margin {
		axes := continuous(len(v.Cells))
		for i, cells := range v.Cells {
			if cells > 0 {
				axes[i] = axis.Axis{Kind: axis.Ordered, Cells: cells}
			}
		}
		c := cmaes.New(axes, cmaes.Options{Population: v.Population})
		stretched := false
		for _, s := range v.Steps {
			for _, r := range s.Told {
				c.TellRaw(r.Point, r.Loss)
			}
			nearState(t, c.State(), s)
			near(t, "stretch", c.State().Stretch, s.Stretch)
			for _, a := range s.Stretch {
				stretched = stretched || math.Abs(a-1) > 0.01
			}
		}
		if !stretched {
			t.Error("the margin never came into play")
		}
	}
}

func TestCategoriesAreTheReferences(t *testing.T) {
	for _, v := range readVectors(t).Categories {
		axes := continuous(2)
		for _, cells := range v.Cells {
			axes = append(axes, axis.Axis{Kind: axis.Choice, Cells: cells})
		}
		c := cmaes.New(axes, cmaes.Options{Population: v.Population})
		for _, s := range v.Steps {
			for _, r := range s.Told {
				u := []float64{0.5, 0.5}
				for i, cell := range r.Point {
					u = append(u, axes[2+i].Middle(cell))
				}
				c.Tell(u, r.Loss)
			}
			for i := range s.Q {
				near(t, "probabilities", c.State().Q[i], s.Q[i])
			}
			near(t, "spread", []float64{c.State().Spread}, []float64{s.Spread})
		}
	}
}

func TestWarmStartIsTheReferences(t *testing.T) {
	v := readVectors(t).Warm
	var start []cmaes.Observation
	for i, o := range v.Start {
		start = append(start, cmaes.Observation{U: o.Point, Loss: o.Loss})
		if i < 5 { // what failed is not among the best, nor does it count twice
			v.Start[i].Loss = math.Inf(1)
		}
	}
	got := cmaes.New(continuous(len(v.Mean)), cmaes.Options{Start: start}).State()
	near(t, "mean", got.Mean, v.Mean)
	near(t, "sigma", []float64{got.Sigma}, []float64{v.Sigma})
	near(t, "covariance", got.Cov, v.Cov)
}
