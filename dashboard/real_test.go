package dashboard_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"tourney"
	"tourney/api"
	"tourney/dashboard"
	"tourney/store"
	"tourney/store/storetest"
)

// real is the dashboard before the real interface and a real store; the service
// behind it is asked alone for what changes sweeps.
type real struct {
	api.Service // what is not here is not asked for
	db          *store.Store
	base        string

	mu     sync.Mutex
	asked  []string
	refuse error
}

func openStore(dir string) (storetest.Store, error) { return store.Open(context.Background(), dir) }

// newReal serves a data directory.
func newReal(t *testing.T, dir string) *real {
	t.Helper()
	db, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	r := &real{db: db}
	server, err := api.New(api.Config{
		Service: r, Reader: db, Access: db, Views: db, PricePerHour: 0.5, Dashboard: dashboard.Handler(), RatePerToken: -1,
		Datasets: struct{ api.Datasets }{}, Blobs: struct{ api.Blobs }{}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewUnstartedServer(nil)
	h.Config = api.NewHTTPServer(server)
	h.Start()
	r.base = h.URL
	t.Cleanup(func() {
		server.Close()
		h.CloseClientConnections()
		h.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// views serves a sweep "s" of n trials, as storetest.FillViews makes it.
func views(t *testing.T, n int) *real {
	t.Helper()
	dir := t.TempDir()
	storetest.FillViews(t, openStore, dir, n)
	r := newReal(t, dir)
	if err := r.db.SaveDataset(t.Context(), tourney.Dataset{Name: "d", Version: "v", Rows: 5000, TestRows: 1000}); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *real) note(format string, args ...any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, fmt.Sprintf(format, args...))
	return r.refuse
}

func (r *real) notes() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.asked)
}

// Act commits the action's event, as the service does.
func (r *real) Act(ctx context.Context, id string, action tourney.Action) (tourney.Sweep, error) {
	if err := r.note("%s %s", action, id); err != nil {
		return tourney.Sweep{}, err
	}
	return r.db.Sweep(ctx, id)
}

func (r *real) Extend(ctx context.Context, id string, a tourney.Amendment) (tourney.Sweep, error) {
	if err := r.note("extend %s to %d", id, a.RunCap); err != nil {
		return tourney.Sweep{}, err
	}
	return r.db.Sweep(ctx, id)
}

func (r *real) DeleteSweep(_ context.Context, id string, cancel bool, _ string) error {
	return r.note("delete %s, cancel %v", id, cancel)
}

func (r *real) Importance(ctx context.Context, id string, _ tourney.ImportanceRequest) (tourney.Importance, error) {
	s, err := r.db.Sweep(ctx, id)
	if err != nil {
		return tourney.Importance{}, err
	}
	found := tourney.Importance{Method: "ped", Metric: s.Spec.Metric.Name, Trials: 98, Params: []tourney.ParamImportance{}}
	share := 0.5
	for _, p := range s.Spec.Parameters {
		if !p.Fixed() {
			found.Params = append(found.Params, tourney.ParamImportance{Name: p.Name, Value: share})
			share /= 2
		}
	}
	return found, nil
}

func (r *real) Pareto(ctx context.Context, id string) (tourney.Front, error) {
	s, err := r.db.Sweep(ctx, id)
	if err != nil {
		return tourney.Front{}, err
	}
	front := tourney.Front{Metrics: s.Spec.Metrics, Trials: []tourney.Trial{}}
	trials, _, err := r.db.Leaderboard(ctx, id, tourney.Page{Limit: 5})
	for _, trial := range trials {
		if trial.Value != nil {
			front.Trials = append(front.Trials, trial)
		}
	}
	return front, err
}

func (r *real) Healthy(context.Context) error { return nil }

// commit writes a change whose events are numbered here.
func (r *real) commit(t *testing.T, c *tourney.Change) {
	t.Helper()
	events, err := r.db.Events(t.Context(), c.Sweep, 0, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Events {
		c.Events[i].Sweep, c.Events[i].Seq = c.Sweep, int64(len(events)+1+i)
	}
	if err := r.db.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// hostile makes a sweep of two objectives in which every text that anybody may
// choose is the given one: levels, metrics, errors, reasons, workers, names.
func (r *real) hostile(t *testing.T, id, text string) {
	t.Helper()
	if err := r.db.SaveDataset(t.Context(), tourney.Dataset{Name: "d", Version: "v"}); err != nil {
		t.Fatal(err)
	}
	spec := digitsSpec(text)
	spec.Description, spec.Trainer = text, text
	spec.Metric = tourney.Metric{Name: text, Goal: tourney.Maximize}
	spec.Metrics = []tourney.Metric{spec.Metric, {Name: text + "2", Goal: tourney.Minimize}}
	spec.EarlyTerminate = &tourney.EarlyTerminate{Type: "asha", MinIter: 1, MaxIter: 3, Eta: 3}
	spec.Parameters = tourney.Space{
		{Name: "level", Distribution: tourney.Categorical, Values: []any{text, "b"}},
		{Name: "rate", Distribution: tourney.Uniform, Min: 0, Max: 1},
	}
	sweep := tourney.Sweep{ID: id, Spec: spec, Plan: tourney.Plan{Dataset: "v", Budget: 3, Ladder: []int{1, 3}}}
	c := &tourney.Change{Sweep: id, Create: &sweep, State: tourney.SweepRunning, Reason: text, Events: []tourney.Event{{Seq: 1, Body: tourney.Turned{State: tourney.SweepRunning}}}}
	for i := range 6 {
		value := float64(i) / 10
		trial := tourney.Trial{
			Sweep: id, Number: i, State: tourney.TrialPaused, Params: tourney.Params{"level": []any{text, "b"}[i%2], "rate": value},
			Step: 1, BestStep: 1, Value: &value, Metrics: tourney.Metrics{text: value, text + "2": 1 - value},
		}
		outcome := tourney.OutcomeDone
		if i == 5 {
			trial.State, trial.Rung, trial.Value, trial.Metrics, trial.Reason, trial.Error = tourney.TrialFailed, -1, nil, nil, tourney.Reason(text), "Traceback\n"+text
			outcome = tourney.OutcomeFailed
		}
		job := tourney.JobRow{JobID: tourney.JobID{Sweep: id, Trial: i}, Kind: tourney.JobRung, Budget: 1, State: tourney.JobDone, New: true, Attempt: 1, Worker: text}
		c.Trials, c.Jobs = append(c.Trials, trial), append(c.Jobs, job)
		c.Attempts = append(c.Attempts, tourney.AttemptRow{Token: tourney.Token{Sweep: id, Trial: i, Attempt: 1, Epoch: r.db.Epoch()}, Worker: text, Outcome: outcome, New: true})
		c.Points = append(c.Points, tourney.TrialPoints{Trial: i, Points: []tourney.Point{{Step: 1, Metrics: tourney.Metrics{text: value, text + "2": 1 - value}}}})
		if trial.Value != nil {
			c.Events = append(c.Events, tourney.Event{Seq: int64(len(c.Events) + 1), Body: tourney.Reported{Trial: i, End: tourney.End{Outcome: outcome, Step: 1, BestStep: 1, Value: &value, Metrics: trial.Metrics}}})
		}
	}
	if err := r.db.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}
