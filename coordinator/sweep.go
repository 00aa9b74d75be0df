package coordinator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tourney"
	"tourney/failpoint"
	"tourney/search"
)

// errEnded means that a sweep's goroutine is gone because the sweep has ended.
var errEnded = errors.New("the sweep has ended")

// job is an open job and what only this process knows of it.
type job struct {
	tourney.JobRow
	offered time.Time // when it was last offered; zero: not since it was queued
	since   time.Time // when its attempt was claimed, or this process began
	born    time.Time // when it was queued, or this process began
	charged float64   // seconds that the attempt was taken to last
	counted tourney.JobState
}

// sweep is one sweep that has not ended. Its fields belong to its goroutine;
// others talk to it through do.
type sweep struct {
	c     *Coordinator
	id    string
	inbox chan call
	done  chan struct{} // closed when the goroutine is gone
	desk  desk          // who asks and tells, where trials are trained outside

	row     tourney.Sweep
	fold    *search.Search
	seq     int64                       // of the last committed event
	trials  map[int]*tourney.Trial      // those that have not ended, and finalists
	jobs    map[int]*job                // queued, running and held, by trial: none has two
	toOffer []*job                      // queued and not offered since; others among them are skipped
	held    []*job                      // in order of arrival; those folded already are skipped
	last    map[int]*tourney.Checkpoint // of paused trials

	terms           tourney.Terms // in force
	queued, running int           // jobs, as committed
	shared          bool          // the divider knows the terms
	best            float64       // loss of the best value so far, if improved
	improved        bool
}

type call struct {
	f    func(context.Context) error
	errs chan error
}

// do runs f in the sweep's goroutine and returns its error.
func (s *sweep) do(ctx context.Context, f func(context.Context) error) error {
	c := call{f, make(chan error, 1)}
	select {
	case s.inbox <- c:
		return <-c.errs
	case <-s.done:
		if s.c.stopping() { // the sweep has not ended: its goroutine has
			return fmt.Errorf("%w: the coordinator stops", tourney.ErrUnavailable)
		}
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run is the sweep's goroutine. It ends with ctx or with the sweep.
func (s *sweep) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-s.inbox:
			c.errs <- c.f(ctx)
			if s.row.State.Terminal() {
				return
			}
		}
	}
}

// create commits a new sweep with the first decisions of its search.
func (s *sweep) create(ctx context.Context, row tourney.Sweep, warm []tourney.Warmed, key, keyBody string) error {
	s.done = make(chan struct{})
	s.row = row
	s.clear()
	fold, err := newSearch(&s.row)
	if err != nil {
		return err
	}
	s.fold = fold
	ch := s.begin()
	ch.Create, ch.Key, ch.KeyBody = &row, key, keyBody
	for _, w := range warm {
		if err := ch.input(w); err != nil {
			return err
		}
	}
	if err := ch.input(s.c.engine()); err != nil {
		return err
	}
	if err := ch.decide(ctx); err != nil {
		return err
	}
	if err := ch.write(ctx); err != nil {
		return fmt.Errorf("create sweep: %w", err)
	}
	return nil
}

// load rebuilds the sweep from the store: Apply over the log, and the open
// rows. If the search refuses an event of the log, the error is a foldError and
// the rows are loaded all the same, so that the sweep can be failed.
func (s *sweep) load(ctx context.Context) error {
	if s.done == nil {
		s.done = make(chan struct{})
	}
	row, err := s.c.cfg.Store.Sweep(ctx, s.id)
	if err != nil {
		return err
	}
	s.row, s.seq = row, 0
	s.clear()
	if s.fold, err = newSearch(&s.row); err != nil {
		return err
	}
	var refused error
	finals := map[jobID]bool{}
	for e, err := range Walk(ctx, s.c.cfg.Store, s.id) {
		if err != nil {
			return err
		}
		if refused == nil {
			if err := s.fold.Apply(e.Body); err != nil {
				refused = &foldError{fmt.Errorf("event %d: %w", e.Seq, err)}
			}
		}
		s.tellImprovements(e.Body, finals)
		s.seq = e.Seq
	}
	if err := s.loadRows(ctx); err != nil {
		return err
	}
	return refused
}

// clear forgets the open rows.
func (s *sweep) clear() {
	s.trials, s.jobs, s.last = map[int]*tourney.Trial{}, map[int]*job{}, map[int]*tourney.Checkpoint{}
	s.toOffer, s.held = nil, nil
	s.queued, s.running, s.shared, s.improved = 0, 0, false, false
}

