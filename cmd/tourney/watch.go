package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tourney"
	"tourney/api/metrics"
	"tourney/bus"
	"tourney/store"
)

const (
	minFree    = 64 << 20        // bytes free where the data is; with less, no work is taken
	readyAgain = time.Second     // between looks at whether work can be taken
	unheard    = time.Minute     // a worker is not counted that was not heard of for so long
	readyIn    = 2 * time.Second // and what takes longer to answer is taken for broken
)

// timedStore measures how long commits take.
type timedStore struct {
	*store.Store
	took *metrics.Histogram
}

// Commit implements coordinator.Store.
func (s timedStore) Commit(ctx context.Context, c *tourney.Change) error {
	start := time.Now()
	err := s.Store.Commit(ctx, c)
	if err == nil {
		s.took.Observe(time.Since(start).Seconds())
	}
	return err
}

// measure registers what the parts of a server tell of themselves.
func measure(r *metrics.Registry, db *store.Store, b *bus.Server) timedStore {
	r.AddRuntime(buildVersion(), time.Now())
	census := func(of func(tourney.Census) []metrics.Sample) func(context.Context) ([]metrics.Sample, error) {
		return func(ctx context.Context) ([]metrics.Sample, error) {
			c, err := db.Census(ctx)
			if err != nil {
				return nil, err
			}
			return of(c), nil
		}
	}
	r.Gauges("tourney_sweeps", "Sweeps, by state.", census(func(c tourney.Census) []metrics.Sample { return byState(c.Sweeps) }))
	r.Gauges("tourney_trials", "Trials, by state.", census(func(c tourney.Census) []metrics.Sample { return byState(c.Trials) }))
	r.Gauges("tourney_jobs", "Open jobs: queued wait for a worker, running are claimed, held wait for their turn to be counted.",
		census(func(c tourney.Census) []metrics.Sample {
			for _, s := range []tourney.JobState{tourney.JobQueued, tourney.JobRunning, tourney.JobHeld} {
				c.Jobs[s] += 0 // told also while there are none
			}
			return byState(c.Jobs)
		}))
	r.Gauges("tourney_slots_wanted", "Cores that queued and running jobs need.",
		census(func(c tourney.Census) []metrics.Sample { return []metrics.Sample{{Value: c.Wanted}} }))
	live := func(ctx context.Context) (workers, slots int, err error) {
		all, err := db.Workers(ctx)
		for _, w := range all {
			if time.Since(w.LastSeen) < unheard {
				workers, slots = workers+1, slots+w.Slots
			}
		}
		return workers, slots, err
	}
	r.Gauges("tourney_workers", "Workers heard of in the last minute.", func(ctx context.Context) ([]metrics.Sample, error) {
		n, _, err := live(ctx)
		return []metrics.Sample{{Value: float64(n)}}, err
	})
	r.Gauges("tourney_worker_slots", "Cores that those workers train on.", func(ctx context.Context) ([]metrics.Sample, error) {
		_, n, err := live(ctx)
		return []metrics.Sample{{Value: float64(n)}}, err
	})
	r.Gauges("tourney_workers_wanted", "Workers, as large as those that live, that could train at once.", func(ctx context.Context) ([]metrics.Sample, error) {
		c, err := db.Census(ctx)
		n, slots, errLive := live(ctx)
		if err = errors.Join(err, errLive); err != nil {
			return nil, err
		}
		size := 1.0
		if n > 0 {
			size = float64(slots) / float64(n)
		}
		return []metrics.Sample{{Value: math.Ceil(c.Wanted / size)}}, nil
	})
	r.Gauge("tourney_bus_connected", "1 while there is a connection to the bus.", func() float64 {
		if b.Connected() {
			return 1
		}
		return 0
	})
	r.Counters("tourney_bus_refused_total", "Messages of workers that were refused, by why.", func(context.Context) ([]metrics.Sample, error) {
		s := b.Stats()
		return []metrics.Sample{
			{Labels: []string{"reason", "forged"}, Value: float64(s.Forged)},
			{Labels: []string{"reason", "undecodable"}, Value: float64(s.Undecodable)},
		}, nil
	})
	return timedStore{db, r.Histogram("tourney_commit_duration_seconds", "How long changes took to be on disk, what they waited for included.",
		0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)}
}

func byState[S ~string](counts map[S]int) []metrics.Sample {
	samples := make([]metrics.Sample, 0, len(counts))
	for state, n := range counts {
		samples = append(samples, metrics.Sample{Labels: []string{"state", string(state)}, Value: float64(n)})
	}
	slices.SortFunc(samples, func(a, b metrics.Sample) int { return cmp.Compare(a.Labels[1], b.Labels[1]) })
	return samples
}

// readiness knows whether a server can take work. Anybody may ask, so that it
// looks once a second at most.
type readiness struct {
	dir string
	db  *store.Store
	bus *bus.Server

	mu  sync.Mutex
	at  time.Time
	err error
}

// check returns nil, or what keeps the server from taking work, as
// tourney.ErrUnavailable.
func (r *readiness) check(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.at) >= readyAgain {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyIn)
		defer cancel()
		r.err, r.at = r.look(ctx), time.Now()
	}
	return r.err
}

func (r *readiness) look(ctx context.Context) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(r.dir, &fs); err == nil {
		if free := fs.Bavail * uint64(fs.Bsize); free < minFree {
			return fmt.Errorf("%w: the disk of the data directory is full: %d bytes are free, %d are needed", tourney.ErrUnavailable, free, minFree)
		}
	}
	if err := r.db.Ping(ctx); err != nil {
		if errors.Is(err, tourney.ErrUnavailable) {
			return err
		}
		return fmt.Errorf("%w: the store does not take changes", tourney.ErrUnavailable)
	}
	if !r.bus.Connected() {
		return fmt.Errorf("%w: there is no connection to the bus", tourney.ErrUnavailable)
	}
	return nil
}
