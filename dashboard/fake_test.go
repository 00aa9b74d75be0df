package dashboard_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"tourney"
	"tourney/dashboard"
)

// fake is a service that behaves: what it lists follows from what was
// reported to it, and every change is an event with the next id.
type fake struct {
	mu      sync.Mutex
	sweeps  []*tourney.Sweep // newest first
	trials  map[string][]*tourney.Trial
	history map[string][]tourney.HistoryPoint
	events  []fakeEvent
	changed chan struct{}
	cut     bool     // streams end, and new ones are refused by closing the connection
	posts   []string // "pause ID"
	streams int      // open now

	tokens   map[string]tourney.Scope // nil: none is asked for
	sessions map[string]tourney.Scope // by cookie
}

type fakeEvent struct {
	ID    int64     `json:"id"`
	Sweep string    `json:"sweep"`
	Seq   int64     `json:"seq"`
	At    time.Time `json:"at"`
	Kind  string    `json:"kind"`
	Body  any       `json:"body"`
}

// newFake starts a server with the dashboard and a fake service behind it.
func newFake(t *testing.T) (*fake, string) {
	t.Helper()
	f := &fake{trials: map[string][]*tourney.Trial{}, history: map[string][]tourney.HistoryPoint{}, changed: make(chan struct{})}
	mux := http.NewServeMux()
	mux.Handle("/", dashboard.Handler())
	mux.HandleFunc("GET /api/v1/sweeps", f.list)
	mux.HandleFunc("GET /api/v1/sweeps/{id}", f.show)
	mux.HandleFunc("GET /api/v1/sweeps/{id}/leaderboard", f.leaderboard)
	mux.HandleFunc("GET /api/v1/sweeps/{id}/history", f.showHistory)
	mux.HandleFunc("GET /api/v1/sweeps/{id}/events", f.stream)
	mux.HandleFunc("GET /api/v1/datasets/{ref}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]any{"name": r.PathValue("ref"), "version": "digits", "rows": 1797, "test_rows": 360})
	})
	mux.HandleFunc("GET /api/v1/events", f.stream)
	for _, action := range []tourney.Action{tourney.ActionPause, tourney.ActionResume, tourney.ActionCancel} {
		mux.HandleFunc("POST /api/v1/sweeps/{id}/"+string(action), f.act(action))
	}
	mux.HandleFunc("GET /api/v1/session", f.showSession)
	mux.HandleFunc("POST /api/v1/session", f.logIn)
	mux.HandleFunc("DELETE /api/v1/session", f.logOut)
	server := httptest.NewServer(f.guard(mux))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return f, server.URL
}

// add starts a sweep.
func (f *fake) add(id string, spec tourney.Spec, started time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	sweep := &tourney.Sweep{
		ID: id, Spec: spec, Plan: tourney.Plan{Dataset: "digits", Ladder: ladder(spec)}, State: tourney.SweepRunning, Created: started, Started: &started,
		Counts: map[tourney.TrialState]int{},
	}
	f.sweeps = slices.Insert(f.sweeps, 0, sweep)
	f.commit(id, started, tourney.Turned{State: tourney.SweepRunning})
}

// propose adds a trial.
func (f *fake) propose(id string, params tourney.Params, at time.Time) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.trials[id])
	f.trials[id] = append(f.trials[id], &tourney.Trial{
		Sweep: id, Number: n, State: tourney.TrialRunning, Params: params, Rung: -1, Attempts: 1, Created: at,
	})
	f.commit(id, at, tourney.Proposed{Trial: n, Params: params})
	return n
}

// report folds the end of a job; state is what the trial becomes.
func (f *fake) report(id string, n, rung int, state tourney.TrialState, end tourney.End, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	trial := f.trials[id][n]
	trial.State, trial.Step, trial.Reason, trial.Error = state, end.Step, end.Reason, end.Error
	if end.Value != nil {
		trial.Rung, trial.BestStep, trial.Value, trial.Metrics = rung, end.BestStep, end.Value, end.Metrics
		point := tourney.HistoryPoint{At: at, Trial: n, Rung: rung, Step: end.BestStep, Value: *end.Value, Best: *end.Value}
		if h := f.history[id]; len(h) > 0 && f.sweep(id).Spec.Metric.Loss(h[len(h)-1].Best) < f.sweep(id).Spec.Metric.Loss(point.Best) {
			point.Best = h[len(h)-1].Best
		}
		f.history[id] = append(f.history[id], point)
	}
	f.commit(id, at, tourney.Reported{Trial: n, Rung: rung, End: end})
}

// turn gives a sweep a new state. At its end trials that wait are pruned, those
// that run are cancelled, and completion unseals the winner's test metrics.
func (f *fake) turn(id string, state tourney.SweepState, reason string, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	sweep := f.sweep(id)
	sweep.State, sweep.Reason = state, reason
	if state.Terminal() {
		sweep.Ended = &at
		for _, trial := range f.trials[id] {
			if trial.State == tourney.TrialPaused {
				trial.State = tourney.TrialPruned
			} else if !trial.State.Terminal() {
				trial.State = tourney.TrialCancelled
			}
		}
	}
	if board := f.board(id); state == tourney.SweepCompleted && len(board) > 0 && board[0].Value != nil {
		metrics := maps.Clone(board[0].Metrics)
		metrics["test_"+sweep.Spec.Metric.Name] = *board[0].Value - 0.003
		board[0].Metrics = metrics
	}
	f.commit(id, at, tourney.Turned{State: state, Reason: reason})
}

