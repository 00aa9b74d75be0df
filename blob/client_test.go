package blob_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/blob"
)

// What package worker needs of blobs.
var _ interface {
	Open(ctx context.Context, hash string, offset, size int64, token *tourney.Token) (io.ReadCloser, error)
	Put(ctx context.Context, data []byte) (string, error)
} = (*blob.Client)(nil)

// serve answers like a coordinator that keeps its blobs in a Dir.
func serve(t *testing.T, d *blob.Dir) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/blobs/sha256/{hash}", func(w http.ResponseWriter, r *http.Request) {
		f, _, err := d.Open(r.Context(), r.PathValue("hash"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer f.Close()
		http.ServeContent(w, r, "", time.Time{}, f)
	})
	mux.HandleFunc("PUT /api/v1/blobs/sha256/{hash}", func(w http.ResponseWriter, r *http.Request) {
		if hash, _, err := d.Put(r.Context(), r.Body); err != nil || hash != r.PathValue("hash") {
			http.Error(w, "no", http.StatusUnprocessableEntity)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv
}

func TestClientReadsWhatItPut(t *testing.T) {
	srv := serve(t, openDir(t, t.TempDir()))
	c := blob.NewClient(srv.URL+"/", srv.Client(), "")
	data := []byte("0123456789")
	hash, err := c.Put(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		offset, size int64
		want         string
		short        bool
	}{
		{0, -1, "0123456789", false},
		{0, 10, "0123456789", false},
		{3, -1, "3456789", false},
		{3, 4, "3456", false},
		{9, 1, "9", false},
		{4, 0, "", false},
		{7, 9, "789", true},
	} {
		f, err := c.Open(t.Context(), hash, test.offset, test.size, nil)
		if err != nil {
			t.Errorf("Open(%d, %d): %v", test.offset, test.size, err)
			continue
		}
		got, err := io.ReadAll(f)
		f.Close()
		if string(got) != test.want || errors.Is(err, io.ErrUnexpectedEOF) != test.short || (err != nil && !test.short) {
			t.Errorf("Open(%d, %d) reads %q, %v; want %q", test.offset, test.size, got, err, test.want)
		}
	}
	if _, err := c.Open(t.Context(), hash, 11, 1, nil); err == nil {
		t.Error("a range past the end is no error")
	}
	if _, err := c.Open(t.Context(), hash, -1, 1, nil); err == nil {
		t.Error("a negative offset is no error")
	}
	for _, name := range []string{abcSum, "../../x", ""} {
		if _, err := c.Open(t.Context(), name, 0, -1, nil); !errors.Is(err, tourney.ErrNotFound) {
			t.Errorf("Open(%q): %v, want not found", name, err)
		}
	}
}

// transport answers requests without a network, so that time is synctest's.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func client(bearer string, f transport) *blob.Client {
	return blob.NewClient("http://coordinator", &http.Client{Transport: f}, bearer)
}

func respond(code int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: code, Status: fmt.Sprintf("%d %s", code, http.StatusText(code)), Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func TestClientSaysWhoAsks(t *testing.T) {
	var got []*http.Request
	f := func(r *http.Request) (*http.Response, error) {
		got = append(got, r)
		return respond(200, "abc"), nil
	}
	token := &tourney.Token{Epoch: "e1", Sweep: "s2", Trial: 3, Attempt: 4}
	open := func(c *blob.Client, token *tourney.Token) {
		body, err := c.Open(t.Context(), abcSum, 0, -1, token)
		if err != nil {
			t.Fatal(err)
		}
		body.Close()
	}
	open(client("secret", f), token)
	open(client("", f), nil)
	if h := got[0].Header; h.Get("Authorization") != "Bearer secret" || h.Get("Tourney-Attempt") != "e1/s2/3/4" || h.Get("Range") != "" {
		t.Errorf("headers %v", h)
	}
	if h := got[1].Header; len(h.Values("Authorization"))+len(h.Values("Tourney-Attempt")) != 0 {
		t.Errorf("headers %v, want none of ours", h)
	}
	if want := "http://coordinator/api/v1/blobs/sha256/" + abcSum; got[0].URL.String() != want {
		t.Errorf("URL %s, want %s", got[0].URL, want)
	}
}

func TestClientAsksForRanges(t *testing.T) {
	for _, test := range []struct {
		offset, size int64
		want         string
	}{{0, 1, "bytes=0-0"}, {5, 10, "bytes=5-14"}, {5, -1, "bytes=5-"}} {
		var got string
		c := client("", func(r *http.Request) (*http.Response, error) {
			got = r.Header.Get("Range")
			return respond(206, "x", "Content-Range", fmt.Sprintf("bytes %d-99/100", test.offset)), nil
		})
		if _, err := c.Open(t.Context(), abcSum, test.offset, test.size, nil); err != nil || got != test.want {
			t.Errorf("Range %q, %v; want %q", got, err, test.want)
		}
	}
}

func TestClientCopesWithServersThatIgnoreRanges(t *testing.T) {
	c := client("", func(*http.Request) (*http.Response, error) { return respond(200, "0123456789"), nil })
	body, err := c.Open(t.Context(), abcSum, 4, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(body); string(got) != "456" || err != nil {
		t.Errorf("read %q, %v; want 456", got, err)
	}
	if _, err := c.Open(t.Context(), abcSum, 11, 1, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an offset past the end: %v", err)
	}
}

func TestClientRefusesAnotherRange(t *testing.T) {
	c := client("", func(*http.Request) (*http.Response, error) {
		return respond(206, "xyz", "Content-Range", "bytes 40-42/100"), nil
	})
	if _, err := c.Open(t.Context(), abcSum, 4, 3, nil); err == nil {
		t.Error("took bytes from another offset")
	}
}

func TestClientTranslatesAnswers(t *testing.T) {
	const problem = "application/problem+json"
	for _, test := range []struct {
		resp  *http.Response
		is    error
		words string
	}{
		{respond(404, ""), tourney.ErrNotFound, "404"},
		{respond(403, `{"title":"Forbidden","detail":"test rows are sealed"}`, "Content-Type", problem), tourney.ErrRefused, "refused: test rows are sealed"},
		{respond(403, `{"title":"Forbidden"}`, "Content-Type", problem+"; charset=utf-8"), tourney.ErrRefused, "refused: Forbidden"},
		{respond(403, `<html>`, "Content-Type", "text/html"), tourney.ErrRefused, "403 Forbidden"},
		{respond(403, `{"detail":`, "Content-Type", problem), tourney.ErrRefused, "403 Forbidden"},
		{respond(401, ""), tourney.ErrRefused, "401"},
		{respond(302, "", "Location", "http://elsewhere/"), nil, "302 Found"},
		{respond(400, ""), nil, "400 Bad Request"},
	} {
		calls := 0
		c := client("", func(*http.Request) (*http.Response, error) { calls++; return test.resp, nil })
		_, err := c.Open(t.Context(), abcSum, 0, -1, nil)
		if err == nil || (test.is != nil && !errors.Is(err, test.is)) || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: %v; want %q", test.resp.Status, err, test.words)
		}
		if calls != 1 {
			t.Errorf("%s: asked %d times, want once", test.resp.Status, calls)
		}
	}
}

func TestClientTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bodies []string
		c := client("", func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			bodies = append(bodies, string(body))
			switch len(bodies) {
			case 1:
				return nil, errors.New("connection refused")
			case 2:
				return respond(503, ""), nil
			}
			return respond(204, ""), nil
		})
		start := time.Now()
		hash, err := c.Put(t.Context(), []byte("abc"))
		if err != nil || hash != abcSum {
			t.Errorf("Put = %s, %v", hash, err)
		}
		if want := []string{"abc", "abc", "abc"}; fmt.Sprint(bodies) != fmt.Sprint(want) {
			t.Errorf("sent %q, want the whole blob three times", bodies)
		}
		if d := time.Since(start); d != time.Second { // 0.2 s + 0.8 s of synctest's time
			t.Errorf("it took %v, want 1s", d)
		}
	})
}

func TestClientGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, f := range map[string]transport{
			"no connection": func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
			"server error": func(*http.Request) (*http.Response, error) {
				return respond(500, `{"detail":"the disk is full"}`, "Content-Type", "application/problem+json"), nil
			},
		} {
			calls := 0
			c := client("", func(r *http.Request) (*http.Response, error) { calls++; return f(r) })
			if _, err := c.Open(t.Context(), abcSum, 0, -1, nil); !errors.Is(err, tourney.ErrUnavailable) || calls != 3 {
				t.Errorf("%s: %v after %d tries; want unavailable after 3", name, err, calls)
			}
		}
	})
}

func TestClientStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := errors.New("the job ended")
		calls := 0
		c := client("", func(*http.Request) (*http.Response, error) { calls++; return respond(503, ""), nil })
		time.AfterFunc(100*time.Millisecond, func() { cancel(stop) }) // during the first pause
		if _, err := c.Open(ctx, abcSum, 0, -1, nil); !errors.Is(err, stop) || calls != 1 {
			t.Errorf("%v after %d tries; want the cause after 1", err, calls)
		}
	})
}

func TestClientPutChecksTheAnswer(t *testing.T) {
	c := client("", func(*http.Request) (*http.Response, error) { return respond(202, ""), nil })
	if _, err := c.Put(t.Context(), []byte("abc")); err == nil {
		t.Error("202 says nothing of a blob that is there")
	}
}
