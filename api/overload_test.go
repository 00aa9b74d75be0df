package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"tourney"
	"tourney/api"
	"tourney/api/internal/apitest"
)

// While as many requests run as may, others are told at once to come back, and
// probes are answered.
func TestOverload(t *testing.T) {
	b := &broken{}
	r := newRig(t, func(cfg *api.Config) {
		b.World = cfg.Service.(*apitest.World)
		cfg.Service, cfg.MaxRequests = b, 2
	})
	entered, leave := make(chan bool, 2), make(chan bool)
	b.act = func() error {
		entered <- true
		<-leave
		return tourney.ErrConflict
	}
	var running sync.WaitGroup
	for range 2 {
		running.Go(func() { r.wrong(http.StatusConflict, "POST", "/api/v1/sweeps/s1/pause", "", nil) })
	}
	<-entered
	<-entered
	for _, path := range []string{"/api/v1/sweeps", "/api/v1/none", "/metrics"} {
		a := r.do(t.Context(), "GET", path, "", nil)
		if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || !strings.Contains(string(a.body), "busy") {
			t.Errorf("%s: %s %v %s", path, a.Status, a.Header, a.body)
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/"} {
		if a := r.do(apitest.Wrong(t.Context()), "GET", path, "", nil); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	// Tables and blobs have a lane of their own.
	if a := r.do(t.Context(), "GET", "/api/v1/blobs/sha256/"+strings.Repeat("0", 64), "", nil); a.StatusCode != http.StatusNotFound {
		t.Errorf("a blob: %s", a.Status)
	}
	close(leave)
	running.Wait()
	if a := r.get("/metrics", nil); !strings.Contains(string(a.body), "\ntourney_http_overload_total 3\n") {
		t.Errorf("the refused are not counted:\n%s", a.body)
	}
}

// A token may have so many streams and no more; others are not in its way.
func TestStreamsOfATokenAreBounded(t *testing.T) {
	r := newRig(t, func(cfg *api.Config) { cfg.MaxTokenStreams = 2 })
	admin := r.token(tourney.ScopeAdmin, "")
	other := r.token(tourney.ScopeRead, admin)
	for range 2 {
		r.follow(t.Context(), "/api/v1/events", bearer(admin))()
	}
	a := r.do(t.Context(), "GET", "/api/v1/events", "", bearer(admin))
	if a.StatusCode != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || !strings.Contains(string(a.body), "2 event streams") {
		t.Errorf("a third stream: %s %s", a.Status, a.body)
	}
	r.follow(t.Context(), "/api/v1/events", bearer(other))()
}

// Who sends slowly is cut off: his headers after 5 seconds, his body after 30,
// also one that nobody wants.
func TestSlowSendersAreCutOff(t *testing.T) {
	post := "POST /api/v1/sweeps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/yaml\r\nContent-Length: 100\r\n\r\nname"
	for name, tt := range map[string]struct {
		send   string
		most   time.Duration
		status string
	}{
		"headers":                   {"GET /api/v1/sweeps HTTP/1.1\r\nHost: loc", 6 * time.Second, ""},
		"body":                      {post, 31 * time.Second, "HTTP/1.1 408"},
		"body of what takes none":   {"GET /api/v1/sweeps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n1", 70 * time.Second, ""},
		"body of what is not there": {"POST /api/v1/none HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n1", 70 * time.Second, ""},
		"body of a page":            {"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n1", 70 * time.Second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bubbled) {
				conn := b.dial()
				defer conn.Close()
				start := time.Now()
				fmt.Fprint(conn, tt.send)
				data, err := io.ReadAll(conn)
				if took := time.Since(start); took > tt.most || err != nil {
					b.Errorf("the connection lasted %v (%v)", took, err)
				}
				if !strings.HasPrefix(string(data), tt.status) {
					b.Errorf("the answer is %q", data)
				}
			})
		})
	}
}

// A handler that takes long is not taken for a caller that is gone.
func TestSlowHandlersAreNotCutOff(t *testing.T) {
	bubble(t, func(b bubbled) {
		conn := b.dial()
		defer conn.Close()
		fmt.Fprint(conn, "POST /api/v1/sweeps/s1/pause HTTP/1.1\r\nHost: localhost\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusConflict {
			b.Errorf("%s, want what the service said after 50 s", resp.Status)
		}
	}, func(cfg *api.Config) {
		b := &broken{World: cfg.Service.(*apitest.World)}
		b.act = func() error {
			time.Sleep(50 * time.Second)
			return tourney.ErrConflict
		}
		cfg.Service = &patient{b}
	})
}

// patient creates sweeps as the world does, and acts on none.
type patient struct{ *broken }

func (p *patient) CreateSweep(ctx context.Context, spec tourney.Spec, key string) (tourney.Sweep, error) {
	return p.World.CreateSweep(ctx, spec, key)
}

