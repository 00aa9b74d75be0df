package dashboard_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"tourney/dashboard"
)

func get(t *testing.T, method, path, accept string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	dashboard.Handler().ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const browser = "text/html,application/xhtml+xml,*/*;q=0.8"

func TestPathsThatAreServed(t *testing.T) {
	tests := []struct {
		path, accept string
		status       int
		contentType  string
	}{
		{"/", browser, 200, "text/html; charset=utf-8"},
		{"/", "*/*", 200, "text/html; charset=utf-8"},
		{"/index.html", browser, 200, "text/html; charset=utf-8"},
		{"/sweeps/x", browser, 200, "text/html; charset=utf-8"},
		{"/sweeps/x/y", browser, 200, "text/html; charset=utf-8"},
		{"/theme.js", "*/*", 200, "text/javascript; charset=utf-8"},
		{"/favicon.svg", "image/*", 200, "image/svg+xml"},
		{"/licenses.txt", "*/*", 200, "text/plain; charset=utf-8"},
		{"/sweeps/x", "application/json", 404, ""},
		{"/assets/gone-12345678.js", browser, 404, ""},
		{"/robots.txt", browser, 404, ""},
		{"/BUILD", browser, 200, "text/html; charset=utf-8"}, // the page, not the stamp
		{"/assets/", browser, 200, "text/html; charset=utf-8"},
		{"/api/v1/nothing", browser, 404, ""},
		{"/../handler.go", browser, 404, ""},
	}
	for _, tt := range tests {
		r := get(t, "GET", tt.path, tt.accept)
		if r.StatusCode != tt.status {
			t.Errorf("GET %s (%s): status %d, want %d", tt.path, tt.accept, r.StatusCode, tt.status)
		}
		if tt.contentType != "" && r.Header.Get("Content-Type") != tt.contentType {
			t.Errorf("GET %s: type %q, want %q", tt.path, r.Header.Get("Content-Type"), tt.contentType)
		}
		if tt.contentType == "text/html; charset=utf-8" && !strings.Contains(text(t, r), `<div id="app">`) {
			t.Errorf("GET %s: not the page", tt.path)
		}
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
		"X-Content-Type-Options":  "nosniff",
		"Referrer-Policy":         "no-referrer",
	}
	for _, request := range [][2]string{{"GET", "/"}, {"GET", "/theme.js"}, {"GET", "/sweeps/x"}, {"GET", "/gone.js"}, {"POST", "/"}} {
		r := get(t, request[0], request[1], browser)
		for name, value := range want {
			if got := r.Header.Get(name); got != value {
				t.Errorf("%s %s: %s is %q, want %q", request[0], request[1], name, got, value)
			}
		}
	}
}

// assetsOf returns the hashed files that the page names.
func assetsOf(t *testing.T) []string {
	t.Helper()
	page := text(t, get(t, "GET", "/", browser))
	assets := regexp.MustCompile(`/assets/[A-Za-z0-9_-]+\.(?:js|css)`).FindAllString(page, -1)
	if len(assets) < 2 {
		t.Fatalf("the page names %v, want a script and a style sheet", assets)
	}
	return assets
}

func TestHashedFilesAreKeptAndThePageIsAskedForAgain(t *testing.T) {
	for _, path := range assetsOf(t) {
		if got := get(t, "GET", path, "*/*").Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: Cache-Control %q", path, got)
		}
	}
	for _, path := range []string{"/", "/sweeps/x", "/theme.js"} {
		r := get(t, "GET", path, browser)
		if got := r.Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("%s: Cache-Control %q, want no-cache", path, got)
		}
		again := httptest.NewRequest("GET", path, nil)
		again.Header.Set("Accept", browser)
		again.Header.Set("If-None-Match", r.Header.Get("ETag"))
		w := httptest.NewRecorder()
		dashboard.Handler().ServeHTTP(w, again)
		if w.Code != http.StatusNotModified || w.Body.Len() != 0 {
			t.Errorf("%s again: status %d with %d bytes, want 304 without a body", path, w.Code, w.Body.Len())
		}
	}
	if got := get(t, "GET", "/gone.js", browser).Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("a file that is not there: Cache-Control %q, want no-store", got)
	}
}

func TestOnlyReading(t *testing.T) {
	if r := get(t, "HEAD", "/", browser); r.StatusCode != 200 || text(t, r) != "" || r.Header.Get("Content-Length") == "" {
		t.Errorf("HEAD /: status %d, Content-Length %q", r.StatusCode, r.Header.Get("Content-Length"))
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if r := get(t, method, "/", browser); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s /: status %d, Allow %q", method, r.StatusCode, r.Header.Get("Allow"))
		}
	}
}

func TestThePageHasNoInlineCode(t *testing.T) {
	page := text(t, get(t, "GET", "/", browser))
	for _, script := range regexp.MustCompile(`(?is)<script\b([^>]*)>(.*?)</script>`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(script[1], "src=") || strings.TrimSpace(script[2]) != "" {
			t.Errorf("inline script: %s", script[0])
		}
	}
	for _, pattern := range []string{`(?i)<style`, `(?i)\sstyle=`, `(?i)\son[a-z]+=`, `(?i)javascript:`, `(?i)https?://`} {
		if found := regexp.MustCompile(pattern).FindString(page); found != "" {
			t.Errorf("the page has %q", found)
		}
	}
}
