package api

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"tourney"
)

// lanes bound how many requests run at a time, by what they cost. Who finds his
// lane full is told to come back, at once: a queue would only make everybody
// late. Event streams and what is asked by probes have bounds of their own, or
// cost nothing.
type lanes struct {
	calls     chan struct{} // of which each takes milliseconds
	transfers chan struct{} // tables, blobs and models, which take as long as the network
	analyses  chan struct{} // which take a core for seconds
}

func newLanes(calls, transfers, analyses int) lanes {
	return lanes{make(chan struct{}, calls), make(chan struct{}, transfers), make(chan struct{}, analyses)}
}

// of returns the lane of a request, or nil.
func (l *lanes) of(r *http.Request) chan struct{} {
	path := r.URL.Path
	switch {
	case !isAPI(path), isProbe(path), strings.HasSuffix(path, "/events"), strings.HasPrefix(path, "/debug/"):
		return nil
	case strings.HasPrefix(path, "/api/v1/blobs/"), strings.HasSuffix(path, "/model"),
		path == "/api/v1/datasets" && r.Method == http.MethodPost:
		return l.transfers
	case strings.HasSuffix(path, "/importance"):
		return l.analyses
	}
	return l.calls
}

// admitted refuses a request whose lane is full.
func (s *Server) admitted(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		lane := s.lanes.of(c.Request())
		if lane == nil {
			return next(c)
		}
		select {
		case lane <- struct{}{}:
			defer func() { <-lane }()
			return next(c)
		default:
			s.meters.refused.Add(1)
			return failf(http.StatusServiceUnavailable, tourney.ErrUnavailable, "the server is busy: %d requests of this kind run; try again later", cap(lane))
		}
	}
}

// unhurried takes the deadline for reading off a request that has no body: the
// connection is read on meanwhile, to see whether the caller hangs up, and a
// deadline would look like that.
func unhurried(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if r := c.Request(); r.Body == nil || r.Body == http.NoBody {
			http.NewResponseController(c.Response()).SetReadDeadline(time.Time{}) //nolint:errcheck // not every writer has deadlines
		}
		return next(c)
	}
}

// tally counts what is open by key.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

// enter counts one more, unless there are most of them. leave takes it back.
func (t *tally) enter(key string, most int) (leave func(), ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n[key] >= most {
		return nil, false
	}
	if t.n == nil {
		t.n = map[string]int{}
	}
	t.n[key]++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.n[key]--; t.n[key] == 0 {
			delete(t.n, key)
		}
	}, true
}

// maxDepth is how deep the lists and objects of a JSON body may lie in each
// other.
const maxDepth = 32

// checkDepth refuses JSON that lies deeper than readers should have to go. What
// is no JSON is left to who reads it.
func checkDepth(data []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return tourney.Invalid("", "the body's lists and objects lie more than %d deep in each other (line %d)", maxDepth, 1+bytes.Count(data[:i], []byte("\n")))
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}
