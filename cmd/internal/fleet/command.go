package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"tourney"
	"tourney/bus"
	"tourney/cmd/internal/cli"
	"tourney/cmd/internal/otlp"
	"tourney/worker"
	"tourney/worker/spot"
)

// NewCommand returns the command that trains for a coordinator, of a program of
// that version.
func NewCommand(name, version string) *cobra.Command {
	cfg := Config{Version: version}
	cmd := &cobra.Command{
		Use:   name,
		Short: "Train for a coordinator; may vanish at any moment",
		Long: `Worker enrols with a coordinator, claims trials and trains them until it is
stopped. On SIGTERM, on a notice of its cloud, or when it is drained, it saves
what it trains and gives it back, within ten seconds; killed without notice, what
it trained since the last checkpoint is trained again by another.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd, cfg) }, // by value: as the flags have set it
	}
	cli.ServerFlags(cmd)
	f := cmd.Flags()
	cfg.Programs.Flags(f)
	f.StringVar(&cfg.Pool, "pool", "", "pool to train for; that of the token if not given, and if that names none, "+tourney.DefaultPool)
	f.IntVar(&cfg.Slots, "slots", runtime.NumCPU(), "cores to train on")
	f.Float64Var(&cfg.Price, "price-per-hour", 0, "what an hour of this worker costs, all of its slots together")
	f.StringVar(&cfg.Spot, "spot", "auto", "cloud whose notices are heard: "+strings.Join(spot.Names(), ", ")+"; auto asks the firmware which it is, and nobody elsewhere")
	f.StringVar(&cfg.CacheDir, "cache-dir", defaultCacheDir(), "directory for the shards of datasets, shared by the workers of this machine")
	f.StringVar(&cfg.Blobs, "blobs", "", "the server's s3://BUCKET/PREFIX or gs://BUCKET/PREFIX, to read shards straight from it; without it they come through the server")
	return cmd
}

func run(cmd *cobra.Command, cfg Config) error {
	if cfg.Slots < 1 {
		return cli.UsageError(fmt.Errorf("--slots must be at least 1, not %d", cfg.Slots))
	}
	if !(cfg.Price >= 0) {
		return cli.UsageError(fmt.Errorf("--price-per-hour must be 0 or more, not %v", cfg.Price))
	}
	if err := cfg.Programs.Read(); err != nil {
		return err
	}
	level, _ := cmd.Flags().GetString("log-level")
	var err error
	if cfg.Log, err = cli.NewLogger(level, cmd.ErrOrStderr()); err != nil {
		return err
	}
	cfg.Server, cfg.Progress = cli.AccessOf(cmd), cmd.ErrOrStderr()
	traces, err := otlp.FromEnv(os.Getenv, cfg.Log)
	if err != nil {
		return err
	}
	if traces != nil {
		cfg.Trace = traces.Span
		tracing, stop := context.WithCancel(context.WithoutCancel(cmd.Context()))
		var sender sync.WaitGroup
		sender.Go(func() { _ = traces.Run(tracing) }) // it returns nil
		defer sender.Wait()
		defer stop() // before the wait above
	}
	s, err := NewSet(cmd.Context(), cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Work(cmd.Context(), func(ctx context.Context, e tourney.Enrolment, opts ...bus.Option) (worker.Bus, error) {
		if e.NATS == "" {
			return nil, errors.New("the server takes no workers from other processes; start it with --nats-listen 127.0.0.1:4222")
		}
		opts = append(opts, bus.WithLogger(cfg.Log))
		if strings.HasPrefix(e.NATS, "tls://") {
			config, err := busTLS(cfg.Server)
			if err != nil {
				return nil, err
			}
			opts = append(opts, bus.WithTLS(config))
		}
		return bus.Dial(ctx, e, opts...)
	})
}

// busTLS returns how the bus proves that it is the server's: with the
// certificate of the same name, whatever address it listens on.
func busTLS(server cli.Access) (*tls.Config, error) {
	config, err := server.TLS()
	if err != nil {
		return nil, err
	}
	if u, err := url.Parse(server.Server); err == nil {
		config.ServerName = u.Hostname()
	}
	return config, nil
}

func defaultCacheDir() string {
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "tourney")
	}
	return filepath.Join(os.TempDir(), "tourney-cache")
}
