package api_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tourney/api"
	"tourney/api/internal/apitest"
)

var octets = header{"Content-Type": "application/octet-stream"}

func pathOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "/api/v1/blobs/sha256/" + hex.EncodeToString(sum[:])
}

func (r *rig) put(content string) string {
	r.Helper()
	path := pathOf(content)
	a := r.do(r.Context(), "PUT", path, content, octets)
	want := fmt.Sprintf(`{"hash":%q,"size":%d}`, strings.TrimPrefix(path, "/api/v1/blobs/sha256/"), len(content))
	if a.StatusCode != http.StatusCreated || strings.TrimSpace(string(a.body)) != want {
		r.Fatalf("put: %s: %s, want %s", a.Status, a.body, want)
	}
	return path
}

func TestABlobIsStoredAndFetched(t *testing.T) {
	r := newRig(t)
	path := r.put("0123456789")
	r.put("0123456789") // again, which changes nothing
	a := r.get(path, nil)
	etag := `"` + strings.TrimPrefix(path, "/api/v1/blobs/sha256/") + `"`
	if string(a.body) != "0123456789" || a.Header.Get("ETag") != etag || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("got %q with %v", a.body, a.Header)
	}
	for _, tt := range []struct {
		h      header
		status int
		body   string
	}{
		{header{"Range": "bytes=2-4"}, 206, "234"},
		{header{"Range": "bytes=-3"}, 206, "789"},
		{header{"Range": "bytes=8-"}, 206, "89"},
		{header{"Range": "bytes=2-4", "If-Range": etag}, 206, "234"},
		{header{"Range": "bytes=2-4", "If-Range": `"other"`}, 200, "0123456789"},
		{header{"If-None-Match": etag}, 304, ""},
		{header{"If-None-Match": `"other"`}, 200, "0123456789"},
	} {
		if a := r.do(t.Context(), "GET", path, "", tt.h); a.StatusCode != tt.status || string(a.body) != tt.body {
			t.Errorf("%v: %s %q, want %d %q", tt.h, a.Status, a.body, tt.status, tt.body)
		}
	}
	if a := r.do(t.Context(), "GET", path, "", header{"Range": "bytes=20-30"}); a.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("a range past the end: %s", a.Status)
	}
}

func TestABlobUnderAnotherHashIsNotStored(t *testing.T) {
	r := newRig(t)
	p := r.wrong(http.StatusUnprocessableEntity, "PUT", pathOf("this"), "that", octets)
	// printf that | sha256sum
	if !strings.Contains(p.Detail, strings.TrimPrefix(pathOf("that"), "/api/v1/blobs/sha256/")) {
		t.Errorf("detail %q does not say the hash", p.Detail)
	}
	if n := r.world.Blobs(); n != 0 {
		t.Errorf("%d blobs are stored", n)
	}
}

func TestBlobsAreBounded(t *testing.T) {
	r := newRig(t, func(cfg *api.Config) { cfg.MaxBlobBytes = 10 })
	r.put("0123456789")
	r.wrong(http.StatusRequestEntityTooLarge, "PUT", pathOf("0123456789a"), "0123456789a", octets)
	// Without a length the bytes are counted as they come.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, r.http.URL+pathOf("0123456789a"), struct{ *strings.Reader }{strings.NewReader("0123456789a")})
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("chunked: %s", resp.Status)
	}
	if n := r.world.Blobs(); n != 1 {
		t.Errorf("%d blobs are stored, want 1", n)
	}
}

func TestTestShardsGoToFinalAttemptsAlone(t *testing.T) {
	r := newRig(t)
	path := r.put("sealed rows")
	r.world.Seal(strings.TrimPrefix(path, "/api/v1/blobs/sha256/"))
	if p := r.wrong(http.StatusForbidden, "GET", path, "", nil); !strings.Contains(p.Detail, "test rows") {
		t.Errorf("detail %q", p.Detail)
	}
	r.wrong(http.StatusForbidden, "GET", path, "", header{"Tourney-Attempt": "e1/s1/3/100"})
	if a := r.do(t.Context(), "GET", path, "", header{"Tourney-Attempt": "e1/s1/3/101"}); string(a.body) != "sealed rows" {
		t.Errorf("a final attempt: %s %s", a.Status, a.body)
	}
	for _, token := range []string{"", "x", "e/s/1", "e/s/1/2/3", "e/s/one/2", "e/s/1/-", "/s/1/2", "e//1/2", "e/s/01/2", "e/s/+1/2"} {
		if p := r.wrong(http.StatusBadRequest, "GET", path, "", header{"Tourney-Attempt": token}); p.Errors[0].Path != "Tourney-Attempt" {
			t.Errorf("%q: %v", token, p.Errors)
		}
	}
}

func TestAnOpenBlobThatIsNotThere(t *testing.T) {
	r := newRig(t)
	a := r.do(apitest.Wrong(t.Context()), "GET", pathOf("nothing"), "", nil)
	if a.StatusCode != http.StatusNotFound || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s, to be cached as %q", a.Status, a.Header.Get("Cache-Control"))
	}
}