// JSON may lie 32 deep, and what is quoted does not count.
func TestDeepBodiesAreRefused(t *testing.T) {
	r := newRig(t)
	typ := header{"Content-Type": "application/json"}
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	for path, body := range map[string]string{
		"/api/v1/sweeps": deep(33), "/api/v1/workers": deep(1000), "/api/v1/tokens": strings.Repeat("[", 500_000), "/api/v1/datasets": deep(10_000),
	} {
		if p := r.wrong(http.StatusBadRequest, "POST", path, body, typ); !strings.Contains(p.Detail, "more than 32 deep") {
			t.Errorf("%s: %s", path, p.Detail)
		}
	}
	for _, body := range []string{deep(32), `{"name":"` + strings.Repeat(`[{\"`, 100) + `"}`} {
		if p := r.wrong(http.StatusBadRequest, "POST", "/api/v1/sweeps", body, typ); strings.Contains(p.Detail, "deep") {
			t.Errorf("%.60s: %s", body, p.Detail)
		}
	}
}

// 500 readers on connections of their own, a tenth of which take nothing in,
// cost bounded memory, and the others miss nothing.
func TestManyStreamsCostLittle(t *testing.T) {
	r := newRig(t)
	id := r.create().ID
	const streams, stalled, commits = 500, 50, 40
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	open := func() *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.http.URL+"/api/v1/sweeps/"+id+"/events?after=0", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		if resp.StatusCode != http.StatusOK {
			t.Fatal(resp.Status)
		}
		return resp
	}
	before := heap()
	var readers sync.WaitGroup
	for i := range streams {
		resp := open()
		if i < stalled {
			continue
		}
		readers.Go(func() {
			lines, events := bufio.NewScanner(resp.Body), 0
			lines.Buffer(nil, 1<<20)
			for events < 2+commits && lines.Scan() {
				if strings.HasPrefix(lines.Text(), "data: {\"id\"") {
					events++
				}
			}
			if events != 2+commits {
				t.Errorf("stream %d ended after %d events: %v", i, events, lines.Err())
			}
		})
	}
	long := strings.Repeat("long ", 1<<11) // 10 kB, so that sockets of who takes nothing in fill up
	for range commits {
		r.world.Commit(id, tourney.Turned{State: tourney.SweepPaused, Reason: long})
	}
	readers.Wait()
	// Each stream holds what it writes now, and its connection: far under 256 kB.
	if grown := int64(heap()) - int64(before); grown > streams*256<<10 {
		t.Errorf("%d streams cost %d bytes", streams, grown)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Who holds a token for admins gets profiles, where they are served at all.
func TestProfilesAreForAdmins(t *testing.T) {
	without := newRig(t)
	without.wrong(http.StatusNotFound, "GET", "/debug/pprof/", "", nil)
	r := newRig(t, func(cfg *api.Config) { cfg.Profile = true })
	admin := r.token(tourney.ScopeAdmin, "")
	submit := r.token(tourney.ScopeSubmit, admin)
	r.wrong(http.StatusUnauthorized, "GET", "/debug/pprof/heap", "", nil)
	r.wrong(http.StatusForbidden, "GET", "/debug/pprof/heap", "", bearer(submit))
	if a := r.do(t.Context(), "GET", "/debug/pprof/goroutine?debug=1", "", bearer(admin)); a.StatusCode != http.StatusOK || !strings.Contains(string(a.body), "goroutine profile:") {
		t.Errorf("%s %.200s", a.Status, a.body)
	}
}

// Requests are counted by route and status, not by what was in their paths.
func TestMetricsOfRequests(t *testing.T) {
	r := newRig(t)
	id := r.create().ID
	r.get("/api/v1/sweeps/"+id, nil)
	r.wrong(http.StatusNotFound, "GET", "/api/v1/sweeps/elsewhere", "", nil)
	r.wrong(http.StatusNotFound, "GET", "/api/v1/secret-path", "", nil)
	r.do(apitest.Wrong(t.Context()), "BREW", "/pot", "", nil)
	r.follow(t.Context(), "/api/v1/events", nil)()
	a := r.get("/metrics", nil)
	for _, want := range []string{
		`tourney_http_request_duration_seconds_count{method="GET",route="/api/v1/sweeps/:id",status="200"} 1`,
		`tourney_http_request_duration_seconds_count{method="GET",route="/api/v1/sweeps/:id",status="404"} 1`,
		`tourney_http_request_duration_seconds_count{method="GET",route="none",status="404"} 1`,
		`tourney_http_request_duration_seconds_count{method="other",route="pages",status="200"} 1`,
		"tourney_http_streams 1", `tourney_http_requests{lane="calls"} 1`,
	} {
		if !strings.Contains(string(a.body), "\n"+want+"\n") {
			t.Errorf("%s is not in\n%s", want, a.body)
		}
	}
	if strings.Contains(string(a.body), "secret-path") || strings.Contains(string(a.body), "elsewhere") {
		t.Errorf("paths are in\n%s", a.body)
	}
	if typ := a.Header.Get("Content-Type"); typ != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("Content-Type %q", typ)
	}
}

// What else keeps a server from work is told by /readyz.
func TestReadyTellsWhy(t *testing.T) {
	reason := fmt.Errorf("%w: the disk of the data directory is full", tourney.ErrUnavailable)
	r := newRig(t, func(cfg *api.Config) { cfg.Ready = func(context.Context) error { return reason } })
	if p := r.wrong(http.StatusServiceUnavailable, "GET", "/readyz", "", nil); !strings.Contains(p.Detail, "disk") {
		t.Errorf("%+v", p)
	}
	r.get("/healthz", nil)
}
