package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tourney"
)

// contentPolicy lets pages load from this server alone, and be framed nowhere.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

const requestKey = "tourney.request"

func requestID(c echo.Context) string {
	id, _ := c.Get(requestKey).(string)
	return id
}

// logged writes one line a request: never a body, a query or a header.
func (s *Server) logged(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		id := newID()
		c.Set(requestKey, id)
		c.Response().Header().Set("X-Request-Id", id)
		if err := next(c); err != nil {
			c.Error(err)
		}
		level := slog.LevelInfo
		if isProbe(c.Request().URL.Path) {
			level = slog.LevelDebug
		}
		took := time.Since(start)
		s.meters.count(c, took)
		s.log.Log(c.Request().Context(), level, "request",
			"request", id, "method", c.Request().Method, "path", c.Request().URL.Path, "route", c.Path(),
			"status", c.Response().Status, "bytes", c.Response().Size, "seconds", took.Seconds(), "ip", c.RealIP())
		return nil
	}
}

// recovered makes a panic the failure of its request alone.
func (s *Server) recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			v := recover()
			cause, _ := v.(error)
			switch {
			case v == nil:
			case errors.Is(cause, http.ErrAbortHandler):
				panic(v)
			case c.Response().Committed:
				// The caller must not take half an answer for a whole one.
				s.log.Error("panic", "request", requestID(c), "panic", v, "stack", string(debug.Stack()))
				panic(http.ErrAbortHandler)
			default:
				err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
			}
		}()
		return next(c)
	}
}

// secured sets the headers that every answer has. Handlers may set others for
// caching.
func secured(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if isAPI(c.Request().URL.Path) {
			h.Set("Cache-Control", "no-store")
		}
		return next(c)
	}
}

// hosted refuses a Host that is not this server's: a page of another site
// whose name was made to point here (DNS rebinding) sends such. Probes ask by
// address and learn nothing.
func (s *Server) hosted(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		host := c.Request().Host
		if !s.allowed(host) && !isProbe(c.Request().URL.Path) {
			return failf(http.StatusMisdirectedRequest, tourney.ErrRefused,
				"this server does not answer to the name %q; its configuration lists the names that it does", host)
		}
		return next(c)
	}
}

func (s *Server) allowed(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	if addr, err := netip.ParseAddr(host); err == nil && addr.IsLoopback() {
		return true
	}
	same := func(name string) bool { return strings.EqualFold(name, host) }
	return same("localhost") || host != "" && (slices.ContainsFunc(s.cfg.AllowedHosts, same) || s.cfg.AllowHost != nil && s.cfg.AllowHost(host))
}

var crossOrigin = http.NewCrossOriginProtection()

// sameSite refuses what another site's page makes a browser send, unless it is
// a method that changes nothing.
func sameSite(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := crossOrigin.Check(c.Request()); err != nil {
			return failf(http.StatusForbidden, tourney.ErrRefused, "refused: the request comes from another site")
		}
		return next(c)
	}
}

// paged hands everything that is not the API's to the dashboard.
func (s *Server) paged(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if s.cfg.Dashboard == nil || isAPI(c.Request().URL.Path) {
			return next(c)
		}
		s.cfg.Dashboard.ServeHTTP(c.Response(), c.Request())
		return nil
	}
}

func isProbe(path string) bool { return path == "/healthz" || path == "/readyz" }

func isAPI(path string) bool {
	return isProbe(path) || path == "/metrics" || path == "/api" || strings.HasPrefix(path, "/api/") ||
		path == "/debug/pprof" || strings.HasPrefix(path, "/debug/pprof/")
}
