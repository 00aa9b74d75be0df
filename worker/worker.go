package worker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tourney"
	"tourney/failpoint"
	"tourney/trainers"
)

// Config is what a worker works with.
type Config struct {
	Bus             Bus
	Blobs           Blobs
	Data            Data
	Trainers        func(name string) (trainers.Family, bool) // nil: trainers.Lookup
	Slots           int                                       // cores to train on
	Lease           time.Duration                             // as enrolled: how long an attempt may go unheard
	Trace           func(tourney.Span)                        // hears of heats; nil: nobody does
	CheckpointEvery time.Duration                             // between checkpoints within a rung; 0: as Interval says
	SpoolDir        string                                    // where checkpoints wait while the coordinator is away; empty: the system's
	SpoolBytes      int64                                     // how much of them at most; 0: DefaultSpoolBytes
	Log             *slog.Logger
	Commands        Commands // nil: this worker runs no programs
}

// fetchWait is how long one fetch of offers waits.
const fetchWait = 5 * time.Second

// Worker trains jobs. Run may be called once.
type Worker struct {
	cfg   Config
	pool  *trainers.Pool
	spool *spool

	cadence cadence
	memory  gauge

	mu       sync.Mutex
	attempts map[tourney.Token]*task
	heats    map[string]*heat
	used     float64       // cores taken by attempts
	freed    chan struct{} // a slot became free
	going    going
	heard    time.Time     // when the coordinator answered last
	told     []string      // versions in the cache, as it knows them
	full     time.Duration // how long to claim nothing, since the disk is full; 0: it is not
	resume   time.Time     // until when

	asking chan struct{}         // held by who claims: the room is asked for once
	start  func(g tourney.Grant) // starts what was granted, or gives it back; set by Run
}

// New returns a worker.
func New(cfg Config) *Worker {
	if cfg.SpoolBytes == 0 {
		cfg.SpoolBytes = DefaultSpoolBytes
	}
	if cfg.Trainers == nil {
		cfg.Trainers = trainers.Lookup
	}
	w := &Worker{
		cfg:      cfg,
		attempts: map[tourney.Token]*task{},
		heats:    map[string]*heat{},
		freed:    make(chan struct{}, 1),
		asking:   make(chan struct{}, 1),
		going:    going{asked: make(chan struct{}), now: make(chan struct{})},
	}
	w.spool = newSpool(w)
	return w
}

// Run works until ctx is done, for which a Notice may be the cause, or until the
// coordinator asks it to leave; then it saves what it trains, gives it back, and
// returns nil within about ten seconds. An error means that the bus has shut it
// out: it has to enrol again, as another worker. It closes the bus.
func (w *Worker) Run(ctx context.Context) error {
	w.heard = time.Now()
	defer w.spool.stash.close()
	w.pool = trainers.NewPool(w.cfg.Slots)
	defer w.pool.Close()
	// Heats and reports outlive ctx by the time it takes to drain.
	working, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	group, working := errgroup.WithContext(working)
	group.Go(func() error { return w.beats(working) })
	group.Go(func() error { return w.controls(working) })
	defer context.AfterFunc(ctx, func() { w.leave(tourney.DrainRelease, reasonOf(ctx)) })()
	claiming, stop := context.WithCancel(working) // nothing is claimed once a part has failed
	defer stop()
	w.start = func(g tourney.Grant) {
		if claiming.Err() != nil { // it was asked to leave meanwhile
			w.returnUnused(g)
			return
		}
		w.admit(working, group, g)
	}
	group.Go(func() error { return w.spool.run(working) })
	group.Go(func() error {
		<-w.going.asked
		stop()
		return nil
	})
	group.Go(func() error {
		w.claims(claiming, working)
		w.going.ask() // a part has failed
		w.finish(working)
		w.drain(working)
		cancel(errDrained)
		return nil
	})
	err := group.Wait()
	if closeErr := w.cfg.Bus.Close(); err == nil {
		err = closeErr
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, errDrained) {
		return nil
	}
	return err
}

var errDrained = errors.New("drained")

// claims fetches offers and claims jobs until ctx is done. It asks under working.
func (w *Worker) claims(ctx, working context.Context) {
	for ctx.Err() == nil {
		if w.room() <= 0 {
			select {
			case <-ctx.Done():
			case <-w.freed:
			}
			continue
		}
		if wait := w.pauseForDisk(); wait > 0 {
			pause(ctx, wait)
			continue
		}
		offered, err := w.cfg.Bus.Fetch(ctx, 16, fetchWait)
		if err != nil {
			if ctx.Err() == nil {
				w.cfg.Log.Warn("fetch offers", "error", err)
				pause(ctx, time.Second)
			}
			continue
		}
		if len(offered) == 0 {
			continue
		}
		w.asking <- struct{}{}                 // the spool asks for seconds at most
		if w.room() <= 0 && ctx.Err() == nil { // what was free when the offers came is given
			<-w.asking
			w.awaitRoom(ctx)
			w.asking <- struct{}{}
		}
		grants := w.claim(ctx, working, offered)
		for _, g := range grants {
			w.start(g)
		}
		<-w.asking
		if len(grants) == 0 && w.room() < float64(w.cfg.Slots) {
			w.awaitRoom(ctx)
		}
	}
}

