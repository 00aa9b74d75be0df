// Package apitest holds what the tests of the API and of its client share: a
// World, which keeps sweeps, datasets and blobs in memory and does with them
// what the ports promise, and a Checker, which holds every exchange against
// openapi.yaml.
package apitest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tourney"
	"tourney/api"
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

// Try adds a trial with the value to a sweep, and three events. A value that
// is not finite is a trial that diverged.
func (w *World) Try(sweep string, value float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.find(sweep)
	if err != nil {
		panic(err)
	}
	n := len(w.trials[sweep])
	t := tourney.Trial{
		Sweep: sweep, Number: n, State: tourney.TrialCompleted, Params: tourney.Params{"lr": 0.5, "depth": int64(n), "kind": "a", "flag": true, "none": nil},
		Step: 10, BestStep: 7, Attempts: 1, Created: w.now, Ended: &w.now,
	}
	end := tourney.End{Outcome: tourney.OutcomeDone, Step: 10, BestStep: 7}
	if math.IsNaN(value) || math.IsInf(value, 0) {
		t.State, end.Outcome, t.Rung = tourney.TrialDiverged, tourney.OutcomeDiverged, -1
	} else {
		t.Value, t.Metrics = &value, tourney.Metrics{s.Spec.Metric.Name: value}
		end.Value, end.Metrics = t.Value, t.Metrics
		best := value
		if h := w.history[sweep]; len(h) > 0 && s.Spec.Metric.Loss(h[len(h)-1].Best) < s.Spec.Metric.Loss(value) {
			best = h[len(h)-1].Best
		}
		w.history[sweep] = append(w.history[sweep], tourney.HistoryPoint{At: w.now, Trial: n, Step: 7, Value: value, Best: best})
	}
	w.trials[sweep] = append(w.trials[sweep], t)
	if s.Best == nil || s.Spec.Metric.CompareTrials(&t, s.Best) < 0 {
		s.Best = &t
	}
	if s.Counts == nil {
		s.Counts = map[tourney.TrialState]int{}
	}
	s.Counts[t.State]++
	w.commit(s, tourney.Proposed{Trial: n, Params: t.Params}, tourney.Reported{Trial: n, End: end}, tourney.Ended{Trial: n, State: t.State})
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

// Enrol implements api.Service.
func (w *World) Enrol(_ context.Context, req tourney.EnrolRequest) (tourney.Enrolment, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if req.Slots < 1 {
		return tourney.Enrolment{}, tourney.Invalid("slots", "must be at least 1, not %d", req.Slots)
	}
	w.enrolled = append(w.enrolled, req)
	id := fmt.Sprintf("w%d", len(w.workers)+1)
	w.workers = slices.Insert(w.workers, 0, tourney.Worker{
		ID: id, Host: req.Host, Pool: req.Pool, Slots: req.Slots, Version: req.Version, Enrolled: w.now, LastSeen: w.now,
	})
	return tourney.Enrolment{
		Worker: id, NATS: "nats://127.0.0.1:4222", User: id, Password: "secret", Expires: w.now.Add(time.Hour),
		Inbox: "_INBOX_" + id, Pool: req.Pool, Lease: 30 * time.Second,
	}, nil
}

// Drain implements api.Service.
func (w *World) Drain(_ context.Context, id string, mode tourney.Drain) (tourney.Worker, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if mode != tourney.DrainRelease && mode != tourney.DrainFinish {
		return tourney.Worker{}, tourney.Invalid("mode", "%q is no way to leave", mode)
	}
	for i := range w.workers {
		if k := &w.workers[i]; k.ID == id {
			if k.State == tourney.WorkerLeft {
				return tourney.Worker{}, fmt.Errorf("%w: worker %s is gone", tourney.ErrConflict, id)
			}
			k.State, k.Drain, k.Reason = tourney.WorkerDraining, mode, tourney.LeaveDrained
			return *k, nil
		}
	}
	return tourney.Worker{}, fmt.Errorf("worker %s: %w", id, tourney.ErrNotFound)
}

// Upload implements api.Service.
func (w *World) Upload(_ context.Context, _ string, put func() (int64, error)) error {
	_, err := put()
	return err
}

// Lifetimes implements api.Reader.
func (w *World) Lifetimes(context.Context) ([]tourney.Lifetime, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.workers) == 0 {
		return nil, nil
	}
	return []tourney.Lifetime{{Pool: tourney.DefaultPool, Hours: 5, Ends: 1}}, nil
}

// Dismiss has a worker be gone.
func (w *World) Dismiss(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.workers {
		if w.workers[i].ID == id {
			w.workers[i].State = tourney.WorkerLeft
		}
	}
}

