package tpe_test

import (
	"encoding/json"
	"math"
	"os"
	"reflect"
	"slices"
	"testing"

	"tourney/search/axis"
	"tourney/search/tpe"
)

// vectors are testdata/optuna5.json, whose note says how they were made.
type vectors struct {
	Cases []struct {
		Func       string
		Space      []parameter
		Trials     [][]any
		Below      []int
		Candidates [][]any
		LogL       []float64 `json:"log_l"`
		LogG       []float64 `json:"log_g"`
	}
}

// parameter is one of Optuna's distributions.
type parameter struct {
	Name      string
	Low, High float64
	Step      float64
	Log       bool
	Choices   []string
}

// ends returns the range that Optuna's kernels live in.
func (p parameter) ends() (lo, hi float64) {
	return p.scale(p.Low - p.Step/2), p.scale(p.High + p.Step/2)
}

func (p parameter) scale(x float64) float64 {
	if p.Log {
		return math.Log(x)
	}
	return x
}

func (p parameter) axis() axis.Axis {
	if p.Choices != nil {
		return axis.Axis{Kind: axis.Choice, Cells: int64(len(p.Choices))}
	}
	if p.Step == 0 {
		return axis.Axis{}
	}
	a := axis.Axis{Kind: axis.Ordered, Cells: int64(math.Round((p.High-p.Low)/p.Step)) + 1}
	if p.Log {
		for i := range a.Cells + 1 {
			a.Edges = append(a.Edges, p.place(p.Low+(float64(i)-0.5)*p.Step))
		}
		a.Edges[0], a.Edges[a.Cells] = 0, 1
	}
	return a
}

func (p parameter) place(x float64) float64 {
	lo, hi := p.ends()
	return (p.scale(x) - lo) / (hi - lo)
}

func (p parameter) coordinate(v any) float64 {
	if s, ok := v.(string); ok {
		return (float64(slices.Index(p.Choices, s)) + 0.5) / float64(len(p.Choices))
	}
	return p.place(v.(float64))
}

// jacobian is ln of how much denser the unit cube is than Optuna's scale.
func jacobian(space []parameter) float64 {
	sum := 0.0
	for _, p := range space {
		if p.Choices == nil && p.Step == 0 {
			lo, hi := p.ends()
			sum += math.Log(hi - lo)
		}
	}
	return sum
}

func point(space []parameter, values []any) []float64 {
	u := make([]float64, len(space))
	for i, p := range space {
		u[i] = p.coordinate(values[i])
	}
	return u
}

func trial(space []parameter, row []any) tpe.Trial {
	r := tpe.Trial{
		U:     point(space, row[3].([]any)),
		State: map[any]tpe.State{"COMPLETE": tpe.Complete, "PRUNED": tpe.Pruned, "FAIL": tpe.Failed, "RUNNING": tpe.Pending}[row[0]],
		Step:  -1,
	}
	if v, ok := row[1].(float64); ok {
		r.Loss = v
	}
	if v, ok := row[2].(float64); ok {
		r.Step = int(v)
	}
	return r
}

// The rules of Optuna 5 give the splits and the densities that Optuna gives.
func TestOptunaVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/optuna5.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Cases) != 6 {
		t.Fatalf("%d cases, want 6", len(v.Cases))
	}
	for _, c := range v.Cases {
		var axes []axis.Axis
		for _, p := range c.Space {
			axes = append(axes, p.axis())
		}
		var trials []tpe.Trial
		for _, row := range c.Trials {
			trials = append(trials, trial(c.Space, row))
		}
		s, err := tpe.New(axes, tpe.Options{Optuna: true})
		if err != nil {
			t.Fatal(err)
		}
		d := s.Densities(trials)
		if !reflect.DeepEqual(d.Below(), c.Below) {
			t.Errorf("%s, %d trials: below are %v, want %v", c.Func, len(trials), d.Below(), c.Below)
		}
		worst := 0.0
		for i, row := range c.Candidates {
			l, g := d.Log(point(c.Space, row))
			worst = max(worst, math.Abs(l-jacobian(c.Space)-c.LogL[i]), math.Abs(g-jacobian(c.Space)-c.LogG[i]))
		}
		if !(worst <= 1e-9) {
			t.Errorf("%s, %d trials: ln densities are up to %g off", c.Func, len(trials), worst)
		}
	}
}
