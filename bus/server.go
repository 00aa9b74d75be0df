package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tourney"
)

const (
	maxOffers  = 1 << 16 // messages; an Offer beyond fails
	maxReports = 1 << 20 // messages; a Report beyond fails
	offerAge   = 10 * time.Minute
	// offerAckWait is how long a worker may think about an offer. It is no
	// lease: the worker acknowledges as soon as its claim is answered.
	offerAckWait = 30 * time.Second
	// reportAckWait is the last resort for a report that was sent to the
	// recorder and never arrived; other losses are noticed at once.
	reportAckWait = time.Minute
	// maxPending and maxWaiting replace defaults of 1,000 and 512, which would
	// bound the fleet.
	maxPending = 1 << 16
	maxWaiting = 1 << 14
	// setupTimeout bounds each round of creating streams and consumers.
	setupTimeout = 10 * time.Second
)

// Server is the coordinator's end of the bus. Its methods may be called from
// many goroutines.
type Server struct {
	nc    *nats.Conn
	js    jetstream.JetStream
	log   *slog.Logger
	heard func(worker string)

	replicas int // of streams

	created atomic.Bool
	counts  counts

	mu    sync.Mutex
	pools map[string]bool // those whose consumer was created
}

// Stats counts what a Server refused or dropped since it was made.
type Stats struct {
	Forged      int64 // requests whose reply would not have gone to their sender, or without a sender
	Undecodable int64 // requests and reports that could not be read
	Resets      int64 // times the recorder's consumer was made anew after a fault
}

type counts struct{ forged, undecodable, resets atomic.Int64 }

// ServerOption changes a Server.
type ServerOption func(*Server)

// OnHeard has f called with a worker's id whenever a claim or a beat of that
// worker arrives. f must be quick.
func OnHeard(f func(worker string)) ServerOption { return func(s *Server) { s.heard = f } }

// WithReplicas has every message be on n servers of a cluster, so that it and the
// streams outlast the loss of fewer than half of them.
func WithReplicas(n int) ServerOption { return func(s *Server) { s.replicas = n } }

// NewServer creates what is missing of the streams and consumers. The caller
// goes on owning the connection.
func NewServer(ctx context.Context, nc *nats.Conn, logger *slog.Logger, opts ...ServerOption) (*Server, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("start bus: %w", err)
	}
	s := &Server{
		nc:       nc,
		js:       js,
		log:      logger,
		heard:    func(string) {},
		replicas: 1,
		pools:    map[string]bool{tourney.DefaultPool: true},
	}
	for _, opt := range opts {
		opt(s)
	}
	if err := s.setUp(ctx); err != nil {
		return nil, fmt.Errorf("start bus: %w", err)
	}
	return s, nil
}

// Created reports whether the stream of offers had to be created, now or since
// the Server was made, so that offers published before may be gone.
func (s *Server) Created() bool { return s.created.Load() }

// Connected reports whether there is a connection to the bus now. One that broke
// is made anew in the background.
func (s *Server) Connected() bool { return s.nc.IsConnected() }

// Stats returns the counts so far.
func (s *Server) Stats() Stats {
	return Stats{
		Forged:      s.counts.forged.Load(),
		Undecodable: s.counts.undecodable.Load(),
		Resets:      s.counts.resets.Load(),
	}
}

// EnsurePool makes a pool's offers available to its workers. The first offer
// to a pool does so as well.
func (s *Server) EnsurePool(ctx context.Context, pool string) error {
	if err := CheckToken("pool", pool); err != nil {
		return err
	}
	s.mu.Lock()
	known := s.pools[pool]
	s.pools[pool] = true
	s.mu.Unlock()
	if known {
		return nil
	}
	bounded, cancel := withTimeout(ctx)
	defer cancel()
	err := s.setUpPool(bounded, pool)
	if gone(err) {
		err = s.setUp(bounded)
	}
	if err != nil {
		s.mu.Lock()
		delete(s.pools, pool)
		s.mu.Unlock()
		return unavailable(ctx, "create consumer of pool "+pool, err)
	}
	return nil
}

