package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tourney"
	"tourney/store"
)

func start(t *testing.T, opts ...store.Option) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), t.TempDir(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newSweep is the first change of a sweep.
func newSweep(t testing.TB, id string) *tourney.Change {
	t.Helper()
	spec, err := tourney.ParseSpec([]byte(`{"dataset": "d", "trainer": "linear", "method": "random", "run_cap": 9,
		"metric": {"name": "logloss", "goal": "minimize"}, "parameters": {"lr": {"distribution": "uniform", "min": 0, "max": 1}}}`), "")
	must(t, err)
	return &tourney.Change{Sweep: id, Create: &tourney.Sweep{Spec: spec}, State: tourney.SweepRunning}
}

// trial is a change that adds a trial and the event seq.
func trial(sweep string, n int, seq int64) *tourney.Change {
	return &tourney.Change{
		Sweep:  sweep,
		Trials: []tourney.Trial{{Number: n, State: tourney.TrialPaused, Rung: -1}},
		Events: []tourney.Event{{Seq: seq, Body: tourney.Proposed{Trial: n}}},
	}
}

// together commits changes as one group and returns their errors in order.
func together(s *store.Store, changes ...*tourney.Change) []error {
	release := s.Hold()
	errs := make([]chan error, len(changes))
	for i, c := range changes {
		errs[i] = make(chan error, 1)
		go func() { errs[i] <- s.Commit(context.Background(), c) }()
		for s.Queued() <= i {
			runtime.Gosched()
		}
	}
	release()
	out := make([]error, len(changes))
	for i := range errs {
		out[i] = <-errs[i]
	}
	return out
}

// ticking returns a clock that goes on by a second each time it is read, which
// the writer does once for each transaction.
func ticking() func() time.Time {
	var n atomic.Int64
	return func() time.Time { return time.Unix(1_700_000_000+n.Add(1), 0).UTC() }
}

func TestAGroupIsOneTransactionInWhichAChangeFailsAlone(t *testing.T) {
	s := start(t, store.WithClock(ticking()))
	for _, id := range []string{"a", "b", "c"} {
		must(t, s.Commit(t.Context(), newSweep(t, id)))
	}
	first, last, next := trial("a", 0, 1), trial("c", 0, 1), trial("a", 1, 2)
	conflict := trial("b", 0, 1)
	conflict.Jobs = []tourney.JobRow{{JobID: tourney.JobID{Sweep: "b"}, State: tourney.JobQueued, Was: 3}} // after the trial's row
	errs := together(s, first, conflict, last, next)
	for i, err := range errs {
		if i == 1 && !errors.Is(err, tourney.ErrConflict) || i != 1 && err != nil {
			t.Errorf("change %d: %v", i, err)
		}
	}
	if !first.Events[0].At.Equal(last.Events[0].At) || !first.Events[0].At.Equal(next.Events[0].At) {
		t.Errorf("the group took several transactions: %v, %v, %v", first.Events[0].At, last.Events[0].At, next.Events[0].At)
	}
	if first.Events[0].ID+1 != last.Events[0].ID || last.Events[0].ID+1 != next.Events[0].ID {
		t.Errorf("ids are %d, %d, %d", first.Events[0].ID, last.Events[0].ID, next.Events[0].ID)
	}
	if trials, _, err := s.Trials(t.Context(), "b", tourney.Page{}); err != nil || len(trials) != 0 {
		t.Errorf("the change that failed left %v, %v", trials, err)
	}
	if trials, _, err := s.Trials(t.Context(), "a", tourney.Page{}); err != nil || len(trials) != 2 {
		t.Errorf("sweep a has %v, %v", trials, err)
	}
}

func TestAChangeWhoseCallerHasGoneIsNotWritten(t *testing.T) {
	s := start(t)
	must(t, s.Commit(t.Context(), newSweep(t, "a")))
	ctx, cancel := context.WithCancel(t.Context())
	release := s.Hold()
	err := make(chan error, 1)
	go func() { err <- s.Commit(ctx, trial("a", 0, 1)) }()
	for s.Queued() == 0 {
		runtime.Gosched()
	}
	cancel()
	release()
	if got := <-err; !errors.Is(got, context.Canceled) {
		t.Errorf("error is %v", got)
	}
	must(t, s.Commit(t.Context(), trial("a", 0, 1)))
}

func TestAFullDiskFailsTheGroupAndNothingElse(t *testing.T) {
	s := start(t)
	for _, id := range []string{"a", "b"} {
		must(t, s.Commit(t.Context(), newSweep(t, id)))
	}
	must(t, s.Exec("PRAGMA max_page_count = 1")) // is raised to what there is
	small, big := trial("a", 0, 1), trial("b", 0, 1)
	big.Trials[0].Error = strings.Repeat("x", 1<<20)
	for i, err := range together(s, small, big) {
		if !errors.Is(err, tourney.ErrUnavailable) {
			t.Errorf("change %d of the group: %v", i, err)
		}
	}
	if small.Events[0].ID != 0 {
		t.Error("an event that is not written was given an id")
	}
	if _, err := s.Trial(t.Context(), "a", 0); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("reading while the disk is full: %v", err)
	}
	must(t, s.Exec("PRAGMA max_page_count = 4294967294"))
	for i, err := range together(s, small, big) {
		if err != nil {
			t.Errorf("change %d once there is room: %v", i, err)
		}
	}
	if faults, err := s.Check(t.Context()); err != nil || len(faults) > 0 {
		t.Errorf("check: %v, %v", faults, err)
	}
}