// awaitRoom waits until something ends, or a second: what is on offer may be
// too large for the room there is, and would come again at once.
func (w *Worker) awaitRoom(ctx context.Context) {
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-w.freed:
	case <-timer.C:
	}
}

// claim asks for the offered jobs, with one id until there is an answer, and
// then acknowledges the offers: what was not granted is offered again by the
// coordinator.
//
// It asks under working, so that it hears what it is granted also when it is to
// leave; what it was offered then goes to others at once.
func (w *Worker) claim(ctx, working context.Context, offered []tourney.Offered) []tourney.Grant {
	req := tourney.ClaimRequest{ID: newClaimID(), Capacity: w.room(), Datasets: w.cfg.Data.Versions(), Running: w.fuseKeys(), Commands: w.prefixes(), GPUs: w.freeGPUs()}
	if ctx.Err() != nil {
		req.Capacity = 0
	}
	for _, o := range offered {
		req.Jobs = append(req.Jobs, o.Jobs...)
	}
	for {
		reply, err := w.cfg.Bus.Claim(working, req)
		if err == nil && reply.Error != "" {
			err = errors.New(reply.Error)
		}
		if err == nil {
			failpoint.Pass(failpoint.WorkerClaimed)
			for _, o := range offered {
				if err := o.Ack(); err != nil {
					w.cfg.Log.Debug("acknowledge offer", "error", err)
				}
			}
			failpoint.Pass(failpoint.WorkerAcked)
			return reply.Grants
		}
		if ctx.Err() != nil {
			return nil // a grant that we never heard of ends with our last word
		}
		w.cfg.Log.Warn("claim", "error", err)
		pause(ctx, 500*time.Millisecond)
	}
}

// room returns the cores that are free.
func (w *Worker) room() float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	room := float64(w.cfg.Slots) - w.used
	if room < 1e-9 {
		return 0
	}
	return room
}

func (w *Worker) fuseKeys() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	keys := make([]string, 0, len(w.heats))
	for key := range w.heats {
		keys = append(keys, key)
	}
	return keys
}

// admit puts a granted job into its heat, which it starts if there is none.
func (w *Worker) admit(ctx context.Context, group *errgroup.Group, g tourney.Grant) {
	t := newTask(w, g)
	key := g.Job.FuseKey()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.attempts[g.Token] = t
	w.used += g.Job.Weight
	if g.Job.Command != nil {
		group.Go(func() error {
			w.runCommand(ctx, t)
			return nil
		})
		return
	}
	h := w.heats[key]
	if h == nil {
		h = &heat{w: w, key: key, wake: make(chan struct{}, 1)}
		w.heats[key] = h
		group.Go(func() error {
			h.run(ctx)
			return nil
		})
	}
	t.heat = h
	h.joining = append(h.joining, t)
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// forget takes an attempt off the books.
func (w *Worker) forget(t *task) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.attempts[t.grant.Token] != t {
		return
	}
	delete(w.attempts, t.grant.Token)
	w.trace(t)
	w.used -= t.grant.Job.Weight
	select {
	case w.freed <- struct{}{}:
	default:
	}
}

// trace tells of an attempt that is off the books.
func (w *Worker) trace(t *task) {
	if w.cfg.Trace == nil {
		return
	}
	id := t.grant.Job.JobID
	w.cfg.Trace(tourney.Span{
		Kind: tourney.SpanHeat, Sweep: id.Sweep, Trial: id.Trial, Rung: id.Rung, Attempt: t.grant.Token.Attempt, Start: t.granted, End: time.Now(),
	})
}

// running returns the tokens of the attempts that are being trained.
func (w *Worker) running() []tourney.Token {
	w.mu.Lock()
	defer w.mu.Unlock()
	tokens := make([]tourney.Token, 0, len(w.attempts))
	for t := range w.attempts {
		tokens = append(tokens, t)
	}
	return tokens
}

// stop ends attempts that are no longer ours.
func (w *Worker) stop(tokens []tourney.Token) {
	for _, token := range tokens {
		w.mu.Lock()
		t := w.attempts[token]
		w.mu.Unlock()
		if t != nil {
			t.stopped.Store(true)
			w.forget(t)
		}
	}
}

// lastHeard returns when the coordinator last answered.
func (w *Worker) lastHeard() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.heard
}

func newClaimID() string {
	var b [12]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// pause waits, or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// describe names an attempt in the log.
func describe(g *tourney.Grant) slog.Attr {
	return slog.String("attempt", fmt.Sprintf("%s#%d", g.Job.JobID, g.Token.Attempt))
}
