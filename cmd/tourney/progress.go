package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"tourney/api/client"
)

// progressPace is how often progress is shown.
const progressPace = 250 * time.Millisecond

// progress is a line on a terminal that says how far something is; elsewhere
// it says nothing.
type progress struct {
	mu    sync.Mutex
	w     io.Writer // nil: no terminal
	last  time.Time
	drawn bool
}

func newProgress(w io.Writer) *progress {
	p := &progress{}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		p.w = w
	}
	return p
}

// show says that so much of a total has been done; 0 is not known.
func (p *progress) show(what string, bytes, total, rows int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w == nil || time.Since(p.last) < progressPace {
		return
	}
	p.last, p.drawn = time.Now(), true
	fmt.Fprint(p.w, "\r\x1b[K"+progressLine(what, bytes, total, rows))
}

// progressLine is what show shows.
func progressLine(what string, bytes, total, rows int64) string {
	text := what
	if rows > 0 {
		text += "  " + grouped(rows) + " rows"
	}
	switch {
	case total > 0:
		text += fmt.Sprintf("  %s of %s, %d %%", showBytes(bytes), showBytes(total), min(100, 100*bytes/total))
	case bytes > 0:
		text += "  " + showBytes(bytes)
	}
	return text
}

// clear wipes the line.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// phases are what the server does with a table.
var phases = map[string]string{
	"upload": "uploading", "hash": "reading", "scan": "looking at columns", "shuffle": "shuffling rows", "write": "writing shards",
}

// follow shows how far the server is until stop is called.
func (p *progress) follow(ctx context.Context, c *client.Client, id string) (stop func()) {
	if p.w == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(progressPace)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			// Not there yet, or not to be reached: the work itself says so.
			if in, err := c.Ingest(ctx, id); err == nil && phases[string(in.Phase)] != "" {
				p.show(phases[string(in.Phase)], in.Bytes, in.TotalBytes, in.Rows)
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
