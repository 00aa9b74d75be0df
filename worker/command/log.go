package command

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"tourney"
	"tourney/trainers/command"
)

// What is kept of a program's output.
const (
	logRate   = 32 << 10  // bytes a second, in the long run
	logBurst  = 256 << 10 // bytes at once
	logLine   = 4 << 10   // bytes of a line
	logChunk  = 32 << 10  // bytes that are sent at once
	tailLines = 20        // of stderr, for the reason of a failure
	tailBytes = 3 << 10   // likewise
)

// The marks that begin each line of a log: which stream it is from, or that we
// say it. A program cannot write ours.
const (
	markOut  = "out| "
	markErr  = "err| "
	markOurs = "tourney| "
)

// journal is the log of an attempt on its way out. It is safe for concurrent
// use.
type journal struct {
	now func() time.Time

	mu      sync.Mutex
	pending []byte
	offset  int64 // of pending
	room    int64 // bytes that may be taken now
	at      time.Time
	dropped int64
	tail    []string // the last lines of stderr
}

func newJournal(now func() time.Time) *journal {
	return &journal{now: now, room: logBurst, at: now()}
}

// say adds a line of our own.
func (j *journal) say(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending = append(j.pending, markOurs+clean(fmt.Sprintf(format, args...), logLine)+"\n"...)
}

// line adds a line of a stream, or drops it if there are too many.
func (j *journal) line(mark string, text []byte) {
	if i := bytes.LastIndexByte(text, '\r'); i >= 0 { // what a terminal would show
		text = text[i+1:]
	}
	text = text[:min(len(text), logLine+utf8.UTFMax)]
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.now()
	j.room = min(logBurst, j.room+int64(now.Sub(j.at).Seconds()*logRate))
	j.at = now
	if full := int64(len(mark)+len(text)+1) > j.room; full && mark != markErr { // not worth cleaning
		j.dropped += int64(len(text)) + 1
		return
	}
	shown := clean(string(text), logLine)
	if mark == markErr {
		j.tail = append(j.tail, shown)
		j.tail = j.tail[max(0, len(j.tail)-tailLines):]
	}
	size := int64(len(mark) + len(shown) + 1)
	if size > j.room {
		j.dropped += int64(len(text)) + 1
		return
	}
	j.room -= size
	j.tellDropped()
	j.pending = append(append(append(j.pending, mark...), shown...), '\n')
}

// tellDropped says how much is missing.
func (j *journal) tellDropped() {
	if j.dropped > 0 {
		j.pending = fmt.Appendf(j.pending, "%s%d bytes were dropped here: more than %d KiB a second\n", markOurs, j.dropped, logRate>>10)
		j.dropped = 0
	}
}

// take gives the next piece to whoever sends it, whole lines if it can, and
// forgets it if it was taken.
func (j *journal) take(end bool, give func(tourney.LogChunk) bool) (c tourney.LogChunk, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if end {
		j.tellDropped()
	}
	n := min(len(j.pending), logChunk)
	if n == 0 {
		return c, false
	}
	if i := bytes.LastIndexByte(j.pending[:n], '\n'); i >= 0 {
		n = i + 1
	}
	c = tourney.LogChunk{Offset: j.offset, Text: string(j.pending[:n])}
	if !give(c) {
		return c, false
	}
	j.offset += int64(n)
	j.pending = append([]byte(nil), j.pending[n:]...)
	return c, true
}

// last returns the last lines of stderr.
func (j *journal) last() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	text := strings.Join(j.tail, "\n")
	if len(text) > tailBytes {
		text = "…" + strings.ToValidUTF8(text[len(text)-tailBytes:], "")
	}
	return strings.TrimSpace(text)
}

// clean makes a line that can be shown anywhere: valid text, without what would
// steer a terminal, of that many bytes at most.
func clean(s string, most int) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case b.Len() >= most:
			b.WriteString("…")
			return b.String()
		case r == '\t':
			b.WriteByte(' ')
		case r == utf8.RuneError:
			b.WriteRune('�')
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			fmt.Fprintf(&b, "\\x%02x", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// readLines cuts a stream into lines until it ends. A line longer than any that
// is read comes in pieces.
func readLines(r io.Reader, each func(line []byte)) {
	buf := make([]byte, 0, 2*command.MaxLine)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		rest := buf
		for {
			i := bytes.IndexByte(rest, '\n')
			if i < 0 {
				break
			}
			each(bytes.TrimSuffix(rest[:i], []byte("\r")))
			rest = rest[i+1:]
		}
		buf = append(buf[:0], rest...)
		if len(buf) > command.MaxLine || err != nil && len(buf) > 0 {
			each(buf)
			buf = buf[:0]
		}
		if err != nil {
			return
		}
	}
}
