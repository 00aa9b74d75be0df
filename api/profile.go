package api

import (
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/labstack/echo/v4"

	"tourney"
)

// profileWithin is how long the writing of a profile may take. One of the
// processor lasts 30 seconds unless the request says.
const profileWithin = 10 * time.Minute

// profiled serves the profiles of the Go runtime, to admins alone. They hold
// names of functions and no data, but making one costs time.
func (s *Server) profiled() {
	admin := s.scoped(&operation{id: "profile", scope: tourney.ScopeAdmin})
	serve := func(h http.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			http.NewResponseController(c.Response()).SetWriteDeadline(time.Now().Add(profileWithin)) //nolint:errcheck // not every writer has deadlines
			h(c.Response(), c.Request())
			return nil
		}
	}
	s.echo.GET("/debug/pprof/", serve(pprof.Index), admin)
	for _, name := range []string{"allocs", "block", "goroutine", "heap", "mutex", "threadcreate"} {
		s.echo.GET("/debug/pprof/"+name, serve(pprof.Handler(name).ServeHTTP), admin)
	}
	s.echo.GET("/debug/pprof/profile", serve(pprof.Profile), admin)
	s.echo.GET("/debug/pprof/trace", serve(pprof.Trace), admin)
}
