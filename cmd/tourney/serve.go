package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"tourney/coordinator"
)

func newUp() *cobra.Command {
	var o serverOptions
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Stay up: coordinator, REST API, dashboard, and workers on this machine",
		Long: `Up serves the REST API and the dashboard until it is stopped, and plays sweeps on
workers in this process. Other machines' workers can join if the bus listens:
--nats-listen.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd, o) },
	}
	serverFlags(cmd, &o)
	cmd.Flags().IntVar(&o.workers, "workers", runtime.NumCPU(), "workers in this process, of one core each")
	o.commands.Flags(cmd.Flags())
	cmd.Flags().StringVar(&o.natsListen, "nats-listen", "", "HOST:PORT on which the bus takes workers of other processes; without it there are none")
	return cmd
}

func newCoordinator() *cobra.Command {
	var o serverOptions
	cmd := &cobra.Command{
		Use:   "coordinator",
		Short: "Serve the REST API and the dashboard, and leave training to workers elsewhere",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return serve(cmd, o) },
	}
	serverFlags(cmd, &o)
	cmd.Flags().StringVar(&o.natsListen, "nats-listen", "127.0.0.1:4222", "HOST:PORT on which the embedded bus takes workers")
	cmd.Flags().StringVar(&o.natsURL, "nats", "", "URL of a NATS server with JetStream, instead of the embedded one")
	cmd.Flags().BoolVar(&o.trusted, "trusted-network", false, "with --nats: all workers may share its credentials")
	cmd.Flags().StringVar(&o.natsKey, "nats-signing-key", "", "with --nats: file with the seed of an account's signing key there; each worker gets a user of its own that it signs")
	cmd.Flags().StringVar(&o.natsAccount, "nats-account", "", "with --nats-signing-key: public key of the account, unless the key is the account's own")
	cmd.Flags().IntVar(&o.natsReplicas, "nats-replicas", 1, "with --nats: how many servers of a cluster hold each message, 1, 3 or 5")
	return cmd
}

func serverFlags(cmd *cobra.Command, o *serverOptions) {
	o.maxUpload, o.checkpoints = defaultMaxUpload, coordinator.DefaultCheckpointBytes
	f := cmd.Flags()
	f.StringVar(&o.addr, "addr", "127.0.0.1:8080", "HOST:PORT of the REST API and the dashboard")
	f.StringVar(&o.dataDir, "data-dir", "tourney-data", "directory of the database, datasets and models")
	f.DurationVar(&o.lease, "lease", coordinator.DefaultLease, "how long a trial's worker may go unheard before the trial goes to another")
	f.BoolVar(&o.pprof, "pprof", false, "serve profiles of this process at /debug/pprof/, to tokens of scope admin alone")
	f.StringVar(&o.tlsDir, "tls-dir", "", "directory that tourney tls init has made: serve HTTPS, and the bus by TLS")
	f.StringVar(&o.tlsCert, "tls-cert", "", "file with the certificate to serve HTTPS with, and with it those that vouch for it; read again when it changes")
	f.StringVar(&o.tlsKey, "tls-key", "", "file with the key of --tls-cert")
	f.BoolVar(&o.insecure, "insecure-behind-proxy", false, "listen on other addresses than loopback: a proxy in front does TLS and authentication")
	f.StringVar(&o.blobs, "blobs", "", "where shards, checkpoints and models are kept: a directory, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX of this server alone; blobs in --data-dir if not given")
	f.StringSliceVar(&o.dataRoots, "data-root", nil, "directory whose files may become datasets by their path; may be repeated")
	f.StringSliceVar(&o.urlHosts, "allow-url-host", nil, "HOST, s3://BUCKET or gs://BUCKET whose files may become datasets by their URL; may be repeated")
	f.Float64Var(&o.price, "price-per-hour", 0, "what an hour of a worker's core costs, by which limits of cost are counted")
	f.StringVar(&o.prices, "price-file", "", "YAML file with a price for each pool, as gpu: 0.45, instead of --price-per-hour; what a worker says of itself goes before both")
	f.Var(&o.retention, "retention", "how long sweeps are kept after their end, as 30d; for ever if not given; a sweep's own retention goes before it")
	f.StringVar(&o.webhookSecret, "webhook-secret-file", "", "file with the secret that signs the notices of sweeps' ends; without it there are none")
	f.StringSliceVar(&o.webhookHosts, "allow-webhook-host", nil, "HOST or HOST:PORT that may be told of sweeps' ends; may be repeated")
	f.Var(&o.checkpoints, "checkpoint-bytes", "size of the checkpoints that are kept; beyond it those of paused trials go, the least promising first")
	f.Var(&o.maxUpload, "max-upload", "size of the largest table that is taken in")
	f.StringSliceVar(&o.hosts, "allow-host", nil, "names under which browsers and workers reach the server, beside loopback's and those of its certificate")
}

// serve runs a server until it is stopped.
func serve(cmd *cobra.Command, o serverOptions) error {
	ctx := cmd.Context()
	o.log = cmd.ErrOrStderr()
	o.logLevel, _ = cmd.Flags().GetString("log-level")
	if o.workers < 0 {
		return usageError{fmt.Errorf("--workers must be 0 or more, not %d", o.workers)}
	}
	if o.lease < minLease {
		return usageError{fmt.Errorf("--lease must be at least %v, not %v", minLease, o.lease)}
	}
	if err := o.commands.Read(); err != nil {
		return err
	}
	srv, err := startServer(ctx, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "tourney %s: dashboard and API on %s\n", buildVersion(), srv.url)
	srv.wait(ctx)
	return srv.close()
}
