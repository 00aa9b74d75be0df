package api

import (
	"bytes"
	"net/http"
	"sync"

	"github.com/labstack/echo/v4"
)

// sharedReads are the operations whose answers depend on nothing but what was
// committed: until the next commit they are answered from memory.
var sharedReads = map[string]bool{"getLeaderboard": true, "listTrials": true, "listRungs": true, "getTrial": true}

// The bounds of what is kept of one state of the store.
const (
	maxShared      = 512     // answers
	maxSharedBytes = 8 << 20 // of their bodies
)

// shared keeps answers for as long as nothing is committed, so that a board that
// many look at costs as much as one that a single one looks at. Nobody gets an
// answer that was begun before a commit that was answered before the request.
// The zero value is ready for use.
type shared struct {
	mu      sync.Mutex
	until   <-chan struct{} // closed at the next commit, when all that follows is out of date
	answers map[string]*sharedAnswer
	bytes   int
}

// sharedAnswer is an answer that is being made, or was.
type sharedAnswer struct {
	done   chan struct{} // closed when it is there
	header http.Header   // nil: it was no success, and is for nobody else
	body   []byte
}

// share answers from memory where that is as good as new.
func (s *Server) share(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		key := r.Header.Get("Accept-Encoding") + " " + r.URL.EscapedPath() + "?" + r.URL.RawQuery
		answer, mine := s.shared.find(key, s.cfg.Reader.Changed)
		if answer == nil {
			return next(c)
		}
		if mine {
			return s.shared.make(key, answer, c, next)
		}
		select {
		case <-answer.done:
		case <-r.Context().Done():
			return r.Context().Err()
		}
		if answer.header == nil {
			return next(c)
		}
		h := c.Response().Header()
		for name, values := range answer.header {
			h[name] = values
		}
		c.Response().WriteHeader(http.StatusOK)
		_, err := c.Response().Write(answer.body)
		return err
	}
}

// find returns the answer to a request, and whether the caller is to make it;
// nil if it is not kept.
func (s *shared) find(key string, changed func() <-chan struct{}) (answer *sharedAnswer, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.until: // blocks while it is nil
		s.until = nil
	default:
	}
	if s.until == nil {
		s.until, s.answers, s.bytes = changed(), map[string]*sharedAnswer{}, 0
	}
	if answer := s.answers[key]; answer != nil {
		return answer, false
	}
	if len(s.answers) >= maxShared || s.bytes >= maxSharedBytes {
		return nil, false
	}
	answer = &sharedAnswer{done: make(chan struct{})}
	s.answers[key] = answer
	return answer, true
}

// make has next answer, keeps what it answers, and sends it: in this order, so
// that nobody waits for somebody else's slow connection.
func (s *shared) make(key string, answer *sharedAnswer, c echo.Context, next echo.HandlerFunc) error {
	resp := c.Response()
	before, kept := resp.Header().Clone(), &keptWriter{ResponseWriter: resp.Writer}
	defer func() { // also if it panics
		resp.Writer = kept.ResponseWriter
		if answer.header == nil {
			s.mu.Lock()
			if s.answers[key] == answer {
				delete(s.answers, key)
			}
			s.mu.Unlock()
			close(answer.done)
		}
	}()
	resp.Writer = kept
	err := next(c)
	if err == nil && kept.status == http.StatusOK {
		header := resp.Header().Clone()
		for name := range before { // those that each request has of its own, as its id
			if name != "Vary" {
				delete(header, name)
			}
		}
		answer.header, answer.body = header, kept.body.Bytes()
		s.mu.Lock()
		s.bytes += len(answer.body)
		s.mu.Unlock()
		close(answer.done)
	}
	if kept.status == 0 {
		return err
	}
	kept.ResponseWriter.WriteHeader(kept.status)
	if _, sent := kept.ResponseWriter.Write(kept.body.Bytes()); err == nil {
		err = sent
	}
	return err
}

// keptWriter keeps what is written.
type keptWriter struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *keptWriter) WriteHeader(status int)      { w.status = status }
func (w *keptWriter) Write(p []byte) (int, error) { return w.body.Write(p) }

// Unwrap is for http.ResponseController.
func (w *keptWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
