package api

import (
	"context"
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
	"tourney/api/metrics"
)

// Config is what a server is made of.
type Config struct {
	Service  Service
	Reader   Reader
	Datasets Datasets
	Blobs    Blobs
	Access   Access
	Views    Views // nil: there are none

	PricePerHour float64               // of a slot, by which costs are told; 0: unknown
	Trainers     []tourney.TrainerInfo // that sweeps may name

	Dashboard http.Handler      // everything but /api, /healthz, /readyz and /metrics; nil: nothing there
	Metrics   *metrics.Registry // what /metrics tells, to which the server adds; nil: a new one
	Profile   bool              // serve /debug/pprof, to admins
	// Ready returns nil, or what else than the service itself keeps the server
	// from taking work, as tourney.ErrUnavailable; nil: nothing does.
	Ready func(ctx context.Context) error

	Version string       // of the program, as /healthz says
	Logger  *slog.Logger // nil: slog.Default()

	// AllowedHosts are the names, without ports, that a request's Host may
	// have beside those of the loopback interface.
	AllowedHosts []string
	AllowHost    func(name string) bool // tells of further ones, as those of a certificate; nil: there are none

	Inside       string  // a bearer that stands for this process itself, which may do everything; empty: none
	RequireToken bool    // also while there is none; without, tokens are asked for once there is one
	RatePerToken float64 // requests a second that a token may send, twice as many at once; 0: 50; below 0: no limit
	Secure       bool    // browsers reach the server by TLS, and may send cookies by nothing else

	MaxDatasetBytes int64 // of an uploaded table, all its files together; 0: 64 GiB
	MaxBlobBytes    int64 // 0: 1 GiB
	MaxStreams      int   // event streams open at a time; 0: 500
	MaxTokenStreams int   // of them, with one token; 0: 10
	MaxRequests     int   // requests that run at a time, streams and transfers left out; 0: 512
	MaxTransfers    int   // tables, blobs and models on their way at a time; 0: 512
	MaxAnalyses     int   // analyses that run at a time; 0: 8
}

// Server answers HTTP requests. It is safe for use by many goroutines.
type Server struct {
	cfg     Config
	log     *slog.Logger
	echo    *echo.Echo
	door    door
	ingests ingests
	lanes   lanes
	meters  meters
	streams chan struct{} // holds one entry for each open event stream
	waits   chan struct{} // likewise for each caller who waits for a change
	readers tally         // event streams by token
	keys    turnstile     // creations with an idempotency key, by that
	shared  shared        // answers, until the next commit
	fleet   fleet
	newest  atomic.Int64 // an event's id known to exist: where the search for the newest starts

	metricsMu sync.Mutex
	metrics   map[string]tourney.Metric // by sweep; see metricOf

	closeOnce sync.Once
	closed    chan struct{}
}

// New returns a server. It starts nothing.
func New(cfg Config) (*Server, error) {
	if cfg.Service == nil || cfg.Reader == nil || cfg.Datasets == nil || cfg.Blobs == nil || cfg.Access == nil {
		return nil, errors.New("new api: service, reader, datasets, blobs and access are all needed")
	}
	setDefault(&cfg.Logger, slog.Default())
	setDefault(&cfg.MaxDatasetBytes, 64<<30)
	setDefault(&cfg.MaxBlobBytes, 1<<30)
	setDefault(&cfg.MaxStreams, 500)
	setDefault(&cfg.MaxTokenStreams, 10)
	setDefault(&cfg.MaxRequests, 512)
	setDefault(&cfg.MaxTransfers, 512)
	setDefault(&cfg.MaxAnalyses, 8)
	setDefault(&cfg.Metrics, &metrics.Registry{})
	setDefault(&cfg.RatePerToken, 50)
	setDefault(&cfg.Views, Views(noViews{}))
	operations, err := readContract()
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg:     cfg,
		log:     cfg.Logger,
		echo:    echo.New(),
		door:    door{access: cfg.Access, inside: cfg.Inside, always: cfg.RequireToken},
		lanes:   newLanes(cfg.MaxRequests, cfg.MaxTransfers, cfg.MaxAnalyses),
		streams: make(chan struct{}, cfg.MaxStreams),
		waits:   make(chan struct{}, maxWaits),
		fleet:   fleet{reader: cfg.Reader},
		closed:  make(chan struct{}),
	}
	e := s.echo
	e.HTTPErrorHandler = s.fail
	e.Binder = binder{}
	e.IPExtractor = echo.ExtractIPDirect() // a header that anybody can set names nobody
	s.measured(cfg.Metrics)
	e.Use(s.logged, s.recovered, unhurried, secured, s.hosted, sameSite, s.admitted, s.identified, s.paged, preferring)

	gzip := middleware.GzipWithConfig(middleware.GzipConfig{MinLength: 1400})
	chain := make(map[string][]echo.MiddlewareFunc, len(operations))
	for _, op := range operations {
		chain[op.id] = []echo.MiddlewareFunc{s.scoped(op), op.checked}
		if sharedReads[op.id] {
			chain[op.id] = append(chain[op.id], s.share)
		}
		chain[op.id] = append(chain[op.id], s.bounded(op))
		if op.answersJSON() {
			chain[op.id] = append(chain[op.id], gzip)
		}
	}
	gen.RegisterHandlersWithOptions(e, gen.NewStrictHandler(s, nil), gen.RegisterHandlersOptions{OperationMiddlewares: chain})
	if cfg.Profile {
		s.profiled()
	}
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
		ReadTimeout:       readWithin + 5*time.Second, // of bodies that nobody reads; others have deadlines of their own
		WriteTimeout:      writeWithin,                // likewise
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
