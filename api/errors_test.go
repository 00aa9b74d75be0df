package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"tourney"
	"tourney/api"
	"tourney/api/internal/apitest"
)

// broken is a world whose actions fail in a given way.
type broken struct {
	*apitest.World
	act func() error
}

func (b *broken) Act(context.Context, string, tourney.Action) (tourney.Sweep, error) {
	return tourney.Sweep{}, b.act()
}

func (b *broken) CreateSweep(context.Context, tourney.Spec, string) (tourney.Sweep, error) {
	return tourney.Sweep{}, b.act()
}

func newBroken(t *testing.T) (*rig, *broken) {
	t.Helper()
	b := &broken{}
	r := newRig(t, func(cfg *api.Config) {
		b.World = cfg.Service.(*apitest.World)
		cfg.Service = b
	})
	return r, b
}

func TestEachSentinelHasItsStatus(t *testing.T) {
	r, b := newBroken(t)
	for _, tt := range []struct {
		err    error
		status int
		typ    string
	}{
		{tourney.ErrInvalid, 400, "urn:tourney:invalid"},
		{tourney.ErrNotFound, 404, "urn:tourney:not-found"},
		{tourney.ErrConflict, 409, "urn:tourney:conflict"},
		{tourney.ErrStale, 409, "urn:tourney:stale"},
		{tourney.ErrRefused, 403, "urn:tourney:refused"},
		{tourney.ErrInUse, 409, "urn:tourney:in-use"},
		{tourney.ErrUnavailable, 503, "urn:tourney:unavailable"},
	} {
		b.act = func() error { return fmt.Errorf("pause sweep s1: %w", tt.err) }
		a := r.do(t.Context(), "POST", "/api/v1/sweeps/s1/pause", "", nil)
		p := r.wrong(tt.status, "POST", "/api/v1/sweeps/s1/pause", "", nil)
		if p.Type != tt.typ || p.Detail != "pause sweep s1: "+tt.err.Error() || p.ID != "" {
			t.Errorf("%v: problem %+v", tt.err, p)
		}
		if retry := a.Header.Get("Retry-After"); (retry != "") != (tt.status == 503) {
			t.Errorf("%v: Retry-After %q", tt.err, retry)
		}
		if back := p.Err(); !errors.Is(back, tt.err) {
			t.Errorf("%v comes back as %v", tt.err, back)
		}
	}
	b.act = func() error {
		return fmt.Errorf("pause: %w", &tourney.InvalidError{Fields: []tourney.FieldError{{Path: "a", Message: "is odd", Line: 3}, {Path: "b", Message: "is even"}}})
	}
	p := r.wrong(400, "POST", "/api/v1/sweeps/s1/pause", "", nil)
	if len(p.Errors) != 2 || p.Errors[0] != (tourney.FieldError{Path: "a", Message: "is odd", Line: 3}) || p.Detail != "2 fields are wrong; the first is line 3: a: is odd" {
		t.Errorf("problem %+v", p)
	}
	if inv := tourney.AsInvalid(p.Err()); inv == nil || len(inv.Fields) != 2 {
		t.Errorf("wrong fields come back as %v", p.Err())
	}
}

// Only a key makes a conflict the fault of the body.
func TestAConflictWithoutAKeyIsAConflict(t *testing.T) {
	r, b := newBroken(t)
	b.act = func() error { return fmt.Errorf("create sweep: %w", tourney.ErrConflict) }
	r.wrong(http.StatusConflict, "POST", "/api/v1/sweeps", spec, yaml)
	r.wrong(http.StatusUnprocessableEntity, "POST", "/api/v1/sweeps", spec, header{"Content-Type": "application/yaml", "Idempotency-Key": "k"})
}

func TestTheServersOwnFaultsAreLoggedAndNotTold(t *testing.T) {
	r, b := newBroken(t)
	for name, act := range map[string]func() error{
		"error": func() error { return errors.New("open /secret/path: disk on fire") },
		"panic": func() error { panic("open /secret/path: disk on fire") },
	} {
		b.act = act
		p := r.wrong(http.StatusInternalServerError, "POST", "/api/v1/sweeps/s1/pause", "", nil)
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "fire") || strings.Contains(string(data), "secret") || strings.Contains(string(data), ".go") {
			t.Errorf("%s: the answer tells internals: %s", name, data)
		}
		if log := r.log.String(); p.ID == "" || !strings.Contains(log, "request="+p.ID) || !strings.Contains(log, "disk on fire") {
			t.Errorf("%s: the log does not have request %q and its cause:\n%s", name, p.ID, log)
		}
	}
	r.get("/healthz", nil) // it lives
}

