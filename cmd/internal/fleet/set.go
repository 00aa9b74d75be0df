// Package fleet hides how a process becomes a worker: how it enrols, what it
// says of its machine, how it hears that it has to leave. Both binaries that
// train have it, so it needs neither a database nor a web server.
package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tourney"
	"tourney/api/client"
	"tourney/blob"
	"tourney/blob/cloud"
	"tourney/bus"
	"tourney/cmd/internal/cli"
	"tourney/dataset"
	"tourney/worker"
	"tourney/worker/command"
	"tourney/worker/spot"
)

// CacheBytes bounds the shards that the workers of a process keep on disk.
const CacheBytes = 20 << 30

// MetadataURL replaces the address of the cloud's metadata service. Only tests
// of the programs set it.
var MetadataURL string

// Config is what the workers of a process are made of.
type Config struct {
	Server   cli.Access
	Version  string  // of the program
	Slots    int     // cores that each trains on
	Pool     string  // to enrol in; empty: as the server says
	Price    float64 // of an hour of a worker; 0: not said
	Spot     string  // cloud whose notices are heard; empty: none
	Blobs    string  // bucket to read shards straight from; empty: through the server
	CacheDir string
	Inside   bool      // the server's own process
	Progress io.Writer // for a person
	Log      *slog.Logger

	Programs Programs           // that may run
	Trace    func(tourney.Span) // hears of heats; nil: nobody does
}

// Dial connects an enrolled worker to the bus.
type Dial func(ctx context.Context, e tourney.Enrolment, opts ...bus.Option) (worker.Bus, error)

// Set is what the workers of one process share.
type Set struct {
	cfg     Config
	client  *client.Client
	blobs   worker.Blobs
	cache   *dataset.Cache
	store   func() error    // closes the bucket
	cloud   spot.Cloud      // nil: none
	runner  *command.Runner // nil: no program may run
	machine tourney.Machine

	mu     sync.Mutex
	worker *worker.Worker // that runs
	warned string         // by the cloud
}

