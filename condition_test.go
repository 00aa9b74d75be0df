package tourney_test

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"tourney"
)

// space reads the parameters of a sweep file.
func space(t *testing.T, body string) tourney.Space {
	t.Helper()
	spec, err := tourney.ParseSpec([]byte("dataset: d\ntrainer: linear\nmethod: random\nrun_cap: 1\nparameters:\n"+body), "")
	if err != nil {
		t.Fatal(err)
	}
	return spec.Parameters
}

const cash = `
  model: {values: [svm, forest]}
  kernel: {values: [rbf, poly], when: {model: svm}}
  degree: {min: 2, max: 4, when: {kernel: poly}}
  trees: {values: [10, 100], when: {model: [forest]}}
  seed: {min: 1, max: 2}
`

func TestConditions(t *testing.T) {
	s := space(t, cash)
	if !s.Conditional() {
		t.Error("the space is not conditional")
	}
	order, ok := s.Order()
	var names []string
	for _, i := range order {
		names = append(names, s[i].Name)
	}
	// By name, each after those that it depends on.
	if want := "model kernel degree seed trees"; !ok || strings.Join(names, " ") != want {
		t.Errorf("order %v, want %s", names, want)
	}
	// svm: rbf, or poly with 3 degrees; forest: 2 numbers of trees; each with 2 seeds.
	if got := s.Size(); got != 2*(1+3+2) {
		t.Errorf("size %d, want 12", got)
	}
	if got := s.GridSize(); got != 12 {
		t.Errorf("grid size %d, want 12", got)
	}
	for _, tt := range []struct {
		name   string
		point  tourney.Params
		active bool
	}{
		{"degree", tourney.Params{"model": "svm", "kernel": "poly"}, true},
		{"degree", tourney.Params{"model": "svm", "kernel": "rbf"}, false},
		{"degree", tourney.Params{"model": "forest"}, false},
		{"trees", tourney.Params{"model": "forest"}, true},
		{"seed", tourney.Params{}, true},
	} {
		if got := s.Lookup(tt.name).Active(tt.point); got != tt.active {
			t.Errorf("%s in %v: active %v", tt.name, tt.point, got)
		}
	}
}

// A space that is written and read is the same, conditions and all.
func TestConditionsSurviveJSON(t *testing.T) {
	spec, err := tourney.ParseSpec([]byte(`
dataset: d
trainer: linear
method: tpe
run_cap: 5
metrics: [{name: logloss, goal: minimize}, {name: accuracy, goal: maximize, at_least: 0.5}]
limits: {wall: 1h30m, worker_hours: 2, cost: 1.5, trials: 7}
points: [{model: svm, kernel: rbf}]
constraints: [seed < 2]
warm_start: [abc]
preprocess: {scale: robust, clip: 3}
validation: {kind: kfold, folds: 3}
split: last:40
early_terminate: {type: asha, max_iter: 9, stop: true}
parameters:`+cash), "")
	if err != nil {
		t.Fatal(err)
	}
	if spec.Limits.Wall != 5400 || spec.RunCap != 7 || spec.Metric.Name != "logloss" || spec.Objectives() != 2 || spec.Split.Rows != 40 {
		t.Errorf("read as %+v", spec)
	}
	data, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var back tourney.Spec
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(spec, back) {
		t.Errorf("got  %+v\nwant %+v\nin   %s", back, spec, data)
	}
	if _, err := tourney.ParseSpec(data, ""); err != nil {
		t.Errorf("%v\n%s", err, data)
	}
}

func TestConditionErrors(t *testing.T) {
	for _, tt := range []struct{ body, want string }{
		{"  a: {values: [1, 2], when: {b: 1}}\n  b: {values: [1, 2], when: {a: 1}}\n", "parameters: conditions go round: a needs b needs a"},
		{"  a: {values: [1, 2], when: {a: 1}}\n", "parameters.a.when: a parameter cannot depend on itself"},
		{"  a: {values: [1, 2]}\n  b: {value: 1, when: {a: 3}}\n", "parameters.b.when: a must be one of [1 2], not 3"},
		{"  a: {min: 1, max: 5}\n  b: {value: 1, when: {a: 6}}\n", "parameters.b.when: a must be between 1 and 5 as its range, not 6"},
		{"  a: {min: 0.5, max: 5}\n  b: {value: 1, when: {a: 1}}\n", "parameters.b.when: a is a range without single values; a condition needs a list of values or whole numbers"},
		{"  a: {values: [1, 2]}\n  b: {value: 1, when: {a: []}}\n", "parameters.b.when: lists no value of a"},
	} {
		_, err := tourney.ParseSpec([]byte("dataset: d\ntrainer: linear\nmethod: random\nrun_cap: 1\nparameters:\n"+tt.body), "")
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\ngot  %v\nwant %s", tt.body, err, tt.want)
		}
	}
}

// Parameters that lie in others have their names joined by dots, and their
// conditions together.
func TestNestedParameters(t *testing.T) {
	s := space(t, `
  optimizer:
    when: {kind: [1]}
    parameters:
      lr: {min: 0.1, max: 1.0}
      schedule: {parameters: {decay: {value: 2, when: {optimizer.on: true}}}}
      on: {values: [true, false]}
  kind: {values: [1, 2]}
`)
	var names []string
	for _, p := range s {
		names = append(names, p.Name)
	}
	if want := []string{"kind", "optimizer.lr", "optimizer.on", "optimizer.schedule.decay"}; !reflect.DeepEqual(names, want) {
		t.Fatalf("names %v, want %v", names, want)
	}
	want := []tourney.Condition{{Param: "kind", Values: []any{int64(1)}}, {Param: "optimizer.on", Values: []any{true}}}
	if got := s[3].When; !reflect.DeepEqual(got, want) {
		t.Errorf("conditions %v, want %v", got, want)
	}
}

