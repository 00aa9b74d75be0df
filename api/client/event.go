package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tourney"
	"tourney/api/client/gen"
)

const (
	silence     = 45 * time.Second // without a sign of life, three pings of the server's, a stream is dead
	firstPause  = 500 * time.Millisecond
	longPause   = 15 * time.Second
	giveUpAfter = 5 * time.Minute // without a server
	maxMessage  = 8 << 20         // bytes of one line of a stream
)

// Events follows the events of a sweep, or of all if sweep is empty: those
// after the event with that id, 0 for all of them; if after is negative, those
// to come. A stream that breaks off is taken up where it was, without repeating
// or losing an event. The iteration ends with an error only: the context's, the
// server's refusal, or that there was no server for five minutes, or none to
// begin with.
func (c *Client) Events(ctx context.Context, sweep string, after int64) iter.Seq2[tourney.Event, error] {
	return func(yield func(tourney.Event, error) bool) {
		f := &follower{client: c, sweep: sweep, after: after, yield: yield}
		if err := f.run(ctx); !errors.Is(err, errEnough) {
			yield(tourney.Event{}, err)
		}
	}
}

// errEnough means that the caller wants no more events.
var errEnough = errors.New("enough")

// follower is one iteration over events.
type follower struct {
	client *Client
	sweep  string
	after  int64 // id of the last event yielded; negative: not known yet
	yield  func(tourney.Event, error) bool
}

// fatal is an error that connecting again does not mend.
type fatal struct{ error }

func (e fatal) Unwrap() error { return e.error }

// run connects again and again.
func (f *follower) run(ctx context.Context) error {
	var heard time.Time // when there was a server last
	pause := firstPause
	for {
		connected, err := f.connect(ctx)
		var stop fatal
		switch {
		case errors.Is(err, errEnough):
			return err
		case errors.As(err, &stop):
			return stop.error
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case connected:
			heard, pause = time.Now(), firstPause
		case heard.IsZero() || time.Since(heard) > giveUpAfter:
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, longPause)
	}
}

// connect opens a stream and reads it to its end. It reports whether there was
// one.
func (f *follower) connect(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	alive := time.AfterFunc(silence, cancel)
	defer alive.Stop()
	resp, err := f.open(ctx)
	if err != nil {
		return false, f.client.broken(context.WithoutCancel(ctx), err)
	}
	defer resp.Body.Close()
	if err := refused(resp); err != nil {
		if resp.StatusCode < http.StatusInternalServerError {
			err = fatal{err}
		}
		return false, err
	}
	if typ := resp.Header.Get("Content-Type"); !strings.HasPrefix(typ, "text/event-stream") {
		return false, fatal{fmt.Errorf("%s answers with %q instead of events: is it a Tourney server?", f.client.base, typ)}
	}
	return true, f.read(resp.Body, func() { alive.Reset(silence) })
}

func (f *follower) open(ctx context.Context) (*http.Response, error) {
	var last *int64
	if f.after >= 0 {
		last = &f.after
	}
	if f.sweep == "" {
		return f.client.rest.StreamEvents(ctx, &gen.StreamEventsParams{LastEventID: last})
	}
	return f.client.rest.StreamSweepEvents(ctx, f.sweep, &gen.StreamSweepEventsParams{LastEventID: last})
}

// read takes a stream apart into messages, as in the HTML standard, section
// 9.2.6, and yields their events.
func (f *follower) read(body io.Reader, alive func()) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxMessage)
	id, data := f.after, ""
	logged := false // the message has an id: others are no events of the log
	for lines.Scan() {
		alive()
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return fatal{fmt.Errorf("read events: the id %q is not a number", value)}
			}
			id, logged = n, true
		case "data":
			data += value
		case "":
			if lines.Text() != "" {
				continue // a comment
			}
			if data != "" && logged {
				ev, err := decode(data)
				if err != nil {
					return fatal{err}
				}
				if !f.yield(ev, nil) {
					return errEnough
				}
			}
			f.after, data, logged = id, "", false
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fatal{fmt.Errorf("read events: a message is longer than %d bytes", maxMessage)}
	}
	return lines.Err()
}

// decode reads an event.
func decode(data string) (tourney.Event, error) {
	var wire struct {
		ID    int64           `json:"id"`
		Sweep string          `json:"sweep"`
		Seq   int64           `json:"seq"`
		At    time.Time       `json:"at"`
		Kind  string          `json:"kind"`
		Body  json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal([]byte(data), &wire); err != nil {
		return tourney.Event{}, fmt.Errorf("read events: %w", err)
	}
	body, err := tourney.DecodeEvent(wire.Kind, wire.Body)
	if err != nil {
		return tourney.Event{}, fmt.Errorf("read events: %w", err)
	}
	return tourney.Event{ID: wire.ID, Sweep: wire.Sweep, Seq: wire.Seq, At: wire.At, Body: body}, nil
}
