package main

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
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"tourney"
	"tourney/api/client"
	"tourney/blob"
	"tourney/blob/cloud"
	"tourney/bus"
	"tourney/cmd/tourney/internal/otlp"
	"tourney/dataset"
	"tourney/worker"
)

// minLease is the shortest lease: workers beat three times in it.
const minLease = 300 * time.Millisecond

func newWorker() *cobra.Command {
	var slots int
	var commands commandOptions
	var cacheDir, bucket, pool string
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Train for a coordinator; may vanish at any moment",
		Long: `Worker enrols with a coordinator, claims trials and trains them until it is
stopped. On SIGTERM it saves what it trains and gives it back; killed without
notice, what it trained since the last checkpoint is trained again by another.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if slots < 1 {
				return usageError{fmt.Errorf("--slots must be at least 1, not %d", slots)}
			}
			if err := commands.read(); err != nil {
				return err
			}
			level, _ := cmd.Flags().GetString("log-level")
			log, err := newLogger(level, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			server := accessOf(cmd)
			ws, err := newWorkerSet(cmd.Context(), server, bucket, cacheDir, log)
			if err != nil {
				return err
			}
			defer ws.close() //nolint:errcheck // nothing is written through it
			ws.progress, ws.pool = cmd.ErrOrStderr(), pool
			if err := ws.allow(&commands, cacheDir); err != nil {
				return err
			}
			dial := func(ctx context.Context, e tourney.Enrolment) (worker.Bus, error) {
				if e.NATS == "" {
					return nil, errors.New("the server takes no workers from other processes; start it with --nats-listen 127.0.0.1:4222")
				}
				opts := []bus.Option{bus.WithLogger(log)}
				if strings.HasPrefix(e.NATS, "tls://") {
					config, err := server.busTLS()
					if err != nil {
						return nil, err
					}
					opts = append(opts, bus.WithTLS(config))
				}
				return bus.Dial(ctx, e, opts...)
			}
			traces, err := otlp.FromEnv(os.Getenv, log)
			if err != nil {
				return err
			}
			if traces == nil {
				return ws.work(cmd.Context(), slots, dial)
			}
			ws.trace = traces.Span
			tracing, stop := context.WithCancel(context.WithoutCancel(cmd.Context()))
			var sender sync.WaitGroup
			sender.Go(func() { _ = traces.Run(tracing) }) // it returns nil
			defer sender.Wait()
			defer stop() // before the wait above
			return ws.work(cmd.Context(), slots, dial)
		},
	}
	serverFlag(cmd)
	f := cmd.Flags()
	commandFlags(f, &commands)
	f.StringVar(&pool, "pool", "", "pool to train for; that of the token if not given, and if that names none, "+tourney.DefaultPool)
	f.IntVar(&slots, "slots", runtime.NumCPU(), "cores to train on")
	f.StringVar(&cacheDir, "cache-dir", defaultCacheDir(), "directory for the shards of datasets, shared by the workers of this machine")
	f.StringVar(&bucket, "blobs", "", "the server's s3://BUCKET/PREFIX or gs://BUCKET/PREFIX, to read shards straight from it; without it they come through the server")
	return cmd
}

// workerSet is what the workers of one process share.
type workerSet struct {
	server string // URL
	client *client.Client
	blobs  worker.Blobs
	cache  *dataset.Cache
	close  func() error
	log    *slog.Logger

	commands worker.Commands    // nil: none may run
	pool     string             // to enrol in; empty: as the server says
	trace    func(tourney.Span) // nil: nobody traces
	inside   bool               // the server's own process
	progress io.Writer          // for a person
}

// newWorkerSet makes what the workers of one process share. bucket may be
// empty.
func newWorkerSet(ctx context.Context, server access, bucket, cacheDir string, log *slog.Logger) (*workerSet, error) {
	hc, err := server.http()
	if err != nil {
		return nil, err
	}
	ws := &workerSet{server: server.server, client: client.New(server.server, hc), log: log, progress: io.Discard}
	through := blob.NewClient(server.server, hc, "")
	ws.blobs = through
	store := func() error { return nil }
	if bucket != "" {
		if !cloud.IsURL(bucket) {
			return nil, usageError{fmt.Errorf("--blobs %s: give s3://BUCKET/PREFIX or gs://BUCKET/PREFIX", bucket)}
		}
		b, err := cloud.Open(ctx, bucket, cloud.Options{})
		if err != nil {
			return nil, fmt.Errorf("--blobs: %w", err)
		}
		store = b.Close
		ws.blobs = &straight{Client: through, bucket: storeFetcher{b}, log: log}
	}
	if ws.cache, err = dataset.NewCache(cacheDir, cacheBytes, ws.blobs); err != nil {
		return nil, errors.Join(err, store())
	}
	ws.close = func() error { return errors.Join(ws.cache.Close(), store()) }
	return ws, nil
}

// allow lets the workers run programs, if some are allowed.
func (ws *workerSet) allow(o *commandOptions, dir string) error {
	runner, err := o.runner(filepath.Join(dir, "commands"), ws.blobs.Put, ws.log)
	if err != nil || runner == nil {
		return err
	}
	closed := ws.close
	ws.close = func() error { return errors.Join(runner.Close(), closed()) }
	ws.commands = runner
	return nil
}

// enrol makes one worker.
func (ws *workerSet) enrol(ctx context.Context, slots int, pool string, dial func(context.Context, tourney.Enrolment) (worker.Bus, error)) (*worker.Worker, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	e, err := ws.client.Enrol(ctx, tourney.EnrolRequest{Host: host, Pool: pool, Slots: slots, Version: buildVersion(), Inside: ws.inside})
	if err != nil {
		return nil, fmt.Errorf("enrol at %s: %w", ws.server, err)
	}
	b, err := dial(ctx, ws.reachable(e))
	if err != nil {
		return nil, fmt.Errorf("connect to the bus: %w", err)
	}
	return worker.New(worker.Config{
		Bus: b, Blobs: ws.blobs, Data: ws.cache, Slots: slots, Lease: e.Lease, Log: ws.log.With("worker", e.Worker), Commands: ws.commands,
		Trace: ws.trace,
	}), nil
}

// reachable puts the server's host into the bus's address if that one names
// none, as when the bus listens on all interfaces.
func (ws *workerSet) reachable(e tourney.Enrolment) tourney.Enrolment {
	u, err := url.Parse(e.NATS)
	if err != nil || e.NATS == "" {
		return e
	}
	if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsUnspecified() {
		return e
	}
	if server, err := url.Parse(ws.server); err == nil {
		u.Host = net.JoinHostPort(server.Hostname(), u.Port())
		e.NATS = u.String()
	}
	return e
}

// busTLS returns how the bus proves that it is the server's: with the
// certificate of the same name, whatever address it listens on.
func (a access) busTLS() (*tls.Config, error) {
	config, err := a.tls()
	if err != nil {
		return nil, err
	}
	if u, err := url.Parse(a.server); err == nil {
		config.ServerName = u.Hostname()
	}
	return config, nil
}

// enrolWait is how long a worker looks for its server: that may be restarting.
const enrolWait = time.Minute

// enrolPatiently is enrol that tries again while there is no server.
func (ws *workerSet) enrolPatiently(ctx context.Context, slots int, dial func(context.Context, tourney.Enrolment) (worker.Bus, error)) (*worker.Worker, error) {
	for begin := time.Now(); ; {
		w, err := ws.enrol(ctx, slots, ws.pool, dial)
		untrusted := new(tls.CertificateVerificationError) // waiting does not help
		if !errors.Is(err, tourney.ErrUnavailable) || errors.As(err, &untrusted) || time.Since(begin) > enrolWait {
			return w, err
		}
		ws.log.Warn("no server yet; trying again for a minute", "server", ws.server, "error", err)
		again := time.NewTimer(time.Second)
		select {
		case <-ctx.Done():
			again.Stop()
			return nil, ctx.Err()
		case <-again.C:
		}
	}
}

// work enrols and trains until ctx is done. A worker that the bus has shut out,
// because it was silent for too long, enrols again as a new one.
func (ws *workerSet) work(ctx context.Context, slots int, dial func(context.Context, tourney.Enrolment) (worker.Bus, error)) error {
	for {
		w, err := ws.enrolPatiently(ctx, slots, dial)
		if err != nil {
			return interrupted(ctx, err)
		}
		fmt.Fprintf(ws.progress, "tourney worker: training on %d cores for %s\n", slots, ws.server)
		err = w.Run(ctx)
		if err == nil || !errors.Is(err, tourney.ErrRefused) {
			return err
		}
		ws.log.Warn("enrolling again", "error", err)
	}
}

func defaultCacheDir() string {
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "tourney")
	}
	return filepath.Join(os.TempDir(), "tourney-cache")
}
