package gbdt_test

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/trainertest"
	"tourney/trainers/tree/bins"
	"tourney/trainers/tree/gbdt"
)

func rung(params tourney.Params, metric tourney.Metric, budget int) *trainertest.Trial {
	return trainertest.NewTrial(tourney.Job{
		Kind: tourney.JobRung, Trainer: "gbdt", Params: params, Metric: metric, Budget: budget, MaxBudget: budget, Seed: 7, Weight: 1,
	}, nil)
}

// All names by which LightGBM, XGBoost and scikit-learn know a parameter.
func TestNamesOfOthers(t *testing.T) {
	f := gbdt.Family()
	for alias, name := range map[string]string{
		"eta": "learning_rate", "max_leaves": "num_leaves", "gamma": "min_gain_to_split", "min_child_weight": "min_sum_hessian_in_leaf",
		"subsample": "bagging_fraction", "colsample_bytree": "feature_fraction", "colsample_bynode": "feature_fraction_bynode",
		"reg_alpha": "lambda_l1", "reg_lambda": "lambda_l2", "lambda": "lambda_l2", "n_estimators": "num_iterations",
		"num_boost_round": "num_iterations", "max_iter": "num_iterations", "max_leaf_nodes": "num_leaves",
		"min_samples_leaf": "min_data_in_leaf", "min_child_samples": "min_data_in_leaf", "l2_regularization": "lambda_l2",
		"min_split_gain": "min_gain_to_split", "n_iter_no_change": "early_stopping_round", "monotonic_cst": "monotone_constraints",
		"random_state": "seed", "boosting_type": "boosting", "rate_drop": "drop_rate", "loss": "objective", "subsample_freq": "bagging_freq",
	} {
		if p := f.Lookup(alias); p == nil || p.Name != name {
			t.Errorf("%s is %v, want %s", alias, p, name)
		}
	}
	taken := map[string]bool{}
	for _, p := range f.Params {
		for _, name := range append([]string{p.Name}, p.Aliases...) {
			if taken[name] {
				t.Errorf("%s is a name of two parameters", name)
			}
			taken[name] = true
		}
		if p.Help == "" {
			t.Errorf("%s has no help", p.Name)
		}
	}
	if !slices.IsSortedFunc(f.Params, func(a, b heat.Param) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the table is not sorted")
	}
}

// The defaults are LightGBM's.
func TestDefaults(t *testing.T) {
	f := gbdt.Family()
	for name, want := range map[string]float64{
		"num_iterations": 100, "learning_rate": 0.1, "num_leaves": 31, "max_depth": -1, "min_data_in_leaf": 20, "min_sum_hessian_in_leaf": 1e-3,
		"bagging_fraction": 1, "bagging_freq": 0, "feature_fraction": 1, "feature_fraction_bynode": 1, "lambda_l1": 0, "lambda_l2": 0,
		"min_gain_to_split": 0, "max_delta_step": 0, "path_smooth": 0, "drop_rate": 0.1, "max_drop": 50, "skip_drop": 0.5, "top_rate": 0.2,
		"other_rate": 0.1, "min_data_per_group": 100, "max_cat_threshold": 32, "cat_l2": 10, "cat_smooth": 10, "max_cat_to_onehot": 4,
		"alpha": 0.9, "fair_c": 1, "poisson_max_delta_step": 0.7, "tweedie_variance_power": 1.5, "scale_pos_weight": 1, "max_bin": 255,
		"early_stopping_round": 0,
	} {
		if p := f.Lookup(name); p == nil || p.Default != want {
			t.Errorf("%s is %+v by default, want %v", name, p, want)
		}
	}
}

func TestWhatASpaceSaysWrong(t *testing.T) {
	f := gbdt.Family()
	ds := &tourney.Dataset{Task: tourney.Classification, Classes: []string{"n", "y"}, Columns: []tourney.Column{{Name: "age"}, {Name: "rate"}}}
	space := tourney.Space{
		{Name: "linear_tree", Distribution: tourney.Constant, Value: true},
		{Name: "num_leafs", Distribution: tourney.Constant, Value: 4},
		{Name: "max_bin", Distribution: tourney.Constant, Value: 63},
		{Name: "boosting", Distribution: tourney.Categorical, Values: []any{"gbdt", "rf"}},
	}
	var got []string
	for _, e := range f.CheckSpace(space) {
		got = append(got, e.Path+": "+e.Message)
	}
	for i, want := range []string{
		"parameters.linear_tree: trainer gbdt has no such parameter",
		`parameters.num_leafs: trainer gbdt has no such parameter; did you mean "num_leaves"`,
		"parameters.max_bin.value: must be a whole number at least 255 and at most 255",
		"parameters.boosting.values.1: must be one of gbdt",
	} {
		if i >= len(got) || !strings.HasPrefix(got[i], want) {
			t.Errorf("error %d of %q, want %q", i, got, want)
		}
	}
	got = nil
	for _, e := range f.Fits(tourney.Space{
		{Name: "loss", Distribution: tourney.Categorical, Values: []any{"binary", "poisson"}},
		{Name: "monotone_constraints", Distribution: tourney.Constant, Value: "age:1,rates:-1"},
	}, ds) {
		got = append(got, e.Path+": "+e.Message)
	}
	if len(got) != 2 || !strings.HasPrefix(got[0], "parameters.loss.values.1: ") || !strings.Contains(got[0], "poisson is for regression") ||
		!strings.HasPrefix(got[1], "parameters.monotone_constraints.value: ") || !strings.Contains(got[1], `no column "rates"`) {
		t.Errorf("%q", got)
	}
}

