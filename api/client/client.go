package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"tourney"
	"tourney/api/client/gen"
	"tourney/api/problem"
)

// answerWithin is how long an answer that is not a stream may take.
const answerWithin = time.Minute

// Client speaks to one server. It is safe for use by many goroutines.
type Client struct {
	base string
	rest *gen.Client
}

// New returns a client of the server at base, as in http://127.0.0.1:8080; a
// base without a scheme is taken as http. With hc nil, http.DefaultClient is
// used. Nothing is sent yet.
func New(base string, hc *http.Client) *Client {
	if hc == nil {
		hc = http.DefaultClient
	}
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	base = strings.TrimRight(base, "/")
	return &Client{base: base, rest: &gen.Client{Server: base + "/", Client: hc}}
}

// Health returns the server's version if its process answers.
func (c *Client) Health(ctx context.Context) (version string, err error) {
	h, err := call[gen.Health](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.rest.GetHealth(ctx) })
	return h.Version, err
}

// Ready returns nil if the server can take work.
func (c *Client) Ready(ctx context.Context) error {
	_, err := call[gen.Health](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.rest.GetReady(ctx) })
	return err
}

// call sends a request and reads a JSON answer.
func call[T any](ctx context.Context, c *Client, send func(context.Context) (*http.Response, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerWithin, fmt.Errorf("no answer from %s within %v: %w", c.base, answerWithin, tourney.ErrUnavailable))
	defer cancel()
	return receive[T](ctx, c, send)
}

// receive is call without a limit of time.
func receive[T any](ctx context.Context, c *Client, send func(context.Context) (*http.Response, error)) (T, error) {
	var v T
	resp, err := send(ctx)
	if err != nil {
		return v, c.broken(ctx, err)
	}
	defer resp.Body.Close()
	if err := refused(resp); err != nil {
		return v, err
	}
	if _, none := any(v).(nothing); none {
		return v, nil
	}
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
		return v, c.broken(ctx, fmt.Errorf("read the answer: %w", err))
	}
	return v, nil
}

// nothing is an answer without a body.
type nothing struct{}

// refused returns the error that an answer stands for, or nil.
func refused(resp *http.Response) error {
	if resp.StatusCode < 300 {
		return nil
	}
	p := problem.Problem{Title: http.StatusText(resp.StatusCode)}
	if typ, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && typ == problem.MediaType {
		if err := json.NewDecoder(io.LimitReader(resp.Body, 8<<20)).Decode(&p); err != nil {
			p.Detail = fmt.Sprintf("the server answered %s with a problem that cannot be read: %v", resp.Status, err)
		}
	}
	p.Status = resp.StatusCode
	return p.Err()
}

// broken says why there is no answer.
func (c *Client) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &unreachable{base: c.base, err: err}
}

// unreachable is a server that could not be spoken to. It is a
// tourney.ErrUnavailable.
type unreachable struct {
	base string
	err  error
}

// Error names the server and what to do.
func (e *unreachable) Error() string {
	if errors.Is(e.err, syscall.ECONNREFUSED) {
		return fmt.Sprintf("nothing listens at %s: is the server running? start one with tourney up", e.base)
	}
	if bad := new(tls.CertificateVerificationError); errors.As(e.err, &bad) {
		return fmt.Sprintf("%s is not trusted: %v; if its certificate is of tourney tls init, say which authority to trust: --ca ca.pem", e.base, bad.Err)
	}
	err := e.err
	if u := new(url.Error); errors.As(err, &u) {
		err = u.Err
	}
	return fmt.Sprintf("cannot speak to %s: %v", e.base, err)
}

// Unwrap returns what it is and what caused it.
func (e *unreachable) Unwrap() []error { return []error{tourney.ErrUnavailable, e.err} }

// pages walks through a list. The first page is small, since many callers want
// the top only.
func pages[T any](fetch func(limit int, cursor *string) (items []T, next string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		limit := tourney.DefaultPage
		var cursor *string
		for {
			items, next, err := fetch(limit, cursor)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			limit, cursor = tourney.MaxPage, &next
		}
	}
}