func TestCloseCommitsWhatWaits(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), dir)
	must(t, err)
	must(t, s.Commit(t.Context(), newSweep(t, "a")))
	release := s.Hold()
	committed := make(chan error, 1)
	go func() { committed <- s.Commit(context.Background(), trial("a", 0, 1)) }()
	for s.Queued() == 0 {
		runtime.Gosched()
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	release()
	must(t, <-committed)
	must(t, <-closed)
	s, err = store.Open(t.Context(), dir)
	must(t, err)
	defer s.Close()
	if _, err := s.Trial(t.Context(), "a", 0); err != nil {
		t.Error(err)
	}
}

// What the settings are for is told in package store; the driver's defaults
// are others.
func TestSettings(t *testing.T) {
	s := start(t)
	for name, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000", "trusted_schema": "0",
	} {
		if got, err := s.WriterPragma(name); err != nil || got != want {
			t.Errorf("%s is %s, %v; want %s", name, got, err, want)
		}
	}
	if _, err := s.ReadPool().Exec("DELETE FROM sweeps"); err == nil {
		t.Error("a connection that reads has written")
	}
}

// A page costs the same wherever it starts only if the index gives both the
// place and the order.
func TestPagesAreIndexed(t *testing.T) {
	s := start(t)
	for query, index := range map[string]string{
		`SELECT error FROM trials WHERE sweep = 's' AND (sunk, beyond, depth, blank, loss, number) > (0, 0, 0, 0, 0.5, 1) ORDER BY sunk, beyond, depth, blank, loss, number LIMIT 9`: "trials_board (sweep=? AND (sunk,beyond,depth,blank,loss,number)>(?,?,?,?,?,?))",
		`SELECT error FROM trials WHERE sweep = 's' AND (sunk, beyond, depth) > (0, 0, 0) ORDER BY sunk, beyond, depth, blank, loss, number LIMIT 1`:                                 "trials_board (sweep=? AND (sunk,beyond,depth)>(?,?,?))",
		`SELECT spec FROM sweeps s WHERE (s.created, s.id) < (1, 'x') ORDER BY s.created DESC, s.id DESC LIMIT 9`:                                                                    "sweeps_created ((created,id)<(?,?))",
		`SELECT spec FROM sweeps s WHERE s.state NOT IN ('completed', 'failed', 'cancelled') ORDER BY s.created, s.id`:                                                               "sweeps_open",
		`SELECT body FROM events WHERE sweep = 's' AND seq > 3 ORDER BY seq LIMIT 9`:                                                                                                 "sqlite_autoindex_events_1 (sweep=? AND seq>?)",
	} {
		var plan []struct {
			ID, Parent, Notused int
			Detail              string
		}
		if err := s.ReadPool().Select(&plan, "EXPLAIN QUERY PLAN "+query); err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprint(plan); !strings.Contains(text, index) || strings.Contains(text, "TEMP B-TREE") {
			t.Errorf("%s: %s", query, text)
		}
	}
}