// Expel implements api.Service.
func (w *World) Expel(_ context.Context, token string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expelled = append(w.expelled, token)
	return nil
}

// Enrolled returns the requests of the workers that were taken in.
func (w *World) Enrolled() []tourney.EnrolRequest {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.enrolled)
}

// Expelled returns the tokens whose workers were shut out.
func (w *World) Expelled() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.expelled)
}

// Seal makes a blob one that final attempts alone may read.
func (w *World) Seal(hash string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sealed[hash] = true
}

// MayRead implements api.Service: an attempt's number over 100 makes it final.
func (w *World) MayRead(_ context.Context, blob string, token *tourney.Token) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sealed[blob] && (token == nil || token.Attempt <= 100) {
		return fmt.Errorf("blob %s holds test rows, which final attempts alone may read: %w", blob, tourney.ErrRefused)
	}
	return nil
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

// Leaderboard implements api.Reader.
func (w *World) Leaderboard(_ context.Context, sweep string, page tourney.Page) ([]tourney.Trial, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.find(sweep)
	if err != nil {
		return nil, "", err
	}
	trials := passing(w.trials[sweep], page.Where)
	slices.SortFunc(trials, func(a, b tourney.Trial) int { return s.Spec.Metric.CompareTrials(&a, &b) })
	return cut(trials, page)
}

// Trials implements api.Reader.
func (w *World) Trials(_ context.Context, sweep string, page tourney.Page) ([]tourney.Trial, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.find(sweep); err != nil {
		return nil, "", err
	}
	trials := passing(w.trials[sweep], page.Where)
	if _, down := page.Sort.Field(); down {
		slices.Reverse(trials)
	}
	return cut(trials, page)
}

// Rungs implements api.Reader: there is one.
func (w *World) Rungs(_ context.Context, sweep string) ([]tourney.RungCount, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.find(sweep); err != nil {
		return nil, err
	}
	n := len(w.trials[sweep])
	return []tourney.RungCount{{Budget: 10, Reached: n, Stopped: n}}, nil
}

// Trial implements api.Reader.
func (w *World) Trial(_ context.Context, sweep string, number int) (tourney.Trial, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if trials := w.trials[sweep]; number < len(trials) {
		return trials[number], nil
	}
	return tourney.Trial{}, fmt.Errorf("trial %d of sweep %s: %w", number, sweep, tourney.ErrNotFound)
}

// Points implements api.Reader.
func (w *World) Points(ctx context.Context, sweep string, number int) ([]tourney.Point, error) {
	t, err := w.Trial(ctx, sweep, number)
	if err != nil {
		return nil, err
	}
	return []tourney.Point{{Step: 1}, {Step: t.BestStep, Metrics: t.Metrics}}, nil
}

// Log implements api.Reader: every trial has printed its number twice.
func (w *World) Log(ctx context.Context, sweep string, number, attempt int, from int64) (tourney.LogPage, error) {
	if _, err := w.Trial(ctx, sweep, number); err != nil {
		return tourney.LogPage{}, err
	}
	line := fmt.Sprintf("out| %d\n", number)
	page := tourney.LogPage{Attempt: max(attempt, 1), Items: []tourney.LogChunk{}, Next: from, Ended: true}
	for _, offset := range []int64{0, int64(len(line))} {
		if offset >= from {
			page.Items = append(page.Items, tourney.LogChunk{Offset: offset, Text: line})
			page.Next = offset + int64(len(line))
		}
	}
	return page, nil
}

// Artifacts implements api.Reader: trials have left the blobs that there are.
func (w *World) Artifacts(ctx context.Context, sweep string, number int) ([]tourney.Artifact, error) {
	if _, err := w.Trial(ctx, sweep, number); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []tourney.Artifact
	for _, hash := range slices.Sorted(maps.Keys(w.blobs)) {
		list = append(list, tourney.Artifact{Name: "files/" + hash[:8], Size: int64(len(w.blobs[hash])), SHA256: hash})
	}
	return list, nil
}

// Leave makes what a trial's final job left: a part of a blob.
func (w *World) Leave(sweep string, number int, model string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	blob := "before" + model + "behind"
	sum := sha256.Sum256([]byte(blob))
	hash := hex.EncodeToString(sum[:])
	w.blobs[hash] = []byte(blob)
	w.finals[sweep] = append(w.finals[sweep], tourney.JobRow{
		JobID: tourney.JobID{Sweep: sweep, Trial: number, Rung: 1}, Kind: tourney.JobFinal, State: tourney.JobDone,
		Checkpoint: &tourney.Checkpoint{Blob: hash, Offset: int64(len("before")), Size: int64(len(model)), Step: 7},
	})
}

