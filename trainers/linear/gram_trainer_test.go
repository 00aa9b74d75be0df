package linear_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/lap"
	"tourney/trainers/linear"
	"tourney/trainers/trainertest"
)

func job(d *dataset.Data, kind tourney.JobKind, budget int, params tourney.Params) tourney.Job {
	metric := tourney.DefaultMetric(d.Task)
	return tourney.Job{Kind: kind, Params: params, Metric: metric, Budget: budget, MaxBudget: budget}
}

// A trial of gram is done after one step, and is the same in any company, on
// any number of slots, and in a heat that it shares with others.
func TestGramIsDoneInOneStep(t *testing.T) {
	d := folded(0)
	params := []tourney.Params{
		{"optimizer": "gram"}, {"optimizer": "gram", "l2": 0.1}, {"optimizer": "gram", "l1": 0.05, "l2": 0.01}, {"solver": "gram", "l2": 10.0},
	}
	var alone []*trainertest.Trial
	for _, p := range params {
		trial := trainertest.NewTrial(job(d, tourney.JobRung, 7, p), nil)
		run(t, d, 1, trial)
		end := trial.Ended
		if end.Outcome != tourney.OutcomeDone || end.Step != 1 || end.BestStep != 1 || len(trial.Points) != 1 || *end.Value != trial.Points[0].Metrics["rmse"] {
			t.Fatalf("%v: end %+v", p, end)
		}
		alone = append(alone, trial)
	}
	for _, slots := range []int{1, 3} {
		var all []*trainertest.Trial
		for _, p := range append(params, regressors...) {
			all = append(all, trainertest.NewTrial(job(d, tourney.JobRung, 7, p), nil))
		}
		run(t, d, slots, all...)
		for i, a := range alone {
			if !sameBytes(all[i].Final, a.Final) {
				t.Errorf("%d slots: %v has other bits beside others", slots, params[i])
			}
		}
	}
	// A promotion has nothing left to do.
	if again := reencode(t, d, params[1], "rmse", tourney.JobRung, alone[1].Final); !sameBytes(again, alone[1].Final) {
		t.Error("a state is written differently after it is read")
	}
	promoted := trainertest.NewTrial(job(d, tourney.JobRung, 70, params[1]), alone[1].Final)
	run(t, d, 1, promoted)
	if len(promoted.Points) != 0 || promoted.Ended == nil || *promoted.Ended.Value != *alone[1].Ended.Value {
		t.Errorf("promoted: %d steps, end %+v", len(promoted.Points), promoted.Ended)
	}
	final := data(300, 90, 4, 0, true)
	trial := trainertest.NewTrial(job(final, tourney.JobFinal, 7, params[1]), nil)
	run(t, final, 2, trial)
	if trial.Ended.Outcome != tourney.OutcomeDone || trial.Ended.Step != 1 || !(trial.Ended.Metrics["test_r2"] > 0.5) {
		t.Errorf("final: %+v", trial.Ended)
	}
}

// A minimisation that has converged is done, with no more steps; its folds go
// on until each of them has.
func TestConvergedIsDone(t *testing.T) {
	d := folded(3)
	params := tourney.Params{"optimizer": "lbfgs", "l2": 0.01, "tol": 1e-3}
	trial := train(t, d, "logloss", 500, params)[0]
	steps := 0
	for _, f := range d.Folds {
		one := *d
		one.Folds = []*dataset.Fold{f}
		steps = max(steps, train(t, &one, "logloss", 500, params)[0].Ended.Step)
	}
	if trial.Ended.Step != steps || steps < 4 || steps > 60 {
		t.Errorf("%d steps, the slowest fold alone %d", trial.Ended.Step, steps)
	}
	last := trial.Points[len(trial.Points)-1].Metrics
	if last["train_gradient_norm"] > 1e-3*math.Sqrt(3*6) { // no derivative is larger than tol
		t.Errorf("gradient norm %v", last["train_gradient_norm"])
	}
}

// Without a better step for as many as early_stopping says, a trial is done.
func TestEarlyStopping(t *testing.T) {
	d := data(60, 200, 8, 2, false)
	params := tourney.Params{"learning_rate": 0.5, "batch_size": int64(10), "early_stopping": int64(3)}
	trial := train(t, d, "logloss", 200, params)[0]
	end := trial.Ended
	if end.Outcome != tourney.OutcomeDone || end.Step != end.BestStep+3 || end.Step == 200 {
		t.Errorf("end %+v", end)
	}
	delete(params, "early_stopping")
	if all := train(t, d, "logloss", end.Step, params)[0]; *all.Ended.Value != *end.Value || len(all.Points) != end.Step {
		t.Errorf("without it: %+v, want the same best of as many steps", all.Ended)
	}
}

