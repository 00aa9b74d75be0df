package api_test

import (
	"net/http"
	"testing"

	"tourney"
	"tourney/api"
	"tourney/store"
)

// viewRig serves a sweep of four trials from a real store: 0, 1 and 2 have the
// values 0.1, 0.5 and 0.9 with lr 0.01, 0.1 and 1, and 3 has failed.
func viewRig(t *testing.T) *rig {
	t.Helper()
	db, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	ds := tourney.Dataset{Name: "telco", Version: "v1"}
	if err := db.SaveDataset(t.Context(), ds); err != nil {
		t.Fatal(err)
	}
	sweep := tourney.Sweep{
		ID: "s-1", Plan: tourney.Plan{Dataset: "v1", Budget: 1},
		Spec: tourney.Spec{
			Name: "views", Dataset: "telco", Trainer: "linear", Method: tourney.MethodRandom, Order: tourney.OrderFixed,
			Metric: tourney.Metric{Name: "accuracy", Goal: tourney.Maximize},
			Parameters: tourney.Space{
				{Name: "lr", Distribution: tourney.LogUniformValues, Min: 1e-3, Max: 1},
				{Name: "opt", Distribution: tourney.Categorical, Values: []any{"sgd", "adam"}},
			},
		},
	}
	c := &tourney.Change{Sweep: sweep.ID, Create: &sweep, State: tourney.SweepRunning, Events: []tourney.Event{{Seq: 1, Body: tourney.Turned{State: tourney.SweepRunning}}}}
	for i := range 4 {
		trial := tourney.Trial{Sweep: sweep.ID, Number: i, State: tourney.TrialFailed, Params: tourney.Params{"lr": []float64{0.01, 0.1, 1, 1}[i], "opt": []any{"sgd", "adam"}[i%2]}, Rung: -1, Reason: tourney.ReasonUserError, Error: "it broke"}
		if i < 3 {
			value := []float64{0.1, 0.5, 0.9}[i]
			trial.State, trial.Rung, trial.Step, trial.BestStep, trial.Value, trial.Reason, trial.Error = tourney.TrialCompleted, 0, 1, 1, &value, "", ""
			c.Points = append(c.Points, tourney.TrialPoints{Trial: i, Points: []tourney.Point{{Step: 1, Metrics: tourney.Metrics{"accuracy": value}}}})
			c.Events = append(c.Events, tourney.Event{Seq: int64(len(c.Events) + 1), Body: tourney.Reported{Trial: i, End: tourney.End{Outcome: tourney.OutcomeDone, Step: 1, BestStep: 1, Value: &value}}})
		}
		c.Trials = append(c.Trials, trial)
	}
	if err := db.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return newRig(t, func(cfg *api.Config) { cfg.Reader, cfg.Views, cfg.PricePerHour = db, db, 2 })
}

const viewsPath = "/api/v1/sweeps/s-1/views/"

// The checker behind get holds each answer against openapi.yaml.
func TestViews(t *testing.T) {
	r := viewRig(t)
	var table tourney.ViewTable
	r.get(viewsPath+"table?sort=-lr&where=opt:0&limit=2", &table)
	if len(table.Items) != 2 || table.Items[0].Number != 2 || table.Items[1].Number != 0 || table.Total != 2 || table.Of != 4 {
		t.Errorf("with the first of the optimizers, by lr: %+v", table)
	}
	r.get(viewsPath+"table?offset=3", &table)
	if len(table.Items) != 1 || table.Items[0].Number != 3 {
		t.Errorf("the fourth of the board: %+v, want the one that failed", table.Items)
	}
	var parallel tourney.ViewParallel
	r.get(viewsPath+"parallel?where=@value:0.4..", &parallel)
	if len(parallel.Trials) != 2 || parallel.Columns[0][0] != 0.1 || parallel.Columns[1][1] != 0 {
		t.Errorf("%+v", parallel)
	}
	var slice tourney.ViewSlice
	r.get(viewsPath+"slice?axis=lr", &slice)
	if len(slice.X) != 3 || slice.Values[2] != 0.9 || !slice.Axis.Log {
		t.Errorf("%+v", slice)
	}
	var contour tourney.ViewContour
	r.get(viewsPath+"contour?x=lr&y=opt", &contour)
	if len(contour.Grid.Trials) != 3 {
		t.Errorf("%+v", contour)
	}
	var curves tourney.ViewCurves
	r.get(viewsPath+"curves?pick=best&limit=2", &curves)
	if len(curves.Curves) != 2 || curves.Curves[0].Trial != 2 || curves.Metric != "accuracy" {
		t.Errorf("%+v", curves)
	}
	var distribution tourney.ViewDistribution
	r.get(viewsPath+"distribution", &distribution)
	if len(distribution.Values) != 3 || distribution.Values[0] != 0.9 {
		t.Errorf("%+v", distribution)
	}
	var failures tourney.ViewFailures
	r.get(viewsPath+"failures", &failures)
	if len(failures.Groups) != 1 || failures.Groups[0].Line != "it broke" || failures.Of != 4 {
		t.Errorf("%+v", failures)
	}
	var timeline tourney.ViewTimeline
	r.get(viewsPath+"timeline", &timeline)
	if timeline.Total != 0 {
		t.Errorf("%+v", timeline)
	}
	var bracket tourney.ViewBracket
	r.get(viewsPath+"bracket", &bracket)
	if len(bracket.Rounds) != 1 || bracket.Rounds[0].Reached != 3 || bracket.Rounds[0].Seats[0].Trial != 2 {
		t.Errorf("%+v", bracket)
	}
	var progress tourney.ViewProgress
	r.get(viewsPath+"progress", &progress)
	if len(progress.Improvements) != 3 || progress.Cost == nil || *progress.Cost != 0 {
		t.Errorf("%+v, want three improvements that cost nothing, at a price", progress)
	}
}

func TestViewsSayWhatIsWrong(t *testing.T) {
	r := viewRig(t)
	for _, path := range []string{"table?sort=nothing", "table?where=lr", "table?where=lr:a..b", "table?where=nothing:1..2", "slice?axis=nothing", "contour?x=lr&y=nothing", "curves?where=:0"} {
		if p := r.wrong(http.StatusBadRequest, http.MethodGet, viewsPath+path, "", nil); len(p.Errors) != 1 {
			t.Errorf("%s: %+v", path, p)
		}
	}
	for _, view := range []string{"table", "parallel", "slice?axis=lr", "contour?x=lr&y=opt", "curves", "distribution", "failures", "timeline", "bracket", "progress"} {
		r.wrong(http.StatusNotFound, http.MethodGet, "/api/v1/sweeps/none/views/"+view, "", nil)
	}
}

// A server without views says so of each.
func TestNoViews(t *testing.T) {
	r := newRig(t)
	sweep := r.create()
	for _, view := range []string{"table", "parallel", "slice?axis=lr", "contour?x=lr&y=depth", "curves", "distribution", "failures", "timeline", "bracket", "progress"} {
		r.wrong(http.StatusNotFound, http.MethodGet, "/api/v1/sweeps/"+sweep.ID+"/views/"+view, "", nil)
	}
}