func (s *sweep) loadRows(ctx context.Context) error {
	trials, err := s.c.cfg.Store.OpenTrials(ctx, s.id)
	if err != nil {
		return err
	}
	for i := range trials {
		s.trials[trials[i].Number] = &trials[i]
	}
	jobs, err := s.c.cfg.Store.OpenJobs(ctx, s.id)
	if err != nil {
		return err
	}
	for _, row := range jobs {
		if row.State == tourney.JobDone {
			s.last[row.Trial] = row.Checkpoint
			continue
		}
		row.Was, row.New = row.Attempt, false
		j := &job{JobRow: row, since: time.Now(), born: time.Now()}
		s.jobs[row.Trial] = j
		s.count(j)
		if s.trials[row.Trial] == nil { // a finalist
			t, err := s.c.cfg.Store.Trial(ctx, s.id, row.Trial)
			if err != nil {
				return err
			}
			s.trials[row.Trial] = &t
		}
		switch row.State {
		case tourney.JobQueued:
			s.toOffer = append(s.toOffer, j)
		case tourney.JobHeld:
			s.held = append(s.held, j)
		case tourney.JobRunning:
			s.c.leases.hold(s.token(&row), row.Worker, leaseOf(&row))
		}
	}
	s.share()
	return nil
}

// resume goes on after a restart: a new engine is noted, and what was decided
// but for the crash is decided now.
func (s *sweep) resume(ctx context.Context) error {
	ch := s.begin()
	if err := ch.input(s.c.engine()); err != nil {
		return err
	}
	if err := ch.foldHeld(ctx); err != nil {
		return err
	}
	if err := ch.decide(ctx); err != nil {
		return s.spoil(ctx, err)
	}
	failpoint.Pass(failpoint.SweepResumed)
	if err := s.commit(ctx, ch); err != nil {
		return err
	}
	return s.lose(ctx, s.orphans())
}

// orphans returns the attempts of workers that were part of the coordinator's
// last process: nobody needs to wait for their leases to end.
func (s *sweep) orphans() []tourney.Token {
	var tokens []tourney.Token
	for _, n := range slices.Sorted(maps.Keys(s.jobs)) {
		if j := s.jobs[n]; j.State == tourney.JobRunning && strings.HasPrefix(j.Worker, insidePrefix) {
			tokens = append(tokens, s.token(&j.JobRow))
		}
	}
	return tokens
}

// act applies a user's action.
func (s *sweep) act(ctx context.Context, action tourney.Action) error {
	ch := s.begin()
	if action == tourney.ActionCancel { // what was reported during a pause is kept
		if err := ch.foldAll(ctx); err != nil {
			return s.spoil(ctx, err)
		}
	}
	if err := ch.input(tourney.Acted{Action: action}); err != nil {
		// A conflict leaves the fold as it was, and what was folded before stands.
		return errors.Join(s.commit(ctx, ch), err)
	}
	if err := ch.decide(ctx); err != nil {
		return s.spoil(ctx, err)
	}
	if err := ch.foldHeld(ctx); err != nil {
		return s.spoil(ctx, err)
	}
	failpoint.Pass(failpoint.ActionDecided)
	return s.commit(ctx, ch)
}

// commit writes a change. If that fails, memory is rebuilt from the store,
// since it is ahead of it.
func (s *sweep) commit(ctx context.Context, ch *change) error {
	if ch.empty() {
		return nil
	}
	if err := ch.write(ctx); err != nil {
		return s.spoil(ctx, err)
	}
	if s.row.State.Terminal() {
		s.c.log.Info("sweep ended", "sweep", s.id, "state", s.row.State, "reason", s.row.Reason)
	}
	return nil
}

// spoil rebuilds the sweep after err and returns err. If the search itself
// refused an event, the same would happen again: then the sweep fails, so that
// its reports do not come for ever.
func (s *sweep) spoil(ctx context.Context, err error) error {
	s.c.log.Error("sweep step failed; rebuilding from the store", "sweep", s.id, "error", err)
	loadErr := s.load(ctx)
	var refused *foldError
	switch {
	case errors.As(loadErr, &refused), loadErr == nil && errors.As(err, &refused):
		return s.fail(ctx, refused)
	case loadErr != nil:
		return errors.Join(err, fmt.Errorf("rebuild sweep %s: %w", s.id, loadErr))
	}
	return err
}

// fail ends a sweep that cannot go on. What its trials have reported is kept.
func (s *sweep) fail(ctx context.Context, err error) error {
	ch := s.begin()
	for _, t := range slices.Sorted(maps.Keys(s.trials)) {
		if !s.trials[t].State.Terminal() {
			ch.end(tourney.Ended{Trial: t, State: tourney.TrialCancelled})
		}
	}
	for _, j := range s.jobs { // a finalist's
		ch.void(j)
	}
	ch.turn(tourney.Turned{State: tourney.SweepFailed, Reason: "internal error: " + err.Error()})
	return ch.write(ctx)
}

// token returns the token of a job's current attempt.
func (s *sweep) token(row *tourney.JobRow) tourney.Token {
	return tourney.Token{Epoch: s.c.cfg.Store.Epoch(), Sweep: s.id, Trial: row.Trial, Attempt: row.Attempt}
}

// current returns the running job of which t is the current token, or nil.
func (s *sweep) current(t tourney.Token) *job {
	j := s.jobs[t.Trial]
	if j == nil || j.State != tourney.JobRunning || s.token(&j.JobRow) != t {
		return nil
	}
	return j
}
