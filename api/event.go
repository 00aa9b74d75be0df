package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"tourney"
	"tourney/api/gen"
)

const (
	streamLife  = time.Hour               // the longest that a stream lasts
	streamPing  = 15 * time.Second        // between signs of life
	streamPace  = 50 * time.Millisecond   // between reads of the log, so that many streams cost little
	streamWrite = 10 * time.Second        // a reader that takes longer to take in a message is cut off
	streamBatch = 256                     // events read at a time, at most
	streamFirst = 32                      // likewise, until it is known how long they are
	streamBytes = 128 << 10               // of the events read at a time, about: a reader that stalls holds no more
	streamChunk = 32 << 10                // bytes that are written at a time
	streamRetry = 2000 * time.Millisecond // when readers should come back
)

const typeStream = "text/event-stream"

// StreamEvents follows all sweeps.
func (s *Server) StreamEvents(ctx context.Context, req gen.StreamEventsRequestObject) (gen.StreamEventsResponseObject, error) {
	after, ok := startOf(req.Params.LastEventID, req.Params.After)
	if !ok {
		var err error
		if after, err = s.newestEvent(ctx); err != nil {
			return nil, err
		}
	}
	return &stream{s: s, ctx: ctx, after: after, seen: map[string]bool{}}, nil
}

// StreamSweepEvents follows one sweep.
func (s *Server) StreamSweepEvents(ctx context.Context, req gen.StreamSweepEventsRequestObject) (gen.StreamSweepEventsResponseObject, error) {
	sweep, err := s.cfg.Reader.Sweep(ctx, req.ID)
	if err != nil {
		return nil, err
	}
	after, ok := startOf(req.Params.LastEventID, req.Params.After)
	if !ok {
		after = sweep.Cursor
	}
	return &stream{s: s, ctx: ctx, sweep: req.ID, after: after}, nil
}

// startOf returns the event to start after. The header wins: a browser that
// comes back sends it with the address that it was first given.
func startOf(last, after *int64) (int64, bool) {
	if last != nil {
		return *last, true
	}
	if after != nil {
		return *after, true
	}
	return 0, false
}

// newestEvent returns the id of the newest event. Events can only be asked for
// by what comes after an id, so it doubles its step until nothing does, and
// then halves: reads of one indexed row, as many as twice the logarithm of
// what was committed since the last time.
func (s *Server) newestEvent(ctx context.Context) (int64, error) {
	low := s.newest.Load() // the event is there, or it is 0
	next := func(id int64) (int64, error) {
		events, err := s.cfg.Reader.EventsAfter(ctx, "", id, 1)
		if err != nil || len(events) == 0 {
			return 0, err
		}
		return events[0].ID, nil
	}
	high := low // once the first loop ends, nothing comes after it
	for step := int64(1); ; step *= 2 {
		found, err := next(high)
		if err != nil {
			return 0, err
		}
		if found == 0 {
			break
		}
		low, high = found, found+step
	}
	for low < high {
		mid := low + (high-low)/2
		found, err := next(mid)
		if err != nil {
			return 0, err
		}
		if found == 0 {
			high = mid
		} else {
			low = found
			high = max(high, low) // events may have been committed meanwhile
		}
	}
	for {
		known := s.newest.Load()
		if known >= low || s.newest.CompareAndSwap(known, low) {
			return low, nil
		}
	}
}

// stream is the answer that goes on.
type stream struct {
	s     *Server
	ctx   context.Context
	sweep string          // empty: all
	after int64           // id of the last event written
	seen  map[string]bool // the workers that the reader knows of, and whether they live; nil: it is told of none
	w     http.ResponseWriter
	rc    *http.ResponseController
	buf   bytes.Buffer
	batch int // events to be read next; 0: streamFirst
}

// VisitStreamEventsResponse writes the stream of all sweeps.
func (st *stream) VisitStreamEventsResponse(w http.ResponseWriter) error { return st.serve(w) }

// VisitStreamSweepEventsResponse writes the stream of one sweep.
func (st *stream) VisitStreamSweepEventsResponse(w http.ResponseWriter) error { return st.serve(w) }

