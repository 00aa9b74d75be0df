package api

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"tourney"
	"tourney/api/gen"
)

// Config is what a server is made of.
type Config struct {
	Service  Service
	Reader   Reader
	Datasets Datasets
	Blobs    Blobs

	Dashboard http.Handler // everything but /api, /healthz and /readyz; nil: nothing there
	Version   string       // of the program, as /healthz says
	Logger    *slog.Logger // nil: slog.Default()

	// AllowedHosts are the names, without ports, that a request's Host may
	// have beside those of the loopback interface.
	AllowedHosts []string

	MaxDatasetBytes int64 // of an uploaded table, all its files together; 0: 64 GiB
	MaxBlobBytes    int64 // 0: 1 GiB
	MaxStreams      int   // event streams open at a time; 0: 500
}

// Server answers HTTP requests. It is safe for use by many goroutines.
type Server struct {
	cfg     Config
	log     *slog.Logger
	echo    *echo.Echo
	ingests ingests
	streams chan struct{} // holds one entry for each open event stream
	newest  atomic.Int64  // an event's id known to exist: where the search for the newest starts

	closeOnce sync.Once
	closed    chan struct{}
}

// New returns a server. It starts nothing.
func New(cfg Config) (*Server, error) {
	if cfg.Service == nil || cfg.Reader == nil || cfg.Datasets == nil || cfg.Blobs == nil {
		return nil, errors.New("new api: service, reader, datasets and blobs are all needed")
	}
	setDefault(&cfg.Logger, slog.Default())
	setDefault(&cfg.MaxDatasetBytes, 64<<30)
	setDefault(&cfg.MaxBlobBytes, 1<<30)
	setDefault(&cfg.MaxStreams, 500)
	operations, err := readContract()
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg:     cfg,
		log:     cfg.Logger,
		echo:    echo.New(),
		streams: make(chan struct{}, cfg.MaxStreams),
		closed:  make(chan struct{}),
	}
	e := s.echo
	e.HTTPErrorHandler = s.fail
	e.Binder = binder{}
	e.IPExtractor = echo.ExtractIPDirect() // a header that anybody can set names nobody
	e.Use(s.logged, s.recovered, secured, s.hosted, sameSite,
		// Who asks is to be found out here and put into the request's context.
		s.paged)

	gzip := middleware.GzipWithConfig(middleware.GzipConfig{MinLength: 1400})
	chain := make(map[string][]echo.MiddlewareFunc, len(operations))
	for _, op := range operations {
		chain[op.id] = []echo.MiddlewareFunc{op.checked, s.bounded(op)}
		if op.answersJSON() {
			chain[op.id] = append(chain[op.id], gzip)
		}
	}
	gen.RegisterHandlersWithOptions(e, gen.NewStrictHandler(s, nil), gen.RegisterHandlersOptions{OperationMiddlewares: chain})
	return s, nil
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.echo.ServeHTTP(w, r) }

// Close ends the open event streams, and those that are asked for later. Their
// readers come back where they left off.
func (s *Server) Close() { s.closeOnce.Do(func() { close(s.closed) }) }

// NewHTTPServer returns an http.Server for s with the limits that belong to
// connections. Its Shutdown closes s.
func NewHTTPServer(s *Server) *http.Server {
	srv := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	srv.RegisterOnShutdown(s.Close)
	return srv
}

// newID returns a random id for a request.
func newID() string { return rand.Text()[:12] }

// page makes the request for a part of a list; the contract has checked limit.
func page(limit *int, cursor *string) tourney.Page {
	p := tourney.Page{Limit: tourney.DefaultPage}
	if limit != nil {
		p.Limit = *limit
	}
	if cursor != nil {
		p.Cursor = *cursor
	}
	return p
}