func TestParametersThatDoNotGoTogether(t *testing.T) {
	data := toys(200, kind{classes: 2, folds: 1})
	for _, c := range []struct {
		params tourney.Params
		says   string
	}{
		{tourney.Params{"boosting": "goss", "bagging_fraction": 0.5}, "goss draws rows itself"},
		{tourney.Params{"boosting": "goss", "top_rate": 0.7, "other_rate": 0.6}, "at most 1 together"},
		{tourney.Params{"path_smooth": 1, "min_data_in_leaf": 1}, "at least 2"},
		{tourney.Params{"monotone_constraints": "1,0"}, "2 signs for 6 features"},
		{tourney.Params{"monotone_constraints": "z:1"}, `no feature "z"`},
		{tourney.Params{"monotone_constraints": "e:1"}, "categories"},
		{tourney.Params{"monotone_constraints": "a:1,a:-1"}, "twice"},
		{tourney.Params{"monotone_constraints": "a:2"}, "1, 0 or -1"},
		{tourney.Params{"monotone_constraints": "a:1,0"}, "all features or none"},
		{tourney.Params{"objective": "huber"}, "classification"},
	} {
		trial := rung(c.params, tourney.DefaultMetric(tourney.Classification), 4)
		train(t, data, 1, []*trainertest.Trial{trial})
		end := trial.Ended
		if end == nil || end.Outcome != tourney.OutcomeFailed || end.Reason != tourney.ReasonSpecInvalid || !strings.Contains(end.Error, c.says) {
			t.Errorf("%v: end %+v; want %q", c.params, end, c.says)
		}
	}
}

// A trial with fewer rounds is a prefix of one with more, whenever it joins.
func TestFewerRoundsAreAPrefix(t *testing.T) {
	data := toys(600, kind{classes: 3, folds: 2})
	metric := tourney.DefaultMetric(tourney.Classification)
	for _, params := range []tourney.Params{
		{"min_data_in_leaf": 5}, {"min_data_in_leaf": 5, "boosting": "dart", "skip_drop": 0, "drop_rate": 0.4},
	} {
		long, short, late := rung(params, metric, 9), rung(params, metric, 4), rung(params, metric, 6)
		train(t, data, 2, []*trainertest.Trial{long, short}, nil, nil, nil, nil, []*trainertest.Trial{late})
		for _, trial := range []*trainertest.Trial{short, late} {
			n := len(trial.Points)
			if n != trial.Job().Budget || !reflect.DeepEqual(trial.Points, long.Points[:n]) {
				t.Errorf("%v: %d rounds are no prefix of 9", params, n)
			}
			if !slices.Equal(trial.States[n-1], trial.Final) {
				t.Errorf("%v: the last state is not that of the last round", params)
			}
		}
	}
}

func TestEarlyStopping(t *testing.T) {
	data := toys(300, kind{classes: 2, folds: 1})
	metric := tourney.DefaultMetric(tourney.Classification)
	trial := rung(tourney.Params{"early_stopping_round": 5, "learning_rate": 0.5, "min_data_in_leaf": 2}, metric, 200)
	train(t, data, 1, []*trainertest.Trial{trial})
	end := trial.Ended
	if end == nil || end.Outcome != tourney.OutcomeDone || end.Step != end.BestStep+5 || end.Step != len(trial.Points) || end.Step >= 200 {
		t.Errorf("end %+v after %d rounds", end, len(trial.Points))
	}
}

