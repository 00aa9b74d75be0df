package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"tourney"
	"tourney/bus"
	"tourney/worker"
)

// minLease is the shortest lease: workers beat three times in it.
const minLease = 300 * time.Millisecond

func newWorker() *cobra.Command {
	var slots int
	var cacheDir string
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
			ws, err := newWorkerSet(url, cacheDir, log)
			if err != nil {
				return err
			}
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
	return cmd
}

// work enrols and trains until ctx is done. A worker that the bus has shut out,
// because it was silent for too long, enrols again as a new one.
func (ws *workerSet) work(ctx context.Context, slots int, dial func(context.Context, tourney.Enrolment) (worker.Bus, error)) error {
	for {
		w, err := ws.enrol(ctx, slots, tourney.DefaultPool, dial)
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
