package main

import (
	"context"
	"fmt"
	"path/filepath"

	"tourney"
	"tourney/bus"
	"tourney/bus/account"
	"tourney/bus/natsd"
	"tourney/cmd/internal/fleet"
	"tourney/coordinator"
	"tourney/worker"
)

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
	dial   fleet.Dial // for workers in this process
}

// startBus starts the embedded bus, or connects to an external one.
func (s *server) startBus(ctx context.Context, o serverOptions) (busParts, error) {
	if o.natsURL != "" {
		return s.connectBus(ctx, o)
	}
	opts := natsd.Options{Dir: filepath.Join(o.dataDir, "nats"), Listen: o.natsListen, MaxStore: 4 << 30, Logger: s.log}
	if s.cert != nil && o.natsListen != "" {
		opts.TLS = s.cert.Config()
	}
	embedded, err := natsd.Start(opts)
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
	dial := func(ctx context.Context, e tourney.Enrolment, opts ...bus.Option) (worker.Bus, error) {
		return bus.DialInProcess(ctx, embedded, e, append(opts, bus.WithLogger(s.log))...)
	}
	return busParts{srv, embedded, dial}, nil
}

// connectBus connects to a bus that is somebody else's. Its workers have users of
// their own if the coordinator can sign them, and otherwise share the URL.
func (s *server) connectBus(ctx context.Context, o serverOptions) (busParts, error) {
	var gate coordinator.Gate = sharedGate{o.natsURL}
	connect := bus.Connect
	if o.natsKey != "" {
		signing, err := account.Open(account.Options{URL: o.natsURL, KeyFile: o.natsKey, Account: o.natsAccount})
		if err != nil {
			return busParts{}, usageError{err}
		}
		gate, connect = signing, signing.Connect
	}
	nc, err := connect(o.natsURL, s.log)
	if err != nil {
		return busParts{}, err
	}
	s.onClose(func() error { nc.Close(); return nil })
	srv, err := bus.NewServer(ctx, nc, s.log, bus.WithReplicas(max(o.natsReplicas, 1)))
	if err != nil {
		return busParts{}, err
	}
	dial := func(ctx context.Context, e tourney.Enrolment, opts ...bus.Option) (worker.Bus, error) {
		return bus.Dial(ctx, e, append(opts, bus.WithLogger(s.log))...)
	}
	return busParts{srv, gate, dial}, nil
}

// sharedGate hands every worker the same access to an external bus, whose
// credentials are in its URL.
type sharedGate struct{ url string }

// Admit implements coordinator.Gate.
func (g sharedGate) Admit(id string, _ tourney.EnrolRequest) (tourney.Enrolment, error) {
	return tourney.Enrolment{NATS: g.url, Inbox: bus.Inbox(id)}, nil
}

// Expel implements coordinator.Gate. It cannot take back what all share: who
// said --trusted-network has been told.
func (sharedGate) Expel(string) error { return nil }
