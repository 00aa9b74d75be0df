package coordinator_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"tourney"
	"tourney/coordinator"
	"tourney/store"
)

// desk is a coordinator over a real database, with the test as its workers.
type desk struct {
	*coordinator.Coordinator
	t      *testing.T
	db     *store.Store
	bus    *queue
	bin    *bin
	late   *late
	cancel context.CancelFunc
	done   chan error
}

// late is a store that does something once, just after its next commit.
type late struct {
	*store.Store
	then func()
}

func (l *late) Commit(ctx context.Context, ch *tourney.Change) error {
	err := l.Store.Commit(ctx, ch)
	if then := l.then; then != nil {
		l.then = nil
		then()
	}
	return err
}

// newDesk starts a coordinator on a fresh directory.
func newDesk(t *testing.T) *desk { return openDesk(t, t.TempDir()) }

func openDesk(t *testing.T, dir string) *desk { return openDeskWith(t, dir, 0, nil) }

// openDeskWith is openDesk with another lease and bus, unless they are zero.
func openDeskWith(t *testing.T, dir string, lease time.Duration, bus coordinator.Bus) *desk {
	t.Helper()
	db, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, db: db, bus: &queue{}, bin: &bin{}, late: &late{Store: db}, done: make(chan error, 1)}
	if bus == nil {
		bus = d.bus
	}
	if err := db.SaveDataset(t.Context(), table); err != nil {
		t.Fatal(err)
	}
	d.Coordinator = coordinator.New(coordinator.Config{
		Store: d.late, Bus: bus, Trainers: planner{}, Gate: gate{}, Lease: lease, Version: "test", Log: slog.New(slog.DiscardHandler),
		Blobs: d.bin, CheckpointBytes: checkpointBytes,
	})
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	go func() { d.done <- d.Run(ctx) }()
	for d.Healthy(ctx) != nil {
		select {
		case err := <-d.done:
			t.Fatalf("run: %v", err)
		case <-db.Changed():
		default:
		}
	}
	t.Cleanup(d.close)
	return d
}

// close stops the coordinator. It may be called twice.
func (d *desk) close() {
	if d.cancel == nil {
		return
	}
	d.cancel()
	if err := <-d.done; err != nil {
		d.t.Errorf("run: %v", err)
	}
	if err := d.db.Close(); err != nil {
		d.t.Errorf("close store: %v", err)
	}
	d.cancel = nil
}

