package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"tourney"
	"tourney/api"
	"tourney/bus"
	"tourney/bus/natsd"
	"tourney/cmd/tourney/internal/intake"
	"tourney/coordinator"
	"tourney/dashboard"
	"tourney/store"
	"tourney/trainers"
	"tourney/worker"
)

// serverOptions say what a coordinator's process is made of.
type serverOptions struct {
	addr       string // of HTTP
	dataDir    string
	workers    int           // in this process, of one core each
	natsListen string        // of the embedded bus; empty: in-process only
	natsURL    string        // an external bus instead
	trusted    bool          // the external bus's network is trusted
	insecure   bool          // a proxy in front does TLS and authentication
	hosts      []string      // Host headers beyond loopback's
	lease      time.Duration // 0: the default
	blobs      string        // a bucket or a directory; empty: in dataDir
	dataRoots  []string      // directories whose files requests may name
	urlHosts   []string      // hosts whose files requests may name
	maxUpload  byteSize      // of a table; 0: the default
	price      float64       // of an hour of a slot; 0: unknown
	logLevel   string
	log        io.Writer
}

// server is a coordinator with all that it stands on, in this process.
type server struct {
	url    string
	log    *slog.Logger
	cancel context.CancelFunc
	group  *errgroup.Group
	failed context.Context // done when a part fails

	stopWorkers func() error
	stopHTTP    func() error
	resources   []func() error // closed in reverse, when nothing runs any more
}

// cacheBytes bounds the shards that the workers of a process keep on disk.
const cacheBytes = 20 << 30

// uploadsDir is where tables lie while they are taken in, in the data
// directory.
const uploadsDir = "uploads"

// defaultMaxUpload bounds a table, in bytes.
const defaultMaxUpload byteSize = 64 << 30

