// Package apitest holds what the tests of the API and of its client share: a
// World, which keeps sweeps, datasets and blobs in memory and does with them
// what the ports promise, and a Checker, which holds every exchange against
// openapi.yaml.
package apitest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"tourney"
)

// World implements the API's ports in memory.
type World struct {
	access

	mu       sync.Mutex
	changed  chan struct{}
	now      time.Time
	lastID   int64
	sweeps   []*tourney.Sweep
	keys     map[string]keyed
	trials   map[string][]tourney.Trial
	history  map[string][]tourney.HistoryPoint
	events   []tourney.Event
	datasets []tourney.Dataset
	blobs    map[string][]byte
	sealed   map[string]bool
	workers  []tourney.Worker
	sick     error
	spooled  map[string][]byte
	removed  int
	places   map[string]string
	during   func(context.Context)
	finals   map[string][]tourney.JobRow
	asks     map[string]*asks
	expelled []string
	enrolled []tourney.EnrolRequest
}

type keyed struct{ sweep, body string }

// NewWorld returns a world with nothing in it. Its clock stands in a time zone
// other than UTC and moves a second a commit.
func NewWorld() *World {
	return &World{
		changed: make(chan struct{}),
		now:     time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("east", 2*3600)),
		keys:    map[string]keyed{}, trials: map[string][]tourney.Trial{}, history: map[string][]tourney.HistoryPoint{},
		blobs: map[string][]byte{}, sealed: map[string]bool{},
		spooled: map[string][]byte{}, places: map[string]string{}, finals: map[string][]tourney.JobRow{},
	}
}

// commit appends events of one sweep and wakes the streams. The ids of events
// have gaps, as those of a database may.
func (w *World) commit(sweep *tourney.Sweep, bodies ...tourney.EventBody) {
	w.now = w.now.Add(time.Second)
	seq := int64(0)
	for _, ev := range w.events {
		if ev.Sweep == sweep.ID {
			seq = ev.Seq
		}
	}
	for i, body := range bodies {
		w.lastID += 1 + w.lastID%3
		sweep.Cursor = w.lastID
		w.events = append(w.events, tourney.Event{ID: w.lastID, Sweep: sweep.ID, Seq: seq + int64(i) + 1, At: w.now, Body: body})
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *World) find(id string) (*tourney.Sweep, error) {
	for _, s := range w.sweeps {
		if s.ID == id {
			return s, nil
		}
	}
	return nil, fmt.Errorf("sweep %s: %w", id, tourney.ErrNotFound)
}

// CreateSweep implements api.Service.
func (w *World) CreateSweep(_ context.Context, spec tourney.Spec, key string) (tourney.Sweep, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	data, err := json.Marshal(spec)
	if err != nil {
		return tourney.Sweep{}, err
	}
	if k, ok := w.keys[key]; ok && key != "" {
		if k.body != string(data) {
			return tourney.Sweep{}, fmt.Errorf("key %q: %w", key, tourney.ErrConflict)
		}
		s, err := w.find(k.sweep)
		return *s, err
	}
	ds, err := w.dataset(spec.Dataset)
	if err != nil && !spec.External() {
		return tourney.Sweep{}, tourney.Invalid("dataset", "there is no dataset %q", spec.Dataset)
	}
	if spec.Metric.Name == "" {
		spec.Metric = tourney.DefaultMetric(ds.Task)
	}
	s := &tourney.Sweep{
		ID: fmt.Sprintf("s%d", len(w.sweeps)+1), Spec: spec, State: tourney.SweepRunning, Created: w.now,
		Plan: tourney.Plan{Dataset: ds.Version, Budget: 10, Weight: 1},
	}
	w.sweeps = append(w.sweeps, s)
	w.keys[key] = keyed{s.ID, string(data)}
	w.commit(s, tourney.Engine{Version: "test", Arch: "amd64"}, tourney.Turned{State: tourney.SweepRunning})
	return *s, nil
}

// Commit appends events to a sweep.
func (w *World) Commit(sweep string, bodies ...tourney.EventBody) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.find(sweep)
	if err != nil {
		panic(err)
	}
	w.commit(s, bodies...)
}

