package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"tourney"
	"tourney/failpoint"
)

// spool holds what is to be reported. It sends at most once a second, and at
// once when an attempt has ended; an end stays until it is known to be
// committed.
type spool struct {
	w     *Worker
	poke  chan struct{}
	stash *stash
	late  context.Context // done when there is no time left to put anything
	hurry context.CancelFunc

	mu      sync.Mutex
	pending map[tourney.Token]*draft
	order   []tourney.Token
	ends    map[tourney.Token]*sentEnd // fate unknown; nil while being sent
	sending bool
	again   time.Time     // nothing is sent before, since it could not be
	wait    time.Duration // between tries
	claim   string        // id of a claim with ends to which there is no answer yet
}

// draft is an entry being written.
type draft struct {
	tourney.Entry
	task      *task
	brief     bool   // all that the attempt has to say, at once
	state     []byte // for the checkpoint
	kept      *kept  // the same, on disk
	stateStep int
	final     bool      // of a final job: the state is the model
	put       time.Time // when Checkpoint was put, if it was
}

// sentEnd is an end that was sent, with its checkpoint uploaded.
type sentEnd struct {
	entry tourney.Entry
	final bool
	at    time.Time
	put   time.Time
}

const (
	sendEvery   = time.Second
	resendAfter = 10 * time.Second
	maxEntries  = 256 // in one report
	maxBrief    = 512 // in one claim

	// tryAgain is how long to wait after reports could not be sent, at first and
	// at most.
	tryAgain     = 500 * time.Millisecond
	tryAgainMost = 30 * time.Second
	// slowest is how fast checkpoints have to be put, in bytes a second, beyond
	// the time that any blob may take.
	slowest = 64 << 10
	putWait = 30 * time.Second
	// putAge is after how long nobody is told of a checkpoint any more: the
	// coordinator keeps one that it has not heard of for twice that.
	putAge = 30 * time.Minute
)

func newSpool(w *Worker) *spool {
	s := &spool{
		w: w, poke: make(chan struct{}, 1), stash: &stash{parent: w.cfg.SpoolDir, limit: w.cfg.SpoolBytes},
		pending: map[tourney.Token]*draft{}, ends: map[tourney.Token]*sentEnd{},
	}
	s.late, s.hurry = context.WithCancel(context.Background()) //nolint:gosec // drain calls it, and it holds nothing
	return s
}

func (s *spool) draft(t *task) *draft {
	token := t.grant.Token
	d := s.pending[token]
	if d == nil {
		d = &draft{Entry: tourney.Entry{Token: token, Rung: t.grant.Job.Rung}, task: t, final: t.grant.Job.Kind == tourney.JobFinal}
		s.pending[token] = d
		s.order = append(s.order, token)
	}
	return d
}

// point adds the metrics of a step.
func (s *spool) point(t *task, p tourney.Point) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.draft(t)
	d.Points = append(d.Points, p)
}

// checkpoint adds a state to be kept.
func (s *spool) checkpoint(t *task, state []byte, step int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.save(s.draft(t), state, step)
}

// save gives a draft another state.
func (s *spool) save(d *draft, state []byte, step int) {
	if d.kept != nil {
		s.stash.drop(d.kept)
		d.kept = nil
	}
	d.state, d.stateStep = state, step
}

// end adds an attempt's last word and has it sent.
func (s *spool) end(t *task, end tourney.End, state []byte, step int) {
	s.mu.Lock()
	d := s.draft(t)
	d.End = &end
	d.brief = d.isBrief()
	if end.Outcome != tourney.OutcomePreempted || state != nil { // else it may train still, in its own goroutine
		d.Telemetry = t.telemetry(end.Step)
	}
	if state != nil {
		s.save(d, state, step)
	}
	s.mu.Unlock()
	s.wake()
}

