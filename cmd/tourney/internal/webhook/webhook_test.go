package webhook_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tourney"
	"tourney/cmd/tourney/internal/intake"
	"tourney/cmd/tourney/internal/webhook"
)

const secret = "0123456789abcdef0123"

func newSender(t *testing.T, allowed func(netip.Addr) bool, hosts ...string) *webhook.Sender {
	t.Helper()
	s, err := webhook.New(webhook.Config{
		Secret: []byte(secret), Hosts: hosts, Allowed: allowed, Now: func() time.Time { return time.Unix(1700000000, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func anywhere(netip.Addr) bool { return true }

// The signature is the one that Python's hmac gives for the same bytes.
func TestANoticeIsSigned(t *testing.T) {
	var got *http.Request
	var body []byte
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer srv.Close()
	s := newSender(t, anywhere, strings.TrimPrefix(srv.URL, "http://"))
	n := tourney.Notice{ID: "n1", URL: srv.URL + "/hook?x=1", Body: []byte(`{"id":"n1"}`)}
	if err := s.Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	const want = "t=1700000000,v1=fc75c0a5f446312d9d31cf79c37e830ef005505a43aa5de79de41ca306a9621c"
	if sig := got.Header.Get("Tourney-Signature"); sig != want {
		t.Errorf("signed %q, want %q", sig, want)
	}
	if got.Method != "POST" || got.Header.Get("Tourney-Notice") != "n1" || string(body) != string(n.Body) || got.URL.RawQuery != "x=1" {
		t.Errorf("sent %s %s with %q", got.Method, got.URL, body)
	}
}

// Only hosts that are listed are told, only at public addresses, and wherever
// they redirect to nothing goes.
func TestNoticesGoNowhereElse(t *testing.T) {
	asked := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer elsewhere.Close()
	srv := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	send := func(s *webhook.Sender, url string) error {
		return s.Send(t.Context(), tourney.Notice{ID: "n", URL: url})
	}
	if err := send(newSender(t, anywhere, host), srv.URL); !errors.Is(err, tourney.ErrUnavailable) || asked != 0 {
		t.Errorf("redirected: %v, and %d requests arrived", err, asked)
	}
	if err := send(newSender(t, intake.IsPublic, host), srv.URL); !errors.Is(err, tourney.ErrRefused) || !strings.Contains(err.Error(), "not a public one") {
		t.Errorf("at a loopback address: %v", err)
	}
	if err := send(newSender(t, anywhere, "example.org"), elsewhere.URL); !errors.Is(err, tourney.ErrRefused) || asked != 0 {
		t.Errorf("to a host that is not listed: %v", err)
	}
	s := newSender(t, intake.IsPublic, "hooks.example.org", "Other.example.org:8443")
	for url, want := range map[string]bool{
		"https://hooks.example.org/a": true, "http://HOOKS.example.org:80/": true, "https://hooks.example.org.:443": true,
		"https://hooks.example.org:8443/": false, "https://other.example.org:8443/": true, "https://other.example.org/": false,
		"https://evil.org/hooks.example.org": false, "http://169.254.169.254/": false,
	} {
		if err := s.Check(url); (err == nil) != want {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// What a receiver answers says whether to come again.
func TestAnswers(t *testing.T) {
	status := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer srv.Close()
	s := newSender(t, anywhere, strings.TrimPrefix(srv.URL, "http://"))
	for code, want := range map[int]error{200: nil, 204: nil, 302: tourney.ErrUnavailable, 404: tourney.ErrUnavailable, 410: tourney.ErrRefused, 500: tourney.ErrUnavailable} {
		status = code
		if err := s.Send(t.Context(), tourney.Notice{URL: srv.URL}); !errors.Is(err, want) {
			t.Errorf("%d: %v, want %v", code, err, want)
		}
	}
	srv.Close()
	if err := s.Send(t.Context(), tourney.Notice{URL: srv.URL}); !errors.Is(err, tourney.ErrUnavailable) {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := webhook.New(webhook.Config{Secret: []byte("short")}); tourney.AsInvalid(err) == nil {
		t.Errorf("a short secret: %v", err)
	}
}
