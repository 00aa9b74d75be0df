package coordinator_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"tourney"
	"tourney/coordinator"
	"tourney/store"
)

// full is a store whose disk is full now and then.
type full struct {
	*store.Store
	mu    sync.Mutex
	n     int
	every int
	until int // commits; then there is room for ever
}

func (f *full) Commit(ctx context.Context, c *tourney.Change) error {
	f.mu.Lock()
	f.n++
	fails := f.n%f.every == 0 && f.n < f.until
	f.mu.Unlock()
	if fails {
		return fmt.Errorf("commit: %w: the database: database or disk is full", tourney.ErrUnavailable)
	}
	return f.Store.Commit(ctx, c)
}

// playOn plays a sweep to its end on a coordinator over a store, asking again
// for what could not be done, and returns the board.
func playOn(t *testing.T, db *store.Store, over coordinator.Store) string {
	t.Helper()
	if err := db.SaveDataset(t.Context(), table); err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, db: db, bus: &queue{}, done: make(chan error, 1)}
	d.Coordinator = coordinator.New(coordinator.Config{
		Store: over, Bus: d.bus, Trainers: planner{}, Gate: gate{}, Version: "test", Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	go func() { d.done <- d.Run(ctx) }()
	t.Cleanup(d.close)
	var s tourney.Sweep
	patiently := func(what string, f func() error) {
		t.Helper()
		for range 1000 {
			err := f()
			if err == nil {
				return
			}
			if !errors.Is(err, tourney.ErrUnavailable) {
				t.Fatalf("%s: %v, which does not say that it may be tried again", what, err)
			}
		}
		t.Fatalf("%s: never done", what)
	}
	for d.Healthy(ctx) != nil {
		select {
		case err := <-d.done:
			t.Fatal(err)
		default:
		}
	}
	patiently("create", func() (err error) {
		s, err = d.CreateSweep(t.Context(), spec(wide), "key")
		return err
	})
	for i := 0; !d.sweep(s.ID).State.Terminal(); i++ {
		jobs := d.queued(s.ID)
		if len(jobs) == 0 || i > 10_000 {
			t.Fatalf("the sweep is %s and nothing waits", d.sweep(s.ID).State)
		}
		req := tourney.ClaimRequest{ID: fmt.Sprint("c", i), Capacity: 3, Jobs: jobs}
		var grants []tourney.Grant
		patiently("claim", func() error {
			reply := d.Claim(t.Context(), "w", req)
			grants = reply.Grants
			if reply.Error != "" {
				return fmt.Errorf("%w: %s", tourney.ErrUnavailable, reply.Error)
			}
			return nil
		})
		var entries []tourney.Entry
		for _, g := range grants {
			entries = append(entries, done(g))
		}
		patiently("report", func() error {
			return d.Reports(t.Context(), []tourney.Incoming{{Worker: "w", Report: tourney.Report{Entries: entries}}})
		})
	}
	d.verified()
	return board(t, d, s.ID)
}

// A disk that is full again and again costs time alone: who asks is told to try
// again, nothing is half done, no restart is needed, and the board is the same.
func TestAFullDiskCostsTimeAlone(t *testing.T) {
	open := func() *store.Store {
		db, err := store.Open(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	plain := open()
	want := playOn(t, plain, plain)
	for _, every := range []int{2, 3, 7} {
		db := open()
		if got := playOn(t, db, &full{Store: db, every: every, until: 400}); got != want {
			t.Errorf("with every %d. commit failing the board is another", every)
		}
	}
}

// A clock of the machine that jumps by hours, back and forth, ends no lease and
// changes no board: leases go by the monotonic clock, and order by the log.
func TestAClockThatJumpsChangesNothing(t *testing.T) {
	plain, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want := playOn(t, plain, plain)
	rng := rand.New(rand.NewPCG(1, 2))
	var mu sync.Mutex
	jumping := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return time.Now().Add(time.Duration(rng.Int64N(int64(48*time.Hour))) - 24*time.Hour)
	}
	db, err := store.Open(t.Context(), t.TempDir(), store.WithClock(jumping))
	if err != nil {
		t.Fatal(err)
	}
	if got := playOn(t, db, db); got != want {
		t.Error("the board is another")
	}
}