// NewSet makes what the workers of one process share.
func NewSet(ctx context.Context, cfg Config) (*Set, error) {
	hc, err := cfg.Server.HTTP()
	if err != nil {
		return nil, err
	}
	s := &Set{cfg: cfg, client: client.New(cfg.Server.Server, hc), store: func() error { return nil }}
	if cfg.Spot != "" {
		if s.cloud, err = spot.Find(cfg.Spot, spot.Options{URL: MetadataURL, Log: cfg.Log}); err != nil {
			return nil, cli.UsageError(fmt.Errorf("--%w", err))
		}
	}
	through := blob.NewClient(cfg.Server.Server, hc, "")
	s.blobs = through
	if cfg.Blobs != "" {
		if !cloud.IsURL(cfg.Blobs) {
			return nil, cli.UsageError(fmt.Errorf("--blobs %s: give s3://BUCKET/PREFIX or gs://BUCKET/PREFIX", cfg.Blobs))
		}
		b, err := cloud.Open(ctx, cfg.Blobs, cloud.Options{})
		if err != nil {
			return nil, fmt.Errorf("--blobs: %w", err)
		}
		s.store = b.Close
		s.blobs = &straight{Client: through, bucket: bucket{b}, log: cfg.Log}
	}
	if s.cache, err = dataset.NewCache(cfg.CacheDir, CacheBytes, s.blobs); err != nil {
		return nil, errors.Join(err, s.store())
	}
	if s.runner, err = cfg.Programs.runner(filepath.Join(cfg.CacheDir, "commands"), s.blobs.Put, cfg.Log); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close releases it; its workers have ended.
func (s *Set) Close() error {
	var running error
	if s.runner != nil {
		running = s.runner.Close()
	}
	return errors.Join(running, s.cache.Close(), s.store())
}

// Enrol makes one worker.
func (s *Set) Enrol(ctx context.Context, dial Dial) (*worker.Worker, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	req := tourney.EnrolRequest{
		Host: host, Pool: s.cfg.Pool, Slots: s.cfg.Slots, Version: s.cfg.Version, Inside: s.cfg.Inside,
		Machine: s.machine, Datasets: s.cache.Versions(),
	}
	e, err := s.client.Enrol(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("enrol at %s: %w", s.cfg.Server.Server, err)
	}
	req.Worker, req.Pool = e.Worker, e.Pool
	renew := func(ctx context.Context) (tourney.Enrolment, error) { return s.client.Enrol(ctx, req) }
	b, err := dial(ctx, s.reachable(e), bus.WithRenewal(renew))
	if err != nil {
		return nil, fmt.Errorf("connect to the bus: %w", err)
	}
	cfg := worker.Config{
		Bus: b, Blobs: s.blobs, Data: s.cache, Slots: s.cfg.Slots, Lease: e.Lease,
		SpoolDir: filepath.Join(s.cfg.CacheDir, "spool"), Log: s.cfg.Log.With("worker", e.Worker), Trace: s.cfg.Trace,
	}
	if s.runner != nil {
		cfg.Commands = s.runner
	}
	return worker.New(cfg), nil
}

// reachable puts the server's host into the bus's address if that one names
// none, as when the bus listens on all interfaces.
func (s *Set) reachable(e tourney.Enrolment) tourney.Enrolment {
	u, err := url.Parse(e.NATS)
	if err != nil || e.NATS == "" {
		return e
	}
	if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsUnspecified() {
		return e
	}
	if server, err := url.Parse(s.cfg.Server.Server); err == nil {
		u.Host = net.JoinHostPort(server.Hostname(), u.Port())
		e.NATS = u.String()
	}
	return e
}

// enrolWait is how long a worker looks for its server: that may be restarting.
const enrolWait = time.Minute

// enrolPatiently is Enrol that tries again while there is no server.
func (s *Set) enrolPatiently(ctx context.Context, dial Dial) (*worker.Worker, error) {
	for begin := time.Now(); ; {
		w, err := s.Enrol(ctx, dial)
		untrusted := new(tls.CertificateVerificationError) // waiting does not help
		if !errors.Is(err, tourney.ErrUnavailable) || errors.As(err, &untrusted) || time.Since(begin) > enrolWait {
			return w, err
		}
		s.cfg.Log.Warn("no server yet; trying again for a minute", "server", s.cfg.Server.Server, "error", err)
		again := time.NewTimer(time.Second)
		select {
		case <-ctx.Done():
			again.Stop()
			return nil, ctx.Err()
		case <-again.C:
		}
	}
}

// answerWait is how long the cloud is asked what the machine is.
const answerWait = 3 * time.Second

// Work enrols and trains until ctx is done, the cloud takes the machine away, or
// the coordinator asks the worker to leave. A worker that the bus has shut out,
// because it was silent for too long, enrols again as a new one.
func (s *Set) Work(ctx context.Context, dial Dial) error {
	ctx, leave := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer leave(nil)
	if s.cloud != nil {
		asking, cancel := context.WithTimeout(ctx, answerWait)
		s.machine = s.cloud.Machine(asking)
		cancel()
		watching.Go(func() { s.cloud.Watch(ctx, func(n spot.Notice) { s.hear(n, leave) }) })
	}
	s.machine.PricePerHour = s.cfg.Price
	for {
		w, err := s.enrolPatiently(ctx, dial)
		if err != nil {
			var n worker.Notice
			switch {
			case errors.As(context.Cause(ctx), &n):
				s.say("not joining", n)
				return nil
			case ctx.Err() != nil:
				return cli.ErrInterrupted
			}
			return err
		}
		fmt.Fprintf(s.cfg.Progress, "tourney worker: training on %d cores for %s\n", s.cfg.Slots, s.cfg.Server.Server)
		s.run(w)
		err = w.Run(ctx)
		if n, leaving := w.Leaving(); leaving && err == nil {
			s.say("left", n)
		}
		if err == nil || !errors.Is(err, tourney.ErrRefused) || ctx.Err() != nil {
			return err
		}
		s.cfg.Log.Warn("enrolling again", "error", err)
	}
}

func (s *Set) say(what string, n worker.Notice) {
	fmt.Fprintf(s.cfg.Progress, "tourney worker: %s (%s)\n", what, n.Error())
}

// run notes which worker runs, and tells it what was told before.
func (s *Set) run(w *worker.Worker) {
	s.mu.Lock()
	s.worker = w
	warned := s.warned
	s.mu.Unlock()
	if warned != "" {
		w.Warn(warned)
	}
}

// hear acts on what the cloud says.
func (s *Set) hear(n spot.Notice, leave context.CancelCauseFunc) {
	if !n.Warning {
		leave(worker.Notice{Leave: tourney.LeavePreempted, Why: n.Why})
		return
	}
	s.mu.Lock()
	s.warned = n.Why
	w := s.worker
	s.mu.Unlock()
	if w != nil {
		w.Warn(n.Why)
	}
}
