package coordinator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"tourney"
)

// change is one step of a sweep under construction: events, and the rows that
// follow from them. It changes the sweep in memory at once; if it is not
// written, the sweep must be rebuilt.
type change struct {
	tourney.Change
	s        *sweep
	now      time.Time
	trials   map[int]bool               // numbers of the rows that it changes
	jobs     []*job                     // rows that it changes
	touched  map[*job]bool              // likewise
	stopped  map[string][]tourney.Token // by worker: attempts that must stop
	settled  map[string][]tourney.Token // by worker: ends that are committed
	released []tourney.Token            // leases that end with the change
	lasted   []lasted                   // attempts that end with the change
	told     []told                     // ends that were told from outside
	queued   bool                       // some job may be claimed after it
}

func (s *sweep) begin() *change {
	return &change{
		Change:  tourney.Change{Sweep: s.id},
		s:       s,
		now:     time.Now().UTC(),
		trials:  map[int]bool{},
		touched: map[*job]bool{},
		stopped: map[string][]tourney.Token{},
		settled: map[string][]tourney.Token{},
	}
}

func (ch *change) empty() bool {
	return len(ch.Events) == 0 && len(ch.trials) == 0 && len(ch.jobs) == 0 &&
		len(ch.Attempts) == 0 && len(ch.Points) == 0 && len(ch.Logs) == 0 && len(ch.Artifacts) == 0 && ch.Amended == nil
}

// log appends an event.
func (ch *change) log(body tourney.EventBody) {
	seq := ch.s.seq + int64(len(ch.Events)) + 1
	ch.Events = append(ch.Events, tourney.Event{Sweep: ch.s.id, Seq: seq, Body: body})
}

// input applies something from outside to the search and logs it.
func (ch *change) input(body tourney.EventBody) error {
	if err := ch.s.fold.Apply(body); err != nil {
		return &foldError{err}
	}
	ch.log(body)
	return nil
}

// foldError is the search's refusal of an event.
type foldError struct{ error }

func (e *foldError) Unwrap() error { return e.error }

// decide asks the search what follows and turns it into rows.
func (ch *change) decide(ctx context.Context) error {
	for _, body := range ch.s.fold.Decide() {
		switch b := body.(type) {
		case tourney.Proposed:
			ch.s.trials[b.Trial] = &tourney.Trial{
				Sweep: ch.s.id, Number: b.Trial, State: tourney.TrialQueued, Params: b.Params, Parent: b.Parent, RetryOf: b.RetryOf, Metrics: tourney.Metrics{}, Rung: -1, Created: ch.now,
			}
			ch.trials[b.Trial] = true
			ch.log(b)
			if err := ch.inherit(ctx, b); err != nil {
				return err
			}
		case tourney.Queued:
			if err := ch.recall(ctx, b.Trial); err != nil {
				return err
			}
			ch.enqueue(b)
		case tourney.Ended:
			ch.end(b)
		case tourney.Turned:
			ch.turn(b)
		case tourney.Halted:
			ch.log(b)
		}
	}
	return nil
}

// inherit finds the state that a trial goes on from, if it has a parent. A
// parent whose checkpoint is of this change is not in the store yet.
func (ch *change) inherit(ctx context.Context, b tourney.Proposed) error {
	if b.Parent == nil {
		return nil
	}
	at := func(c *tourney.Checkpoint) bool { return c != nil && c.Step == b.Parent.Step }
	for _, j := range ch.jobs {
		if j.Trial == b.Parent.Trial && j.State == tourney.JobDone && at(j.Checkpoint) {
			ch.s.last[b.Trial] = j.Checkpoint
			return nil
		}
	}
	c, err := ch.s.c.cfg.Store.CheckpointAt(ctx, ch.s.id, b.Parent.Trial, b.Parent.Step)
	switch {
	case errors.Is(err, tourney.ErrNotFound): // it trains from 0, which costs time
		return nil
	case err != nil:
		return fmt.Errorf("trial %d: %w", b.Trial, err)
	}
	ch.s.last[b.Trial] = &c
	return nil
}

