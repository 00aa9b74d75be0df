package trainers_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/trainers"
)

// spec reads a sweep file over a dataset and trainer.
func spec(t *testing.T, body string) *tourney.Spec {
	t.Helper()
	s, err := tourney.ParseSpec([]byte("dataset: d\n"+body), "")
	if err != nil {
		t.Fatalf("the test's own file: %v", err)
	}
	return &s
}

var (
	digits = tourney.Dataset{Name: "digits", Version: "v1", Task: tourney.Classification, Target: "digit", Classes: []string{"0", "1", "2"}, Rows: 100, TestRows: 20}
	houses = tourney.Dataset{Name: "houses", Version: "v2", Task: tourney.Regression, Target: "price", Rows: 100, TestRows: 20}
)

const random = "trainer: linear\nmethod: random\nrun_cap: 40\n"

func TestPlanFillsInWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		body        string
		ds          tourney.Dataset
		metric      string
		parallelism int
		plan        tourney.Plan
	}{
		{
			random + "parameters: {learning_rate: {distribution: log_uniform_values, min: 0.001, max: 1}}", digits,
			"logloss minimize", 5,
			tourney.Plan{Dataset: "v1", Budget: 20, Weight: 1.0 / 32},
		},
		{
			random + "parameters: {l2: {value: 0}, epochs: {min: 1, max: 100000}}", houses,
			"rmse minimize", 5,
			tourney.Plan{Dataset: "v2", Budget: 20, BudgetParam: "epochs", Weight: 1.0 / 32, Size: 100000},
		},
		{
			random + "metric: {name: accuracy}\nparallelism: 7\nearly_terminate: {type: asha, max_iter: 27}\nparameters: {momentum: {values: [0, 0.9]}}", digits,
			"accuracy maximize", 7,
			tourney.Plan{Dataset: "v1", Budget: 27, Weight: 1.0 / 32, Size: 2},
		},
		{
			"trainer: linear\nmethod: random\nrun_cap: 100000\nparameters: {momentum: {min: 0.0, max: 0.9}}", houses,
			"rmse minimize", 32,
			tourney.Plan{Dataset: "v2", Budget: 20, Weight: 1.0 / 32},
		},
		{
			"trainer: linear\nmethod: tpe\nrun_cap: 1000\nparameters: {momentum: {min: 0.0, max: 0.9}}", houses,
			"rmse minimize", 16,
			tourney.Plan{Dataset: "v2", Budget: 20, Weight: 1.0 / 32},
		},
		{
			random + "metrics: [{name: mae}, {name: rmse, at_most: 3}]\nearly_terminate: {type: asha, max_iter: 9, fidelity: rows}\nparameters: {momentum: {min: 0.0, max: 0.9}, epochs: {value: 7}, preprocess.scale: {values: [none, robust]}}", houses,
			"mae minimize", 5,
			tourney.Plan{Dataset: "v2", Budget: 20, BudgetParam: "epochs", Weight: 1.0 / 32},
		},
		{
			"trainer: linear\nmethod: grid\nmetric: {name: r2}\ntarget: price\nparameters: {l2: {min: 0, max: 0.5, q: 0.25, distribution: q_uniform}, batch_size: {min: 1, max: 3}}", houses,
			"r2 maximize", 1,
			tourney.Plan{Dataset: "v2", Budget: 20, Weight: 1.0 / 32, Size: 6},
		},
		{
			random + "validation: {kind: kfold, folds: 4}\nparameters: {l2: {value: 0}, preprocess.scale: {values: [standard, quantile]}}", houses,
			"rmse minimize", 1,
			tourney.Plan{Dataset: "v2", Budget: 20, Weight: 4.0 / 32, Size: 2},
		},
		{
			random + "validation: {kind: kfold, folds: 80}\nparameters: {l2: {value: 0}}", houses,
			"rmse minimize", 1,
			tourney.Plan{Dataset: "v2", Budget: 20, Weight: 1, Size: 1},
		},
	} {
		s := spec(t, c.body)
		plan, err := trainers.Catalog{}.Plan(s, c.ds)
		if err != nil {
			t.Errorf("%s\n%v", c.body, err)
			continue
		}
		if !reflect.DeepEqual(plan, c.plan) {
			t.Errorf("%s\nplan %+v, want %+v", c.body, plan, c.plan)
		}
		if got := fmt.Sprint(s.Metric.Name, " ", s.Metric.Goal); got != c.metric {
			t.Errorf("%s\nmetric %s, want %s", c.body, got, c.metric)
		}
		if s.Parallelism != c.parallelism {
			t.Errorf("%s\nparallelism %d, want %d", c.body, s.Parallelism, c.parallelism)
		}
	}
}

