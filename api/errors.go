package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"tourney"
	"tourney/api/problem"
)

// retryAfter is how long a caller should wait after a 503, in seconds.
const retryAfter = 2

// statusClientGone is what the log says of a request whose caller hung up; no
// answer carries it.
const statusClientGone = 499

// statusError is an error whose status is not that of its sentinel.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// failf returns an error with a sentinel for its kind, a status of its own,
// and a text that a user may read.
func failf(status int, sentinel error, format string, args ...any) error {
	return &statusError{status, &worded{sentinel, fmt.Sprintf(format, args...)}}
}

// worded is a sentinel that says its own words only.
type worded struct {
	sentinel error
	text     string
}

func (e *worded) Error() string { return e.text }
func (e *worded) Unwrap() error { return e.sentinel }

// fail answers a request with the problem document of an error. It is the only
// place that does.
func (s *Server) fail(err error, c echo.Context) {
	if c.Response().Committed {
		// Too late to say anything. A caller that left or lagged is no fault.
		var gone net.Error
		if c.Request().Context().Err() == nil && !errors.As(err, &gone) {
			s.log.Error("answer broken off", "request", requestID(c), "route", c.Path(), "error", err)
		}
		return
	}
	if c.Request().Context().Err() != nil && errors.Is(err, context.Canceled) {
		c.Response().Status = statusClientGone
		return
	}
	p, known := document(c, err)
	if !known {
		p.ID = requestID(c)
		s.log.Error("request failed", "request", p.ID, "route", c.Path(), "error", err)
	}
	h := c.Response().Header()
	if p.Status == http.StatusServiceUnavailable && h.Get("Retry-After") == "" {
		h.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	body, err := json.Marshal(p)
	if err != nil {
		s.log.Error("write problem", "error", err)
		return
	}
	h.Set("Content-Type", problem.MediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Del("Content-Encoding")
	c.Response().WriteHeader(p.Status)
	if c.Request().Method != http.MethodHead {
		c.Response().Write(body) //nolint:errcheck // the caller is gone, and the log has the status
	}
}

// document maps an error to a problem document. It is false if the error is
// the server's own fault.
func document(c echo.Context, err error) (problem.Problem, bool) {
	err = translate(c, err)
	p, known := problem.Of(err)
	if se := new(statusError); errors.As(err, &se) {
		p.Status = se.status
	}
	return p, known
}

// translate turns what the framework returns into errors with sentinels.
func translate(c echo.Context, err error) error {
	var he *echo.HTTPError
	if !errors.As(err, &he) {
		return err
	}
	path := c.Request().URL.Path
	switch he.Code {
	case http.StatusNotFound:
		return failf(he.Code, tourney.ErrNotFound, "there is nothing at %s", path)
	case http.StatusMethodNotAllowed:
		allow, _ := c.Get(echo.ContextKeyHeaderAllow).(string)
		return failf(he.Code, tourney.ErrInvalid, "%s does not take %s; it takes %s", path, c.Request().Method, strings.TrimPrefix(allow, "OPTIONS, "))
	}
	if he.Code < http.StatusInternalServerError {
		return failf(he.Code, tourney.ErrInvalid, "%v", he.Message)
	}
	return err
}