// Act implements api.Service.
func (w *World) Act(_ context.Context, sweep string, action tourney.Action) (tourney.Sweep, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.find(sweep)
	if err != nil {
		return tourney.Sweep{}, err
	}
	to := map[tourney.Action]tourney.SweepState{
		tourney.ActionPause: tourney.SweepPaused, tourney.ActionResume: tourney.SweepRunning, tourney.ActionCancel: tourney.SweepCancelled,
	}[action]
	if !s.State.CanBecome(to) {
		return tourney.Sweep{}, fmt.Errorf("%s sweep %s, which is %s: %w", action, s.ID, s.State, tourney.ErrConflict)
	}
	s.State = to
	w.commit(s, tourney.Acted{Action: action}, tourney.Turned{State: to})
	return *s, nil
}

// Importance gives all to the first parameter, and says what was asked.
func (w *World) Importance(ctx context.Context, sweep string, req tourney.ImportanceRequest) (tourney.Importance, error) {
	row, err := w.Sweep(ctx, sweep)
	if err != nil {
		return tourney.Importance{}, err
	}
	if req.Metric == "unheard_of" {
		return tourney.Importance{}, tourney.Invalid("metric", "no trial reports %q", req.Metric)
	}
	return tourney.Importance{
		Method: req.Method, Metric: req.Metric, Trials: len(req.Trials),
		Params: []tourney.ParamImportance{{Name: row.Spec.Parameters[0].Name, Value: 1}},
	}, nil
}

// Pareto returns the best trial.
func (w *World) Pareto(ctx context.Context, sweep string) (tourney.Front, error) {
	row, err := w.Sweep(ctx, sweep)
	if err != nil {
		return tourney.Front{}, err
	}
	front := tourney.Front{Metrics: []tourney.Metric{row.Spec.Metric}, Trials: []tourney.Trial{}}
	if row.Best != nil {
		front.Trials = append(front.Trials, *row.Best)
	}
	return front, nil
}

// Sicken makes Healthy return err.
func (w *World) Sicken(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sick = err
}

// Healthy implements api.Service.
func (w *World) Healthy(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sick
}

// cut returns a page of items; cursors are offsets in disguise.
func cut[T any](items []T, page tourney.Page) ([]T, string, error) {
	offset := 0
	if page.Cursor != "" {
		b, err := base64.RawURLEncoding.DecodeString(page.Cursor)
		if err == nil {
			offset, err = strconv.Atoi(string(b))
		}
		if err != nil || offset < 0 || offset > len(items) {
			return nil, "", tourney.Invalid("cursor", "is not one that this server gave")
		}
	}
	end := min(offset+page.Limit, len(items))
	next := ""
	if end < len(items) {
		next = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(end)))
	}
	return slices.Clone(items[offset:end]), next, nil
}

// Sweep implements api.Reader.
func (w *World) Sweep(_ context.Context, id string) (tourney.Sweep, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.find(id)
	if err != nil {
		return tourney.Sweep{}, err
	}
	return *s, nil
}

// Sweeps implements api.Reader.
func (w *World) Sweeps(_ context.Context, page tourney.Page) ([]tourney.Sweep, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []tourney.Sweep
	for _, s := range slices.Backward(w.sweeps) {
		out = append(out, *s)
	}
	return cut(out, page)
}

// EventsAfter implements api.Reader.
func (w *World) EventsAfter(_ context.Context, sweep string, after int64, limit int) ([]tourney.Event, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []tourney.Event
	for _, ev := range w.events {
		if ev.ID > after && (sweep == "" || ev.Sweep == sweep) && len(out) < limit {
			out = append(out, ev)
		}
	}
	return out, nil
}

// Changed implements api.Reader.
func (w *World) Changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

// Events returns the ids of all events, or of one sweep's.
func (w *World) Events(sweep string) []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	var ids []int64
	for _, ev := range w.events {
		if sweep == "" || ev.Sweep == sweep {
			ids = append(ids, ev.ID)
		}
	}
	return ids
}
