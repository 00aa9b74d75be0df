package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/api"
	"tourney/api/internal/apitest"
)

// 500 readers that take nothing in, over connections that hold nothing, cost
// what each was about to be sent and not what it is owed; after 10 seconds they
// are cut off, and their places are free.
func TestReadersThatStallHoldLittle(t *testing.T) {
	bubble(t, func(b bubbled) {
		const streams, commits, long = 500, 16, 32 << 10
		conns := make([]net.Conn, streams)
		before := heap()
		for i := range conns {
			conns[i] = b.dial()
			defer conns[i].Close()
			b.ask(conns[i], "")
		}
		for range commits {
			b.world.Commit("s1", tourney.Turned{State: tourney.SweepPaused, Reason: strings.Repeat("x", long)})
		}
		synctest.Wait() // each stream is stuck in its first write
		// They are owed 256 MB.
		if grown := int64(heap()) - int64(before); grown > streams*2*long {
			b.Errorf("%d streams that wait hold %d MB", streams, grown>>20)
		}
		if status := b.status(); status != http.StatusServiceUnavailable {
			b.Errorf("one stream more: %d", status)
		}
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if status := b.status(); status != http.StatusOK {
			b.Errorf("once they are cut off: %d", status)
		}
		for _, conn := range conns {
			if _, err := io.Copy(io.Discard, conn); err != nil {
				b.Fatalf("a connection that should be closed: %v", err)
			}
		}
	}, func(cfg *api.Config) { cfg.MaxStreams = 500 })
}

// weighed notes how much was read of the log at a time.
type weighed struct {
	*apitest.World
	events, bytes []int
}

func (w *weighed) EventsAfter(ctx context.Context, sweep string, after int64, limit int) ([]tourney.Event, error) {
	events, err := w.World.EventsAfter(ctx, sweep, after, limit)
	bytes := 0
	for i := range events {
		if turned, ok := events[i].Body.(tourney.Turned); ok {
			bytes += len(turned.Reason)
		}
	}
	w.events, w.bytes = append(w.events, len(events)), append(w.bytes, bytes)
	return events, err
}

// Of long events fewer are read at a time than of short ones, so that a stream
// holds about 128 kB of them, and of all as many as there are.
func TestBatchesAreBoundedByBytes(t *testing.T) {
	for _, tt := range []struct{ n, long, first, next int }{
		{600, 10, 32, 256},     // 256 at most
		{100, 8 << 10, 32, 15}, // 128 kB of 8 kB and the frame of each
		{50, 200 << 10, 32, 1}, // one at least
	} {
		var log *weighed
		bubble(t, func(b bubbled) {
			ids := b.world.Events("")
			for range tt.n {
				b.world.Commit("s1", tourney.Turned{State: tourney.SweepPaused, Reason: strings.Repeat("x", tt.long)})
			}
			conn := b.dial()
			defer conn.Close()
			stream := b.ask(conn, fmt.Sprintf("?after=%d", ids[len(ids)-1]))
			defer stream.Close()
			lines := bufio.NewReader(stream)
			for got := 0; got < tt.n; {
				line, err := lines.ReadString('\n')
				if err != nil {
					b.Fatal(err)
				}
				if strings.HasPrefix(line, "data: ") {
					got++
				}
			}
		}, func(cfg *api.Config) {
			log = &weighed{World: cfg.Reader.(*apitest.World)}
			cfg.Reader = log
		})
		if log.events[0] != tt.first || log.events[1] != tt.next {
			t.Errorf("of events of %d bytes %d were read at a time, want %d and then %d", tt.long, log.events, tt.first, tt.next)
		}
		for i, bytes := range log.bytes[1:] {
			if bytes > max(128<<10, tt.long) {
				t.Errorf("batch %d has %d bytes", i+1, bytes)
			}
		}
	}
}

// status asks for one stream more and returns the status of the answer.
func (b bubbled) status() int {
	b.Helper()
	conn := b.dial()
	defer conn.Close()
	var status int
	fmt.Fprint(conn, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
	line := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(conn, line); err != nil {
		b.Fatal(err)
	}
	if _, err := fmt.Sscanf(string(line), "HTTP/1.1 %d", &status); err != nil {
		b.Fatal(err)
	}
	return status
}