// FinalJobs implements api.Reader.
func (w *World) FinalJobs(_ context.Context, sweep string) ([]tourney.JobRow, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.find(sweep); err != nil {
		return nil, err
	}
	return slices.Clone(w.finals[sweep]), nil
}

// History implements api.Reader.
func (w *World) History(_ context.Context, sweep string, limit int) ([]tourney.HistoryPoint, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.find(sweep); err != nil {
		return nil, err
	}
	h := w.history[sweep]
	return slices.Clone(h[:min(limit, len(h))]), nil
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

// Workers implements api.Reader.
func (w *World) Workers(context.Context) ([]tourney.Worker, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.workers), nil
}

// Datasets implements api.Reader.
func (w *World) Datasets(_ context.Context, page tourney.Page) ([]tourney.Dataset, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	newest := map[string]tourney.Dataset{}
	for _, ds := range w.datasets {
		newest[ds.Name] = ds
	}
	var out []tourney.Dataset
	for _, ds := range newest {
		out = append(out, ds)
	}
	slices.SortFunc(out, func(a, b tourney.Dataset) int { return strings.Compare(a.Name, b.Name) })
	return cut(out, page)
}

// Dataset implements api.Reader.
func (w *World) Dataset(_ context.Context, ref string) (tourney.Dataset, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dataset(ref)
}

func (w *World) dataset(ref string) (tourney.Dataset, error) {
	name, version, _ := strings.Cut(ref, "@")
	for _, ds := range slices.Backward(w.datasets) {
		if ds.Name == name && strings.HasPrefix(ds.Version, version) || ds.Version == ref {
			return ds, nil
		}
	}
	return tourney.Dataset{}, fmt.Errorf("dataset %s: %w", ref, tourney.ErrNotFound)
}

// DatasetBySource implements api.Reader.
func (w *World) DatasetBySource(_ context.Context, source string) (tourney.Dataset, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ds := range w.datasets {
		if ds.Source == source {
			return ds, nil
		}
	}
	return tourney.Dataset{}, fmt.Errorf("dataset made of %s: %w", source, tourney.ErrNotFound)
}

// Spool implements api.Datasets.
func (w *World) Spool(_ context.Context, name string, r io.Reader, tell func(api.Progress)) (api.File, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return api.File{}, fmt.Errorf("read upload of %s: %w", name, err)
	}
	tell(api.Progress{Phase: "hash", Bytes: int64(len(data))})
	w.mu.Lock()
	defer w.mu.Unlock()
	path := fmt.Sprintf("spool/%d", len(w.spooled))
	w.spooled[path] = data
	sum := sha256.Sum256(data)
	return api.File{Name: name, Path: path, Hash: hex.EncodeToString(sum[:]), Remove: func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.removed++
		return nil
	}}, nil
}

// Left returns how many spooled files were not removed.
func (w *World) Left() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.spooled) - w.removed
}

// Place puts a file where Fetch finds it, at a path or a URL.
func (w *World) Place(at, content string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.places[at] = content
}

// Fetch implements api.Datasets.
func (w *World) Fetch(ctx context.Context, place api.Place, tell func(api.Progress)) ([]api.File, error) {
	at := cmp.Or(place.Path, place.URL)
	w.mu.Lock()
	content, ok := w.places[at]
	w.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("%w: the configuration does not allow that place", tourney.ErrRefused)
	}
	f, err := w.Spool(ctx, path.Base(at), strings.NewReader(content), tell)
	return []api.File{f}, err
}

// During has Add call f when it begins, with its context.
func (w *World) During(f func(context.Context)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.during = f
}

// Add implements api.Datasets for tables of CSV. The source is the hash of the
// bytes alone.
func (w *World) Add(ctx context.Context, req tourney.DatasetRequest, files []api.File, tell func(api.Progress)) (tourney.Dataset, bool, error) {
	w.mu.Lock()
	during := w.during
	w.mu.Unlock()
	tell(api.Progress{Phase: "scan", Rows: 1, TotalRows: 2, Bytes: 3, TotalBytes: 4})
	if during != nil {
		during(ctx)
	}
	if err := ctx.Err(); err != nil {
		return tourney.Dataset{}, false, err
	}
	ds := tourney.Dataset{
		Name: req.Name, Task: cmp.Or(req.Task, tourney.Classification), Target: req.Target, Split: req.Split, Seed: req.Seed,
		Group: req.Group, Time: req.Time, Weight: req.Weight,
	}
	all := sha256.New()
	for i, f := range files {
		w.mu.Lock()
		data := w.spooled[f.Path]
		w.mu.Unlock()
		all.Write(data)
		header, rows, err := readCSV(data, f.Name)
		if err != nil {
			return tourney.Dataset{}, false, err
		}
		if !slices.Contains(header, req.Target) {
			return tourney.Dataset{}, false, tourney.Invalid("target", "there is no column %q%s", req.Target, tourney.DidYouMean(req.Target, header))
		}
		ds.Rows += rows
		if f.Test {
			ds.TestRows += rows
		}
		for _, name := range header {
			if i == 0 && !slices.Contains(req.Drop, name) {
				kind := cmp.Or(req.Types[name].Kind, tourney.Number)
				ds.Columns = append(ds.Columns, tourney.Column{Name: name, Kind: kind})
			}
		}
	}
	ds.TestRows += int(req.Split.Test * float64(ds.Rows))
	ds.Source = hex.EncodeToString(all.Sum(nil))
	return w.register(ds)
}

