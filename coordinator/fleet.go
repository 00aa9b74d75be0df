package coordinator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tourney"
)

// lifetimesAge is after how long the lifetimes of workers are counted anew.
const lifetimesAge = time.Minute

// Drain asks a worker to leave; see api.Service. It hears at once, or if that
// message is lost with the answer to its next beat.
func (c *Coordinator) Drain(ctx context.Context, id string, mode tourney.Drain) (tourney.Worker, error) {
	if mode == "" {
		mode = tourney.DrainRelease
	}
	if mode != tourney.DrainRelease && mode != tourney.DrainFinish {
		return tourney.Worker{}, tourney.Invalid("mode", "%q must be %s or %s", mode, tourney.DrainRelease, tourney.DrainFinish)
	}
	w, err := c.fleet.drain(id, mode)
	if err != nil {
		return tourney.Worker{}, err
	}
	if err := c.cfg.Store.SaveWorker(ctx, w); err != nil {
		return tourney.Worker{}, fmt.Errorf("drain worker %s: %w", id, err)
	}
	c.control(ctx, id, tourney.Control{Drain: mode, Why: w.Why})
	c.log.Info("worker drains", "worker", id, "mode", mode)
	return w, nil
}

// outdated has a worker of another version leave: it may have outlived the
// coordinator that took it in.
func (c *Coordinator) outdated(w tourney.Worker) tourney.Worker {
	if w.Version != c.cfg.Version && w.State.Here() {
		w.State, w.Reason, w.Drain = tourney.WorkerDraining, tourney.LeaveDrained, tourney.DrainRelease
		w.Why = fmt.Sprintf("the worker is version %q and the coordinator %q; use the same", w.Version, c.cfg.Version)
	}
	return w
}

// giveBack ends attempts whose worker is known to be gone, as lost or as
// preempted. Nobody wonders why, so neither counts against a trial.
func (c *Coordinator) giveBack(ctx context.Context, tokens map[string][]tourney.Token, outcome tourney.Outcome) {
	for id, list := range tokens {
		s := c.lookup(id)
		if s == nil {
			c.leases.release(list)
			continue
		}
		err := s.do(ctx, func(ctx context.Context) error { return s.giveBack(ctx, list, outcome) })
		switch {
		case errors.Is(err, errEnded):
			c.leases.release(list)
		case err != nil:
			c.log.Error("give back the attempts of a worker that is gone", "sweep", id, "error", err) // their leases end
		}
	}
}

// leaveNothing takes back what a worker was granted just before it was asked to
// leave or shut out. It never hears of it, so that nothing is lost but the turn.
func (c *Coordinator) leaveNothing(ctx context.Context, worker string, grants []tourney.Grant) {
	tokens := map[string][]tourney.Token{}
	for i := range grants {
		t := grants[i].Token
		tokens[t.Sweep] = append(tokens[t.Sweep], t)
	}
	if len(grants) > 0 {
		c.log.Info("grants taken back", "worker", worker, "attempts", len(grants))
	}
	c.giveBack(ctx, tokens, tourney.OutcomePreempted)
}

// giveBack queues the jobs of attempts again, in the sweep's goroutine.
func (s *sweep) giveBack(ctx context.Context, tokens []tourney.Token, outcome tourney.Outcome) error {
	ch := s.begin()
	for _, token := range tokens {
		j := s.current(token)
		if j == nil {
			ch.released = append(ch.released, token)
			continue
		}
		ch.closeAttempt(j, outcome, 0)
		ch.requeue(j)
		if err := ch.input(tourney.Lost{Trial: j.Trial, Attempt: j.Attempt, Outcome: outcome}); err != nil {
			return s.spoil(ctx, err)
		}
	}
	if ch.empty() {
		s.c.leases.release(ch.released)
		return nil
	}
	return s.commit(ctx, ch)
}

// measureLifetimes counts how long workers last.
func (c *Coordinator) measureLifetimes(ctx context.Context) {
	all, err := c.cfg.Store.Lifetimes(ctx)
	if err != nil {
		if ctx.Err() == nil {
			c.log.Warn("count the lifetimes of workers", "error", err)
		}
		return
	}
	means := map[string]float64{}
	for _, l := range all {
		means[l.Pool] = l.Mean()
	}
	c.fleet.mu.Lock()
	defer c.fleet.mu.Unlock()
	c.fleet.means = means
}