// wake has run look.
func (s *spool) wake() {
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

// online says that the coordinator answers: what waits is sent.
func (s *spool) online() {
	s.mu.Lock()
	waited := !s.again.IsZero()
	s.again = time.Time{}
	s.mu.Unlock()
	if waited {
		s.wake()
	}
}

// settle drops ends that are committed.
func (s *spool) settle(tokens []tourney.Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range tokens {
		delete(s.ends, t)
	}
}

// unsettled returns the ends whose fate is unknown, sent or not.
func (s *spool) unsettled() []tourney.Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	tokens := slices.Collect(maps.Keys(s.ends))
	for token, d := range s.pending {
		if d.End != nil {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// empty reports whether everything is sent and committed.
func (s *spool) empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending) == 0 && len(s.ends) == 0 && !s.sending
}

func (s *spool) run(ctx context.Context) error {
	tick := time.NewTicker(sendEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.poke:
		case <-tick.C:
			s.resend(ctx)
		}
		s.send(ctx)
	}
}

// send sends what is pending, however many reports it takes. What cannot be
// sent waits.
func (s *spool) send(ctx context.Context) {
	for {
		drafts := s.take()
		if len(drafts) == 0 {
			return
		}
		err := s.upload(ctx, drafts)
		if err == nil {
			report := tourney.Report{}
			for _, d := range drafts {
				report.Entries = append(report.Entries, d.Entry)
			}
			if drafts[0].brief {
				err = s.relay(ctx, report.Entries)
			} else {
				err = s.w.cfg.Bus.Report(ctx, report)
			}
		}
		if err != nil {
			s.putBack(drafts, err)
			return
		}
		failpoint.Pass(failpoint.ReportSent)
		s.mu.Lock()
		s.sending, s.wait = false, 0
		s.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
	}
}

// take takes pending entries, those that ended among the unsettled from now on.
func (s *spool) take() []*draft {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.again) && s.late.Err() == nil {
		return nil
	}
	n := s.fit()
	var drafts []*draft
	rest := s.order[:0]
	for i, token := range s.order {
		d := s.pending[token]
		if i >= n || len(drafts) > 0 && d.brief != drafts[0].brief { // those that go the other way are next
			rest = append(rest, token)
			continue
		}
		drafts = append(drafts, d)
		delete(s.pending, token)
		d.task.told = true
		if d.End != nil {
			s.ends[token] = nil // being sent
		}
	}
	s.order = rest
	s.sending = len(drafts) > 0
	return drafts
}

