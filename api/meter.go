package api

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"tourney/api/gen"
	"tourney/api/metrics"
)

// meters are what the server measures of itself.
type meters struct {
	requests *metrics.Histograms
	refused  *atomic.Int64 // requests whose lane was full
	slow     *atomic.Int64 // streams whose readers were cut off
}

// measured tells a registry of the server.
func (s *Server) measured(r *metrics.Registry) {
	s.meters = meters{
		requests: r.Histograms("tourney_http_request_duration_seconds", "How long requests took, event streams left out.",
			[]string{"method", "route", "status"}, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
		refused: r.Counter("tourney_http_overload_total", "Requests that were refused because too many ran."),
		slow:    r.Counter("tourney_http_streams_cut_total", "Event streams that were cut off because their readers lagged."),
	}
	r.Gauge("tourney_http_streams", "Event streams that are open.", func() float64 { return float64(len(s.streams)) })
	r.Gauges("tourney_http_requests", "Requests that run, by the lane that bounds them.", func(context.Context) ([]metrics.Sample, error) {
		return []metrics.Sample{
			{Labels: []string{"lane", "calls"}, Value: float64(len(s.lanes.calls))},
			{Labels: []string{"lane", "transfers"}, Value: float64(len(s.lanes.transfers))},
			{Labels: []string{"lane", "analyses"}, Value: float64(len(s.lanes.analyses))},
		}, nil
	})
}

// count notes how long a request took. Its labels come from closed lists,
// whatever was asked.
func (m *meters) count(c echo.Context, took time.Duration) {
	r := c.Request()
	route := c.Path()
	switch {
	case !isAPI(r.URL.Path):
		route = "pages"
	case route == "" || route == "/*":
		route = "none"
	case c.Response().Header().Get("Content-Type") == typeStream:
		return
	}
	method := r.Method
	if !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, method) {
		method = "other"
	}
	m.requests.With(method, route, strconv.Itoa(c.Response().Status)).Observe(took.Seconds())
}

// GetMetrics tells what is measured.
func (s *Server) GetMetrics(ctx context.Context, _ gen.GetMetricsRequestObject) (gen.GetMetricsResponseObject, error) {
	var b bytes.Buffer
	if err := s.cfg.Metrics.WriteTo(ctx, &b); err != nil {
		s.log.Warn("metrics are not whole", "error", err)
	}
	return metricsAnswer(b.Bytes()), nil
}

// metricsAnswer writes the text format of Prometheus.
type metricsAnswer []byte

// VisitGetMetricsResponse writes the answer.
func (a metricsAnswer) VisitGetMetricsResponse(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(a)))
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(a)
	return err
}