// Parameters that do not go together are refused with what would.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		classes int
		params  tourney.Params
		want    string
	}{
		{2, tourney.Params{"loss": "huber"}, "use logistic, hinge or squared_hinge"},
		{0, tourney.Params{"loss": "hinge"}, "use squared, huber, quantile or poisson"},
		{2, tourney.Params{"optimizer": "lbfgs", "loss": "hinge"}, "use sgd"},
		{0, tourney.Params{"optimizer": "lbfgs", "loss": "quantile"}, "use sgd"},
		{2, tourney.Params{"optimizer": "gram"}, "use lbfgs"},
		{0, tourney.Params{"optimizer": "gram", "loss": "huber"}, "use lbfgs"},
		{2, tourney.Params{"class_weight": "z:2"}, "no class \"z\""},
		{2, tourney.Params{"class_weight": "a:x"}, "a number"},
		{2, tourney.Params{"class_weight": "a:1,a:2"}, "two weights"},
		{2, tourney.Params{"class_weight": "heavy"}, "none, balanced"},
		{0, tourney.Params{"class_weight": "balanced"}, "no classes"},
	} {
		d, metric := data(50, 20, 3, c.classes, false), "logloss"
		if c.classes == 0 {
			metric = "rmse"
		}
		end := train(t, d, metric, 3, c.params)[0].Ended
		if end.Outcome != tourney.OutcomeFailed || end.Reason != tourney.ReasonSpecInvalid || !strings.Contains(end.Error, c.want) {
			t.Errorf("%v: %+v, want %q", c.params, end, c.want)
		}
	}
	d := data(50, 20, 3, 0, false)
	d.Folds[0].Train.Y[7] = -1
	end := train(t, d, "rmse", 3, tourney.Params{"loss": "poisson"})[0].Ended
	if end.Outcome != tourney.OutcomeFailed || !strings.Contains(end.Error, "row 7") {
		t.Errorf("poisson of a negative target: %+v", end)
	}
}

// A state says where its model lies, also with several arrays and folds.
func TestStatesSayWhatTheyHold(t *testing.T) {
	d := folded(3)
	trial := train(t, d, "logloss", 4, classifiers[1])[0]
	s, err := lap.ReadState(trial.Final)
	if err != nil || s.Step != 4 || s.Best != trial.Ended.BestStep || s.Final || len(s.Fits) != 3 || s.Fits[0].SD != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	for i := range s.Fits {
		for _, v := range weights(t, d, i, trial.Final) {
			if math.Abs(float64(v)) > 10 {
				t.Errorf("fold %d has a weight %v", i, v)
			}
		}
	}
}

// A space is checked against the task before any trial of it trains.
func TestSpacesAreCheckedAgainstTheTask(t *testing.T) {
	f := linear.Family()
	values := func(name string, v ...any) tourney.Param {
		return tourney.Param{Name: name, Distribution: tourney.Categorical, Values: v}
	}
	constant := func(name string, v any) tourney.Param {
		return tourney.Param{Name: name, Distribution: tourney.Constant, Value: v}
	}
	for _, c := range []struct {
		task  tourney.Task
		space tourney.Space
		want  []string // paths
	}{
		{tourney.Classification, tourney.Space{values("loss", "logistic", "huber", "auto")}, []string{"parameters.loss.values.1"}},
		{tourney.Regression, tourney.Space{constant("loss", "hinge")}, []string{"parameters.loss.value"}},
		{tourney.Classification, tourney.Space{values("solver", "sgd", "gram")}, []string{"parameters.solver.values.1"}},
		{tourney.Regression, tourney.Space{values("optimizer", "sgd", "gram")}, nil},
		{tourney.Regression, tourney.Space{values("optimizer", "lbfgs", "gram"), values("loss", "quantile", "huber")}, []string{"parameters.optimizer.values.1"}},
	} {
		var got []string
		for _, e := range f.Fits(c.space, &tourney.Dataset{Task: c.task}) {
			got = append(got, e.Path)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.space, got, c.want)
		}
	}
}