// register adds a dataset, or finds that it is there.
func (w *World) register(ds tourney.Dataset) (tourney.Dataset, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	version := sha256.Sum256([]byte(ds.Source))
	ds.Version, ds.CreatedAt = hex.EncodeToString(version[:]), w.now
	for _, old := range w.datasets {
		if old.Name == ds.Name && old.Version == ds.Version {
			return old, false, nil
		}
	}
	w.datasets = append(w.datasets, ds)
	return ds, true, nil
}

func readCSV(data []byte, name string) (header []string, rows int, err error) {
	r := csv.NewReader(bytes.NewReader(data))
	if header, err = r.Read(); err != nil {
		return nil, 0, fmt.Errorf("read the header: %w", err)
	}
	for ; ; rows++ {
		_, err := r.Read()
		if errors.Is(err, io.EOF) {
			return header, rows, nil
		}
		if pe := new(csv.ParseError); errors.As(err, &pe) {
			return nil, 0, &tourney.InvalidError{Source: name, Fields: []tourney.FieldError{{Message: pe.Err.Error(), Line: pe.Line}}}
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read a row: %w", err)
		}
	}
}

// Table registers a table of CSV.
func (w *World) Table(ctx context.Context, req tourney.DatasetRequest, content string) (tourney.Dataset, error) {
	tell := func(api.Progress) {}
	f, err := w.Spool(ctx, req.File, strings.NewReader(content), tell)
	if err != nil {
		return tourney.Dataset{}, err
	}
	ds, _, err := w.Add(ctx, req, []api.File{f}, tell)
	return ds, errors.Join(err, f.Remove())
}

// AddKnown implements api.Datasets.
func (w *World) AddKnown(ctx context.Context, req tourney.DatasetRequest, hash string) (tourney.Dataset, bool, error) {
	ds, err := w.DatasetBySource(ctx, hash)
	if err != nil {
		return tourney.Dataset{}, false, err
	}
	ds.Name = req.Name
	return w.register(ds)
}

// Delete implements api.Datasets.
func (w *World) Delete(_ context.Context, ref string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	ds, err := w.dataset(ref)
	if err != nil {
		return err
	}
	for _, s := range w.sweeps {
		if s.Plan.Dataset == ds.Version && !s.State.Terminal() {
			return fmt.Errorf("delete dataset %s: %w: sweep %s uses it", ref, tourney.ErrInUse, s.ID)
		}
	}
	w.datasets = slices.DeleteFunc(w.datasets, func(d tourney.Dataset) bool { return d.Name == ds.Name })
	return nil
}

// Sample implements api.Datasets: row i of column c is "c i".
func (w *World) Sample(_ context.Context, ds tourney.Dataset, n int) (columns []string, rows [][]string, err error) {
	for _, c := range ds.Columns {
		columns = append(columns, c.Name)
	}
	for i := range min(n, ds.Rows-ds.TestRows) {
		var row []string
		for _, c := range columns {
			row = append(row, fmt.Sprint(c, " ", i))
		}
		rows = append(rows, row)
	}
	return columns, rows, nil
}

type openBlob struct{ *bytes.Reader }

func (openBlob) Close() error { return nil }

// Open implements api.Blobs.
func (w *World) Open(_ context.Context, hash string) (io.ReadSeekCloser, int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b, ok := w.blobs[hash]
	if !ok {
		return nil, 0, fmt.Errorf("blob %s: %w", hash, tourney.ErrNotFound)
	}
	return openBlob{bytes.NewReader(b)}, int64(len(b)), nil
}

// Put implements api.Blobs.
func (w *World) Put(_ context.Context, r io.Reader) (string, int64, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return "", 0, fmt.Errorf("put blob: %w", err)
	}
	sum := sha256.Sum256(b)
	hash := hex.EncodeToString(sum[:])
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blobs[hash] = b
	return hash, int64(len(b)), nil
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

// Blobs returns how many blobs there are.
func (w *World) Blobs() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.blobs)
}
