package worker_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"tourney"
	"tourney/dataset"
	"tourney/trainers"
)

// boss is the other end of the bus: it offers jobs, grants them, and remembers
// what was reported. It says that an end is committed once confirm is set.
type boss struct {
	mu       sync.Mutex
	offers   []*tourney.Offered
	acked    int
	claims   []string // ids
	failing  int      // claims to fail before one is answered
	grants   map[tourney.JobID]tourney.Grant
	reports  []tourney.Entry
	brief    int             // of them came with a claim
	mute     int             // claims with ends that are not answered
	again    int             // claims of which the answer may be lost
	next     []tourney.Grant // what takes the place of those
	confirm  bool
	stop     []tourney.Token
	beats    int
	said     []tourney.Beat
	lifetime float64
	drain    tourney.Drain
	down     bool // nothing is answered
	controls chan tourney.Control

	spoolDir   string // of the worker
	spoolBytes int64
}

func newBoss() *boss {
	return &boss{grants: map[tourney.JobID]tourney.Grant{}, confirm: true, controls: make(chan tourney.Control, 16)}
}

// give offers a job.
func (b *boss) give(j tourney.Job, attempt int) tourney.Token {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := tourney.Grant{Job: j, Token: tourney.Token{Epoch: "e", Sweep: j.Sweep, Trial: j.Trial, Attempt: attempt}}
	b.grants[j.JobID] = g
	b.offers = append(b.offers, &tourney.Offered{Offer: tourney.Offer{Jobs: []tourney.JobID{j.JobID}}, Ack: func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.acked++
		return nil
	}})
	return g.Token
}

func (b *boss) Fetch(ctx context.Context, n int, wait time.Duration) ([]tourney.Offered, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		b.mu.Lock()
		var out []tourney.Offered
		for len(b.offers) > 0 && len(out) < n {
			out = append(out, *b.offers[0])
			b.offers = b.offers[1:]
		}
		b.mu.Unlock()
		if len(out) > 0 {
			return out, nil
		}
		poll := time.NewTimer(10 * time.Millisecond)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timer.C:
			return nil, nil
		case <-poll.C:
		}
	}
}

func (b *boss) Claim(_ context.Context, req tourney.ClaimRequest) (tourney.ClaimReply, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return tourney.ClaimReply{}, tourney.ErrUnavailable
	}
	b.claims = append(b.claims, req.ID)
	if req.Again {
		b.again++
	}
	if len(req.Ends) > 0 && b.mute > 0 {
		b.mute--
		return tourney.ClaimReply{}, errors.New("no answer")
	}
	if b.failing > 0 {
		b.failing--
		return tourney.ClaimReply{}, errors.New("no answer")
	}
	var reply tourney.ClaimReply
	b.reports = append(b.reports, req.Ends...)
	b.brief += len(req.Ends)
	for range req.Ends {
		if len(b.next) > 0 && b.next[0].Job.Weight <= req.Capacity {
			req.Capacity -= b.next[0].Job.Weight
			reply.Grants = append(reply.Grants, b.next[0])
			b.next = b.next[1:]
		}
	}
	for _, id := range req.Jobs {
		if g := b.grants[id]; g.Job.Weight <= req.Capacity {
			req.Capacity -= g.Job.Weight
			reply.Grants = append(reply.Grants, g)
		}
	}
	return reply, nil
}

func (b *boss) Beat(_ context.Context, beat tourney.Beat) (tourney.BeatReply, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return tourney.BeatReply{}, tourney.ErrUnavailable
	}
	b.beats++
	b.said = append(b.said, beat)
	reply := tourney.BeatReply{Stop: b.stop, Lifetime: b.lifetime, Drain: b.drain}
	if b.confirm {
		reply.Committed = beat.Ended
	}
	return reply, nil
}

func (b *boss) Report(_ context.Context, r tourney.Report) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return tourney.ErrUnavailable
	}
	b.reports = append(b.reports, r.Entries...)
	return nil
}