// create starts a sweep.
func (d *desk) create(edit func(*tourney.Spec)) tourney.Sweep {
	d.t.Helper()
	s, err := d.CreateSweep(d.t.Context(), spec(edit), "")
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

func (d *desk) sweep(id string) tourney.Sweep {
	d.t.Helper()
	s, err := d.db.Sweep(d.t.Context(), id)
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

func (d *desk) trial(id string, n int) tourney.Trial {
	d.t.Helper()
	trial, err := d.db.Trial(d.t.Context(), id, n)
	if err != nil {
		d.t.Fatal(err)
	}
	return trial
}

// queued returns the jobs that may be claimed.
func (d *desk) queued(id string) []tourney.JobID {
	d.t.Helper()
	rows, err := d.db.OpenJobs(d.t.Context(), id)
	if err != nil {
		d.t.Fatal(err)
	}
	var ids []tourney.JobID
	for _, r := range rows {
		if r.State == tourney.JobQueued {
			ids = append(ids, r.JobID)
		}
	}
	return ids
}

// claim claims jobs for a worker.
func (d *desk) claim(worker, id string, jobs ...tourney.JobID) []tourney.Grant {
	d.t.Helper()
	reply := d.Claim(d.t.Context(), worker, tourney.ClaimRequest{ID: id, Capacity: 100, Jobs: jobs})
	if reply.Error != "" {
		d.t.Fatal(reply.Error)
	}
	return reply.Grants
}

// report sends entries and wants them taken.
func (d *desk) report(worker string, entries ...tourney.Entry) {
	d.t.Helper()
	err := d.Reports(d.t.Context(), []tourney.Incoming{{Worker: worker, Report: tourney.Report{Entries: entries}}})
	if err != nil {
		d.t.Fatal(err)
	}
}

// done is the end of a grant whose training went well.
func done(g tourney.Grant) tourney.Entry {
	v := value(&g.Job)
	return tourney.Entry{Token: g.Token, Rung: g.Job.Rung, End: &tourney.End{
		Outcome: tourney.OutcomeDone, Step: g.Job.Budget, BestStep: g.Job.Budget, Value: &v, Metrics: tourney.Metrics{"rmse": v},
	}}
}

// ended is the end of a grant that did not.
func ended(g tourney.Grant, outcome tourney.Outcome, reason tourney.Reason) tourney.Entry {
	return tourney.Entry{Token: g.Token, Rung: g.Job.Rung, End: &tourney.End{Outcome: outcome, Reason: reason, Error: "why"}}
}

// value is what training a job gives: the same whoever trains it.
func value(j *tourney.Job) float64 {
	x, _ := j.Params.Float("x", 0)
	return math.Round((x+1/float64(j.Budget))*1e6) / 1e6
}

// board is all of a sweep that must not depend on who trained what when.
func (d *desk) board(id string) string {
	d.t.Helper()
	trials, next, err := d.db.Leaderboard(d.t.Context(), id, tourney.Page{Limit: tourney.MaxPage})
	if err != nil || next != "" {
		d.t.Fatalf("leaderboard: next %q, %v", next, err)
	}
	text := ""
	for _, t := range trials {
		text += fmt.Sprintln(t.Number, t.Params.Key(), t.Metrics, t.State, t.Reason, t.Rung)
	}
	return text
}

func spec(edit func(*tourney.Spec)) tourney.Spec {
	s := tourney.Spec{
		Name: "s", Dataset: "table", Trainer: "any", Method: tourney.MethodRandom, Seed: 1,
		Metric: tourney.Metric{Name: "rmse"}, RunCap: 12, Parallelism: 4,
		Parameters: tourney.Space{{Name: "x", Distribution: tourney.Uniform, Max: 1}},
	}
	if edit != nil {
		edit(&s)
	}
	if err := s.Normalise(); err != nil {
		panic(err)
	}
	return s
}

func asha(s *tourney.Spec) {
	s.EarlyTerminate = &tourney.EarlyTerminate{Type: "asha", MinIter: 1, MaxIter: 9, Eta: 3}
}

// wide is asha with so many trials at a time that the order of reports matters.
func wide(s *tourney.Spec) {
	asha(s)
	s.RunCap, s.Parallelism = 30, 8
}

// sealedBlob is the hash of table's test shard.
const sealedBlob = "5ea1ed0000000000000000000000000000000000000000000000000000000000"

var table = tourney.Dataset{
	Name: "table", Version: "7ab1e00000000000000000000000000000000000000000000000000000000000",
	Task: tourney.Regression, Target: "y", Rows: 10, TestRows: 2,
	Test: []tourney.Shard{{Hash: sealedBlob, Rows: 2, Bytes: 1}},
}

// planner takes every spec.
type planner struct{}

func (planner) Plan(_ *tourney.Spec, ds tourney.Dataset) (tourney.Plan, error) {
	return tourney.Plan{Dataset: ds.Version, Budget: 5, Weight: 1}, nil
}

type gate struct{}

func (gate) Admit(string, tourney.EnrolRequest) (tourney.Enrolment, error) {
	return tourney.Enrolment{}, nil
}

func (gate) Expel(string) error { return nil }

// queue is a bus that remembers what it was given and delivers nothing by
// itself.
type queue struct {
	to map[string][]string // pools by sweep

	mu       sync.Mutex
	offered  []tourney.JobID
	controls map[string][]tourney.Control
}

func (q *queue) Offer(_ context.Context, pool, sweep string, o tourney.Offer) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.to == nil {
		q.to = map[string][]string{}
	}
	if !slices.Contains(q.to[sweep], pool) {
		q.to[sweep] = append(q.to[sweep], pool)
	}
	q.offered = append(q.offered, o.Jobs...)
	return nil
}

func (q *queue) Control(_ context.Context, worker string, c tourney.Control) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.controls == nil {
		q.controls = map[string][]tourney.Control{}
	}
	q.controls[worker] = append(q.controls[worker], c)
	return nil
}

func (q *queue) Serve(ctx context.Context, _ tourney.Handler) error {
	<-ctx.Done()
	return nil
}

func (q *queue) Created() bool { return false }

// pools returns to which pools each sweep's jobs were offered.
func (q *queue) pools() map[string][]string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return maps.Clone(q.to)
}

// take returns what was offered since the last call.
func (q *queue) take() []tourney.JobID {
	q.mu.Lock()
	defer q.mu.Unlock()
	jobs := q.offered
	q.offered = nil
	return jobs
}
