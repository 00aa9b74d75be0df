package worker

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"tourney"
)

// spool holds what is to be reported. It sends at most once a second, and at
// once when an attempt has ended; an end stays until it is known to be
// committed.
type spool struct {
	w    *Worker
	poke chan struct{}

	mu      sync.Mutex
	pending map[tourney.Token]*draft
	order   []tourney.Token
	ends    map[tourney.Token]*sentEnd // fate unknown; nil while being sent
	sending bool
}

// draft is an entry being written.
type draft struct {
	tourney.Entry
	state     []byte // for the checkpoint
	stateStep int
	final     bool // of a final job: the state is the model
}

// sentEnd is an end that was sent, with its checkpoint uploaded.
type sentEnd struct {
	entry tourney.Entry
	at    time.Time
}

const (
	sendEvery   = time.Second
	resendAfter = 10 * time.Second
	maxEntries  = 256 // in one report
)

func newSpool(w *Worker) *spool {
	return &spool{
		w: w, poke: make(chan struct{}, 1),
		pending: map[tourney.Token]*draft{}, ends: map[tourney.Token]*sentEnd{},
	}
}

func (s *spool) draft(t *task) *draft {
	token := t.grant.Token
	d := s.pending[token]
	if d == nil {
		d = &draft{Entry: tourney.Entry{Token: token, Rung: t.grant.Job.Rung}, final: t.grant.Job.Kind == tourney.JobFinal}
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
	d := s.draft(t)
	d.state, d.stateStep = state, step
}

// end adds an attempt's last word and has it sent.
func (s *spool) end(t *task, end tourney.End, state []byte, step int) {
	s.mu.Lock()
	d := s.draft(t)
	d.End, d.Telemetry = &end, t.telemetry(end.Step)
	if state != nil {
		d.state, d.stateStep = state, step
	}
	s.mu.Unlock()
	select {
	case s.poke <- struct{}{}:
	default:
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

// send sends what is pending, however often it takes.
func (s *spool) send(ctx context.Context) {
	for {
		drafts := s.take()
		if len(drafts) == 0 {
			return
		}
		s.upload(ctx, drafts)
		report := tourney.Report{}
		for _, d := range drafts {
			report.Entries = append(report.Entries, d.Entry)
		}
		for {
			err := s.w.cfg.Bus.Report(ctx, report)
			if err == nil || ctx.Err() != nil {
				break
			}
			s.w.cfg.Log.Warn("report", "error", err)
			pause(ctx, time.Second)
		}
		s.mu.Lock()
		s.sending = false
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
	n := min(len(s.order), maxEntries)
	drafts := make([]*draft, n)
	for i, token := range s.order[:n] {
		drafts[i] = s.pending[token]
		delete(s.pending, token)
		if drafts[i].End != nil {
			s.ends[token] = nil // being sent
		}
	}
	s.order = slices.Delete(s.order, 0, n)
	s.sending = n > 0
	return drafts
}

// tries is how often an upload is tried: a checkpoint costs time if it is lost,
// the model of a final job is lost for good.
func tries(drafts []*draft) int {
	for _, d := range drafts {
		if d.End != nil && d.final {
			return 60
		}
	}
	return 3
}

// upload puts the states of a report into one blob. If it cannot, the entries
// go without checkpoints: a trial that is promoted later starts over.
func (s *spool) upload(ctx context.Context, drafts []*draft) {
	var blob []byte
	for _, d := range drafts {
		if d.state != nil {
			d.Checkpoint = &tourney.Checkpoint{Offset: int64(len(blob)), Size: int64(len(d.state)), Step: d.stateStep}
			blob = append(blob, d.state...)
			d.state = nil
		}
	}
	var hash string
	if len(blob) > 0 {
		var err error
		for try := range tries(drafts) {
			if hash, err = s.w.cfg.Blobs.Put(ctx, blob); err == nil || ctx.Err() != nil {
				break
			}
			s.w.cfg.Log.Warn("upload checkpoints", "error", err)
			pause(ctx, min(time.Duration(1+try)*time.Second, resendAfter))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range drafts {
		if d.Checkpoint != nil {
			d.Checkpoint.Blob = hash
			if hash == "" {
				d.Checkpoint = nil
			}
		}
		if _, unsettled := s.ends[d.Token]; unsettled {
			s.ends[d.Token] = &sentEnd{d.Entry, time.Now()}
		}
	}
}

// resend sends ends again that are unsettled for long: the stream may have
// been lost. What is committed already is refused by its token.
func (s *spool) resend(ctx context.Context) {
	s.mu.Lock()
	var report tourney.Report
	for _, e := range s.ends {
		if e != nil && time.Since(e.at) > resendAfter && len(report.Entries) < maxEntries {
			e.at = time.Now()
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
