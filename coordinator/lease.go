package coordinator

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tourney"
)

// leases knows until when each attempt is taken to be alive, by this
// process's monotonic clock alone. It is not stored: after a restart every
// attempt has a whole lease again, since the worker is not to blame.
type leases struct {
	ttl   time.Duration
	stale atomic.Int64 // entries dropped for their token
	lost  atomic.Int64 // attempts that were not heard of for a lease

	mu   sync.Mutex
	held map[tourney.Token]lease
}

type lease struct {
	worker string
	ttl    time.Duration
	until  time.Time
}

func newLeases(ttl time.Duration) *leases {
	return &leases{ttl: ttl, held: map[tourney.Token]lease{}}
}

// hold starts a lease or extends it. A ttl of 0 is that of workers.
func (l *leases) hold(t tourney.Token, worker string, ttl time.Duration) {
	if ttl <= 0 {
		ttl = l.ttl
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[t] = lease{worker, ttl, time.Now().Add(ttl)}
}

// extend extends a lease that the worker holds.
func (l *leases) extend(t tourney.Token, worker string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	held, ok := l.held[t]
	if !ok || held.worker != worker {
		return false
	}
	l.held[t] = lease{worker, held.ttl, time.Now().Add(held.ttl)}
	return true
}

func (l *leases) release(tokens []tourney.Token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range tokens {
		delete(l.held, t)
	}
}

// isHeld reports whether the attempt is open.
func (l *leases) isHeld(t tourney.Token) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.held[t]
	return ok
}

// renew gives every attempt a whole lease again.
func (l *leases) renew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for t, held := range l.held {
		l.held[t] = lease{held.worker, held.ttl, time.Now().Add(held.ttl)}
	}
}

// expired returns the leases that have run out, by sweep.
func (l *leases) expired(now time.Time) map[string][]tourney.Token {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string][]tourney.Token{}
	for t, held := range l.held {
		if held.until.Before(now) {
			out[t.Sweep] = append(out[t.Sweep], t)
		}
	}
	return out
}

// count returns how many leases each worker holds.
func (l *leases) count() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := map[string]int{}
	for _, held := range l.held {
		n[held.worker]++
	}
	return n
}

// Beat extends the leases of what a worker runs, and tells it what is no
// longer its own and which of its ends are committed.
func (c *Coordinator) Beat(ctx context.Context, worker string, beat tourney.Beat) tourney.BeatReply {
	c.fleet.beat(worker, beat)
	if beat.Gone {
		c.giveBack(ctx, c.leases.of(worker, beat.Ended), tourney.OutcomeLost)
	}
	c.fleet.allows(worker, beat.Commands)
	var reply tourney.BeatReply
	reply.Drain, reply.Why, reply.Lifetime = c.fleet.orders(worker)
	for _, t := range beat.Running {
		if !c.leases.extend(t, worker) {
			reply.Stop = append(reply.Stop, t)
		}
	}
	var unsure []tourney.Token
	for _, t := range beat.Ended {
		if !c.leases.extend(t, worker) {
			unsure = append(unsure, t)
		}
	}
	if len(unsure) == 0 {
		return reply
	}
	// What is neither open nor known is void, and as good as committed.
	outcomes, err := c.cfg.Store.Outcomes(ctx, unsure)
	if err != nil {
		c.log.Warn("beat: read outcomes", "worker", worker, "error", err)
		return tourney.BeatReply{Error: "the outcomes could not be read; ask again"}
	}
	for _, t := range unsure {
		if _, known := outcomes[t]; known || !c.leases.isHeld(t) {
			reply.Committed = append(reply.Committed, t)
		}
	}
	return reply
}

