package api

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"tourney"
)

// The rates of wrong tokens from an address.
const (
	failedRate  = 10.0 / 60 // a second
	failedBurst = 10
)

// limiter counts events by key in leaking buckets. The zero value is ready for
// use.
type limiter struct {
	mu      sync.Mutex
	buckets map[string]bucket
}

type bucket struct {
	level float64
	at    time.Time
}

// take counts an event, and returns 0, or how long to wait until there is room.
func (l *limiter) take(key string, rate, burst float64) time.Duration {
	if rate <= 0 {
		return 0
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buckets == nil {
		l.buckets = map[string]bucket{}
	}
	if len(l.buckets) >= 10_000 { // forget those that are empty by now
		for k, b := range l.buckets {
			if b.level-now.Sub(b.at).Seconds()*rate <= 0 {
				delete(l.buckets, k)
			}
		}
	}
	b := l.buckets[key]
	level := max(0, b.level-now.Sub(b.at).Seconds()*rate)
	if level+1 > burst {
		return time.Duration((level + 1 - burst) / rate * float64(time.Second))
	}
	l.buckets[key] = bucket{level + 1, now}
	return 0
}

// failedLogin counts a wrong token, and refuses to look at more of them from an
// address that sends too many.
func (s *Server) failedLogin(c echo.Context, err error) error {
	if errors.Is(err, errWho) {
		if wait := s.door.failed.take(c.RealIP(), failedRate, failedBurst); wait > 0 {
			return tooMany(c, wait, "too many wrong tokens from this address")
		}
	}
	return err
}

// tooMany is the error of a caller that has to wait.
func tooMany(c echo.Context, wait time.Duration, why string) error {
	seconds := int(math.Ceil(wait.Seconds()))
	c.Response().Header().Set("Retry-After", strconv.Itoa(seconds))
	return failf(http.StatusTooManyRequests, tourney.ErrUnavailable, "%s; try again in %d s", why, seconds)
}
