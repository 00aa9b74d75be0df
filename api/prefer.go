package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tourney"
)

const (
	maxWait  = 30 * time.Second // that a caller may prefer
	maxWaits = 500              // callers who wait at a time; others are answered at once
)

// preference is what a caller would rather have, as the context of its request
// has it under a preferKey.
type preference struct {
	wait   time.Duration
	answer http.Header
}

type preferKey struct{}

// preferring reads the header Prefer (RFC 7240).
func preferring(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if wait := preferredWait(r.Header.Get("Prefer")); wait > 0 {
			p := &preference{wait, c.Response().Header()}
			c.SetRequest(r.WithContext(context.WithValue(r.Context(), preferKey{}, p)))
		}
		return next(c)
	}
}

// preferredWait returns how long a caller would wait; 0: not at all.
func preferredWait(header string) time.Duration {
	for pref := range strings.SplitSeq(header, ",") {
		pref, _, _ = strings.Cut(pref, ";")
		name, value, _ := strings.Cut(pref, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		n, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
		if err != nil {
			return 0
		}
		return min(time.Duration(n)*time.Second, maxWait)
	}
	return 0
}

// awaited waits until a sweep's state is another, if the caller prefers that.
func (s *Server) awaited(ctx context.Context, sweep tourney.Sweep) (tourney.Sweep, error) {
	p, _ := ctx.Value(preferKey{}).(*preference)
	if p == nil {
		return sweep, nil
	}
	select {
	case s.waits <- struct{}{}:
		defer func() { <-s.waits }()
	default:
		return sweep, nil
	}
	p.answer.Set("Preference-Applied", "wait="+strconv.Itoa(int(p.wait/time.Second)))
	end := time.NewTimer(p.wait)
	defer end.Stop()
	for was := sweep.State; sweep.State == was && !was.Terminal(); {
		changed := s.cfg.Reader.Changed() // before reading, or a commit in between is missed
		var err error
		if sweep, err = s.cfg.Reader.Sweep(ctx, sweep.ID); err != nil || sweep.State != was {
			return sweep, err
		}
		select {
		case <-changed:
		case <-end.C:
			return sweep, nil
		case <-s.closed:
			return sweep, nil
		case <-ctx.Done():
			return sweep, ctx.Err()
		}
		select { // many sweeps may change at once
		case <-time.After(streamPace):
		case <-ctx.Done():
		}
	}
	return sweep, nil
}
