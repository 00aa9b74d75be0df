package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/jmoiron/sqlx"

	"tourney"
)

// Pages show a sweep of 100,000 trials from many sides, each a few hundred
// numbers that follow from all of them. Reading and decoding those rows for
// every look would take a second, so that a Reader keeps the few columns that
// views need in memory, brought up to date from the sweep's log: what a look
// costs then follows from what has happened since the last one.

// maxViewCells is how many numbers the columns of all sweeps may hold together
// before the ones that were not looked at for longest are let go: 192 MiB. A
// sweep that is larger alone is kept thinned, every second trial, every fourth,
// and so on.
const maxViewCells = 24 << 20

// viewCache holds the columns of the sweeps that were looked at.
type viewCache struct {
	mu     sync.Mutex
	sweeps map[string]*viewSweep
	looks  int64
}

// viewSweep is what views know of one sweep. mu guards all of it.
type viewSweep struct {
	mu       sync.RWMutex
	lastLook int64 // of viewCache.looks; guarded by viewCache.mu
	cells    int   // guarded by viewCache.mu

	head     viewHead
	trials   viewTrials
	reports  viewReports
	attempts viewAttempts

	// Orders of the trials, as long as nothing changes. memo guards them.
	memo    sync.Mutex
	orders  map[string][]int32
	orderOf int64 // viewTrials.change
}

// viewHead is what never changes of a sweep.
type viewHead struct {
	spec    *tourney.Spec
	plan    tourney.Plan
	metric  tourney.Metric
	created int64 // microseconds
}

// part is one of the parts of viewSweep, each loaded when first asked for.
type part func(ctx context.Context, tx *sqlx.Tx, sweep string, v *viewSweep) error

// look brings the named parts of a sweep up to date on one snapshot and has f
// read them.
func (r *Reader) look(ctx context.Context, op, sweep string, parts []part, f func(tx *sqlx.Tx, v *viewSweep) error) error {
	v := r.views.of(sweep)
	err := r.read(ctx, op, func(tx *sqlx.Tx) error {
		if err := r.refresh(ctx, v, tx, op, sweep, parts); err != nil {
			return err
		}
		r.views.weigh(v)
		v.mu.RLock()
		defer v.mu.RUnlock()
		return f(tx, v)
	})
	if errors.Is(err, tourney.ErrNotFound) {
		r.views.drop(sweep)
	}
	return err
}

func (r *Reader) refresh(ctx context.Context, v *viewSweep, tx *sqlx.Tx, op, sweep string, parts []part) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := mustKnow(ctx, tx, op, sweep); err != nil { // is it still there?
		return err
	}
	if v.head.spec == nil {
		sweeps, err := r.selectSweeps(ctx, tx, op, `WHERE s.id = ?`, sweep)
		if err != nil {
			return err
		}
		if len(sweeps) == 0 {
			return fmt.Errorf("sweep %s: %w", sweep, tourney.ErrNotFound)
		}
		s := &sweeps[0]
		v.head = viewHead{spec: &s.Spec, plan: s.Plan, metric: s.Spec.Metric, created: micros(s.Created)}
	}
	for _, part := range parts {
		if err := part(ctx, tx, sweep, v); err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
	}
	return nil
}

// of returns the columns of a sweep, empty ones at first.
func (c *viewCache) of(sweep string) *viewSweep {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sweeps == nil {
		c.sweeps = map[string]*viewSweep{}
	}
	v := c.sweeps[sweep]
	if v == nil {
		v = &viewSweep{}
		c.sweeps[sweep] = v
	}
	c.looks++
	v.lastLook = c.looks
	return v
}

func (c *viewCache) drop(sweep string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sweeps, sweep)
}

// weigh notes how large a sweep's columns have become, and lets go of others
// where all together are too large.
func (c *viewCache) weigh(v *viewSweep) {
	v.mu.RLock()
	cells := v.trials.cells() + v.reports.cells() + v.attempts.cells()
	v.mu.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	v.cells = cells
	for {
		total, oldest := 0, ""
		for id, other := range c.sweeps {
			total += other.cells
			if other != v && (oldest == "" || other.lastLook < c.sweeps[oldest].lastLook) {
				oldest = id
			}
		}
		if total <= maxViewCells || oldest == "" {
			return
		}
		delete(c.sweeps, oldest)
	}
}

// loss orders values, the best first.
func (v *viewSweep) loss(value float64) float64 { return v.head.metric.Loss(value) }

// topRung is the highest rung of the sweep's ladder; jobs beyond it are final.
func (v *viewSweep) topRung() int { return max(len(v.head.plan.Ladder)-1, 0) }

// ladderBudget returns the budget of a rung in steps.
func (v *viewSweep) ladderBudget(rung int) int {
	if rung < len(v.head.plan.Ladder) {
		return v.head.plan.Ladder[rung]
	}
	return v.head.plan.Budget
}

// where returns the trials for which all clauses hold, by index.
func (v *viewSweep) where(clauses []tourney.Clause) ([]int32, error) {
	t := &v.trials
	columns := make([]func(i int32) float64, len(clauses))
	for i, c := range clauses {
		if columns[i] = t.column(c.Name); columns[i] == nil {
			return nil, tourney.Invalid("where", "there is no %q to choose trials by; there are %v", c.Name, t.columnNames())
		}
	}
	found := make([]int32, 0, t.len())
	for i := range int32(t.len()) {
		if t.state[i] == noTrial {
			continue
		}
		ok := true
		for k := range clauses {
			if !clauses[k].Has(columns[k](i)) {
				ok = false
				break
			}
		}
		if ok {
			found = append(found, i)
		}
	}
	return found, nil
}

// valued keeps the trials that have a value and count: not those that diverged,
// failed or violate a bound.
func (v *viewSweep) valued(list []int32) []int32 {
	return slices.DeleteFunc(list, func(i int32) bool { return !v.trials.counts(i) })
}
