package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"tourney"
	"tourney/api"
	"tourney/api/metrics"
	"tourney/cmd/internal/fleet"
	"tourney/cmd/internal/otlp"
	"tourney/cmd/tourney/internal/certs"
	"tourney/cmd/tourney/internal/intake"
	"tourney/coordinator"
	"tourney/dashboard"
	"tourney/store"
	"tourney/trainers"
)

// serverOptions say what a coordinator's process is made of.
type serverOptions struct {
	addr        string // of HTTP
	dataDir     string
	workers     int    // in this process, of one core each
	natsListen  string // of the embedded bus; empty: in-process only
	natsURL     string // an external bus instead
	trusted     bool   // the external bus's network is trusted
	natsKey     string // file of a signing key of the account there
	natsAccount string // public key of that account; empty: it is the key's own

	natsReplicas int           // servers of the external bus that hold each message; 0: one
	insecure     bool          // a proxy in front does TLS and authentication
	tlsCert      string        // file of the certificate of HTTP and the bus; empty: no TLS
	tlsKey       string        // file of its key
	tlsDir       string        // directory of both, as tourney tls init makes it
	hosts        []string      // Host headers beyond loopback's and the certificate's
	lease        time.Duration // 0: the default
	blobs        string        // a bucket or a directory; empty: in dataDir
	dataRoots    []string      // directories whose files requests may name
	urlHosts     []string      // hosts whose files requests may name
	maxUpload    byteSize      // of a table; 0: the default
	checkpoints  byteSize      // kept for paused trials; 0: the default
	price        float64       // of an hour of a slot; 0: unknown
	prices       string        // file of prices by pool
	retention    span          // of sweeps that have ended; 0: for ever

	webhookSecret string   // file of what notices are signed with; empty: none are sent
	webhookHosts  []string // that may be told

	commands fleet.Programs
	pprof    bool // serve profiles of this process, to admins
	logLevel string
	log      io.Writer
}

// server is a coordinator with all that it stands on, in this process.
type server struct {
	url    string
	inside string         // a token that only this process knows
	pipe   *pipe          // by which this process reaches itself
	cert   *certs.Pair    // nil: no TLS
	traces *otlp.Exporter // nil: nobody traces
	log    *slog.Logger
	cancel context.CancelFunc
	group  *errgroup.Group
	failed context.Context // done when a part fails

	stopWorkers func() error
	stopHTTP    func() error
	resources   []func() error // closed in reverse, when nothing runs any more
}

// answerLast is how long requests that run when the server stops may take to be
// answered. Others are not taken any more.
const answerLast = 9 * time.Second // container runtimes kill after ten

// uploadsDir is where tables lie while they are taken in, in the data
// directory.
const uploadsDir = "uploads"

// defaultMaxUpload bounds a table, in bytes.
const defaultMaxUpload byteSize = 64 << 30

