package bus

import (
	"context"
	"crypto/tls"
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

// maxControls is how many control messages wait for the worker. Further ones
// are dropped: the answer to the next beat says the same.
const maxControls = 256

// Client is a worker's end of the bus. Its methods may be called from many
// goroutines.
//
// A lost connection comes back by itself; until then every call fails with a
// tourney.ErrUnavailable and may be repeated. When the server no longer takes
// the worker's credential, the Client is closed: calls fail with a
// tourney.ErrRefused, Control's channel is closed, and the worker has to enrol
// again.
type Client struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	worker string
	pool   string
	log    *slog.Logger

	mu     sync.Mutex
	offers jetstream.Consumer // nil before the first Fetch

	controls chan tourney.Control
	closed   chan struct{} // by the connection, when it ends
	ending   atomic.Bool   // Close was called
	forward  sync.WaitGroup
}

// Option changes a Client.
type Option func(*options)

type options struct {
	logger *slog.Logger
	nats   []nats.Option
	renew  func(context.Context) (tourney.Enrolment, error)
}

// WithLogger has the client say when the connection is lost and back.
func WithLogger(logger *slog.Logger) Option { return func(o *options) { o.logger = logger } }

// WithTLS says how to verify the server of a tls:// URL.
func WithTLS(config *tls.Config) Option {
	return func(o *options) { o.nats = append(o.nats, nats.Secure(config)) }
}

// Dial connects an enrolled worker to the URL of its enrolment.
func Dial(ctx context.Context, enrolment tourney.Enrolment, opts ...Option) (*Client, error) {
	if enrolment.NATS == "" {
		return nil, tourney.Invalid("nats", "the enrolment names no NATS server: it is for a worker inside the coordinator's process")
	}
	return dial(ctx, enrolment.NATS, enrolment, opts)
}

// DialInProcess connects a worker that runs in the same process as the NATS
// server; nothing else differs from Dial. A *natsd.Server is such a server.
func DialInProcess(ctx context.Context, server nats.InProcessConnProvider, enrolment tourney.Enrolment, opts ...Option) (*Client, error) {
	inProcess := func(o *options) { o.nats = append(o.nats, nats.InProcessServer(server)) }
	return dial(ctx, "", enrolment, append(opts[:len(opts):len(opts)], inProcess))
}