// upload puts the states of a report into one blob. It returns an error if the
// coordinator is away: they are to wait. If they cannot be put for another
// reason, or there is no time left, the entries go without checkpoints, and
// those trials go on from an earlier one.
func (s *spool) upload(ctx context.Context, drafts []*draft) error {
	var blob []byte
	n := 0
	for _, d := range drafts {
		if d.kept != nil {
			state, err := s.stash.take(d.kept)
			if err != nil {
				s.w.cfg.Log.Warn("a checkpoint is lost", "trial", d.Token.Trial, "error", err)
			}
			d.state, d.kept = state, nil
		}
		if d.state == nil && d.Checkpoint != nil && time.Since(d.put) > putAge {
			d.Checkpoint = nil
			withoutModel(&d.Entry, d.final)
		}
		if d.state != nil {
			d.Checkpoint = &tourney.Checkpoint{Offset: int64(len(blob)), Size: int64(len(d.state)), Step: d.stateStep, Sum: sumOf(d.state)}
			blob = append(blob, d.state...)
			n++
		}
	}
	hash, err := s.put(ctx, blob, n)
	failpoint.Pass(failpoint.CheckpointPut)
	if err != nil && s.late.Err() == nil && ctx.Err() == nil && errors.Is(err, tourney.ErrUnavailable) {
		for _, d := range drafts {
			if d.state != nil {
				d.Checkpoint = nil
			}
		}
		return err
	}
	if err != nil {
		s.w.cfg.Log.Warn("checkpoints are not saved", "trials", n, "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range drafts {
		if d.state != nil {
			d.state, d.put, d.Checkpoint.Blob = nil, time.Now(), hash
			if hash == "" {
				d.Checkpoint = nil
				withoutModel(&d.Entry, d.final)
			}
		}
		if _, unsettled := s.ends[d.Token]; unsettled {
			s.ends[d.Token] = &sentEnd{d.Entry, d.final, time.Now(), d.put}
		}
	}
	return nil
}

// withoutModel gives a final job back whose model could not be put: it would be
// lost for good.
func withoutModel(e *tourney.Entry, final bool) {
	if final && e.End != nil && e.End.Outcome == tourney.OutcomeDone {
		e.End = &tourney.End{Outcome: tourney.OutcomePreempted}
	}
}

// put stores a blob of n states, and measures what that costs.
func (s *spool) put(ctx context.Context, blob []byte, n int) (string, error) {
	if len(blob) == 0 {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, putWait+time.Duration(len(blob)/slowest)*time.Second)
	defer cancel()
	defer context.AfterFunc(s.late, cancel)()
	begin := time.Now()
	hash, err := s.w.cfg.Blobs.Put(ctx, blob)
	if err == nil {
		s.w.cadence.put(time.Since(begin), n)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: %w", tourney.ErrUnavailable, err)
	}
	return hash, err
}

// putBack keeps drafts that could not be sent, their states on disk, until the
// coordinator answers again or some time has gone by.
func (s *spool) putBack(drafts []*draft, cause error) {
	for _, d := range drafts {
		if d.state == nil {
			continue
		}
		k, err := s.stash.keep(d.state)
		switch {
		case err == nil:
			d.kept = k
			failpoint.Pass(failpoint.StateKept)
		case d.final:
			continue // the model stays in memory: it is lost otherwise
		default:
			s.w.cfg.Log.Warn("a checkpoint is not kept", "trial", d.Token.Trial, "error", err)
		}
		d.state = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	order := make([]tourney.Token, 0, len(drafts)+len(s.order))
	for _, d := range drafts {
		order = append(order, d.Token)
		delete(s.ends, d.Token)
		s.pending[d.Token] = s.join(d, s.pending[d.Token])
	}
	for _, token := range s.order {
		if !slices.Contains(order[:len(drafts)], token) {
			order = append(order, token)
		}
	}
	s.order, s.sending = order, false
	s.wait = min(max(2*s.wait, tryAgain), tryAgainMost)
	s.again = time.Now().Add(s.wait)
	s.w.cfg.Log.Warn("reports wait", "for", s.wait, "attempts", len(order), "error", cause)
}

// join adds to a draft what was written since it was taken; that may be nothing.
func (s *spool) join(old, since *draft) *draft {
	if since == nil {
		return old
	}
	since.Points = append(old.Points, since.Points...)
	switch {
	case since.state == nil:
		since.state, since.kept, since.stateStep = old.state, old.kept, old.stateStep
		since.Checkpoint, since.put = old.Checkpoint, old.put
	case old.kept != nil:
		s.stash.drop(old.kept)
	}
	return since
}

// resend sends ends again that are unsettled for long: the stream may have
// been lost. What is committed already is refused by its token.
func (s *spool) resend(ctx context.Context) {
	s.mu.Lock()
	var report tourney.Report
	for _, e := range s.ends {
		if e != nil && time.Since(e.at) > resendAfter && len(report.Entries) < maxEntries {
			e.at = time.Now()
			if e.entry.Checkpoint != nil && time.Since(e.put) > putAge {
				e.entry.Checkpoint = nil
				withoutModel(&e.entry, e.final)
			}
			report.Entries = append(report.Entries, e.entry)
		}
	}
	s.mu.Unlock()
	if len(report.Entries) == 0 {
		return
	}
	if err := s.w.cfg.Bus.Report(ctx, report); err != nil && ctx.Err() == nil {
		s.w.cfg.Log.Warn("report again", "error", err)
	}
}
