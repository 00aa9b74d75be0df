package lap_test

import (
	"context"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/lap"
	"tourney/trainers/trainertest"
)

// The first of the best steps is the one that an end tells, whichever way the
// metric goes.
func TestTheBestStep(t *testing.T) {
	for _, metric := range []tourney.Metric{byRMSE, byR2} {
		a := trial(metric, 5, tourney.Params{"errors": "3,2,4,-2,5"}, nil)
		train(t, regression(1), []*trainertest.Trial{a})
		e := a.Ended
		want := tourney.Metrics{"rmse": 2, "mae": 2, "mape": 2, "r2": -3, "train_error": 1}
		if e == nil || e.Outcome != tourney.OutcomeDone || e.Step != 5 || e.BestStep != 2 || len(a.Points) != 5 {
			t.Fatalf("%s: end %+v after %d points", metric.Name, e, len(a.Points))
		}
		if !reflect.DeepEqual(e.Metrics, want) || *e.Value != want[metric.Name] {
			t.Errorf("%s: value %v, metrics %v, want %v", metric.Name, *e.Value, e.Metrics, want)
		}
	}
}

// What is not finite ends a trial, never becomes a best step, and leaves others
// alone: in what a fit tells in the middle of a step, in a metric at its end.
func TestNotFinite(t *testing.T) {
	for text, c := range map[string]struct{ points, step int }{"3,nan,1": {1, 1}, "nan": {0, 0}, "3,2,inf": {2, 2}, "3,1e300,1": {1, 2}} {
		bad, good := trial(byRMSE, 3, tourney.Params{"errors": text}, nil), trial(byRMSE, 3, tourney.Params{"errors": "3,2,1"}, nil)
		train(t, regression(1), []*trainertest.Trial{bad, good})
		if e := bad.Ended; e == nil || e.Outcome != tourney.OutcomeDiverged || e.Step != c.step || e.Value != nil || e.Metrics != nil || bad.Final != nil || len(bad.Points) != c.points {
			t.Errorf("%s ended as %+v after %d points", text, bad.Ended, len(bad.Points))
		}
		if e := good.Ended; e == nil || e.BestStep != 3 {
			t.Errorf("beside %s: %+v", text, e)
		}
	}
	bad := finalTrial(byRMSE, 2, tourney.Params{"errors": "1,1e300"}, nil)
	train(t, final(), []*trainertest.Trial{bad})
	if e := bad.Ended; e == nil || e.Outcome != tourney.OutcomeDiverged || e.Step != 2 || bad.Final != nil {
		t.Errorf("a final job ended as %+v", e)
	}
}

// Trials are in the passes from the one after they join to the one at which
// they end or are stopped, in the order in which they joined.
func TestJoiningAndLeaving(t *testing.T) {
	named := func(name string, budget int) *trainertest.Trial {
		return trial(byRMSE, budget, tourney.Params{"name": name}, nil)
	}
	a, b, c, d := named("a", 4), named("b", 1), named("c", 2), named("d", 4)
	d.StopAfter = 1
	passes := train(t, regression(2), []*trainertest.Trial{a, b}, nil, []*trainertest.Trial{d, c})
	want := [][]string{{"a", "b", "a", "b"}, {"a", "a"}, {"a", "d", "c", "a", "d", "c"}, {"a", "c", "a", "c"}}
	if !reflect.DeepEqual(passes, want) {
		t.Errorf("passes %v, want %v", passes, want)
	}
	if d.Ended != nil || a.Ended == nil || b.Ended == nil || c.Ended == nil {
		t.Error("the ends are others")
	}
}

// A trial without a better step for as many as its patience is done; resumed
// when it already was, at once and as before; a final job goes on.
func TestEarlyStopping(t *testing.T) {
	params := tourney.Params{"errors": "3,2,4,2,4,1", "patience": int64(3)}
	a := trial(byRMSE, 6, params, nil)
	train(t, regression(1), []*trainertest.Trial{a})
	if e := a.Ended; e == nil || e.Step != 5 || e.BestStep != 2 {
		t.Fatalf("end %+v", e)
	}
	for step, state := range a.States {
		again := trial(byRMSE, 6, params, state)
		passes := train(t, regression(1), []*trainertest.Trial{again})
		if len(passes) != 4-step || !reflect.DeepEqual(again.Ended, a.Ended) || !slices.Equal(again.Final, a.Final) {
			t.Errorf("from step %d: %d passes, end %+v", step+1, len(passes), again.Ended)
		}
	}
	f := finalTrial(byRMSE, 6, params, nil)
	train(t, final(), []*trainertest.Trial{f})
	if f.Ended == nil || f.Ended.Step != 6 {
		t.Errorf("a final job ended as %+v", f.Ended)
	}
	never := trial(byRMSE, 6, tourney.Params{"errors": params["errors"]}, nil)
	train(t, regression(1), []*trainertest.Trial{never})
	if never.Ended.Step != 6 || never.Ended.BestStep != 6 {
		t.Errorf("without patience %+v", never.Ended)
	}
}