// reap ends the attempts whose leases have run out, and writes down which
// workers are alive.
func (c *Coordinator) reap(ctx context.Context) error {
	every := max(c.cfg.Lease/10, 50*time.Millisecond)
	tick := time.NewTicker(every)
	defer tick.Stop()
	last := time.Now()
	measured := last
	c.measureLifetimes(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			// A process that was stopped, or a machine that slept, has heard
			// nobody: that is not the workers' fault.
			now := time.Now()
			if now.Sub(last) > c.cfg.Lease/2 {
				c.log.Warn("the coordinator stood still; leases start anew", "for", now.Sub(last))
				c.leases.renew()
				c.fleet.renew(now)
			}
			last = now
			for id, tokens := range c.leases.expired(now) {
				if err := c.loseAll(ctx, id, tokens); err != nil {
					c.log.Error("end lost attempts", "sweep", id, "error", err)
				}
			}
			c.fleet.missing(now)
			if now.Sub(measured) > lifetimesAge {
				measured = now
				c.measureLifetimes(ctx)
			}
			for _, w := range c.fleet.dirty(c.leases.count()) {
				if err := c.cfg.Store.SaveWorker(ctx, w); err != nil {
					c.log.Warn("save worker", "worker", w.ID, "error", err)
				}
			}
		}
	}
}

func (c *Coordinator) loseAll(ctx context.Context, id string, tokens []tourney.Token) error {
	s := c.lookup(id)
	if s == nil {
		c.leases.release(tokens)
		return nil
	}
	c.log.Info("attempts lost", "sweep", id, "attempts", len(tokens))
	err := s.do(ctx, func(ctx context.Context) error { return s.lose(ctx, tokens) })
	if errors.Is(err, errEnded) {
		c.leases.release(tokens)
		return nil
	}
	return err
}

// tell sends workers what they will hear with their next beat anyway.
func (c *Coordinator) tell(ctx context.Context, stopped, settled map[string][]tourney.Token) {
	for worker, tokens := range stopped {
		if isAsker(worker) { // it hears with its next call
			continue
		}
		c.control(ctx, worker, tourney.Control{Stop: tokens})
	}
	for worker, tokens := range settled {
		if isAsker(worker) {
			continue
		}
		c.control(ctx, worker, tourney.Control{Committed: tokens})
	}
}

func (c *Coordinator) control(ctx context.Context, worker string, msg tourney.Control) {
	if err := c.cfg.Bus.Control(ctx, worker, msg); err != nil {
		c.log.Debug("control", "worker", worker, "error", fmt.Sprint(err))
	}
}

// fleet knows which workers are there.
type fleet struct {
	ttl time.Duration

	mu      sync.Mutex
	workers map[string]*member
	means   map[string]float64 // lifetimes by pool, seconds
}

type member struct {
	tourney.Worker
	saved   time.Time
	since   time.Time // when its silence begins to count, at the earliest
	changed bool      // it has to be saved

	commands [][]string // how the commands begin that it may run
}

func newFleet(ttl time.Duration) *fleet {
	return &fleet{ttl: ttl, workers: map[string]*member{}}
}

func (f *fleet) add(w tourney.Worker) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.workers[w.ID] = &member{Worker: w, saved: w.LastSeen, since: time.Now()}
}

// seen notes a sign of life. A worker that enrolled before a restart is taken
// in again with one slot, until it says more.
func (f *fleet) seen(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.workers[id]
	if m == nil {
		m = &member{Worker: tourney.Worker{ID: id, Pool: tourney.DefaultPool, Slots: 1, Enrolled: time.Now().UTC()}}
		f.workers[id] = m
	}
	m.LastSeen = time.Now().UTC()
	if m.State == tourney.WorkerLost && m.Reason == tourney.LeaveUnheard { // it was not
		m.State, m.Reason, m.Why, m.Left, m.changed = tourney.WorkerActive, "", "", nil, true
	}
}

// capacity returns how many workers are alive in a pool and their slots.
func (f *fleet) capacity(pool string) (workers, slots int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.workers {
		if m.Pool == pool && m.claims() && time.Since(m.LastSeen) < f.ttl {
			workers++
			slots += m.Slots
		}
	}
	return workers, slots
}

// dirty returns the workers to be saved: those that hold more or fewer attempts
// than then, and those heard of since, at most every five seconds. It forgets
// those that are long gone.
func (f *fleet) dirty(running map[string]int) []tourney.Worker {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []tourney.Worker
	for id, m := range f.workers {
		heard := m.LastSeen.After(m.saved) && time.Since(m.saved) > 5*time.Second
		if heard || m.changed || m.Running != running[id] {
			m.Running, m.saved, m.changed = running[id], time.Now(), false
			if m.Host != "" {
				out = append(out, m.Worker)
			}
		}
		if time.Since(m.LastSeen) > time.Hour {
			delete(f.workers, id)
		}
	}
	return out
}