// of returns the attempts that a worker holds but for some, by sweep.
func (l *leases) of(worker string, but []tourney.Token) map[string][]tourney.Token {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string][]tourney.Token{}
	for t, held := range l.held {
		if held.worker == worker && !slices.Contains(but, t) {
			out[t.Sweep] = append(out[t.Sweep], t)
		}
	}
	return out
}

// claims reports whether the worker may have jobs.
func (m *member) claims() bool { return m.State == tourney.WorkerActive || m.State == "" }

// mayClaim reports whether a worker may have jobs.
func (f *fleet) mayClaim(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.workers[id]
	return m == nil || m.claims()
}

// beat is seen, with what the worker says of itself.
func (f *fleet) beat(id string, b tourney.Beat) {
	f.seen(id)
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.workers[id]
	if b.Slots > 0 {
		m.Slots = b.Slots
	}
	m.Heats = b.Heats
	if b.Datasets != nil && !slices.Equal(m.Datasets, b.Datasets) {
		m.Datasets, m.changed = b.Datasets, true
	}
	if b.Leaving == "" || !m.State.Here() {
		return
	}
	state := tourney.WorkerDraining
	if b.Gone {
		state = tourney.WorkerLeft
		left := time.Now().UTC()
		m.Left = &left
	}
	if m.State != state || m.Reason != b.Leaving {
		m.State, m.Reason, m.Why, m.changed = state, b.Leaving, b.Why, true
	}
}

// orders returns how a worker is to leave, if it is, and how long workers of
// its pool last in the mean.
func (f *fleet) orders(id string) (mode tourney.Drain, why string, lifetime float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.workers[id]
	if m == nil {
		return "", "", 0
	}
	if m.Drain != "" {
		why = m.Why
	}
	return m.Drain, why, f.means[m.Pool]
}

// drain notes that a worker is to leave.
func (f *fleet) drain(id string, mode tourney.Drain) (tourney.Worker, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.workers[id]
	switch {
	case m == nil || m.Host == "":
		return tourney.Worker{}, fmt.Errorf("worker %s: %w", id, tourney.ErrNotFound)
	case !m.State.Here():
		return tourney.Worker{}, fmt.Errorf("%w: worker %s is gone: %s", tourney.ErrConflict, id, m.Reason)
	}
	m.Drain = mode
	if m.State != tourney.WorkerDraining {
		m.State, m.Reason, m.Why = tourney.WorkerDraining, tourney.LeaveDrained, "it was asked to"
	}
	return m.Worker, nil
}

// isHere reports whether a worker of a pool has enrolled with a token and has not
// left.
func (f *fleet) isHere(id, token, pool string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.workers[id]
	return m != nil && m.Host != "" && m.State.Here() && m.Token == token && m.Pool == pool
}

// expel shuts out the workers that enrolled with a token, for good, and returns
// their ids.
func (f *fleet) expel(token string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	for id, m := range f.workers {
		if token == "" || m.Token != token {
			continue
		}
		ids = append(ids, id)
		if m.State.Here() {
			left := time.Now().UTC()
			m.State, m.Reason, m.Why, m.Left, m.changed = tourney.WorkerLost, tourney.LeaveExpelled, "its token was revoked", &left, true
		}
	}
	slices.Sort(ids)
	return ids
}

// renew has the silence of all workers begin now.
func (f *fleet) renew(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.workers {
		m.since = now
	}
}

// missing notes which workers are unheard for a lease.
func (f *fleet) missing(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.workers {
		if !m.State.Here() || now.Sub(m.LastSeen) < f.ttl || now.Sub(m.since) < f.ttl {
			continue
		}
		left := m.LastSeen
		m.Left, m.changed = &left, true
		if m.State == tourney.WorkerDraining { // it said why
			m.State = tourney.WorkerLeft
			continue
		}
		m.State, m.Reason = tourney.WorkerLost, tourney.LeaveUnheard
		m.Why = fmt.Sprintf("unheard for %v", f.ttl)
	}
}

// count adds how attempts have ended to their workers' counts.
func (f *fleet) count(attempts []tourney.AttemptRow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range attempts {
		m := f.workers[attempts[i].Worker]
		switch {
		case m == nil:
		case attempts[i].Outcome == tourney.OutcomePreempted:
			m.Preempted++
			m.changed = true
		case attempts[i].Outcome == tourney.OutcomeLost:
			m.Lost++
			m.changed = true
		}
	}
}