// A trial whose fits would not change is done, of a rung or final.
func TestSettled(t *testing.T) {
	params := tourney.Params{"errors": "3,2,1,9", "settled": int64(3)}
	a, f := trial(byRMSE, 9, params, nil), finalTrial(byRMSE, 9, params, nil)
	train(t, regression(2), []*trainertest.Trial{a})
	train(t, final(), []*trainertest.Trial{f})
	if a.Ended == nil || a.Ended.Step != 3 || f.Ended == nil || f.Ended.Step != 3 {
		t.Errorf("ends %+v and %+v, want step 3", a.Ended, f.Ended)
	}
}

// With folds, what is told is means, and of the metrics deviations too.
func TestFolds(t *testing.T) {
	a := trial(byRMSE, 1, tourney.Params{"errors": "2"}, nil)
	train(t, regression(3), []*trainertest.Trial{a})
	// Errors 2, 4, 6: r2 is 1-e², that is -3, -15, -35.
	want := tourney.Metrics{
		"train_error": 2, "rmse": 4, "rmse_sd": math.Sqrt(8.0 / 3), "mae": 4, "mae_sd": math.Sqrt(8.0 / 3), "mape": 4, "mape_sd": math.Sqrt(8.0 / 3),
		"r2": -53.0 / 3, "r2_sd": math.Sqrt((9.0+225+1225)/3 - 53.0/3*53/3),
	}
	got := a.Points[0].Metrics
	if len(got) != len(want) {
		t.Errorf("metrics %v, want %v", got, want)
	}
	for name, v := range want {
		if !near(got[name], v) {
			t.Errorf("%s is %v, want %v", name, got[name], v)
		}
	}
}

// What needs rows in order is told if it is defined, and cheap or wanted.
func TestRankMetrics(t *testing.T) {
	wide := tourney.Metric{Name: "logloss", Goal: tourney.Minimize}
	for what, c := range map[string]struct {
		data   *dataset.Data
		metric tourney.Metric
		others []string
		want   []string
	}{
		"few rows":            {classes(3, 2), wide, nil, []string{"auc", "pr_auc"}},
		"one class":           {classes(0, 5), wide, nil, nil},
		"many rows":           {classes(900, 900), wide, nil, nil},
		"many rows, the goal": {classes(900, 900), byAUC, nil, []string{"auc"}},
		"many rows, another":  {classes(900, 900), wide, []string{"pr_auc"}, []string{"pr_auc"}},
	} {
		a := trial(c.metric, 1, tourney.Params{"errors": "0.2"}, nil)
		a.Job().Metrics = c.others
		train(t, c.data, []*trainertest.Trial{a})
		if len(a.Points) != 1 {
			t.Errorf("%s: end %+v", what, a.Ended)
			continue
		}
		m := a.Points[0].Metrics
		for _, name := range []string{"auc", "pr_auc"} {
			v, ok := m[name]
			if ok != slices.Contains(c.want, name) || ok && v != 1 {
				t.Errorf("%s: %s is %v (%v)", what, name, v, ok)
			}
		}
		if !near(m["logloss"], -math.Log(0.8)) || m["accuracy"] != 1 {
			t.Errorf("%s: %v", what, m)
		}
	}
}

func wantFailed(t *testing.T, a *trainertest.Trial, reason tourney.Reason, text string) {
	t.Helper()
	if e := a.Ended; e == nil || e.Outcome != tourney.OutcomeFailed || e.Reason != reason || !strings.Contains(e.Error, text) || a.Final != nil || len(a.Points) > 0 {
		t.Errorf("end %+v after %d points, want failed for %s with %q", e, len(a.Points), reason, text)
	}
}

func TestJobsThatCannotBe(t *testing.T) {
	one := "the rows to validate on in fold 1 have one class alone"
	test := classes(1, 1)
	test.Folds[0].Valid, test.Test = nil, values(0, 0)
	other := trial(byLoss, 1, nil, nil)
	other.Job().Metrics = []string{"pr_auc"}
	for _, c := range []struct {
		data  *dataset.Data
		trial *trainertest.Trial
		want  string
	}{
		{classes(4, 0), trial(byAUC, 1, nil, nil), "auc is not defined: " + one},
		{classes(4, 0), other, "pr_auc is not defined: " + one},
		{test, finalTrial(byAUC, 1, nil, nil), "auc is not defined: the rows to test on have one class alone"},
		{regression(1), trial(byAUC, 1, nil, nil), `no metric "auc" for regression; use one of`},
		{regression(1), trial(byRMSE, 0, nil, nil), "a budget of 0 steps"},
		{regression(1), trial(byRMSE, 1, tourney.Params{"errors": ""}, nil), "parameter errors"},
		{regression(1), trial(byRMSE, 1, tourney.Params{"speed": 1}, nil), "parameter speed"},
		{regression(1), finalTrial(byRMSE, 1, nil, nil), "no rows to test on"},
		{final(), trial(byRMSE, 1, nil, nil), "no rows to validate on"},
	} {
		beside := finalTrial(byRMSE, 1, nil, nil)
		train(t, c.data, []*trainertest.Trial{c.trial, beside})
		wantFailed(t, c.trial, tourney.ReasonSpecInvalid, c.want)
	}
}

