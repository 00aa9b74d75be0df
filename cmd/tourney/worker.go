package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"tourney"
	"tourney/api/client"
	"tourney/blob"
	"tourney/blob/cloud"
	"tourney/bus"
	"tourney/dataset"
	"tourney/worker"
)

// minLease is the shortest lease: workers beat three times in it.
const minLease = 300 * time.Millisecond

func newWorker() *cobra.Command {
	var slots int
	var cacheDir, bucket string
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
			level, _ := cmd.Flags().GetString("log-level")
			log, err := newLogger(level, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			url, _ := cmd.Flags().GetString("server")
			ws, err := newWorkerSet(cmd.Context(), url, bucket, cacheDir, log)
			if err != nil {
				return err
			}
			defer ws.close() //nolint:errcheck // nothing is written through it
			ws.progress = cmd.ErrOrStderr()
			dial := func(ctx context.Context, e tourney.Enrolment) (worker.Bus, error) {
				if e.NATS == "" {
					return nil, errors.New("the server takes no workers from other processes; start it with --nats-listen 127.0.0.1:4222")
				}
				return bus.Dial(ctx, e, bus.WithLogger(log))
			}
			return ws.work(cmd.Context(), slots, dial)
		},
	}
	serverFlag(cmd)
	f := cmd.Flags()
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

	inside   bool      // the server's own process
	progress io.Writer // for a person
}

// newWorkerSet makes what the workers of one process share. bucket may be
// empty.
func newWorkerSet(ctx context.Context, server, bucket, cacheDir string, log *slog.Logger) (*workerSet, error) {
	ws := &workerSet{server: server, client: client.New(server, nil), log: log, progress: io.Discard}
	through := blob.NewClient(server, nil, "")
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
	var err error
	if ws.cache, err = dataset.NewCache(cacheDir, cacheBytes, ws.blobs); err != nil {
		return nil, errors.Join(err, store())
	}
	ws.close = func() error { return errors.Join(ws.cache.Close(), store()) }
	return ws, nil
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
		Bus: b, Blobs: ws.blobs, Data: ws.cache, Slots: slots, Lease: e.Lease, Log: ws.log.With("worker", e.Worker),
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

// enrolWait is how long a worker looks for its server: that may be restarting.
const enrolWait = time.Minute

// enrolPatiently is enrol that tries again while there is no server.
func (ws *workerSet) enrolPatiently(ctx context.Context, slots int, dial func(context.Context, tourney.Enrolment) (worker.Bus, error)) (*worker.Worker, error) {
	for begin := time.Now(); ; {
		w, err := ws.enrol(ctx, slots, tourney.DefaultPool, dial)
		if !errors.Is(err, tourney.ErrUnavailable) || time.Since(begin) > enrolWait {
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