func (b *boss) Control() <-chan tourney.Control { return b.controls }
func (b *boss) Close() error                    { return nil }

// entries returns what was reported.
func (b *boss) entries() []tourney.Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.reports)
}

// ends returns the ends that were reported.
func (b *boss) ends() []tourney.Entry {
	return slices.DeleteFunc(b.entries(), func(e tourney.Entry) bool { return e.End == nil })
}

// lastWord returns what the worker said last.
func (b *boss) lastWord() tourney.Beat {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.said) == 0 {
		return tourney.Beat{}
	}
	return b.said[len(b.said)-1]
}

// shelf holds blobs in memory.
type shelf struct {
	mu    sync.Mutex
	blobs map[string][]byte
	short bool          // what is asked for may be beyond a blob's end
	down  error         // why nothing can be put
	slow  time.Duration // that putting takes
}

func (s *shelf) Open(_ context.Context, hash string, offset, size int64, _ *tourney.Token) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.blobs[hash]
	if !ok {
		return nil, tourney.ErrNotFound
	}
	if s.short {
		size = min(size, int64(len(b))-offset)
	}
	return io.NopCloser(bytes.NewReader(b[offset : offset+size])), nil
}

func (s *shelf) Put(ctx context.Context, data []byte) (string, error) {
	s.mu.Lock()
	slow := s.slow
	s.mu.Unlock()
	timer := time.NewTimer(slow)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-timer.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return "", s.down
	}
	sum := sha256.Sum256(data)
	hash := hex.EncodeToString(sum[:])
	if s.blobs == nil {
		s.blobs = map[string][]byte{}
	}
	s.blobs[hash] = bytes.Clone(data)
	return hash, nil
}

// rows are data that need not be anything.
type rows struct{ err error }

func (r rows) Load(context.Context, dataset.Request, *tourney.Token) (*dataset.Data, error) {
	return &dataset.Data{}, r.err
}
func (rows) Versions() []string { return nil }

// counter is a trainer whose state is its step: each pass takes a second, and
// the loss of a trial is 1/step. It panics at the step that a trial's
// parameter "panic" names.
type counter struct {
	step  time.Duration // that a pass takes; 0: a second
	save  time.Duration // that a trial stands still to be saved
	mu    sync.Mutex
	heats int
	most  int // trials in a pass
}

func (*counter) Name() string { return "counter" }

func (c *counter) Train(ctx context.Context, _ *dataset.Data, _ *trainers.Pool, feed trainers.Feed) error {
	c.mu.Lock()
	c.heats++
	c.mu.Unlock()
	type trial struct {
		trainers.Task
		step int
	}
	var running []*trial
	for {
		joining, ok := feed.Next(ctx, len(running) > 0)
		for _, t := range joining {
			tr := &trial{Task: t}
			if s := t.State(); s != nil {
				tr.step = int(binary.LittleEndian.Uint64(s))
			}
			running = append(running, tr)
		}
		if !ok || ctx.Err() != nil {
			return nil
		}
		c.mu.Lock()
		c.most = max(c.most, len(running))
		c.mu.Unlock()
		timer := time.NewTimer(cmp.Or(c.step, time.Second))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		next := running[:0]
		for _, t := range running {
			if t.Stopped() {
				continue
			}
			t.step++
			if at, _ := t.Job().Params.Int("panic", 0); at == t.step {
				panic("broken")
			}
			state := func() []byte {
				time.Sleep(c.save)
				return binary.LittleEndian.AppendUint64(nil, uint64(t.step))
			}
			v := 1 / float64(t.step)
			t.Step(tourney.Point{Step: t.step, Metrics: tourney.Metrics{"rmse": v}}, state)
			if t.step >= t.Job().Budget {
				t.End(tourney.End{Outcome: tourney.OutcomeDone, Step: t.step, BestStep: t.step, Value: &v}, state())
				continue
			}
			if !t.Stopped() {
				next = append(next, t)
			}
		}
		running = next
	}
}
