package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"tourney"
)

// How a connection behaves, on both ends.
const (
	dialTimeout     = 5 * time.Second
	reconnectWait   = 100 * time.Millisecond
	reconnectJitter = 100 * time.Millisecond
	requestTimeout  = 5 * time.Second // where the context has no deadline

	// A connection that stays open and carries nothing is found out after three
	// of these, which is within a lease, and not the library's six minutes.
	pingInterval = 5 * time.Second
	maxPings     = 2 // without an answer
)

// Connect connects the coordinator to a NATS server of its own, credentials
// being part of the URL. It is the caller who decides whether workers may
// share that URL. The connection repairs itself until it is closed; further
// options go after the package's own.
func Connect(url string, logger *slog.Logger, opts ...nats.Option) (*nats.Conn, error) {
	opts = append(Options("tourney coordinator", logger), opts...)
	nc, err := nats.Connect(url, opts...)
	switch {
	case isRefusal(err):
		return nil, fmt.Errorf("connect to NATS: %w: %w", tourney.ErrRefused, err)
	case err != nil:
		return nil, fmt.Errorf("connect to NATS: %w: %w", tourney.ErrUnavailable, err)
	}
	return nc, nil
}

// Options returns how every connection of the bus behaves: it comes back by
// itself, soon and for ever, and says in the log when it is gone.
func Options(name string, logger *slog.Logger) []nats.Option {
	return []nats.Option{
		nats.Name(name),
		nats.Timeout(dialTimeout),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		nats.MaxReconnects(-1),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(maxPings),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if err != nil {
				logger.Warn("NATS connection lost", "name", name, "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			logger.Info("NATS connection is back", "name", name)
		}),
		nats.ErrorHandler(func(nc *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			logger.Warn("NATS error", "name", name, "subject", subject, "error", err)
		}),
	}
}

// errDisconnected ends whatever waits for an answer that can no longer come.
var errDisconnected = fmt.Errorf("connection to NATS lost: %w", tourney.ErrUnavailable)

// whileConnected returns a context that is cancelled, with errDisconnected as
// its cause, when the connection is lost. A server forgets what it was asked
// by a connection that broke, so that waiting on would be in vain.
func whileConnected(ctx context.Context, nc *nats.Conn) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	lost := nc.StatusChanged(nats.RECONNECTING, nats.DISCONNECTED, nats.CLOSED)
	if !nc.IsConnected() {
		cancel(errDisconnected)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-lost:
			cancel(errDisconnected)
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-done
		nc.RemoveStatusListener(lost)
	}
}

// withTimeout bounds a request that its caller did not bound.
func withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, requestTimeout)
}

// unavailable wraps an error of NATS for callers, who may try again. The end
// of the caller's own context stays what it is.
func unavailable(ctx context.Context, op string, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", op, context.Cause(ctx))
	case errors.Is(err, tourney.ErrUnavailable):
		return fmt.Errorf("%s: %w", op, err)
	}
	return fmt.Errorf("%s: %w: %w", op, tourney.ErrUnavailable, err)
}
