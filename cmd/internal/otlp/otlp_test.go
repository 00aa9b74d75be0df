package otlp_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"tourney"
	"tourney/cmd/internal/otlp"
)

// A collector receives what OTLP's JSON mapping says it should: ids in
// hexadecimal, times as strings of nanoseconds, kinds and codes as numbers.
func TestSpansReachACollector(t *testing.T) {
	type got struct {
		path, kind, key string
		body            []byte
	}
	requests := make(chan got, 4)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- got{r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("Api-Key"), body}
	}))
	defer srv.Close()
	env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": srv.URL + "/", "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b, x=1", "OTEL_SERVICE_NAME": "mine"}
	e, err := otlp.FromEnv(func(k string) string { return env[k] }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	at := time.Unix(1700000000, 5)
	job := tourney.Span{Kind: tourney.SpanJob, Sweep: "s1", Trial: 3, Rung: 2, Start: at, End: at.Add(time.Second), Result: "done"}
	heat := tourney.Span{Kind: tourney.SpanHeat, Sweep: "s1", Trial: 3, Rung: 2, Attempt: 7, Worker: "w1", Start: at, End: at.Add(time.Second), Result: "broke", Failed: true}
	e.Span(job)
	e.Span(heat)
	cancel() // what is there is sent before the end
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	r := <-requests
	if r.path != "/v1/traces" || r.kind != "application/json" || r.key != "a b" {
		t.Errorf("asked %s with %s and the key %q", r.path, r.kind, r.key)
	}
	var body struct {
		ResourceSpans []struct {
			Resource struct {
				Attributes []struct {
					Key   string
					Value struct{ StringValue string }
				}
			}
			ScopeSpans []struct {
				Spans []struct {
					TraceID, SpanID, ParentSpanID, Name string
					Kind                                int
					StartTimeUnixNano, EndTimeUnixNano  string
					Attributes                          []struct {
						Key   string
						Value struct{ StringValue string }
					}
					Status struct {
						Code    int
						Message string
					}
				}
			}
		}
	}
	if err := json.Unmarshal(r.body, &body); err != nil {
		t.Fatal(err)
	}
	from := body.ResourceSpans[0]
	if from.Resource.Attributes[0].Key != "service.name" || from.Resource.Attributes[0].Value.StringValue != "mine" {
		t.Errorf("from %+v", from.Resource)
	}
	spans := from.ScopeSpans[0].Spans
	if len(spans) != 2 {
		t.Fatalf("%d spans", len(spans))
	}
	j, h := spans[0], spans[1]
	if len(j.TraceID) != 32 || len(j.SpanID) != 16 || h.TraceID != j.TraceID || h.ParentSpanID != j.SpanID || j.ParentSpanID == "" || j.SpanID == h.SpanID {
		t.Errorf("the job is %+v, the heat %+v", j, h)
	}
	if j.Name != "job" || j.Kind != 1 || j.StartTimeUnixNano != "1700000000000000005" || j.EndTimeUnixNano != "1700000001000000005" || j.Status.Code != 0 {
		t.Errorf("the job is %+v", j)
	}
	if h.Status.Code != 2 || h.Status.Message != "broke" || len(h.Attributes) != 6 {
		t.Errorf("the heat is %+v", h)
	}
}

// Without an address there is nothing, and a wrong one is told.
func TestFromEnv(t *testing.T) {
	e, err := otlp.FromEnv(func(string) string { return "" }, nil)
	if e != nil || err != nil {
		t.Errorf("%v, %v", e, err)
	}
	e.Span(tourney.Span{}) // no harm
	if _, err := otlp.FromEnv(func(string) string { return "collector:4318" }, nil); tourney.AsInvalid(err) == nil {
		t.Errorf("an address without a scheme: %v", err)
	}
}

// A collector that is gone, or slow, costs spans and nothing else.
func TestSpansAreDroppedAndCounted(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer srv.Close()
	e, err := otlp.FromEnv(func(k string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": srv.URL + "/own"}[k]
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for range 9000 { // the queue holds 8192, and nobody reads it yet
		e.Span(tourney.Span{})
	}
	if n := e.Dropped(); n != 9000-8192 {
		t.Errorf("%d were dropped", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Run(ctx); err != nil || e.Dropped() != 9000 {
		t.Errorf("%v; %d dropped of 9000", err, e.Dropped())
	}
}
