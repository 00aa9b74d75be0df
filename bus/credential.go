package bus

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"tourney"
)

// WithRenewal has the client ask f for another credential when half of its time
// is over, and take it to the server. It is for enrolments with Credentials; f
// enrols the worker again under its id.
func WithRenewal(f func(context.Context) (tourney.Enrolment, error)) Option {
	return func(o *options) { o.renew = f }
}

// minRenewal is the shortest time between two tries to renew a credential.
const minRenewal = time.Second

// credential is a worker's user, as a NATS credentials file holds it. Its methods
// may be called from many goroutines.
type credential struct {
	text atomic.Pointer[string]
}

func newCredential(text string) *credential {
	c := new(credential)
	c.text.Store(&text)
	return c
}

// option has a connection log in with it, and after a reconnection with what it is
// then.
func (c *credential) option() nats.Option {
	return nats.UserJWT(
		func() (string, error) { return nkeys.ParseDecoratedJWT([]byte(*c.text.Load())) },
		func(nonce []byte) ([]byte, error) {
			key, err := nkeys.ParseDecoratedUserNKey([]byte(*c.text.Load()))
			if err != nil {
				return nil, fmt.Errorf("read credential: %w", err)
			}
			defer key.Wipe()
			return key.Sign(nonce)
		})
}

// keepCredential renews the credential until ctx is done. One that cannot be
// renewed ends with its time, and with it the connection.
func (c *Client) keepCredential(ctx context.Context, cred *credential, expires time.Time, renew func(context.Context) (tourney.Enrolment, error)) {
	for sleep(ctx, max(time.Until(expires)/2, minRenewal)) {
		bounded, cancel := context.WithTimeout(ctx, requestTimeout)
		e, err := renew(bounded)
		cancel()
		if err == nil && e.Credentials == "" {
			err = fmt.Errorf("%w: the coordinator gave none", tourney.ErrRefused)
		}
		if err != nil {
			if ctx.Err() == nil {
				c.log.Warn("NATS credential is not renewed", "expires", expires, "error", err)
			}
			if errors.Is(err, tourney.ErrRefused) {
				return
			}
			continue
		}
		cred.text.Store(&e.Credentials)
		expires = e.Expires
		// The server counts by what it was shown last.
		if err := c.nc.ForceReconnect(); err != nil && ctx.Err() == nil {
			c.log.Debug("show the renewed NATS credential", "error", err)
		}
	}
}
