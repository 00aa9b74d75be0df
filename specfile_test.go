package tourney_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"tourney"
)

const good = `
name: churn
dataset: telco_churn
target: Churn
trainer: linear
method: random
metric: {name: accuracy}
run_cap: 500
parallelism: 32
seed: 7
project: mine
early_terminate: {type: asha, max_iter: 81}
parameters:
  rate: {distribution: log_uniform_values, min: 1e-4, max: "1"}
  depth: {min: 1, max: 8}
  share: {min: 0, max: 1.0}
  batch: {values: [32, 64, big, null, true]}
  fixed: {value: 3}
`

// parse is ParseSpec of a good file with one line replaced.
func parse(t *testing.T, old, new string) (tourney.Spec, error) {
	t.Helper()
	if !strings.Contains(good, old) {
		t.Fatalf("%q is not in the file", old)
	}
	return tourney.ParseSpec([]byte(strings.Replace(good, old, new, 1)), "churn.yaml")
}

func TestParseSpec(t *testing.T) {
	spec, err := tourney.ParseSpec([]byte(good), "churn.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := tourney.Spec{
		Name: "churn", Dataset: "telco_churn", Target: "Churn", Trainer: "linear", Method: "random",
		Metric: tourney.Metric{Name: "accuracy", Goal: tourney.Maximize}, RunCap: 500, Parallelism: 32,
		Order: tourney.OrderFixed, Seed: 7, Validation: tourney.Validation{Kind: "holdout", Fraction: 0.2},
		Preprocess: tourney.Preprocess{
			Impute: "mean", Indicator: "auto", Scale: "standard", Log: "none", Encode: "one_hot", Levels: 64, Buckets: 256, Smoothing: 10,
		},
		EarlyTerminate: &tourney.EarlyTerminate{Type: "asha", MinIter: 1, MaxIter: 81, Eta: 3},
		Parameters: tourney.Space{
			{Name: "batch", Distribution: "categorical", Values: []any{int64(32), int64(64), "big", nil, true}, Q: 1, IntQ: true, Sigma: 1, A: 1, B: 1},
			{Name: "depth", Distribution: "int_uniform", Min: 1, Max: 8, Q: 1, IntQ: true, Sigma: 1, A: 1, B: 1},
			{Name: "fixed", Distribution: "constant", Value: int64(3), Q: 1, IntQ: true, Sigma: 1, A: 1, B: 1},
			{Name: "rate", Distribution: "log_uniform_values", Min: 1e-4, Max: 1, Q: 1, IntQ: true, Sigma: 1, A: 1, B: 1},
			{Name: "share", Distribution: "uniform", Min: 0, Max: 1, Q: 1, IntQ: true, Sigma: 1, A: 1, B: 1},
		},
		Ignored: []string{"project"},
	}
	if !reflect.DeepEqual(spec, want) {
		t.Errorf("got  %+v\nwant %+v", spec, want)
	}
}

// What is stored and sent is JSON; reading it gives the same spec.
func TestSpecSurvivesJSON(t *testing.T) {
	spec, err := tourney.ParseSpec([]byte(good), "")
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var back tourney.Spec
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	spec.Ignored = nil
	if !reflect.DeepEqual(spec, back) {
		t.Errorf("got  %+v\nwant %+v", back, spec)
	}
}

