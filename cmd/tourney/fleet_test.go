package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tourney"
)

// Workers of a pool train its sweeps alone, also one that came before any of
// them, and the board is that of any fleet. Coordinator and worker send spans of
// the same trials to a collector, each its own, and none has another's id.
func TestPoolsAndTraces(t *testing.T) {
	want := undisturbed(t, quick)
	type span struct{ TraceID, SpanID, ParentSpanID, Name string }
	var mu sync.Mutex
	spans := map[string]span{}
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var req struct {
			ResourceSpans []struct{ ScopeSpans []struct{ Spans []span } }
		}
		if err := json.Unmarshal(body, &req); err != nil {
			t.Errorf("%v in %s", err, body)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, s := range req.ResourceSpans[0].ScopeSpans[0].Spans {
			spans[s.SpanID] = s
		}
	}))
	defer collector.Close()
	env := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL}

	data := dir(t)
	c := startWith(t, env, "coordinator", "--addr", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--data-dir", data, "--price-per-hour", "3600")
	url := c.url()
	w := startWith(t, env, "worker", "--server", url, "--slots", "2", "--pool", "gpu", "--cache-dir", filepath.Join(t.TempDir(), "cache"))
	w.await("training on")
	plain := strings.TrimSpace(must(t, "sweep", "create", quick, "--server", url))
	text, err := os.ReadFile(quick)
	if err != nil {
		t.Fatal(err)
	}
	table, err := filepath.Abs("../../examples/digits.csv")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "gpu.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "../../../examples/digits.csv", table, 1)+"pool: gpu\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	id := strings.TrimSpace(must(t, "sweep", "create", file, "--server", url))
	s := untilSweep(t, url, id, func(s tourney.Sweep) bool { return s.State.Terminal() })
	sameBoard(t, must(t, "sweep", "leaderboard", id, "--canonical", "--server", url), want)
	if s.Spent == nil || s.Spent.Cost <= 0 || s.Spent.Improvements == 0 {
		t.Errorf("it has spent %+v", s.Spent)
	}
	other := untilSweep(t, url, plain, func(tourney.Sweep) bool { return true })
	if reports(other) != 0 || len(other.Warnings) != 1 || !strings.Contains(other.Warnings[0], `"default"`) {
		t.Errorf("the sweep of the other pool has %d reports, and warns of %q", reports(other), other.Warnings)
	}
	if code := w.terminate(); code != 0 {
		t.Errorf("the worker exits with %d", code)
	}
	if code := c.terminate(); code != 0 {
		t.Errorf("the coordinator exits with %d", code)
	}
	proven(t, data, id)

	names := map[string]int{}
	for _, s := range spans {
		names[s.Name]++
		if parent, ok := spans[s.ParentSpanID]; s.Name != "trial" && (!ok || parent.TraceID != s.TraceID) {
			t.Errorf("the parent of %+v is %+v", s, parent)
		}
	}
	if names["trial"] != 60 || names["heat"] < 60 || names["heat"] != names["claim"] || names["fold"] != names["job"] {
		t.Errorf("spans: %v", names)
	}
}
