package coordinator

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tourney"
	"tourney/coordinator/fair"
	"tourney/failpoint"
	"tourney/search"
)

// DefaultLease is how long an attempt may go unheard before it is lost.
const DefaultLease = 30 * time.Second

// Config is what a coordinator works with.
type Config struct {
	Store    Store
	Bus      Bus
	Trainers Trainers
	Gate     Gate
	Lease    time.Duration // 0: DefaultLease
	Version  string        // of the program, for the log of sweeps
	Log      *slog.Logger

	// PricePerHour is what an hour of a slot costs, by which limits of cost are
	// counted; 0: unknown.
	PricePerHour float64
	Prices       map[string]float64 // likewise, of pools that differ

	// Retention is how long a sweep is kept after its end that does not say
	// itself; 0: for ever.
	Retention time.Duration
	// Trace hears of what happens to trials; nil: nobody does.
	Trace func(tourney.Span)
	// OnFold hears how long the search took over what was reported together, in
	// seconds; nil: nobody does.
	OnFold func(seconds float64)
	// Post sends the notices of sweeps' ends; nil: webhooks are refused.
	Post Postman

	// Blobs is where checkpoints are removed from that nobody needs any more;
	// nil: they stay. CheckpointBytes is how many bytes of them are kept for
	// paused trials; 0: DefaultCheckpointBytes.
	Blobs           Blobs
	CheckpointBytes int64
}

// Coordinator runs sweeps. Its methods may be called from many goroutines.
type Coordinator struct {
	cfg     Config
	log     *slog.Logger
	leases  *leases
	fleet   *fleet
	offers  *offerer
	uploads *uploads
	ready   chan struct{} // closed once the open sweeps are loaded

	fair   *fair.Divider
	posts  chan struct{} // a notice may be due
	counts counts

	mu     sync.Mutex
	extras map[string]extras  // by worker
	sweeps map[string]*sweep  // those that have not ended
	spawn  func(func() error) // starts a goroutine that Run waits for
	stop   context.Context    // Run's, with the errgroup's cancellation
}

// New returns a coordinator. It does nothing until Run.
func New(cfg Config) *Coordinator {
	if cfg.Lease == 0 {
		cfg.Lease = DefaultLease
	}
	if cfg.CheckpointBytes == 0 {
		cfg.CheckpointBytes = DefaultCheckpointBytes
	}
	c := &Coordinator{
		cfg:     cfg,
		log:     cfg.Log,
		leases:  newLeases(cfg.Lease),
		fleet:   newFleet(cfg.Lease),
		ready:   make(chan struct{}),
		sweeps:  map[string]*sweep{},
		fair:    fair.New(),
		extras:  map[string]extras{},
		posts:   make(chan struct{}, 1),
		uploads: newUploads(),
	}
	c.offers = newOfferer(c)
	return c
}

// Run loads the open sweeps and runs them until ctx is done. It returns nil
// then, and an error if it could not go on.
func (c *Coordinator) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	c.mu.Lock()
	c.spawn, c.stop = func(f func() error) { group.Go(f) }, ctx
	c.mu.Unlock()
	workers, err := c.cfg.Store.Workers(ctx)
	if err != nil {
		return fmt.Errorf("load workers: %w", err)
	}
	for _, w := range workers {
		c.fleet.add(c.outdated(w))
	}
	open, err := c.cfg.Store.OpenSweeps(ctx)
	if err != nil {
		return fmt.Errorf("load open sweeps: %w", err)
	}
	for _, row := range open {
		s := &sweep{c: c, id: row.ID, inbox: make(chan call)}
		err := s.load(ctx)
		var refused *foldError
		if errors.As(err, &refused) { // the others go on without it
			c.log.Error("the log of a sweep cannot be folded; it fails", "sweep", row.ID, "error", err)
			if err := s.fail(ctx, err); err != nil {
				return fmt.Errorf("fail sweep %s: %w", row.ID, err)
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("load sweep %s: %w", row.ID, err)
		}
		c.start(s)
		if err := s.do(ctx, s.resume); err != nil && ctx.Err() == nil {
			return fmt.Errorf("resume sweep %s: %w", row.ID, err)
		}
	}
	close(c.ready)
	group.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-c.cfg.Store.Failed():
			return c.cfg.Store.Failure()
		}
	})
	group.Go(func() error { return c.reap(ctx) })
	group.Go(func() error { return c.watchLimits(ctx) })
	group.Go(func() error { return c.deliver(ctx) })
	group.Go(func() error { return c.expire(ctx) })
	group.Go(func() error { return c.collect(ctx) })
	group.Go(func() error { return c.offers.run(ctx) })
	group.Go(func() error { return c.cfg.Bus.Serve(ctx, c) })
	err = group.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// start registers a sweep and starts its goroutine.
