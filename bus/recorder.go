package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"tourney"
)

const (
	// maxBatch is the most reports in one call of the handler, which makes
	// them one transaction.
	maxBatch = 1000
	// idleWait is how long the recorder waits for a report before it asks the
	// server anew.
	idleWait = 30 * time.Second
	// The recorder's pauses after a refusal of the handler or a fault of NATS
	// grow from the first to the second.
	minPause = 20 * time.Millisecond
	maxPause = 5 * time.Second
	// lastWords bounds the wait for an acknowledgement, or for replies to go
	// out when all ends.
	lastWords = time.Second
)

// errOrder says that reports would not come in the order of the stream.
var errOrder = errors.New("reports out of order")

// Serve hands what workers say to h until ctx is done, and then returns nil
// after the last handler did. An error means that the connection was closed for
// good. One Serve at a time reads the reports, of all Servers there are.
func (s *Server) Serve(ctx context.Context, h tourney.Handler) error {
	closed := s.nc.StatusChanged(nats.CLOSED)
	defer s.nc.RemoveStatusListener(closed)
	if s.nc.IsClosed() {
		return fmt.Errorf("serve bus: %w: %w", tourney.ErrUnavailable, nats.ErrConnectionClosed)
	}
	work, stop := context.WithCancel(ctx)
	defer stop()
	g, work := errgroup.WithContext(work)
	g.Go(func() error { return s.serveClaims(work, h) })
	g.Go(func() error { return s.serveBeats(work, h) })
	g.Go(func() error { s.record(work, h); return nil })
	g.Go(func() error {
		select {
		case <-closed:
			return fmt.Errorf("%w: %w", tourney.ErrUnavailable, nats.ErrConnectionClosed)
		case <-work.Done():
			return nil
		}
	})
	err := g.Wait()
	if ctx.Err() != nil {
		s.flush(ctx)
		return nil
	}
	return fmt.Errorf("serve bus: %w", err)
}

// flush gives the replies that were written last time to go out. What does not
// is asked again.
func (s *Server) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	if err := s.nc.FlushWithContext(ctx); err != nil {
		s.log.Debug("bus stopped before its last messages went out", "error", err)
	}
}

// record hands reports to the handler until ctx is done. Each round reads from
// a new consumer, and ends when the order is in doubt.
func (s *Server) record(ctx context.Context, h tourney.Handler) {
	pause := minPause
	for {
		began := time.Now()
		err := s.recordRound(ctx, h)
		if ctx.Err() != nil {
			return
		}
		s.counts.resets.Add(1)
		s.log.Warn("reading reports begins anew", "error", err)
		if time.Since(began) > maxPause {
			pause = minPause
		}
		if !sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, maxPause)
	}
}

// recordRound reads reports from a new consumer until something goes wrong.
//
// The consumer numbers its deliveries from 1. As long as these numbers come
// without a gap, no report was lost on its way or sent twice, hence all came
// in the order of the stream.
func (s *Server) recordRound(ctx context.Context, h tourney.Handler) error {
	connected, cancel := whileConnected(ctx, s.nc)
	defer cancel()
	cons, err := s.newRecorder(connected)
	if err != nil {
		return err
	}
	last := uint64(0) // number of the delivery handled last
	for {
		msgs, err := pull(connected, cons, maxBatch, idleWait)
		for _, msg := range msgs {
			md, err := msg.Metadata()
			if err != nil {
				return fmt.Errorf("read report: %w", err)
			}
			if md.Sequence.Consumer != last+1 {
				return fmt.Errorf("%w: delivery %d follows %d", errOrder, md.Sequence.Consumer, last)
			}
			last++
		}
		if len(msgs) > 0 {
			if err := s.deliver(ctx, h, msgs); err != nil {
				return err
			}
		}
		if err != nil {
			return fmt.Errorf("fetch reports: %w", err)
		}
	}
}

// newRecorder replaces the recorder's consumer by a new one, which begins at
// the oldest report in the stream.
func (s *Server) newRecorder(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	create := func() (jetstream.Consumer, error) {
		err := s.js.DeleteConsumer(ctx, reportsStream, recorder)
		if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return nil, err
		}
		return s.js.CreateConsumer(ctx, reportsStream, jetstream.ConsumerConfig{
			Durable:       recorder,
			AckPolicy:     jetstream.AckExplicitPolicy,
			AckWait:       reportAckWait,
			MaxDeliver:    -1,
			MaxAckPending: maxPending,
		})
	}
	cons, err := create()
	if broken(err) {
		// Whatever is lost with it is reported again: an end stays with its
		// worker until it is known to be recorded.
		if err = s.replace(ctx, reportsConfig, err); err == nil {
			cons, err = create()
		}
	}
	if gone(err) {
		if err = s.setUp(ctx); err == nil {
			cons, err = create()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("create consumer of reports: %w", err)
	}
	return cons, nil
}

// deliver hands reports to the handler until it takes them, and acknowledges
// them then. The batch is kept here meanwhile and not given back to the
// stream, which would mix up the order.
func (s *Server) deliver(ctx context.Context, h tourney.Handler, msgs []jetstream.Msg) error {
	batch := make([]tourney.Incoming, 0, len(msgs))
	for _, msg := range msgs {
		in, err := incoming(msg)
		if err != nil {
			s.counts.undecodable.Add(1)
			s.log.Warn("report dropped: not understood", "subject", msg.Subject(), "error", err)
			continue // it is acknowledged with the others, and never comes again
		}
		batch = append(batch, in)
	}
	for pause := minPause; len(batch) > 0; pause = min(2*pause, maxPause) {
		err := h.Reports(ctx, batch)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.log.Warn("reports not recorded, trying again", "reports", len(batch), "error", err, "after", pause)
		if !sleep(ctx, pause) {
			return ctx.Err()
		}
	}
	return acknowledge(ctx, msgs)
}

// acknowledge takes reports out of the stream and waits until they are, even
// when ctx is done: else a new consumer might bring them again.
func acknowledge(ctx context.Context, msgs []jetstream.Msg) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	last := len(msgs) - 1
	for _, msg := range msgs[:last] {
		if err := msg.Ack(); err != nil {
			return fmt.Errorf("acknowledge reports: %w", err)
		}
	}
	if err := msgs[last].DoubleAck(ctx); err != nil { // the server takes them in order
		return fmt.Errorf("acknowledge reports: %w", err)
	}
	return nil
}

// incoming reads a report. One without entries says nothing; such are made by
// messages that a worker had NATS send here in another's name.
func incoming(msg jetstream.Msg) (tourney.Incoming, error) {
	var in tourney.Incoming
	worker, ok := sender(msg.Subject(), reportsPrefix)
	if !ok {
		return in, tourney.Invalid("subject", "%q names no worker", msg.Subject())
	}
	in.Worker = worker
	if err := decode("report", msg.Data(), &in.Report); err != nil {
		return in, err
	}
	if len(in.Report.Entries) == 0 {
		return in, tourney.Invalid("report", "has no entries")
	}
	return in, nil
}

// sleep waits and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