func TestPlanSaysWhatIsWrongAndWhatWouldBeRight(t *testing.T) {
	param := func(p string) string { return random + "parameters: {" + p + "}" }
	for _, c := range []struct {
		body string
		ds   tourney.Dataset
		want string // "path: message", the message up to its end or "…"
	}{
		{
			"trainer: liner\nmethod: random\nrun_cap: 1\nparameters: {l2: {value: 0}}", digits,
			`trainer: no trainer "liner"; did you mean "linear"?; there is fm, forest, gbdt, linear, mlp, tree`,
		},
		{
			random + "metric: {name: accuracy}\nparameters: {l2: {value: 0}}", houses,
			`metric.name: accuracy does not fit regression on target "price"; use one of [mae mape r2 rmse]`,
		},
		{
			random + "metrics: [{name: mae}, {name: accuracy}]\nparameters: {l2: {value: 0}}", houses,
			`metrics.1.name: accuracy does not fit regression on target "price"; use one of [mae mape r2 rmse]`,
		},
		{
			random + "target: cost\nparameters: {l2: {value: 0}}", houses,
			`target: the target of dataset houses is "price", not "cost"; …`,
		},
		{
			param("learning_rte: {value: 1}"), digits,
			`parameters.learning_rte: trainer linear has no such parameter; did you mean "learning_rate"?; it has batch_size, beta1, …`,
		},
		{
			param("learning_rate: {min: 0.0, max: 1.0}"), digits,
			`parameters.learning_rate.min: must be a number greater than 0, not 0`,
		},
		{
			param("learning_rate: {value: 0}"), digits,
			`parameters.learning_rate.value: must be a number greater than 0, not 0`,
		},
		{
			param("learning_rate: {value: fast}"), digits,
			`parameters.learning_rate.value: must be a number greater than 0, not "fast"`,
		},
		{
			param("learning_rate: {values: [0.1, null]}"), digits,
			`parameters.learning_rate.values.1: must be a number greater than 0, not null`,
		},
		{
			param("learning_rate: {values: [true]}"), digits,
			`parameters.learning_rate.values.0: must be a number greater than 0, not true`,
		},
		{
			param("learning_rate: {distribution: normal, mu: 0.1, sigma: 0.01}"), digits,
			`parameters.learning_rate.distribution: normal can give values that are not legal: learning_rate must be a number greater than 0; use values, int_uniform, q_uniform, q_log_uniform_values, uniform, log_uniform_values`,
		},
		{
			param("learning_rate: {distribution: q_log_normal}"), digits,
			`parameters.learning_rate.distribution: q_log_normal can give …`,
		},
		{
			param("learning_rate: {distribution: q_uniform, min: 0.1, max: 2}"), digits,
			`parameters.learning_rate.min: must be a number greater than 0, not 0`,
		},
		{
			param("l2: {min: -1.0, max: 1.0}"), digits,
			`parameters.l2.min: must be a number at least 0, not -1`,
		},
		{
			param("momentum: {min: 0.5, max: 1.0}"), digits,
			`parameters.momentum.max: must be a number at least 0 and less than 1, not 1`,
		},
		{
			param("momentum: {values: [0.5, -0.1]}"), digits,
			`parameters.momentum.values.1: must be a number at least 0 and less than 1, not -0.1`,
		},
		{
			param("momentum: {distribution: log_normal}"), digits,
			`parameters.momentum.distribution: log_normal can give …`,
		},
		{
			param("batch_size: {min: 0, max: 64}"), digits,
			`parameters.batch_size.min: must be a whole number at least 1 and at most 1000000000, not 0`,
		},
		{
			param("batch_size: {min: 1.0, max: 64.5}"), digits,
			`parameters.batch_size.distribution: uniform can give …`,
		},
		{
			param("batch_size: {distribution: q_uniform, min: 16, max: 64, q: 0.5}"), digits,
			`parameters.batch_size.q: must be a whole number at least 1 and at most 1000000000, not 0.5`,
		},
		{
			param("batch_size: {distribution: log_normal}"), digits,
			`parameters.batch_size.distribution: log_normal can give …`,
		},
		{
			param("epochs: {min: 10, max: 100001}"), digits,
			`parameters.epochs.max: must be a whole number at least 1 and at most 100000, not 100001`,
		},
		{
			param("epochs: {values: [2.5]}"), digits,
			`parameters.epochs.values.0: must be a whole number at least 1 and at most 100000, not 2.5`,
		},
		{
			random + "early_terminate: {type: asha, max_iter: 27}\nparameters: {epochs: {value: 5}}", digits,
			`parameters.epochs: early_terminate says how long a trial trains: …`,
		},
		{
			random + "validation: {kind: kfold, folds: 81}\nparameters: {l2: {value: 0}}", houses,
			`validation.folds: 80 rows are too few for 81 folds`,
		},
		{
			random + "validation: {kind: group}\nparameters: {l2: {value: 0}}", houses,
			`validation.kind: the dataset has no group column: …`,
		},
		{
			random + "validation: {kind: time, folds: 3}\nparameters: {l2: {value: 0}}", houses,
			`validation.kind: the dataset has no time column: …`,
		},
		{
			param("l2: {value: 0}"),
			tourney.Dataset{Name: "one", Task: tourney.Classification, Target: "y", Classes: []string{"a"}},
			`dataset: target "y" has 1 classes; a classifier needs at least 2`,
		},
	} {
		s := spec(t, c.body)
		_, err := trainers.Catalog{}.Plan(s, c.ds)
		if tourney.AsInvalid(err) == nil {
			t.Errorf("%s\nerror %v, want an InvalidError", c.body, err)
			continue
		}
		got, want := err.Error(), c.want
		if head, ok := strings.CutSuffix(want, "…"); ok {
			want, got = head, got[:min(len(got), len(head))]
		}
		if got != want {
			t.Errorf("%s\n%s\nwant\n%s", c.body, err, c.want)
		}
		if s.Parallelism != 0 {
			t.Errorf("%s\nthe refused spec was filled in", c.body)
		}
	}
}