func dial(ctx context.Context, url string, e tourney.Enrolment, opts []Option) (*Client, error) {
	if err := errors.Join(CheckToken("worker", e.Worker), CheckToken("pool", e.Pool)); err != nil {
		return nil, err
	}
	if e.Inbox != Inbox(e.Worker) {
		return nil, tourney.Invalid("inbox", "%q is not the inbox of worker %s, which is %s", e.Inbox, e.Worker, Inbox(e.Worker))
	}
	o := options{logger: slog.New(slog.DiscardHandler)}
	for _, opt := range opts {
		opt(&o)
	}
	c := &Client{
		worker:   e.Worker,
		pool:     e.Pool,
		log:      o.logger,
		controls: make(chan tourney.Control, maxControls),
		closed:   make(chan struct{}),
	}
	open, end := context.WithCancel(context.WithoutCancel(ctx))
	all := append(Options("tourney worker "+e.Worker, o.logger),
		nats.CustomInboxPrefix(e.Inbox),
		nats.ClosedHandler(func(*nats.Conn) { end(); close(c.closed) }),
	)
	cred := newCredential(e.Credentials)
	switch {
	case e.Credentials != "":
		all = append(all, cred.option())
	case e.User != "": // a trusted external server may have the credentials in its URL
		all = append(all, nats.UserInfo(e.User, e.Password))
	}
	if deadline, ok := ctx.Deadline(); ok {
		all = append(all, nats.Timeout(min(dialTimeout, max(time.Until(deadline), time.Millisecond))))
	}
	nc, err := nats.Connect(url, append(all, o.nats...)...)
	if err != nil {
		end()
		if isRefusal(err) {
			return nil, fmt.Errorf("connect worker %s to NATS: %w: %w", e.Worker, tourney.ErrRefused, err)
		}
		return nil, unavailable(ctx, "connect worker "+e.Worker+" to NATS", err)
	}
	c.nc = nc
	if err := c.start(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	if e.Credentials != "" && o.renew != nil {
		c.forward.Go(func() { c.keepCredential(open, cred, e.Expires, o.renew) })
	}
	return c, nil
}

// start subscribes to control messages and waits until the server knows.
func (c *Client) start(ctx context.Context) error {
	js, err := jetstream.New(c.nc)
	if err != nil {
		return fmt.Errorf("connect worker %s to NATS: %w", c.worker, err)
	}
	c.js = js
	msgs := make(chan *nats.Msg, maxControls)
	if _, err := c.nc.ChanSubscribe(controlPrefix+c.worker, msgs); err != nil {
		return unavailable(ctx, "listen for control messages", err)
	}
	flushing, cancel := withTimeout(ctx)
	defer cancel()
	if err := c.nc.FlushWithContext(flushing); err != nil {
		return unavailable(ctx, "listen for control messages", err)
	}
	c.forward.Go(func() { c.forwardControls(msgs) })
	return nil
}

// forwardControls hands control messages on until the connection has ended.
func (c *Client) forwardControls(msgs <-chan *nats.Msg) {
	defer close(c.controls)
	for {
		select {
		case <-c.closed:
			return
		case msg := <-msgs:
			var control tourney.Control
			if err := decode("control message", msg.Data, &control); err != nil {
				c.log.Warn("control message not understood", "error", err)
				continue
			}
			if len(control.Stop) == 0 && len(control.Committed) == 0 && control.Drain == "" {
				continue // it says nothing
			}
			select {
			case c.controls <- control:
			default:
				c.log.Warn("control message dropped: the worker does not read them")
			}
		}
	}
}

// Control returns the messages to this worker. It is closed with the bus.
func (c *Client) Control() <-chan tourney.Control { return c.controls }

// Close ends the connection. What was sent and not yet answered may or may not
// have arrived.
func (c *Client) Close() error {
	c.ending.Store(true)
	c.nc.Close()
	c.forward.Wait()
	return nil
}

// Fetch waits for offers, at most n and at most wait. No offer is no error.
func (c *Client) Fetch(ctx context.Context, n int, wait time.Duration) ([]tourney.Offered, error) {
	const op = "fetch offers"
	connected, cancel := whileConnected(ctx, c.nc)
	defer cancel()
	cons, err := c.consumer(connected)
	if err != nil {
		return nil, c.failed(ctx, op, err)
	}
	msgs, err := pull(connected, cons, min(max(n, 1), maxBatch), wait)
	offered := make([]tourney.Offered, 0, len(msgs))
	for _, msg := range msgs {
		o := tourney.Offered{Ack: msg.Ack}
		if err := decode("offer", msg.Data(), &o.Offer); err != nil {
			c.log.Warn("offer dropped: not understood", "subject", msg.Subject(), "error", err)
			if err := msg.Term(); err != nil {
				return offered, c.failed(ctx, op, err)
			}
			continue
		}
		offered = append(offered, o)
	}
	if err != nil && len(offered) == 0 {
		return nil, c.failed(ctx, op, err)
	}
	return offered, nil // an error, if it stays, comes with the next Fetch
}

// consumer returns the pool's consumer. It is looked up once: later calls find
// a consumer of that name even if it was made anew.
func (c *Client) consumer(ctx context.Context) (jetstream.Consumer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.offers != nil {
		return c.offers, nil
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	cons, err := c.js.Consumer(ctx, offersStream, poolConsumer(c.pool))
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, fmt.Errorf("pool %s: %w", c.pool, err)
	}
	c.offers = cons
	return cons, nil
}

// Claim asks the coordinator for jobs. The reply's Error says that the
// coordinator did not understand; asking again would not help.
func (c *Client) Claim(ctx context.Context, req tourney.ClaimRequest) (tourney.ClaimReply, error) {
	var rep tourney.ClaimReply
	err := c.request(ctx, claimPrefix, "claim", req, &rep)
	return rep, err
}

// Beat says what runs.
func (c *Client) Beat(ctx context.Context, beat tourney.Beat) (tourney.BeatReply, error) {
	var rep tourney.BeatReply
	err := c.request(ctx, beatPrefix, "beat", beat, &rep)
	return rep, err
}

// request asks and waits for the answer, five seconds if ctx has no deadline.
func (c *Client) request(ctx context.Context, prefix, what string, req, rep any) error {
	body, err := encode(what, req)
	if err != nil {
		return err
	}
	bounded, cancel := withTimeout(ctx)
	defer cancel()
	connected, cancel := whileConnected(bounded, c.nc)
	defer cancel()
	if connected.Err() != nil {
		return c.failed(ctx, "send "+what, context.Cause(connected))
	}
	msg, err := c.nc.RequestWithContext(connected, prefix+c.worker, body)
	if err != nil {
		if cause := context.Cause(connected); cause != nil {
			err = cause
		}
		return c.failed(ctx, "send "+what, err)
	}
	if err := decode("reply to a "+what, msg.Data, rep); err != nil {
		return fmt.Errorf("read reply to a %s: %w", what, err)
	}
	return nil
}

// Report sends a report; it returns once the stream has it. A report of more
// than MaxBody bytes is a *tourney.InvalidError: it has to be cut.
func (c *Client) Report(ctx context.Context, r tourney.Report) error {
	body, err := encode("report", r)
	if err != nil {
		return err
	}
	bounded, cancel := withTimeout(ctx)
	defer cancel()
	connected, cancel := whileConnected(bounded, c.nc)
	defer cancel()
	if connected.Err() != nil {
		return c.failed(ctx, "send report", context.Cause(connected))
	}
	if _, err := c.js.Publish(connected, reportsPrefix+c.worker, body); err != nil {
		if cause := context.Cause(connected); cause != nil {
			err = cause
		}
		return c.failed(ctx, "send report", err)
	}
	return nil
}

// failed wraps an error for the worker: an ErrRefused once the server has shut
// it out, an ErrUnavailable otherwise.
func (c *Client) failed(ctx context.Context, op string, err error) error {
	// It comes back for ever, but to a server that has refused it twice.
	if c.nc.IsClosed() && !c.ending.Load() {
		return fmt.Errorf("%s: %w: the server no longer takes the credential of worker %s, enrol again: %w",
			op, tourney.ErrRefused, c.worker, c.nc.LastError())
	}
	return unavailable(ctx, op, err)
}

// isRefusal reports whether NATS said that it does not know us.
func isRefusal(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) ||
		errors.Is(err, nats.ErrAuthRevoked) || errors.Is(err, nats.ErrAccountAuthExpired)
}