// commit appends an event and brings the sweep's row up to date.
func (f *fake) commit(id string, at time.Time, body tourney.EventBody) {
	sweep := f.sweep(id)
	seq := int64(1)
	for _, e := range f.events {
		if e.Sweep == id {
			seq++
		}
	}
	sweep.Cursor = int64(len(f.events)) + 1
	f.events = append(f.events, fakeEvent{ID: sweep.Cursor, Sweep: id, Seq: seq, At: at, Kind: body.Kind(), Body: body})
	clear(sweep.Counts)
	for _, trial := range f.trials[id] {
		sweep.Counts[trial.State]++
	}
	if board := f.board(id); len(board) > 0 && board[0].Value != nil {
		sweep.Best = board[0]
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fake) sweep(id string) *tourney.Sweep {
	for _, sweep := range f.sweeps {
		if sweep.ID == id {
			return sweep
		}
	}
	return nil
}

func (f *fake) board(id string) []*tourney.Trial {
	board := slices.Clone(f.trials[id])
	slices.SortFunc(board, f.sweep(id).Spec.Metric.CompareTrials)
	return board
}

// setCut ends the streams and refuses new ones, or takes them in again.
func (f *fake) setCut(cut bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut = cut
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fake) posted() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.posts)
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(body); err != nil {
		panic(err) // a fake that cannot write its own data is a broken test
	}
}

func refuse(w http.ResponseWriter, status int, title, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": title, "status": status, "detail": detail})
}

// part cuts a page out of a list; the cursor is the index of its first entry.
func part[T any](r *http.Request, all []T) map[string]any {
	limit, _ := strconv.Atoi(cmp.Or(r.URL.Query().Get("limit"), "100"))
	from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	to := min(len(all), from+limit)
	page := map[string]any{"items": append([]T{}, all[from:to]...)}
	if to < len(all) {
		page["next"] = strconv.Itoa(to)
	}
	return page
}

func (f *fake) list(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer(w, part(r, f.sweeps))
}

// known answers 404 and false for a sweep that is not there.
func (f *fake) known(w http.ResponseWriter, r *http.Request) bool {
	if f.sweep(r.PathValue("id")) != nil {
		return true
	}
	refuse(w, http.StatusNotFound, "Not found", "There is no such sweep.")
	return false
}

func (f *fake) show(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known(w, r) {
		answer(w, f.sweep(r.PathValue("id")))
	}
}

func (f *fake) leaderboard(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.known(w, r) {
		return
	}
	id := r.PathValue("id")
	page := part(r, f.board(id))
	page["metric"] = f.sweep(id).Spec.Metric
	answer(w, page)
}

func (f *fake) showHistory(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.known(w, r) {
		return
	}
	columns := map[string][]any{"at": {}, "trial": {}, "rung": {}, "step": {}, "value": {}, "best": {}}
	for _, p := range f.history[r.PathValue("id")] {
		columns["at"] = append(columns["at"], p.At)
		columns["trial"] = append(columns["trial"], p.Trial)
		columns["rung"] = append(columns["rung"], p.Rung)
		columns["step"] = append(columns["step"], p.Step)
		columns["value"] = append(columns["value"], p.Value)
		columns["best"] = append(columns["best"], p.Best)
	}
	answer(w, columns)
}

func (f *fake) act(action tourney.Action) http.HandlerFunc {
	next := map[tourney.Action]tourney.SweepState{
		tourney.ActionPause: tourney.SweepPaused, tourney.ActionResume: tourney.SweepRunning, tourney.ActionCancel: tourney.SweepCancelled,
	}
	return func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if !f.known(w, r) {
			return
		}
		sweep := f.sweep(r.PathValue("id"))
		f.posts = append(f.posts, string(action)+" "+sweep.ID)
		if !sweep.State.CanBecome(next[action]) {
			refuse(w, http.StatusConflict, "Conflict", fmt.Sprintf("A sweep that is %s cannot %s.", sweep.State, action))
			return
		}
		sweep.State = next[action]
		f.commit(sweep.ID, time.Now(), tourney.Acted{Action: action})
		answer(w, sweep)
	}
}

// stream sends the events after the one that Last-Event-ID or after names, and
// those to come.
func (f *fake) stream(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	if f.cut {
		f.mu.Unlock()
		panic(http.ErrAbortHandler) // as a service that is gone
	}
	f.streams++
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.streams--
		f.mu.Unlock()
	}()
	after, _ := strconv.ParseInt(cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("after")), 10, 64)
	w.Header().Set("Content-Type", "text/event-stream")
	flusher := w.(http.Flusher)
	fmt.Fprint(w, "retry: 50\n\n")
	for {
		f.mu.Lock()
		changed, cut := f.changed, f.cut
		for _, e := range f.events[min(int(after), len(f.events)):] {
			if id := r.PathValue("id"); id == "" || id == e.Sweep {
				data, _ := json.Marshal(e)
				fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", e.ID, e.Kind, data)
			}
			after = e.ID
		}
		f.mu.Unlock()
		flusher.Flush()
		if cut {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// ladder is that of successive halving.
func ladder(spec tourney.Spec) []int {
	if spec.EarlyTerminate == nil {
		return nil
	}
	return spec.EarlyTerminate.Rungs()
}