func TestPlanListsAllThatIsWrong(t *testing.T) {
	s := spec(t, random+"metric: {name: mae}\nparameters: {lr: {value: 1}, l2: {value: -1}, momentum: {value: 2}}")
	_, err := trainers.Catalog{}.Plan(s, digits)
	if inv := tourney.AsInvalid(err); inv == nil || len(inv.Fields) != 4 {
		t.Errorf("%v, want four fields", err)
	}
}

// Distributions that can only give legal values pass.
func TestPlanTakesLegalDistributions(t *testing.T) {
	s := spec(t, random+`parameters:
  learning_rate: {distribution: log_normal, mu: -2, sigma: 1}
  l2: {distribution: q_log_normal, q: 0.1}
  batch_size: {distribution: q_log_uniform_values, min: 16, max: 512, q: 16}
  momentum: {distribution: categorical_w_probabilities, values: [0, 0.9], probabilities: [0.5, 0.5]}
  epochs: {distribution: int_uniform, min: 1, max: 5}
`)
	if _, err := (trainers.Catalog{}).Plan(s, digits); err != nil {
		t.Error(err)
	}
}

func TestLookup(t *testing.T) {
	for _, name := range trainers.Names() {
		tr, ok := trainers.Lookup(name)
		if !ok || tr.Trainer.Name() != name {
			t.Errorf("Lookup(%q) = %v, %v", name, tr, ok)
		}
		taken := map[string]bool{}
		for i, p := range trainers.Params(name) {
			if i > 0 && p.Name < trainers.Params(name)[i-1].Name {
				t.Errorf("%s.%s is not in order", name, p.Name)
			}
			for _, n := range append([]string{p.Name}, p.Aliases...) {
				if taken[n] {
					t.Errorf("%s: two parameters answer to %s", name, n)
				}
				taken[n] = true
			}
			if err := p.CheckDefault(); err != nil || p.Help == "" {
				t.Errorf("%s.%s: default %q: %v, help %q", name, p.Name, p.DefaultText(), err, p.Help)
			}
		}
	}
	if !slices.IsSorted(trainers.Names()) {
		t.Errorf("names %v are not sorted", trainers.Names())
	}
	if _, ok := trainers.Lookup("liner"); ok || trainers.Params("liner") != nil {
		t.Error("there is a trainer liner")
	}
}

func ExampleParams() {
	for _, p := range trainers.Params("fm") {
		fmt.Printf("%-14s %s: %s\n", p.Name, p.DefaultText(), p.Range())
	}
	// Output:
	// batch_size     256: a whole number at least 1 and at most 1000000000
	// early_stopping 0: a whole number at least 0 and at most 1000000
	// epochs         10: a whole number at least 1 and at most 100000
	// factors        8: a whole number at least 1 and at most 256
	// field_aware    false: one of false, true
	// init           0.1: a number greater than 0 and at most 100
	// l2             0: a number at least 0
	// l2_factors     1e-05: a number at least 0
	// learning_rate  0.05: a number greater than 0
	// optimizer      adagrad: one of adagrad, adam, sgd
}