// A file that refers to itself ends.
func TestNestingEnds(t *testing.T) {
	bomb := "dataset: d\ntrainer: linear\nmethod: random\nrun_cap: 1\nparameters: &a {x: {parameters: {b: {parameters: &c {d: {value: 1}}}, e: {parameters: *c}}}}\n"
	if _, err := tourney.ParseSpec([]byte(bomb), ""); err != nil {
		t.Errorf("aliases that end: %v", err)
	}
	deep := "dataset: d\ntrainer: linear\nmethod: random\nrun_cap: 1\nparameters: {" + strings.Repeat("a: {parameters: {", 40) + "x: {value: 1}" + strings.Repeat("}}", 40) + "}\n"
	if _, err := tourney.ParseSpec([]byte(deep), ""); err == nil || !strings.Contains(err.Error(), "deeper than 16") {
		t.Errorf("%v", err)
	}
}

// W&B's older distributions take natural logarithms.
func TestExponents(t *testing.T) {
	s := space(t, `
  a: {distribution: log_uniform, min: -2, max: 0}
  b: {distribution: inv_log_uniform, min: 0, max: 2}
  c: {distribution: q_log_uniform, min: 0, max: 3, q: 2}
  d: {distribution: inv_log_uniform_values, min: 0.5, max: 2}
`)
	for i, want := range []tourney.Param{
		{Distribution: tourney.LogUniformValues, Min: math.Exp(-2), Max: 1},
		{Distribution: tourney.InvLogUniformValues, Min: math.Exp(-2), Max: 1},
		{Distribution: tourney.QLogUniformValues, Min: 1, Max: math.Exp(3)},
		{Distribution: tourney.InvLogUniformValues, Min: 0.5, Max: 2},
	} {
		if p := s[i]; p.Distribution != want.Distribution || p.Min != want.Min || p.Max != want.Max {
			t.Errorf("%s: %s from %v to %v, want %s from %v to %v", p.Name, p.Distribution, p.Min, p.Max, want.Distribution, want.Min, want.Max)
		}
	}
}

// The quantiles of Beta(2, 3) from tables: 0.3857 is its median.
func TestBeta(t *testing.T) {
	p := tourney.Param{Distribution: tourney.Beta, A: 2, B: 3}
	for _, tt := range []struct{ u, want float64 }{{0.5, 0.385727568}, {0.05, 0.097611}, {0.95, 0.751395}} {
		if got := p.Decode(tt.u).(float64); math.Abs(got-tt.want) > 1e-6 {
			t.Errorf("quantile %v is %v, want %v", tt.u, got, tt.want)
		}
	}
	if lo, hi := p.Decode(0), p.Decode(last); lo != 0.0 || hi.(float64) > 1 {
		t.Errorf("ends %v and %v", lo, hi)
	}
	q := tourney.Param{Distribution: tourney.QBeta, A: 2, B: 3, Q: 0.25}
	if n, _ := q.Cells(); n != 5 {
		t.Errorf("%d cells, want 5", n)
	}
}

func TestParseSplit(t *testing.T) {
	for text, want := range map[string]tourney.Split{
		"0.25":       {Test: 0.25},
		"random:0.3": {Kind: tourney.SplitRandom, Test: 0.3},
		"random":     {Kind: tourney.SplitRandom},
		"group:0.1":  {Kind: tourney.SplitGroup, Test: 0.1},
		"time:0.3":   {Kind: tourney.SplitTime, Test: 0.3},
		"last:3476":  {Kind: tourney.SplitLast, Rows: 3476},
		"last:0.2":   {Kind: tourney.SplitLast, Test: 0.2},
		"column:is":  {Kind: tourney.SplitColumn, Column: "is"},
		"file":       {Kind: tourney.SplitFile},
	} {
		got, err := tourney.ParseSplit(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if back, err := tourney.ParseSplit(got.String()); got.Test+float64(got.Rows) > 0 && (err != nil || back != got) {
			t.Errorf("%s: written as %s, read as %+v, %v", text, got, back, err)
		}
	}
	for _, text := range []string{"", "0", "1.5", "-1", "nan", "group:", "group:2", "column:", "last:0", "last:-3", "file:x", "weekly:0.2"} {
		if s, err := tourney.ParseSplit(text); err == nil {
			t.Errorf("%q is taken for %+v", text, s)
		}
	}
}

func TestPreprocessOfATrial(t *testing.T) {
	p, err := tourney.Preprocess{Scale: "robust"}.With(tourney.Params{"preprocess.encode": "hash", "preprocess.buckets": int64(32), "l2": 1.0})
	if err != nil || p.Scale != "robust" || p.Encode != "hash" || p.Buckets != 32 || p.Impute != "mean" {
		t.Errorf("%+v, %v", p, err)
	}
	_, err = tourney.Preprocess{}.With(tourney.Params{"preprocess.encod": "hash", "preprocess.levels": 1.5})
	if inv := tourney.AsInvalid(err); inv == nil || len(inv.Fields) != 2 || !strings.Contains(err.Error(), `did you mean "encode"?`) {
		t.Errorf("%v", err)
	}
}