// startServer starts everything and returns once it takes work. An address that
// is not loopback is refused, because there is no authentication yet.
func startServer(ctx context.Context, o serverOptions) (_ *server, err error) {
	if err := o.checkSafety(); err != nil {
		return nil, err
	}
	log, err := newLogger(o.logLevel, o.log)
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
	s := &server{url: "http://" + listener.Addr().String(), log: log, cancel: cancel}
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
	c := coordinator.New(coordinator.Config{
		Store: db, Bus: b.server, Gate: b.gate, Trainers: trainers.Catalog{}, Lease: o.lease, Version: buildVersion(), Log: log,
		PricePerHour: o.price,
	})
	handler, err := api.New(api.Config{
		Service: c, Reader: db, Blobs: blobs,
		Datasets:        desk,
		MaxDatasetBytes: int64(cmp.Or(o.maxUpload, defaultMaxUpload)),
		Dashboard:       dashboard.Handler(),
		Version:         buildVersion(),
		Logger:          log,
		AllowedHosts:    o.hosts,
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

// checkSafety refuses what would let strangers in.
func (o *serverOptions) checkSafety() error {
	if !o.insecure && !isLoopback(o.addr) {
		return fmt.Errorf("%w: --addr %s is reachable from other machines, and this version has no authentication; listen on 127.0.0.1, or put a proxy with TLS and authentication in front and say --insecure-behind-proxy", tourney.ErrRefused, o.addr)
	}
	if o.natsListen != "" && !o.insecure && !isLoopback(o.natsListen) {
		return fmt.Errorf("%w: --nats-listen %s is reachable from other machines without TLS; listen on 127.0.0.1, or say --insecure-behind-proxy", tourney.ErrRefused, o.natsListen)
	}
	if o.natsURL != "" && !o.trusted {
		return fmt.Errorf("%w: with --nats all workers share the credentials in its URL, so each can speak for the others; if the network and the workers are trusted, say --trusted-network", tourney.ErrRefused)
	}
	return nil
}

func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return true // listen says what is wrong with it
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
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

// probeBus finds out whether the bus can listen where it should.
func (o *serverOptions) probeBus() error {
	if o.natsURL != "" || o.natsListen == "" {
		return nil
	}
	l, err := listen("--nats-listen", o.natsListen)
	if err != nil {
		return err
	}
	return l.Close()
}

// busParts are the two ends of the bus that a process needs.
type busParts struct {
	server *bus.Server
	gate   coordinator.Gate
	dial   func(ctx context.Context, e tourney.Enrolment) (worker.Bus, error) // for workers in this process
}

// startBus starts the embedded bus, or connects to an external one.
func (s *server) startBus(ctx context.Context, o serverOptions) (busParts, error) {
	if o.natsURL != "" {
		return s.connectBus(ctx, o.natsURL)
	}
	embedded, err := natsd.Start(natsd.Options{Dir: filepath.Join(o.dataDir, "nats"), Listen: o.natsListen, MaxStore: 4 << 30, Logger: s.log})
	if err != nil {
		return busParts{}, err
	}
	s.onClose(func() error { embedded.Close(); return nil })
	nc, err := embedded.Connect(bus.Options("tourney coordinator", s.log)...)
	if err != nil {
		return busParts{}, fmt.Errorf("connect to the embedded bus: %w", err)
	}
	s.onClose(func() error { nc.Close(); return nil })
	srv, err := bus.NewServer(ctx, nc, s.log, bus.OnHeard(embedded.Renew))
	if err != nil {
		return busParts{}, err
	}
	dial := func(ctx context.Context, e tourney.Enrolment) (worker.Bus, error) {
		return bus.DialInProcess(ctx, embedded, e, bus.WithLogger(s.log))
	}
	return busParts{srv, embedded, dial}, nil
}

func (s *server) connectBus(ctx context.Context, rawURL string) (busParts, error) {
	nc, err := bus.Connect(rawURL, s.log)
	if err != nil {
		return busParts{}, err
	}
	s.onClose(func() error { nc.Close(); return nil })
	srv, err := bus.NewServer(ctx, nc, s.log)
	if err != nil {
		return busParts{}, err
	}
	dial := func(ctx context.Context, e tourney.Enrolment) (worker.Bus, error) {
		return bus.Dial(ctx, e, bus.WithLogger(s.log))
	}
	return busParts{srv, sharedGate{rawURL}, dial}, nil
}

// sharedGate hands every worker the same access to an external bus, whose
// credentials are in its URL.
type sharedGate struct{ url string }

// Admit implements coordinator.Gate.
func (g sharedGate) Admit(id, pool string) (tourney.Enrolment, error) {
	return tourney.Enrolment{NATS: g.url, Inbox: bus.Inbox(id)}, nil
}

func (s *server) serveHTTP(handler *api.Server, listener net.Listener) {
	srv := api.NewHTTPServer(handler)
	s.group.Go(func() error {
		if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve HTTP: %w", err)
		}
		return nil
	})
	s.stopHTTP = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
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
	ws, err := newWorkerSet(ctx, s.url, "", filepath.Join(o.dataDir, "cache"), s.log)
	if err != nil {
		return err
	}
	ws.inside = true
	// Workers stop first, while there is somebody to give their trials back to.
	working, stop := context.WithCancel(s.failed)
	var group errgroup.Group
	for range o.workers {
		w, err := ws.enrol(ctx, 1, tourney.DefaultPool, b.dial)
		if err != nil {
			stop()
			return errors.Join(err, group.Wait(), ws.close())
		}
		group.Go(func() error { return w.Run(working) })
	}
	s.stopWorkers = func() error {
		stop()
		return errors.Join(group.Wait(), ws.close())
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

// newLogger logs to w from a level up.
func newLogger(level string, w io.Writer) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(strings.ToUpper(level))); err != nil {
		return nil, usageError{fmt.Errorf("--log-level %q must be debug, info, warn or error", level)}
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})), nil
}
