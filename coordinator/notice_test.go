package coordinator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/coordinator"
	"tourney/store"
)

// mailbox is a receiver of notices that takes none before its time.
type mailbox struct {
	mu    sync.Mutex
	tries []time.Time
	taken []tourney.Notice
	fails int   // so many more times it fails
	with  error // with this
}

func (m *mailbox) Check(url string) error {
	if url != "https://hooks.example.org/x" {
		return tourney.Invalid("webhook", "not there")
	}
	return nil
}

func (m *mailbox) Send(_ context.Context, n tourney.Notice) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tries = append(m.tries, time.Now())
	if m.fails > 0 {
		m.fails--
		return m.with
	}
	m.taken = append(m.taken, n)
	return nil
}

// posting starts a coordinator on a directory that tells a mailbox of ends.
func posting(t *testing.T, dir string, post coordinator.Postman, keep time.Duration) *desk {
	t.Helper()
	db, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.SaveDataset(t.Context(), table); err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, db: db, bus: &queue{}, done: make(chan error, 1)}
	d.Coordinator = coordinator.New(coordinator.Config{
		Store: db, Bus: d.bus, Trainers: planner{}, Gate: gate{}, Version: "test", Log: slog.New(slog.DiscardHandler), Post: post, Retention: keep,
	})
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	go func() { d.done <- d.Run(ctx) }()
	for d.Healthy(ctx) != nil {
		synctest.Wait()
	}
	t.Cleanup(d.close)
	return d
}

func hooked(s *tourney.Spec) { s.Webhook = "https://hooks.example.org/x" }

// The end of a sweep is told, and told again with the same id, ever more rarely,
// until it is taken; also by the next process, if this one is gone.
func TestAnEndIsToldAtLeastOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		post := &mailbox{fails: 4, with: fmt.Errorf("%w: 503", tourney.ErrUnavailable)}
		d := posting(t, dir, post, 0)
		if _, err := d.CreateSweep(t.Context(), spec(func(s *tourney.Spec) { s.Webhook = "https://elsewhere.example.org" }), ""); tourney.AsInvalid(err) == nil {
			t.Errorf("a webhook that will be refused: %v", err)
		}
		s := d.create(hooked)
		d.finish(s.ID)
		time.Sleep(8 * time.Second)
		synctest.Wait()
		post.mu.Lock()
		before := len(post.tries)
		post.mu.Unlock()
		if before < 2 || len(post.taken) != 0 {
			t.Fatalf("after 8 s there were %d tries, %d taken", before, len(post.taken))
		}
		d.close() // nothing of it is known to this process alone

		d = posting(t, dir, post, 0)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if len(post.tries) != 5 || len(post.taken) != 1 {
			t.Fatalf("%d tries, of which %d taken; want the fifth taken and none after it", len(post.tries), len(post.taken))
		}
		for i := 2; i < len(post.tries); i++ { // 2, 4, 8, … s, looked for every 5
			if gap, least := post.tries[i].Sub(post.tries[i-1]), time.Second<<i; gap < least {
				t.Errorf("try %d came %v after the one before, want %v at least", i, gap, least)
			}
		}
		n := post.taken[0]
		var body tourney.Ending
		if err := json.Unmarshal(n.Body, &body); err != nil {
			t.Fatal(err)
		}
		row := d.sweep(s.ID)
		if n.ID == "" || body.ID != n.ID || body.Type != "sweep.ended" || body.Sweep != s.ID || body.State != tourney.SweepCompleted ||
			body.Best == nil || body.Best.Number != row.Best.Number || body.Best.Value != *row.Best.Value || body.Counts[tourney.TrialCompleted] != 12 {
			t.Errorf("told %s", n.Body)
		}
		d.close()
	})
}

// A receiver that will never take it is not asked again.
func TestARefusedNoticeIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		post := &mailbox{fails: 100, with: fmt.Errorf("%w: 410", tourney.ErrRefused)}
		d := posting(t, t.TempDir(), post, 0)
		s := d.create(hooked)
		if _, err := d.Act(t.Context(), s.ID, tourney.ActionCancel); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(post.tries) != 1 {
			t.Errorf("it was tried %d times", len(post.tries))
		}
		d.close()
	})
}

// Sweeps go when they have been kept for long enough: as long as they say, else
// as long as the server does; those that run stay.
func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := posting(t, t.TempDir(), nil, 48*time.Hour)
		short := d.create(func(s *tourney.Spec) { s.Retention = 3600 })
		long := d.create(func(s *tourney.Spec) { s.Retention = 72 * 3600 })
		plain, runs := d.create(nil), d.create(func(s *tourney.Spec) { s.Retention = 1 })
		for _, s := range []tourney.Sweep{short, long, plain} {
			if _, err := d.Act(t.Context(), s.ID, tourney.ActionCancel); err != nil {
				t.Fatal(err)
			}
		}
		there := func() (names []string) {
			sweeps, _, err := d.db.Sweeps(t.Context(), tourney.Page{})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range sweeps {
				names = append(names, s.ID)
			}
			slices.Sort(names)
			return names
		}
		want := func(when string, sweeps ...tourney.Sweep) {
			t.Helper()
			synctest.Wait()
			var ids []string
			for _, s := range sweeps {
				ids = append(ids, s.ID)
			}
			slices.Sort(ids)
			if got := there(); !slices.Equal(got, ids) {
				t.Errorf("%s there are %v, want %v", when, got, ids)
			}
		}
		time.Sleep(58 * time.Minute)
		want("after 58 minutes", short, long, plain, runs)
		time.Sleep(4 * time.Minute)
		want("after 62 minutes", long, plain, runs)
		time.Sleep(47 * time.Hour)
		want("after two days", long, runs)
		time.Sleep(24 * time.Hour)
		want("after three days", runs)
		d.close()
	})
}