func TestUnknownRoutesAndMethodsAreProblems(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/api", "/api/", "/api/v1", "/api/v1/tickets", "/api/v1/sweeps/s1/importance", "/api/v2/sweeps", "/api/docs/page", "/api/v1/sweeps/"} {
		r.wrong(http.StatusNotFound, "GET", path, "", nil)
	}
	for path, method := range map[string]string{
		"/api/v1/sweeps": "DELETE", "/api/v1/sweeps/s1": "PUT", "/api/v1/events": "POST", "/healthz": "POST", "/api/openapi.yaml": "PATCH", "/api/v1/sweeps/s1/pause": "GET",
	} {
		p := r.wrong(http.StatusMethodNotAllowed, method, path, "", nil)
		if !strings.Contains(p.Detail, "it takes ") {
			t.Errorf("%s %s: %q does not say what is taken", method, path, p.Detail)
		}
	}
	if a := r.do(t.Context(), "HEAD", "/api/v1/none", "", nil); a.StatusCode != http.StatusNotFound || len(a.body) != 0 {
		t.Errorf("HEAD: %s %q", a.Status, a.body)
	}
}

func TestEverythingElseIsTheDashboards(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/", "/sweeps/s1", "/apis", "/healthz2"} {
		a := r.do(apitest.Wrong(t.Context()), "GET", path, "", nil)
		if a.StatusCode != http.StatusOK || string(a.body) != "<title>pages</title>" {
			t.Errorf("%s: %s %s", path, a.Status, a.body)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
			"X-Content-Type-Options":  "nosniff", "Referrer-Policy": "no-referrer",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
	bare := newRig(t, func(cfg *api.Config) { cfg.Dashboard = nil })
	bare.wrong(http.StatusNotFound, "GET", "/", "", nil)
}

func TestOnlyKnownHostsAreAnswered(t *testing.T) {
	r := newRig(t, func(cfg *api.Config) { cfg.AllowedHosts = []string{"tourney.example", "10.0.0.7"} })
	for _, host := range []string{"localhost", "localhost:8080", "LOCALHOST.", "127.0.0.1:1", "127.8.9.1", "[::1]:8080", "[::1]", "Tourney.Example:443", "tourney.example.", "10.0.0.7:80"} {
		if a := r.do(t.Context(), "GET", "/api/v1/sweeps", "", header{"Host": host}); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", host, a.Status)
		}
	}
	for _, host := range []string{"evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0:8080", "10.0.0.8", "[::]:80", "tourney.example.evil", "169.254.169.254", "notlocalhost", "evil-tourney.example"} {
		for _, path := range []string{"/api/v1/sweeps", "/", "/api/openapi.yaml"} {
			r.wrong(http.StatusMisdirectedRequest, "GET", path, "", header{"Host": host})
		}
	}
	if a := r.do(t.Context(), "GET", "/readyz", "", header{"Host": "10.1.2.3:8080"}); a.StatusCode != http.StatusOK {
		t.Errorf("a probe by address: %s", a.Status)
	}
}

func TestOtherSitesCannotChangeAnything(t *testing.T) {
	r := newRig(t)
	id := r.create().ID
	unsafe := []struct{ method, path, typ string }{
		{"POST", "/api/v1/sweeps", "application/yaml"},
		{"POST", "/api/v1/sweeps/" + id + "/cancel", ""},
		{"POST", "/api/v1/workers", "application/json"},
		{"POST", "/api/v1/datasets?name=a&target=y", "text/csv"},
		{"PUT", "/api/v1/blobs/sha256/" + strings.Repeat("0", 64), "application/octet-stream"},
		{"DELETE", "/api/v1/sweeps/" + id, ""},
		{"BREW", "/", ""},
	}
	for _, u := range unsafe {
		for _, h := range []header{{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "odd"}, {"Origin": "http://evil.example"}, {"Origin": "null"}} {
			if u.typ != "" {
				h["Content-Type"] = u.typ
			}
			r.wrong(http.StatusForbidden, u.method, u.path, "", h)
		}
	}
	for _, site := range []string{"same-origin", "none"} {
		if a := r.do(t.Context(), "POST", "/api/v1/sweeps", spec, header{"Content-Type": "application/yaml", "Sec-Fetch-Site": site}); a.StatusCode != http.StatusCreated {
			t.Errorf("%s: %s", site, a.Status)
		}
	}
	a := r.do(t.Context(), "GET", "/api/v1/sweeps", "", header{"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"})
	if a.StatusCode != http.StatusOK || a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a read is answered, but no other site may see it: %s %v", a.Status, a.Header)
	}
}