// A model read from the last state, and from its own document, gives the
// metrics that the final job was told.
func TestModel(t *testing.T) {
	for name, c := range map[string]struct {
		kind   kind
		params tourney.Params
	}{
		"two classes": {kind{classes: 2}, nil}, "three classes": {kind{classes: 3}, nil}, "numbers": {kind{}, nil},
		"poisson": {kind{}, tourney.Params{"objective": "poisson"}},
		"dart":    {kind{classes: 2}, tourney.Params{"boosting": "dart", "skip_drop": 0, "drop_rate": 0.5}},
	} {
		data := toys(500, c.kind)
		model, trial := final(t, data, c.params, 12)
		document, err := json.Marshal(model)
		if err != nil {
			t.Fatal(err)
		}
		f := gbdt.Family()
		again, err := f.ReadModel(document, heat.About{Task: data.Task, Classes: data.Classes, Features: data.Folds[0].Bins.Names(), Binning: data.Folds[0].Bins})
		if err != nil {
			t.Fatal(err)
		}
		k := max(1, len(data.Classes))
		out, other := make([]float32, data.Test.N*k), make([]float32, data.Test.N*k)
		model.Predict(data.Test, 0, data.Test.N, out)
		half := data.Test.N / 2
		again.Predict(data.Test, 0, half, other)
		again.Predict(data.Test, half, data.Test.N, other[half*k:])
		if !slices.Equal(out, other) {
			t.Errorf("%s: the document's predictions differ", name)
		}
		metric, want := 0.0, trial.Ended.Metrics["test_logloss"]
		for i, y := range data.Test.Y {
			if data.Task == tourney.Regression {
				e := float64(out[i]) - float64(y)
				metric += e * e / float64(data.Test.N)
				continue
			}
			metric -= math.Log(float64(out[i*k+int(y)])) / float64(data.Test.N)
		}
		if data.Task == tourney.Regression {
			metric, want = math.Sqrt(metric), trial.Ended.Metrics["test_rmse"]
		}
		if math.Abs(metric-want) > 1e-5*want {
			t.Errorf("%s: predictions have %v, the job was told %v", name, metric, want)
		}
		if _, err := f.ReadModel(document, heat.About{Task: data.Task, Classes: []string{"a", "b", "c", "d"}}); err == nil {
			t.Errorf("%s: a model of %d outputs passes for one of 4", name, k)
		}
	}
}

// Predictions move with a constrained feature one way alone, all else equal.
func TestMonotoneConstraints(t *testing.T) {
	data := toys(3000, kind{})
	model, _ := final(t, data, tourney.Params{"monotone_constraints": "a:1, b:-1", "min_data_in_leaf": 3, "learning_rate": 0.3}, 40)
	x := data.Test
	free := 0
	for i := range 50 {
		row := x.Bins[x.Spans[0].From*x.D:][i*x.D : (i+1)*x.D]
		for _, c := range []struct {
			feature int
			sign    float32
		}{{0, 1}, {1, -1}, {2, 0}} {
			probe := make([]uint8, 0, 30*x.D)
			for b := 1; b <= 30; b++ {
				probe = append(probe, row...)
				probe[(b-1)*x.D+c.feature] = uint8(b)
			}
			m := &dataset.Matrix{N: 30, D: x.D, Bins: probe, Spans: []dataset.Span{{From: 0, To: 30}}}
			out := make([]float32, 30)
			model.Predict(m, 0, 30, out)
			for b := 1; b < 30; b++ {
				if (out[b]-out[b-1])*c.sign < 0 {
					t.Fatalf("row %d: feature %d from bin %d to %d moves the output from %v to %v", i, c.feature, b, b+1, out[b-1], out[b])
				}
				if c.sign == 0 && out[b] < out[b-1] {
					free++
				}
			}
		}
	}
	if free == 0 {
		t.Error("no output falls anywhere: the test has no force")
	}
}

// Each tree has its own share of the features, and all have their turn.
func TestFeatureFraction(t *testing.T) {
	model, _ := final(t, toys(800, kind{}), tourney.Params{"feature_fraction": 0.34, "min_data_in_leaf": 3}, 30)
	all := map[int32]bool{}
	for i, tree := range model.(*bins.Model).Trees {
		own := map[int32]bool{}
		for _, f := range tree.Feature {
			own[f], all[f] = true, true
		}
		if len(own) > 2 { // 0.34·6 rounded
			t.Errorf("tree %d asks for %d features", i, len(own))
		}
	}
	if len(all) != 6 {
		t.Errorf("%d of 6 features are asked for anywhere", len(all))
	}
}

// Twice the weights are the same weights.
func TestWeightsAreRelative(t *testing.T) {
	data := toys(500, kind{classes: 2, weights: true})
	_, once := final(t, data, nil, 5)
	for _, m := range []*dataset.Matrix{data.Folds[0].Train, data.Test} {
		for i := range m.W {
			m.W[i] *= 2
		}
	}
	_, twice := final(t, data, nil, 5)
	if !slices.Equal(once.Final, twice.Final) {
		t.Error("other trees")
	}
}