func (c *Coordinator) start(s *sweep) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begin(s, s.run)
}

// begin is start with another way to run. The caller holds mu.
func (c *Coordinator) begin(s *sweep, run func(context.Context)) {
	c.sweeps[s.id] = s
	stop := c.stop
	c.spawn(func() error {
		run(stop)
		c.mu.Lock()
		delete(c.sweeps, s.id)
		c.mu.Unlock()
		c.fair.Remove(s.id)
		close(s.done) // after it is gone, so that whoever looks again finds none
		return nil
	})
}

// stopping reports whether Run is to end.
func (c *Coordinator) stopping() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stop.Err() != nil
}

// lookup returns a sweep that has not ended, or nil.
func (c *Coordinator) lookup(id string) *sweep {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sweeps[id]
}

// live returns the sweeps that have not ended.
func (c *Coordinator) live() []*sweep {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*sweep, 0, len(c.sweeps))
	for _, s := range c.sweeps {
		all = append(all, s)
	}
	return all
}

// Healthy returns nil if the coordinator can take work.
func (c *Coordinator) Healthy(context.Context) error {
	select {
	case <-c.ready:
	default:
		return fmt.Errorf("%w: still loading sweeps", tourney.ErrUnavailable)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stop.Err()
}

// CreateSweep starts a sweep; see api.Service.
func (c *Coordinator) CreateSweep(ctx context.Context, spec tourney.Spec, key string) (tourney.Sweep, error) {
	if err := c.Healthy(ctx); err != nil {
		return tourney.Sweep{}, err
	}
	asked, err := json.Marshal(spec)
	if err != nil {
		return tourney.Sweep{}, fmt.Errorf("create sweep: %w", err)
	}
	sum := sha256.Sum256(asked)
	body := hex.EncodeToString(sum[:])
	if key != "" {
		if row, err := c.byKey(ctx, key, body); !errors.Is(err, tourney.ErrNotFound) {
			return row, err
		}
	}
	row, err := c.plan(ctx, spec)
	if err != nil {
		return tourney.Sweep{}, err
	}
	warm, err := c.warmth(ctx, &row.Spec)
	if err != nil {
		return tourney.Sweep{}, err
	}
	s := &sweep{c: c, id: row.ID, inbox: make(chan call)}
	if err := s.create(ctx, row, warm, key, body); err != nil {
		if key != "" && errors.Is(err, tourney.ErrConflict) { // a twin was faster
			return c.byKey(ctx, key, body)
		}
		return tourney.Sweep{}, err
	}
	failpoint.Pass(failpoint.SweepCommitted)
	c.start(s)
	c.offers.wake()
	return c.cfg.Store.Sweep(ctx, row.ID)
}

// byKey returns the sweep that was created with key.
func (c *Coordinator) byKey(ctx context.Context, key, body string) (tourney.Sweep, error) {
	id, was, err := c.cfg.Store.SweepByKey(ctx, key)
	switch {
	case err != nil:
		return tourney.Sweep{}, err
	case was != body:
		return tourney.Sweep{}, fmt.Errorf("%w: the idempotency key was used for another sweep, %s", tourney.ErrConflict, id)
	}
	return c.cfg.Store.Sweep(ctx, id)
}

// plan turns a spec into the row of a new sweep.
func (c *Coordinator) plan(ctx context.Context, spec tourney.Spec) (tourney.Sweep, error) {
	ds := tourney.Dataset{Name: spec.Trainer}
	if spec.Refits() {
		var err error
		if ds, err = c.cfg.Store.Dataset(ctx, spec.Dataset); errors.Is(err, tourney.ErrNotFound) {
			return tourney.Sweep{}, tourney.Invalid("dataset", "there is no dataset %q; register it first: tourney dataset add NAME FILE --target COLUMN", spec.Dataset)
		}
		if err != nil {
			return tourney.Sweep{}, fmt.Errorf("create sweep: %w", err)
		}
	}
	if spec.Split != nil {
		return tourney.Sweep{}, tourney.Invalid("split", "dataset %s is registered already, and its test rows were sealed then; leave split out", spec.Dataset)
	}
	if spec.Limits.Cost > 0 && !c.priced(spec.Terms().Pool) {
		return tourney.Sweep{}, noPrice()
	}
	if spec.Webhook != "" && c.cfg.Post == nil {
		return tourney.Sweep{}, tourney.Invalid("webhook", "the server sends none: start it with --webhook-secret-file, or leave webhook out")
	}
	if spec.Webhook != "" {
		if err := c.cfg.Post.Check(spec.Webhook); err != nil {
			return tourney.Sweep{}, err
		}
	}
	plan, err := c.cfg.Trainers.Plan(&spec, ds)
	if err != nil {
		return tourney.Sweep{}, err
	}
	plan.Ladder = search.Ladder(spec, plan)
	id := newID("s")
	if spec.Name == "" {
		spec.Name = ds.Name + "-" + spec.Trainer
		if !spec.Refits() {
			spec.Name = spec.Trainer
		}
	}
	return tourney.Sweep{ID: id, Spec: spec, Plan: plan, State: tourney.SweepCreated, Created: time.Now().UTC()}, nil
}

// Act pauses, resumes or cancels a sweep; see api.Service.
func (c *Coordinator) Act(ctx context.Context, id string, action tourney.Action) (tourney.Sweep, error) {
	if s := c.lookup(id); s != nil {
		err := s.do(ctx, func(ctx context.Context) error { return s.act(ctx, action) })
		if err != nil && !errors.Is(err, errEnded) {
			return tourney.Sweep{}, err
		}
		if err == nil {
			return c.cfg.Store.Sweep(ctx, id)
		}
	}
	row, err := c.cfg.Store.Sweep(ctx, id)
	if err != nil {
		return tourney.Sweep{}, err
	}
	return tourney.Sweep{}, fmt.Errorf("%w: cannot %s sweep %s: it is %s", tourney.ErrConflict, action, id, row.State)
}

// Enrol takes in a worker; see api.Service.
func (c *Coordinator) Enrol(ctx context.Context, req tourney.EnrolRequest) (tourney.Enrolment, error) {
	if req.Pool == "" {
		req.Pool = tourney.DefaultPool
	}
	if err := tourney.CheckPool(req.Pool); err != nil {
		return tourney.Enrolment{}, err
	}
	if !(req.PricePerHour >= 0 && req.PricePerHour < 1e9) {
		return tourney.Enrolment{}, tourney.Invalid("price_per_hour", "must be 0 or more, not %v", req.PricePerHour)
	}
	if req.Slots < 1 || req.Slots > 4096 {
		return tourney.Enrolment{}, tourney.Invalid("slots", "must be between 1 and 4096, not %d", req.Slots)
	}
	if req.Version != c.cfg.Version {
		return tourney.Enrolment{}, fmt.Errorf("%w: the worker is version %q and the coordinator %q; use the same", tourney.ErrRefused, req.Version, c.cfg.Version)
	}
	if req.Worker != "" {
		return c.renew(req)
	}
	id := newID("w")
	if req.Inside {
		id = newID(insidePrefix)
	}
	enrolment, err := c.cfg.Gate.Admit(id, req)
	if err != nil {
		return tourney.Enrolment{}, fmt.Errorf("enrol worker: %w", err)
	}
	enrolment.Worker, enrolment.Pool, enrolment.Lease = id, req.Pool, c.cfg.Lease
	now := time.Now().UTC()
	w := tourney.Worker{
		ID: id, Host: req.Host, Pool: req.Pool, Slots: req.Slots, Version: req.Version, Enrolled: now, LastSeen: now,
		Machine: req.Machine, Datasets: req.Datasets, Token: req.Token, State: tourney.WorkerActive,
	}
	if err := c.cfg.Store.SaveWorker(ctx, w); err != nil {
		return tourney.Enrolment{}, fmt.Errorf("enrol worker: %w", err)
	}
	c.fleet.add(w)
	c.log.Info("worker enrolled", "worker", id, "host", req.Host, "slots", req.Slots, "pool", req.Pool)
	return enrolment, nil
}

// renew makes the credential of a worker anew that is here, and enrolled with the
// same token.
func (c *Coordinator) renew(req tourney.EnrolRequest) (tourney.Enrolment, error) {
	if !c.fleet.isHere(req.Worker, req.Token, req.Pool) {
		return tourney.Enrolment{}, fmt.Errorf("%w: no worker %s of pool %s is here that enrolled with this token; enrol as a new one", tourney.ErrRefused, req.Worker, req.Pool)
	}
	enrolment, err := c.cfg.Gate.Admit(req.Worker, req)
	if err != nil {
		return tourney.Enrolment{}, fmt.Errorf("renew the credential of worker %s: %w", req.Worker, err)
	}
	enrolment.Worker, enrolment.Pool, enrolment.Lease = req.Worker, req.Pool, c.cfg.Lease
	c.log.Debug("worker's credential renewed", "worker", req.Worker)
	return enrolment, nil
}

// Expel shuts out the workers that enrolled with a token; see api.Service.
// What they were training goes to others at once.
func (c *Coordinator) Expel(ctx context.Context, token string) error {
	if err := c.cfg.Gate.Expel(token); err != nil {
		return fmt.Errorf("shut out the workers of token %s: %w", token, err)
	}
	workers := c.fleet.expel(token)
	for _, id := range workers {
		c.giveBack(ctx, c.leases.of(id, nil), tourney.OutcomeLost)
	}
	c.log.Info("workers shut out", "token", token, "workers", len(workers))
	return nil
}

// MayRead lets test shards go to final attempts alone; see api.Service.
func (c *Coordinator) MayRead(ctx context.Context, blob string, token *tourney.Token) error {
	versions, err := c.cfg.Store.SealedIn(ctx, blob)
	if err != nil || len(versions) == 0 {
		return err
	}
	refused := fmt.Errorf("%w: these are sealed test rows; they are served to final attempts alone", tourney.ErrRefused)
	if token == nil {
		return refused
	}
	s := c.lookup(token.Sweep)
	if s == nil {
		return refused
	}
	err = s.do(ctx, func(context.Context) error {
		job := s.current(*token)
		if job == nil || job.Kind != tourney.JobFinal {
			return refused
		}
		for _, v := range versions {
			if v == s.row.Plan.Dataset {
				return nil
			}
		}
		return refused
	})
	if errors.Is(err, errEnded) {
		return refused
	}
	return err
}

// insidePrefix begins the ids of workers in the coordinator's own process.
const insidePrefix = "i"

// engine describes this program for a sweep's log.
func (c *Coordinator) engine() tourney.Engine {
	return tourney.Engine{Version: c.cfg.Version, Arch: runtime.GOARCH}
}

// newID returns a random name that is safe in a subject, a path and a URL.
func newID(prefix string) string {
	var b [10]byte
	rand.Read(b[:]) // never fails
	return prefix + strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// newSearch is search.New with the sweep's name in the error.
func newSearch(row *tourney.Sweep) (*search.Search, error) {
	fold, err := search.New(row.Spec, row.Plan)
	if err != nil {
		return nil, fmt.Errorf("search of sweep %s: %w", row.ID, err)
	}
	return fold, nil
}