// serve writes events until the reader leaves, lags or has had its hour, or
// the server closes.
func (st *stream) serve(w http.ResponseWriter) error {
	select {
	case st.s.streams <- struct{}{}:
		defer func() { <-st.s.streams }()
	default:
		return failf(http.StatusServiceUnavailable, tourney.ErrUnavailable, "all %d event streams are taken; try again later", cap(st.s.streams))
	}
	if who := callerOf(st.ctx); who != nil && who.token.ID != insideID {
		leave, ok := st.s.readers.enter(who.token.ID, st.s.cfg.MaxTokenStreams)
		if !ok {
			w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
			return failf(http.StatusTooManyRequests, tourney.ErrUnavailable, "this token has %d event streams open, as many as one may have; close one", st.s.cfg.MaxTokenStreams)
		}
		defer leave()
	}
	st.w, st.rc = w, http.NewResponseController(w)
	h := w.Header()
	h.Set("Content-Type", typeStream)
	h.Set("X-Accel-Buffering", "no") // proxies must not hold it back
	w.WriteHeader(http.StatusOK)
	// An id without data sets where a browser goes on from, even if nothing
	// happens before it has to.
	fmt.Fprintf(&st.buf, "retry: %d\nid: %d\n\n", streamRetry.Milliseconds(), st.after)
	if err := st.flush(); err != nil {
		return err
	}
	end := time.NewTimer(streamLife)
	defer end.Stop()
	ping := time.NewTicker(streamPing)
	defer ping.Stop()
	var look <-chan time.Time
	if st.seen != nil {
		ticker := time.NewTicker(fleetPace)
		defer ticker.Stop()
		look = ticker.C
		if err := st.workers(); err != nil {
			return err
		}
	}
	for {
		changed := st.s.cfg.Reader.Changed() // before reading, or a commit in between is missed
		read := time.Now()
		more, err := st.step()
		if err != nil {
			return err
		}
		if more {
			changed = closedChannel
		}
		again, err := st.wait(changed, look, ping.C, end.C)
		if err != nil {
			return err
		}
		if !again || !more && !st.rest(streamPace-time.Since(read)) {
			return st.deadline() // for the end of the answer, which is still to be written
		}
	}
}

// wait returns true when changed is closed, and false when the stream is at
// its end.
func (st *stream) wait(changed <-chan struct{}, look, ping, end <-chan time.Time) (bool, error) {
	for {
		select {
		case <-changed:
			return true, nil
		case <-look:
			if err := st.workers(); err != nil {
				return false, err
			}
		case <-ping:
			// An event, so that scripts see it: comments are hidden from them.
			// Without an id it moves nothing, and readers of events by their
			// kind do not meet it.
			st.buf.WriteString("event: ping\ndata: {}\n\n")
			if err := st.flush(); err != nil {
				return false, err
			}
		case <-end:
			return false, nil
		case <-st.s.closed:
			return false, nil
		case <-st.ctx.Done():
			return false, nil
		}
	}
}

// rest sleeps. It is false if the reader left meanwhile.
func (st *stream) rest(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	select {
	case <-time.After(d):
		return true
	case <-st.ctx.Done():
		return false
	}
}

var closedChannel = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// step writes the events after the last one written, at most a batch. It
// reports whether there may be more.
func (st *stream) step() (more bool, err error) {
	batch := cmp.Or(st.batch, streamFirst)
	events, err := st.s.cfg.Reader.EventsAfter(st.ctx, st.sweep, st.after, batch)
	if err != nil {
		return false, fmt.Errorf("stream events: %w", err)
	}
	size := 0
	for i := range events {
		before := st.buf.Len()
		if err := st.write(&events[i]); err != nil {
			return false, err
		}
		size += st.buf.Len() - before
		if st.buf.Len() >= streamChunk {
			if err := st.flush(); err != nil {
				return false, err
			}
		}
	}
	if len(events) == 0 {
		return false, nil
	}
	if err := st.flush(); err != nil {
		return false, err
	}
	st.after = events[len(events)-1].ID
	st.batch = min(max(streamBytes*len(events)/size, 1), streamBatch)
	return len(events) == batch, nil
}

// wireEvent is an event as JSON.
type wireEvent struct {
	ID    int64             `json:"id"`
	Sweep string            `json:"sweep"`
	Seq   int64             `json:"seq"`
	At    time.Time         `json:"at"`
	Kind  string            `json:"kind"`
	Body  tourney.EventBody `json:"body"`
}

// write puts an event into the buffer. Its JSON has no line breaks.
func (st *stream) write(ev *tourney.Event) error {
	kind := ev.Body.Kind()
	data, err := json.Marshal(wireEvent{ev.ID, ev.Sweep, ev.Seq, ev.At.UTC(), kind, ev.Body})
	if err != nil {
		return fmt.Errorf("write event %d: %w", ev.ID, err)
	}
	fmt.Fprintf(&st.buf, "id: %d\nevent: %s\ndata: %s\n\n", ev.ID, kind, data)
	return nil
}

// flush sends the buffer, within the time that a reader has to take it in.
func (st *stream) flush() error {
	if err := st.deadline(); err != nil {
		return err
	}
	_, err := st.buf.WriteTo(st.w)
	if err == nil {
		err = st.rc.Flush()
	}
	st.buf.Reset()
	if st.buf.Cap() > 2*streamChunk {
		st.buf = bytes.Buffer{} // a long message must not cost memory for the rest of the stream
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		st.s.meters.slow.Add(1)
	}
	return err
}

func (st *stream) deadline() error {
	if err := st.rc.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
		return fmt.Errorf("stream events: %w", err)
	}
	return nil
}
