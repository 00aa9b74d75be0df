// Package otlp hides how spans reach a collector: by OTLP over HTTP, as JSON, in
// batches, configured by the environment variables of OpenTelemetry. Nothing
// waits for it: what a collector does not take in time is dropped and counted.
package otlp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"tourney"
)

const (
	queueSize  = 8192
	batchSize  = 512
	batchEvery = 2 * time.Second
	sendWithin = 10 * time.Second
)

// Exporter sends spans. A nil one takes them and does nothing. Its methods may
// be called from many goroutines.
type Exporter struct {
	url     string
	headers map[string]string
	service string
	client  *http.Client
	queue   chan tourney.Span
	log     *slog.Logger
	dropped atomic.Int64
}

// FromEnv returns an exporter as the environment says, or nil if neither
// OTEL_EXPORTER_OTLP_ENDPOINT nor OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set.
// OTEL_EXPORTER_OTLP_HEADERS and OTEL_SERVICE_NAME are read too. A wrong address
// is a *tourney.InvalidError.
func FromEnv(env func(string) string, log *slog.Logger) (*Exporter, error) {
	address, name := env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	if address == "" {
		name = "OTEL_EXPORTER_OTLP_ENDPOINT"
		base := env(name)
		if base == "" {
			return nil, nil
		}
		address = strings.TrimSuffix(base, "/") + "/v1/traces"
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, tourney.Invalid(name, "must be the http:// or https:// URL of a collector, as http://127.0.0.1:4318")
	}
	e := &Exporter{
		url: address, headers: map[string]string{}, service: env("OTEL_SERVICE_NAME"), log: log,
		client: &http.Client{Timeout: sendWithin}, queue: make(chan tourney.Span, queueSize),
	}
	if e.service == "" {
		e.service = "tourney"
	}
	for pair := range strings.SplitSeq(env("OTEL_EXPORTER_OTLP_HEADERS"), ",") {
		if key, value, ok := strings.Cut(pair, "="); ok {
			if plain, err := url.QueryUnescape(strings.TrimSpace(value)); err == nil {
				value = plain
			}
			e.headers[strings.TrimSpace(key)] = value
		}
	}
	return e, nil
}

// Span takes a span. It never waits.
func (e *Exporter) Span(s tourney.Span) {
	if e == nil {
		return
	}
	select {
	case e.queue <- s:
	default:
		e.dropped.Add(1)
	}
}

// Dropped returns how many spans were not sent.
func (e *Exporter) Dropped() int64 { return e.dropped.Load() }

// Run sends until ctx is done, and then what is left, and returns nil.
func (e *Exporter) Run(ctx context.Context) error {
	tick := time.NewTicker(batchEvery)
	defer tick.Stop()
	var batch []tourney.Span
	flush := func(ctx context.Context) {
		if len(batch) == 0 {
			return
		}
		if err := e.send(ctx, batch); err != nil {
			e.dropped.Add(int64(len(batch)))
			e.log.Warn("traces were not taken", "spans", len(batch), "error", err)
		}
		batch = batch[:0]
	}
	for {
		select {
		case s := <-e.queue:
			if batch = append(batch, s); len(batch) == batchSize {
				flush(ctx)
			}
		case <-tick.C:
			flush(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			for {
				select {
				case s := <-e.queue:
					batch = append(batch, s)
					continue
				default:
				}
				flush(last)
				return nil
			}
		}
	}
}

// The part of OTLP's JSON (opentelemetry-proto, trace.proto) that is used.
type (
	value struct {
		StringValue string `json:"stringValue"`
	}
	attribute struct {
		Key   string `json:"key"`
		Value value  `json:"value"`
	}
	status struct {
		Code    int    `json:"code,omitempty"` // 2: error
		Message string `json:"message,omitempty"`
	}
	span struct {
		TraceID    string      `json:"traceId"`
		SpanID     string      `json:"spanId"`
		ParentID   string      `json:"parentSpanId,omitempty"`
		Name       string      `json:"name"`
		Kind       int         `json:"kind"` // 1: internal
		Start      string      `json:"startTimeUnixNano"`
		End        string      `json:"endTimeUnixNano"`
		Attributes []attribute `json:"attributes"`
		Status     status      `json:"status"`
	}
	scope struct {
		Scope struct {
			Name string `json:"name"`
		} `json:"scope"`
		Spans []span `json:"spans"`
	}
	resource struct {
		Resource struct {
			Attributes []attribute `json:"attributes"`
		} `json:"resource"`
		ScopeSpans []scope `json:"scopeSpans"`
	}
	request struct {
		ResourceSpans []resource `json:"resourceSpans"`
	}
)

func (e *Exporter) send(ctx context.Context, batch []tourney.Span) error {
	var of scope
	of.Scope.Name = "tourney"
	for i := range batch {
		of.Spans = append(of.Spans, encode(&batch[i]))
	}
	var from resource
	from.Resource.Attributes = []attribute{{"service.name", value{e.service}}}
	from.ScopeSpans = []scope{of}
	body, err := json.Marshal(request{[]resource{from}})
	if err != nil {
		return fmt.Errorf("write spans: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("send spans: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	for name, v := range e.headers {
		req.Header.Set(name, v)
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return fmt.Errorf("send spans: %w", errors.Unwrap(err))
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 4096) // what it says is not looked at
	_ = resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("send spans: the collector answers %s", resp.Status)
	}
	return nil
}

func encode(s *tourney.Span) span {
	out := span{
		TraceID: s.TraceID(), SpanID: s.ID(), ParentID: s.ParentID(), Name: string(s.Kind), Kind: 1,
		Start: strconv.FormatInt(s.Start.UnixNano(), 10), End: strconv.FormatInt(max(s.End.UnixNano(), s.Start.UnixNano()), 10),
		Attributes: []attribute{{"tourney.sweep", value{s.Sweep}}, {"tourney.trial", value{strconv.Itoa(s.Trial)}}},
	}
	if s.Kind != tourney.SpanTrial {
		out.Attributes = append(out.Attributes, attribute{"tourney.rung", value{strconv.Itoa(s.Rung)}})
	}
	if s.Attempt > 0 {
		out.Attributes = append(out.Attributes, attribute{"tourney.attempt", value{strconv.Itoa(s.Attempt)}}, attribute{"tourney.worker", value{s.Worker}})
	}
	if s.Result != "" {
		out.Attributes = append(out.Attributes, attribute{"tourney.result", value{s.Result}})
	}
	if s.Failed {
		out.Status = status{2, s.Result}
	}
	return out
}
