package api_test

import (
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