// A final job tells train_ at its steps and test_ at its end.
func TestFinal(t *testing.T) {
	a := finalTrial(byRMSE, 2, tourney.Params{"errors": "1,2"}, nil)
	train(t, final(), []*trainertest.Trial{a})
	want := tourney.Metrics{"test_rmse": 2, "test_mae": 2, "test_mape": 2, "test_r2": -3}
	if e := a.Ended; e == nil || e.BestStep != 2 || !reflect.DeepEqual(e.Metrics, want) || *e.Value != 2 {
		t.Fatalf("end %+v", e)
	}
	if !reflect.DeepEqual(a.Points[1].Metrics, tourney.Metrics{"train_error": 1}) {
		t.Errorf("point %+v", a.Points[1])
	}
	if b, err := lap.FinalFit(a.Final); err != nil || !slices.Equal(b, []byte{2, 0, 0, 0}) {
		t.Errorf("fit %v, %v", b, err)
	}
	again := finalTrial(byRMSE, 2, tourney.Params{"errors": "1,2"}, a.Final) // all trained, not yet measured
	if passes := train(t, final(), []*trainertest.Trial{again}); len(passes) > 0 || !reflect.DeepEqual(again.Ended, a.Ended) {
		t.Errorf("again: %d passes, %+v", len(passes), again.Ended)
	}
}

// Nothing is said of a step during which the context ended.
func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	pool := heat.NewPool(1)
	defer pool.Close()
	a := trial(byRMSE, 2, nil, nil)
	s := &script{cancel: cancel}
	if err := s.Train(ctx, regression(1), pool, &trainertest.Script{Joins: [][]*trainertest.Trial{{a}}}); err != nil || len(a.Points) != 1 || a.Ended != nil {
		t.Errorf("%v, %d points, %+v", err, len(a.Points), a.Ended)
	}
}

// What is told of the rows once.
func TestFoldsAreToldOnce(t *testing.T) {
	d := regression(1)
	d.Folds[0].Train.W = []float32{1, 1, 2} // 3, 5 and twice 7: mean 5.5, variance (6.25+.25+2·2.25)/4
	var got *lap.Fold
	pool := heat.NewPool(1)
	defer pool.Close()
	s := &script{}
	err := lap.Train(t.Context(), d, pool, &trainertest.Script{}, lap.Options{Family: s.family(), Standardise: true, New: func(d *lap.Data, _ *heat.Pool) (lap.Problem, error) {
		got = d.Folds[0]
		return &problem{d, s}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	sd := math.Sqrt(11.0 / 4)
	if !near(got.Mean, 5.5) || !near(got.SD, sd) || !near(float64(got.Target[0]), -2.5/sd) || !near(float64(got.WeightOf(2)), 1.5) || !near(float64(got.WeightOf(0)), 0.75) {
		t.Errorf("%+v", got)
	}
}

func TestTornData(t *testing.T) {
	for want, torn := range map[string]func(d *dataset.Data){
		"no rows to train on":                 func(d *dataset.Data) { d.Folds[0].Train = values() },
		"at least 2 are needed":               func(d *dataset.Data) { d.Classes = d.Classes[:1] },
		"row 1 has class 2 of 2":              func(d *dataset.Data) { d.Folds[0].Train = values(0, 2) },
		"row 0 has class 0.5 of 2":            func(d *dataset.Data) { d.Folds[0].Valid = values(0.5) },
		"row 0 has class NaN of 2":            func(d *dataset.Data) { d.Folds[0].Valid = values(float32(math.NaN())) },
		"row 1 has the weight -1":             func(d *dataset.Data) { d.Folds[0].Train.W = []float32{0, -1} },
		"row 0 has the weight NaN":            func(d *dataset.Data) { d.Folds[0].Train.W = []float32{float32(math.NaN()), 1} },
		"have weight 0":                       func(d *dataset.Data) { d.Folds[0].Valid.W = []float32{0, 0} },
		"a matrix of 2×1 with 3 values":       func(d *dataset.Data) { d.Folds[0].Train.X = make([]float32, 3) },
		"a matrix of 2×2 with 4 values":       func(d *dataset.Data) { d.Folds[0].Valid.D, d.Folds[0].Valid.X = 2, make([]float32, 4) },
		"2 values, 2 targets and 1 weights":   func(d *dataset.Data) { d.Folds[0].Train.W = []float32{1} },
		"a matrix of 2×1 with 0 values":       func(d *dataset.Data) { m := d.Folds[0].Train; m.X, m.RowPtr = nil, []int64{0, 2, 1} },
		"row 1 has the target +Inf":           func(d *dataset.Data) { *d = *regression(1); d.Folds[0].Train.Y[1] = float32(math.Inf(1)) },
		"a matrix of 2×1 with 0 values, 2 ta": func(d *dataset.Data) { m := d.Folds[0].Train; m.X, m.RowPtr = nil, []int64{0, 1, 2} },
	} {
		d := classes(1, 1)
		torn(d)
		pool := heat.NewPool(1)
		err := (&script{}).Train(t.Context(), d, pool, &trainertest.Script{})
		pool.Close()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