// Offer publishes an offer to a pool. It returns once the stream has it.
func (s *Server) Offer(ctx context.Context, pool, sweep string, offer tourney.Offer) error {
	if err := CheckToken("sweep", sweep); err != nil {
		return err
	}
	body, err := encode("offer", offer)
	if err != nil {
		return err
	}
	if err := s.EnsurePool(ctx, pool); err != nil {
		return err
	}
	bounded, cancel := withTimeout(ctx)
	defer cancel()
	_, err = s.js.Publish(bounded, offerSubject(pool, sweep), body)
	if gone(err) && s.nc.IsConnected() {
		// The server has lost its streams under us.
		if err = s.setUp(bounded); err == nil {
			_, err = s.js.Publish(bounded, offerSubject(pool, sweep), body)
		}
	}
	if err != nil {
		return unavailable(ctx, "publish offer", err)
	}
	return nil
}

// Control sends a message to one worker, at most once.
func (s *Server) Control(ctx context.Context, worker string, c tourney.Control) error {
	if err := CheckToken("worker", worker); err != nil {
		return err
	}
	body, err := encode("control message", c)
	if err != nil {
		return err
	}
	if err := s.nc.Publish(controlPrefix+worker, body); err != nil {
		return unavailable(ctx, "send control message", err)
	}
	return nil
}

var (
	offersConfig = jetstream.StreamConfig{
		Name:        offersStream,
		Description: "jobs that wait for a worker",
		Subjects:    []string{offersSubjects},
		Retention:   jetstream.WorkQueuePolicy,
		Discard:     jetstream.DiscardNew,
		MaxMsgs:     maxOffers,
		MaxAge:      offerAge,
		Duplicates:  time.Second, // nobody sets message ids; a repeated offer does no harm
		Storage:     jetstream.FileStorage,
	}
	// A work queue, and not a stream with limits, since then the space that it
	// takes is that of the reports that are not yet recorded.
	reportsConfig = jetstream.StreamConfig{
		Name:        reportsStream,
		Description: "what workers report, until it is recorded",
		Subjects:    []string{reportsSubjects},
		Retention:   jetstream.WorkQueuePolicy,
		Discard:     jetstream.DiscardNew,
		MaxMsgs:     maxReports,
		Duplicates:  time.Second,
		Storage:     jetstream.FileStorage,
	}
)

// setUp creates or updates the streams and all consumers of pools.
func (s *Server) setUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	created, err := s.setUpStream(ctx, offersConfig)
	if err != nil {
		return err
	}
	if created {
		s.created.Store(true)
	}
	if _, err = s.setUpStream(ctx, reportsConfig); err != nil {
		return err
	}
	for pool := range s.pools {
		err := s.setUpPool(ctx, pool)
		if broken(err) {
			// What was kept of it lies beside the stream. What is open is offered
			// again by the coordinator.
			if err = s.replace(ctx, offersConfig, err); err == nil {
				s.created.Store(true)
				err = s.setUpPool(ctx, pool)
			}
		}
		if err != nil {
			return fmt.Errorf("consumer of pool %s: %w", pool, err)
		}
	}
	return nil
}

// replace makes a stream anew that is of no use to the server.
func (s *Server) replace(ctx context.Context, cfg jetstream.StreamConfig, cause error) error {
	s.log.Warn("a stream is made anew: the server cannot use what it has kept", "stream", cfg.Name, "error", cause)
	if err := s.js.DeleteStream(ctx, cfg.Name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("delete stream %s: %w", cfg.Name, err)
	}
	cfg.Replicas = s.replicas
	if _, err := s.js.CreateStream(ctx, cfg); err != nil {
		return fmt.Errorf("stream %s: %w", cfg.Name, err)
	}
	return nil
}

// broken reports whether the server could do what it was asked, had it not
// failed itself.
func broken(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.Code == 500
}

// setUpStream updates a stream, or creates it if it is not there, or is of no
// use to the server.
func (s *Server) setUpStream(ctx context.Context, cfg jetstream.StreamConfig) (created bool, err error) {
	cfg.Replicas = s.replicas
	_, err = s.js.UpdateStream(ctx, cfg)
	if broken(err) {
		return true, s.replace(ctx, cfg, err)
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = s.js.CreateStream(ctx, cfg)
		created = err == nil
	}
	if err != nil {
		return false, fmt.Errorf("stream %s: %w", cfg.Name, err)
	}
	return created, nil
}

func (s *Server) setUpPool(ctx context.Context, pool string) error {
	_, err := s.js.CreateOrUpdateConsumer(ctx, offersStream, jetstream.ConsumerConfig{
		Durable:       poolConsumer(pool),
		FilterSubject: offerSubject(pool, "*"),
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       offerAckWait,
		MaxDeliver:    -1, // else an offer would stay in the stream, out of reach
		MaxAckPending: maxPending,
		MaxWaiting:    maxWaiting,
	})
	return err
}