// Each message says where, what, and what would be right.
func TestParseSpecErrors(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{"run_cap: 500", "run_capp: 500", `churn.yaml:8: run_capp: unknown key; did you mean "run_cap"?`},
		{"run_cap: 500", "program: train.py", `churn.yaml:3: dataset: means nothing to a command`},
		{"run_cap: 500", "limits: {wall: 2 hours}", `churn.yaml:8: limits.wall: must be seconds or a time as 1h30m or 30d, more than 0, not "2 hours"`},
		{"run_cap: 500", "limits: {target: 1}", `churn.yaml: run_cap: is missing: say how many trials the search may start, or give limits`},
		{"run_cap: 500", "limits: {wal: 2h}", `churn.yaml:8: limits.wal: unknown key; did you mean "wall"?`},
		{"run_cap: 500", "run_cap: many", `churn.yaml:8: run_cap: must be a whole number, 1 or more, not "many"`},
		{"run_cap: 500\n", "", `churn.yaml: run_cap: is missing: say how many trials the search may start, or give limits`},
		{"method: random", "method: tpee", `churn.yaml:6: method: no method "tpee"; did you mean "tpe"?; there are auto, bayes, cmaes, gp, grid, nsga2, random, sobol, tpe, tpe-optuna5`},
		{"method: random", "method: nsga2", `churn.yaml:6: method: nsga2 is for several objectives: give metrics, or use auto`},
		{"method: random", "method: grid", `churn.yaml:14: parameters.rate: a grid has no steps for distribution log_uniform_values; give values, whole numbers, or q_uniform with q`},
		{"name: accuracy", "name: acuracy", `churn.yaml:7: metric.name: no metric "acuracy"; did you mean "accuracy"?; the built-in ones are [accuracy auc brier f1 logloss mae mape pr_auc r2 rmse]`},
		{"name: accuracy", "name: accuracy, goal: minimize", `churn.yaml:7: metric.goal: accuracy is to maximize, not to minimize`},
		{"trainer: linear\n", "", `churn.yaml: trainer: is missing: name one, as in trainer: linear`},
		{"depth: {min: 1, max: 8}", "depth: {min: 8, max: 8}", `churn.yaml:15: parameters.depth.min: the range is empty: min 8 must be less than max 8`},
		{"depth: {min: 1, max: 8}", "depth: {min: 1}", `churn.yaml:15: parameters.depth: says no values: give value, values, or min and max`},
		{"depth: {min: 1, max: 8}", "depth: 3", `churn.yaml:15: parameters.depth: must be a mapping of keys to values`},
		{"depth: {min: 1, max: 8}", "depth: {min: 1, max: 8, when: {a: b}}", `churn.yaml:15: parameters.depth.when: there is no parameter "a"`},
		{"depth: {min: 1, max: 8}", "rate: {value: 1}", `churn.yaml:15: parameters.rate: is there twice`},
		{"min: 1e-4", "min: 0", `churn.yaml:14: parameters.rate.min: must be greater than 0 on a log scale, not 0`},
		{"min: 1e-4", "min: .nan", `churn.yaml:14: parameters.rate.min: must be a number, not ".nan"`},
		{"log_uniform_values", "log_uniform_value", `no distribution "log_uniform_value"; did you mean "log_uniform_values"?`},
		{"fixed: {value: 3}", "fixed: {value: 3, min: 1}", `churn.yaml:18: parameters.fixed.min: does not go with distribution constant`},
		{"type: asha", "type: hyperband", `churn.yaml:12: early_terminate: hyperband needs min_iter, or max_iter and s`},
		{"type: asha", "type: ahsa", `churn.yaml:12: early_terminate.type: no scheduler "ahsa"; did you mean "asha"?`},
		{"max_iter: 81", "max_iter: 81, population: 4", `early_terminate.population: does not go with type asha, which takes min_iter, max_iter, eta, stop, brackets, fidelity`},
		{"max_iter: 81", "max_iter: 81, brackets: 6", `churn.yaml:12: early_terminate.brackets: must be at most 5, the rungs that there are, not 6`},
		{"max_iter: 81", "max_iter: 81, fidelity: columns", `churn.yaml:12: early_terminate.fidelity: "columns" must be steps or rows`},
		{"metric: {name: accuracy}", "metrics: [{name: logloss, at_most: 1}, {name: accuracy}]", `churn.yaml:7: metrics.0: is a bound only; put an objective first`},
		{"seed: 7", "preprocess: {scale: standart}", `churn.yaml:10: preprocess.scale: "standart" must be one of standard, min_max, robust, quantile, none; did you mean "standard"?`},
		{"seed: 7", "validation: {kind: kfold, fraction: 0.2}", `churn.yaml:10: validation.fraction: does not go with folds`},
		{"seed: 7", "validation: {kind: bootstrap}", `churn.yaml:10: validation.kind: "bootstrap" must be holdout, kfold, group or time`},
		{"seed: 7", "split: thirds", `churn.yaml:10: split: "thirds" is no split: give a share as 0.2`},
		{"fixed: {value: 3}", "preprocess.scale: {values: [standard, log]}", `churn.yaml:18: parameters.preprocess.scale: "log" must be one of`},
		{"fixed: {value: 3}", "fixed: {distribution: beta, a: 0}", `churn.yaml:18: parameters.fixed.a: and b must be greater than 0, not 0 and 1`},
		{"fixed: {value: 3}", "fixed: {parameters: {x: {value: 1}}, min: 1}", `churn.yaml:18: parameters.fixed.min: does not go with parameters, which lie in this one`},
		{"max_iter: 81", "max_iter: 81, eta: 1", `churn.yaml:12: early_terminate.eta: must be between 2 and 1000, not 1`},
		{"parallelism: 32", "order: random", `churn.yaml:9: order: "random" must be fixed or arrival`},
		{"name: churn", "name: [", `churn.yaml:2: not YAML: did not find expected ',' or ']'`},
		{"name: churn", "name: \tx: y", `churn.yaml:2: not YAML: `},
		{"name: churn", "name: ../x", `"../x" is no name`},
	} {
		_, err := parse(t, tt.old, tt.new)
		if err == nil || !errors.Is(err, tourney.ErrInvalid) {
			t.Errorf("%q: error %v is not invalid", tt.new, err)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q:\ngot  %s\nwant %s", tt.new, err, tt.want)
		}
	}
}

// All that is wrong is said at once.
func TestParseSpecSaysAll(t *testing.T) {
	_, err := tourney.ParseSpec([]byte("nme: x\nmethod: random\nrun_cap: 0\nseed: -1\n"), "")
	inv := tourney.AsInvalid(err)
	if inv == nil || len(inv.Fields) != 3 {
		t.Fatalf("got %v, want three fields", err)
	}
}

func TestParseSpecRefusesRubbish(t *testing.T) {
	for _, in := range []string{"", "null", "7", "- a", "a: &a [*a, *a]", strings.Repeat("[", 1<<16), strings.Repeat("a", tourney.MaxSpecBytes+1)} {
		if _, err := tourney.ParseSpec([]byte(in), ""); !errors.Is(err, tourney.ErrInvalid) {
			t.Errorf("%.20q: error %v is not invalid", in, err)
		}
	}
}

// The example that the README runs is a good file.
func TestExample(t *testing.T) {
	data, err := os.ReadFile("examples/digits.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tourney.ParseSpec(data, "digits.yaml"); err != nil {
		t.Error(err)
	}
}

// Whatever the bytes: an error or a spec that survives being written and read.
func FuzzParseSpec(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"dataset":"d","trainer":"linear","method":"grid","parameters":{"a":{"values":[1,1.0,"x"]}}}`))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		spec, err := tourney.ParseSpec(data, "")
		if err != nil {
			return
		}
		out, err := json.Marshal(spec)
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if _, err := tourney.ParseSpec(out, ""); err != nil {
			t.Fatalf("%s: written as %s: %v", data, out, err)
		}
	})
}