// recall brings back a trial that ended in an earlier step: the finalist.
func (ch *change) recall(ctx context.Context, trial int) error {
	if ch.s.trials[trial] != nil {
		return nil
	}
	t, err := ch.s.c.cfg.Store.Trial(ctx, ch.s.id, trial)
	if err != nil {
		return fmt.Errorf("recall trial %d: %w", trial, err)
	}
	ch.s.trials[trial] = &t
	return nil
}

// turn changes the sweep's state.
func (ch *change) turn(b tourney.Turned) {
	ch.log(b)
	ch.State, ch.Reason = b.State, b.Reason
	ch.s.row.State, ch.s.row.Reason = b.State, b.Reason
	if b.State.Terminal() {
		ch.announce()
	}
}

// enqueue makes a job that may be claimed.
func (ch *change) enqueue(b tourney.Queued) {
	ch.log(b)
	row := tourney.JobRow{
		JobID: tourney.JobID{Sweep: ch.s.id, Trial: b.Trial, Rung: b.Rung},
		Kind:  b.For, Budget: b.Budget, Start: b.Start, Finish: b.Finish,
		State: tourney.JobQueued, New: true,
	}
	if b.For == tourney.JobRung {
		if !ch.s.row.Spec.ByRows() { // where a rung is more rows, each begins anew
			row.Checkpoint = ch.s.last[b.Trial]
		}
		delete(ch.s.last, b.Trial)
		ch.setState(b.Trial, tourney.TrialQueued)
	}
	j := &job{JobRow: row, born: time.Now()}
	ch.s.jobs[b.Trial] = j
	ch.s.toOffer = append(ch.s.toOffer, j)
	ch.touch(j)
	ch.queued = true
}

// end ends a trial, and the job it still has.
func (ch *change) end(b tourney.Ended) {
	ch.log(b)
	ch.setState(b.Trial, b.State)
	ch.s.trials[b.Trial].Ended = &ch.now
	delete(ch.s.last, b.Trial)
	if j := ch.s.jobs[b.Trial]; j != nil {
		ch.void(j)
	}
}

// void gives a job up. Its attempt, if it has one, must stop.
func (ch *change) void(j *job) {
	if j.State == tourney.JobRunning {
		ch.stopped[j.Worker] = append(ch.stopped[j.Worker], ch.s.token(&j.JobRow))
		ch.closeAttempt(j, tourney.OutcomeStopped, 0)
	}
	ch.close(j, tourney.JobVoid)
}

// touch notes that a job's row changes.
func (ch *change) touch(j *job) {
	if !ch.touched[j] {
		ch.touched[j] = true
		ch.jobs = append(ch.jobs, j)
	}
}

func (ch *change) setState(trial int, state tourney.TrialState) {
	ch.s.trials[trial].State = state
	ch.trials[trial] = true
}

// close takes a job off the open ones.
func (ch *change) close(j *job, state tourney.JobState) {
	j.State, j.Held = state, nil
	ch.touch(j)
	delete(ch.s.jobs, j.Trial)
}

// closeAttempt notes how a job's attempt ended.
func (ch *change) closeAttempt(j *job, outcome tourney.Outcome, step int) {
	token := ch.s.token(&j.JobRow)
	ch.Attempts = append(ch.Attempts, tourney.AttemptRow{
		Token: token, Rung: j.Rung, Worker: j.Worker, Outcome: outcome, Step: step, Started: j.Started, Price: j.Price,
	})
	if j.charged > 0 {
		ch.lasted = append(ch.lasted, lasted{j.charged, time.Since(j.since).Seconds()})
	}
	ch.released = append(ch.released, token)
}

// requeue gives a running job back. It goes before the others, since it is
// late.
func (ch *change) requeue(j *job) {
	j.State, j.offered = tourney.JobQueued, time.Time{}
	ch.s.toOffer = slices.Insert(ch.s.toOffer, 0, j)
	ch.touch(j)
	ch.queued = true
	if j.Kind == tourney.JobRung {
		ch.setState(j.Trial, tourney.TrialQueued)
	}
}