func TestTheLogHasNoBodiesQueriesOrHeaders(t *testing.T) {
	r := newRig(t)
	secret := "hunter2"
	r.do(apitest.Wrong(t.Context()), "POST", "/api/v1/datasets?name=a&target=y&file="+secret, "x,y\n"+secret+",1\n", header{"Content-Type": "text/csv", "Authorization": "Bearer " + secret, "Cookie": "s=" + secret})
	r.do(apitest.Wrong(t.Context()), "GET", "/api/v1/sweeps?token="+secret, "", nil)
	r.do(t.Context(), "POST", "/api/v1/workers", `{"host":"h","pool":"p","slots":1,"version":"`+secret+`"}`, header{"Content-Type": "application/json"})
	log := r.log.String()
	if strings.Contains(log, secret) {
		t.Errorf("the log has the secret:\n%s", log)
	}
	if strings.Count(log, "msg=request ") != 3 || !strings.Contains(log, "route=/api/v1/datasets status=201") {
		t.Errorf("the log has not one line a request:\n%s", log)
	}
}

func TestListsAreCompressedAndStreamsAreNot(t *testing.T) {
	r := newRig(t)
	id := r.create(make([]float64, 50)...).ID
	accept := header{"Accept-Encoding": "gzip"}
	if a := r.do(apitest.Wrong(t.Context()), "GET", "/healthz", "", accept); a.Header.Get("Content-Encoding") != "" {
		t.Error("a short answer is compressed")
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.http.URL+"/api/v1/sweeps/"+id+"/trials", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Header.Get("Content-Encoding") != "gzip" {
		t.Error("a long list is not compressed")
	}
	req.URL.Path = "/api/v1/events"
	stream, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	if stream.Header.Get("Content-Encoding") != "" {
		t.Error("a stream is compressed")
	}
}

func TestHeadersAreBounded(t *testing.T) {
	r := newRig(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.http.URL+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Long", strings.Repeat("x", 64<<10))
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("64 KiB of headers: %s", resp.Status)
	}
}

// A body that breaks off is the caller's fault and registers nothing.
func TestABodyThatBreaksOff(t *testing.T) {
	r := newRig(t)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "POST /api/v1/datasets?name=cut&target=y HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 100\r\n\r\nx,y\n1,2\n")
	conn.(*net.TCPConn).CloseWrite()
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") || !strings.Contains(string(answer), "broke off") {
		t.Errorf("answer %s", answer)
	}
	r.wrong(http.StatusNotFound, "GET", "/api/v1/datasets/cut", "", nil)
}

func TestHealthAndReadiness(t *testing.T) {
	r := newRig(t)
	var health map[string]string
	if r.get("/healthz", &health); health["status"] != "ok" || health["version"] != "1.2.3" {
		t.Errorf("healthz %v", health)
	}
	r.get("/readyz", nil)
	r.world.Sicken(errors.New("open /secret: no space left"))
	if p := r.wrong(http.StatusServiceUnavailable, "GET", "/readyz", "", nil); strings.Contains(p.Detail, "secret") {
		t.Errorf("readyz tells %q", p.Detail)
	}
	r.world.Sicken(fmt.Errorf("the bus is starting: %w", tourney.ErrUnavailable))
	if p := r.wrong(http.StatusServiceUnavailable, "GET", "/readyz", "", nil); !strings.Contains(p.Detail, "the bus is starting") {
		t.Errorf("readyz tells %q", p.Detail)
	}
	r.get("/healthz", nil)
}

func TestAServerNeedsItsPorts(t *testing.T) {
	w := apitest.NewWorld()
	if _, err := api.New(api.Config{Service: w, Reader: w, Datasets: w}); err == nil {
		t.Error("a server without blobs is made")
	}
}
