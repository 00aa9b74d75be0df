package tourney_test

import (
	"math"
	"reflect"
	"testing"

	"tourney"
)

const last = 1 - 1.0/(1<<53) // the greatest coordinate below 1

// Both ends of each range are reached, and nothing beyond them.
func TestDecodeEnds(t *testing.T) {
	for _, tt := range []struct {
		name   string
		p      tourney.Param
		lo, hi any
	}{
		{"int", tourney.Param{Distribution: tourney.IntUniform, Min: -2, Max: 3}, int64(-2), int64(3)},
		{"uniform", tourney.Param{Distribution: tourney.Uniform, Min: 2, Max: 4}, 2.0, 4.0},
		{"log", tourney.Param{Distribution: tourney.LogUniformValues, Min: 1e-4, Max: 1}, 1e-4, nil},
		{"values", tourney.Param{Distribution: tourney.Categorical, Values: []any{"a", "b", "c"}}, "a", "c"},
		{"quantised", tourney.Param{Distribution: tourney.QUniform, Min: 0, Max: 10, Q: 2.5}, 0.0, 10.0},
		{"quantised whole", tourney.Param{Distribution: tourney.QUniform, Min: 0, Max: 10, Q: 5, IntQ: true}, int64(0), int64(10)},
		{"probabilities", tourney.Param{Distribution: tourney.CategoricalProbs, Values: []any{"a", "b", "never"}, Probabilities: []float64{.5, .5, 0}}, "a", "b"},
	} {
		if got := tt.p.Decode(0); got != tt.lo {
			t.Errorf("%s: lower end %v, want %v", tt.name, got, tt.lo)
		}
		if got := tt.p.Decode(last); tt.hi != nil && got != tt.hi {
			t.Errorf("%s: upper end %v, want %v", tt.name, got, tt.hi)
		}
	}
	log := tourney.Param{Distribution: tourney.LogUniformValues, Min: 1e-4, Max: 1}
	if got := log.Decode(last).(float64); got > 1 || got < 1-1e-12 {
		t.Errorf("log: upper end %v", got)
	}
	if got := log.Decode(0.5).(float64); math.Abs(got-1e-2) > 1e-15 {
		t.Errorf("log: middle %v, want 0.01", got)
	}
	normal := tourney.Param{Distribution: tourney.Normal, Mu: 1, Sigma: 2}
	// The quantiles of the normal distribution at 0.5 and 0.975.
	if got := normal.Decode(0.5).(float64); got != 1 {
		t.Errorf("normal: median %v, want 1", got)
	}
	if got := normal.Decode(0.975).(float64); math.Abs(got-(1+2*1.959963984540054)) > 1e-12 {
		t.Errorf("normal: 97.5%% quantile %v", got)
	}
	wild := tourney.Param{Distribution: tourney.LogNormal, Sigma: 1e4}
	if got := wild.Decode(0.999).(float64); math.IsInf(got, 0) {
		t.Errorf("log normal: %v", got)
	}
	wide := tourney.Param{Distribution: tourney.Uniform, Min: -math.MaxFloat64, Max: math.MaxFloat64}
	if got := wide.Decode(0.75).(float64); math.Abs(got/(math.MaxFloat64/2)-1) > 1e-12 {
		t.Errorf("wide: %v", got)
	}
	signed := tourney.Param{Distribution: tourney.QNormal, Sigma: 1, Q: 0.5}
	if got := signed.Decode(0.45).(float64); got != 0 || math.Signbit(got) {
		t.Errorf("zero has a sign")
	}
	if got := normal.Decode(0).(float64); math.IsInf(got, 0) || math.IsNaN(got) {
		t.Errorf("normal: lower end %v", got)
	}
}

// Cells counts exactly what Decode returns.
func TestCells(t *testing.T) {
	for _, p := range []tourney.Param{
		{Name: "int", Distribution: tourney.IntUniform, Min: 1, Max: 7},
		{Name: "values", Distribution: tourney.Categorical, Values: []any{int64(1), 1.0, "1", nil, true}},
		{Name: "quantised", Distribution: tourney.QUniform, Min: 0.2, Max: 3.1, Q: 0.5},
		{Name: "ends on a tie", Distribution: tourney.QUniform, Min: 0, Max: 1.5, Q: 1},
		{Name: "repeated", Distribution: tourney.CategoricalProbs, Values: []any{"a", "a", "b", "never"}, Probabilities: []float64{.3, .3, .4, 0}},
		{Name: "log quantised", Distribution: tourney.QLogUniformValues, Min: 1, Max: 40, Q: 4, IntQ: true},
	} {
		seen := map[string]bool{}
		for i := range 100_000 {
			v := p.Decode(float64(i) / 100_000)
			seen[tourney.Params{"v": v}.Key()] = true
		}
		if n, ok := p.Cells(); !ok || n != int64(len(seen)) {
			t.Errorf("%s: Cells says %d, Decode gives %d", p.Name, n, len(seen))
		}
	}
}

// A grid's axes, as W&B's: ranges of q without their upper end.
func TestGridValues(t *testing.T) {
	for _, tt := range []struct {
		p    tourney.Param
		want []any
	}{
		{tourney.Param{Distribution: tourney.IntUniform, Min: 1, Max: 3}, []any{int64(1), int64(2), int64(3)}},
		{tourney.Param{Distribution: tourney.Categorical, Values: []any{"a", int64(3), 3.0, "a", nil}}, []any{"a", int64(3), nil}},
		{tourney.Param{Distribution: tourney.QUniform, Min: 0, Max: 1, Q: 0.25}, []any{0.0, 0.25, 0.5, 0.75}},
		{tourney.Param{Distribution: tourney.Constant, Value: "x"}, []any{"x"}},
	} {
		n, ok := tt.p.GridCells()
		var got []any
		for i := range n {
			got = append(got, tt.p.GridValue(i))
		}
		if !ok || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.p.Distribution, got, tt.want)
		}
	}
	if _, ok := (&tourney.Param{Distribution: tourney.Uniform, Max: 1}).GridCells(); ok {
		t.Error("a continuous range has grid cells")
	}
}

func TestParamsKeepIntegers(t *testing.T) {
	var p tourney.Params
	if err := p.UnmarshalJSON([]byte(`{"i":9007199254740993,"f":1.5,"s":"1","n":null,"b":false}`)); err != nil {
		t.Fatal(err)
	}
	want := tourney.Params{"i": int64(9007199254740993), "f": 1.5, "s": "1", "n": nil, "b": false}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %#v, want %#v", p, want)
	}
}