// hold keeps a job's end until its turn.
func (ch *change) hold(j *job, end *tourney.End) {
	j.State, j.Held = tourney.JobHeld, end
	ch.s.held = append(ch.s.held, j)
	ch.touch(j)
}

// foldHeld folds the held ends whose turn has come, each with what follows
// from it. Under order fixed none has its turn while the sweep is paused: what
// the search decides must not depend on when somebody paused it.
func (ch *change) foldHeld(ctx context.Context) error {
	if ch.s.row.State == tourney.SweepPaused && ch.s.row.Spec.Order == tourney.OrderFixed {
		return nil
	}
	return ch.foldAll(ctx)
}

func (ch *change) foldAll(ctx context.Context) error {
	for {
		j := ch.next()
		if j == nil {
			return nil
		}
		end, start := *j.Held, time.Now()
		if err := ch.input(tourney.Reported{Trial: j.Trial, Rung: j.Rung, End: end}); err != nil {
			return err
		}
		ch.settle(j, end)
		if err := ch.decide(ctx); err != nil {
			return err
		}
		ch.s.trace(tourney.SpanFold, j, start, string(end.Outcome), end.Outcome == tourney.OutcomeFailed)
	}
}

// next returns the held job that is to be folded now, or nil.
func (ch *change) next() *job {
	s := ch.s
	if trial, rung, ok := s.fold.Due(); ok {
		if j := s.jobs[trial]; j != nil && j.Rung == rung && j.State == tourney.JobHeld {
			return j
		}
		return nil
	}
	for len(s.held) > 0 {
		j := s.held[0]
		s.held = s.held[1:]
		if j.State == tourney.JobHeld {
			return j
		}
	}
	return nil
}

// settle writes a folded end into the trial's row.
func (ch *change) settle(j *job, end tourney.End) {
	t := ch.s.trials[j.Trial]
	ch.trials[j.Trial] = true
	checkpoint := j.Checkpoint
	ch.close(j, tourney.JobDone)
	if j.Kind == tourney.JobFinal {
		t.Metrics = maps.Clone(t.Metrics)
		for name, v := range end.Metrics {
			t.Metrics[name] = v
		}
		return
	}
	t.Step, t.Reason, t.Error = end.Step, end.Reason, end.Error
	if ch.s.improves(&end) {
		ch.Improvements++
	}
	if end.Outcome != tourney.OutcomeDone {
		return // what follows is its end
	}
	t.Rung, t.BestStep, t.Value, t.Metrics = j.Rung, end.BestStep, end.Value, end.Metrics
	_, t.Violation = ch.s.row.Spec.Losses(end.Metrics)
	t.State = tourney.TrialPaused
	ch.s.last[j.Trial] = checkpoint
}

// write commits the change and then tells those whom it concerns.
func (ch *change) write(ctx context.Context) error {
	s := ch.s
	for _, n := range slices.Sorted(maps.Keys(ch.trials)) {
		ch.Trials = append(ch.Trials, *s.trials[n])
	}
	for _, j := range ch.jobs {
		ch.Jobs = append(ch.Jobs, j.JobRow)
	}
	if err := s.c.cfg.Store.Commit(ctx, &ch.Change); err != nil {
		return err
	}
	s.seq += int64(len(ch.Events))
	s.c.fleet.count(ch.Attempts)
	for _, j := range ch.jobs {
		j.New, j.Was = false, j.Attempt
	}
	ch.traceEnds()
	for n := range ch.trials {
		if s.trials[n].State.Terminal() && s.jobs[n] == nil {
			delete(s.trials, n)
		}
	}
	ch.shared()
	s.c.leases.release(ch.released)
	s.c.tell(ctx, ch.stopped, ch.settled)
	if ch.Notice != nil {
		s.c.posted()
	}
	if ch.queued || len(ch.released) > 0 && s.terms.MaxConcurrency > 0 {
		s.c.offers.wake()
	}
	return nil
}