// startServer starts everything and returns once it takes work. An address that
// is not loopback is refused without TLS and tokens.
func startServer(ctx context.Context, o serverOptions) (_ *server, err error) {
	if err := o.checkSafety(); err != nil {
		return nil, err
	}
	log, err := newLogger(o.logLevel, o.log)
	if err != nil {
		return nil, err
	}
	cert, err := o.openTLS(log)
	if err != nil {
		return nil, err
	}
	prices, err := readPrices(o.prices)
	if err != nil {
		return nil, err
	}
	post, err := o.postman()
	if err != nil {
		return nil, err
	}
	// Ports first, so that a busy one creates nothing.
	listener, err := listen("--addr", o.addr)
	if err != nil {
		return nil, err
	}
	if err := o.probeBus(); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	// The parts outlive ctx until close, which stops them in order.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &server{url: urlOf(listener.Addr(), cert), inside: rand.Text(), pipe: newPipe(), cert: cert, log: log, cancel: cancel}
	s.group, s.failed = errgroup.WithContext(running)
	s.onClose(listener.Close)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	db, err := store.Open(ctx, o.dataDir)
	if err != nil {
		return nil, err
	}
	s.onClose(db.Close)
	tokens, err := db.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	if err := o.checkTokens(tokens); err != nil {
		return nil, err
	}
	uploads := filepath.Join(o.dataDir, uploadsDir)
	if err := emptyDir(uploads); err != nil {
		return nil, err
	}
	blobs, err := openBlobs(ctx, o.blobs, o.dataDir)
	if err != nil {
		return nil, err
	}
	s.onClose(blobs.Close)
	desk, err := intake.New(intake.Config{
		Catalog: db, Blobs: blobs, Fetch: storeFetcher{blobs}, TempDir: uploads, Logger: log,
		Dirs: o.dataRoots, Hosts: o.urlHosts, MaxBytes: int64(cmp.Or(o.maxUpload, defaultMaxUpload)),
	})
	if err != nil {
		return nil, err
	}
	b, err := s.startBus(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := expelRevoked(tokens, b.gate.Expel); err != nil {
		return nil, err
	}
	registry := &metrics.Registry{}
	if s.traces, err = otlp.FromEnv(os.Getenv, log); err != nil {
		return nil, err
	}
	timed := measure(registry, db, b.server)
	c := coordinator.New(coordinator.Config{
		Store: timed, Bus: b.server, Gate: pooledGate{b.gate, b.server}, Trainers: trainers.Catalog{}, Lease: o.lease, Version: buildVersion(), Log: log,
		Trace:        s.tracer(),
		PricePerHour: o.price, Prices: prices, Retention: time.Duration(o.retention), Post: post, Blobs: blobs, CheckpointBytes: int64(o.checkpoints),
		OnFold: registry.Histogram("tourney_fold_duration_seconds", "How long the search took to fold what was reported and to decide what follows.",
			0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5).Observe,
	})
	measurePools(registry, c)
	var certified func(string) bool
	if cert != nil {
		certified = cert.Covers
	}
	if s.traces != nil {
		s.group.Go(func() error { return s.traces.Run(s.failed) })
	}
	handler, err := api.New(api.Config{
		Service: c, Reader: db, Blobs: blobs, Access: db, Views: db,
		PricePerHour:    o.price,
		Datasets:        desk,
		Trainers:        trainers.Infos(),
		MaxDatasetBytes: int64(cmp.Or(o.maxUpload, defaultMaxUpload)),
		Dashboard:       dashboard.Handler(),
		Metrics:         registry,
		Profile:         o.pprof,
		Ready:           (&readiness{dir: o.dataDir, db: db, bus: b.server}).check,
		Version:         buildVersion(),
		Logger:          log,
		AllowedHosts:    o.hosts,
		AllowHost:       certified,
		Inside:          s.inside,
		RequireToken:    o.guarded() || o.commands.Allow != nil, // who may start a sweep may run a program
		Secure:          cert != nil,
	})
	if err != nil {
		return nil, err
	}
	s.group.Go(func() error { return c.Run(s.failed) })
	s.group.Go(func() error { return desk.Run(s.failed) })
	s.serveHTTP(handler, listener)
	if err := s.awaitReady(ctx, c); err != nil {
		return nil, err
	}
	return s, s.startWorkers(ctx, o, b)
}

// tracer returns what hears of trials, or nil.
func (s *server) tracer() func(tourney.Span) {
	if s.traces == nil {
		return nil
	}
	return s.traces.Span
}

// access is how this process reaches its own server.
func (s *server) access() access {
	return access{server: "http://localhost", token: s.inside, dial: s.pipe.dial}
}

// emptyDir makes a directory with nothing in it: uploads that a crash left
// behind are of no use.
func emptyDir(name string) error {
	if err := os.RemoveAll(name); err != nil {
		return fmt.Errorf("empty %s: %w", name, err)
	}
	if err := os.MkdirAll(name, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", name, err)
	}
	return nil
}

// listen opens the port that a flag names.
func listen(flag, addr string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err == nil {
		return l, nil
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w: address %s: another program listens there; stop it, or choose another with %s, as in %s 127.0.0.1:0 for any free port", tourney.ErrInUse, addr, flag, flag)
	}
	return nil, usageError{fmt.Errorf("%s %s: %w; give HOST:PORT, as in 127.0.0.1:8080", flag, addr, err)}
}

func (s *server) serveHTTP(handler *api.Server, listener net.Listener) {
	srv := api.NewHTTPServer(handler)
	serve := func(how func() error) {
		s.group.Go(func() error {
			if err := how(); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve HTTP: %w", err)
			}
			return nil
		})
	}
	if s.cert == nil {
		serve(func() error { return srv.Serve(listener) })
	} else {
		srv.TLSConfig = s.cert.Config()
		// Both listeners set up HTTP/2, the first one for both: it has to know.
		srv.TLSConfig.NextProtos = []string{"h2", "http/1.1"}
		serve(func() error { return srv.ServeTLS(listener, "", "") })
	}
	serve(func() error { return srv.Serve(s.pipe) })
	s.stopHTTP = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), answerLast)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil { // it ends the event streams
			return srv.Close()
		}
		return nil
	}
}

// awaitReady waits until the open sweeps are loaded.
func (s *server) awaitReady(ctx context.Context, c *coordinator.Coordinator) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for c.Healthy(ctx) != nil {
		select {
		case <-ctx.Done():
			return errInterrupted
		case <-s.failed.Done():
			return s.group.Wait()
		case <-tick.C:
		}
	}
	return nil
}

// startWorkers starts the workers of this process. They differ from others in
// their connection to the bus alone.
func (s *server) startWorkers(ctx context.Context, o serverOptions, b busParts) error {
	if o.workers == 0 {
		return nil
	}
	workers, slots := o.workers, 1
	if o.commands.Allow != nil { // one that knows of all, as a trial may need several cores
		workers, slots = 1, o.workers
	}
	ws, err := fleet.NewSet(ctx, fleet.Config{
		Server: s.access().shared(), Version: buildVersion(), Slots: slots, Pool: tourney.DefaultPool, CacheDir: filepath.Join(o.dataDir, "cache"),
		Inside: true, Progress: io.Discard, Log: s.log, Programs: o.commands, Trace: s.tracer(),
	})
	if err != nil {
		return err
	}
	// Workers stop first, while there is somebody to give their trials back to.
	working, stop := context.WithCancel(s.failed)
	var group errgroup.Group
	for range workers {
		w, err := ws.Enrol(ctx, b.dial)
		if err != nil {
			stop()
			return errors.Join(err, group.Wait(), ws.Close())
		}
		group.Go(func() error { return w.Run(working) })
	}
	s.stopWorkers = func() error {
		stop()
		return errors.Join(group.Wait(), ws.Close())
	}
	return nil
}

// onClose adds a resource to be closed when nothing runs any more.
func (s *server) onClose(f func() error) { s.resources = append(s.resources, f) }

// wait blocks until ctx is done or a part fails.
func (s *server) wait(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-s.failed.Done():
	}
}

// close stops everything: workers while there is somebody to give their trials
// back to, then what serves, then what that stands on.
func (s *server) close() error {
	var errs []error
	try := func(f func() error) {
		if f == nil {
			return
		}
		if err := f(); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, context.Canceled) {
			errs = append(errs, err)
		}
	}
	try(s.stopWorkers)
	try(s.stopHTTP)
	s.cancel()
	try(s.group.Wait)
	for _, f := range slices.Backward(s.resources) {
		try(f)
	}
	return errors.Join(errs...)
}
