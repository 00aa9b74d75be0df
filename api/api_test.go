package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"tourney"
	"tourney/api"
	"tourney/api/internal/apitest"
	"tourney/api/problem"
)

// spec is a sweep file that the tests' worlds take.
const spec = `name: churn
dataset: telco
trainer: linear
method: random
run_cap: 20
parameters:
  lr: {distribution: log_uniform_values, min: 1e-3, max: 1}
  depth: {values: [1, 2, 3]}
`

// rig is a server over a world, and a client that checks each exchange.
type rig struct {
	*testing.T
	world   *apitest.World
	server  *api.Server
	http    *httptest.Server
	client  *http.Client
	checker *apitest.Checker
	log     *syncBuffer
}

// syncBuffer is a log that tests read while requests write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// newRig starts a server with a dataset "telco"; change may alter what it is
// made of.
func newRig(t *testing.T, change ...func(*api.Config)) *rig {
	t.Helper()
	r := &rig{T: t, world: apitest.NewWorld(), log: &syncBuffer{}}
	cfg := api.Config{
		Service: r.world, Reader: r.world, Datasets: r.world, Blobs: r.world, Access: r.world, Version: "1.2.3",
		Logger: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Dashboard: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "<title>pages</title>")
		}),
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if r.server, err = api.New(cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := r.world.Table(t.Context(), tourney.DatasetRequest{Name: "telco", Target: "y"}, "x,y\n1,0\n2,1\n"); err != nil {
		t.Fatal(err)
	}
	r.http = httptest.NewUnstartedServer(nil)
	r.http.Config = api.NewHTTPServer(r.server)
	r.http.Start()
	t.Cleanup(r.http.Close)
	t.Cleanup(r.server.Close)
	r.checker = apitest.NewChecker(t, apitest.Document(t, "openapi.yaml"), http.DefaultTransport)
	r.client = &http.Client{Transport: r.checker}
	return r
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body []byte
}

type header map[string]string

// do sends a request and reads the answer.
func (r *rig) do(ctx context.Context, method, path, body string, h header) answer {
	r.Helper()
	var src io.Reader
	if body != "" {
		src = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.http.URL+path, src)
	if err != nil {
		r.Fatal(err)
	}
	for k, v := range h {
		if k == "Host" {
			req.Host = v
			continue
		}
		req.Header.Set(k, v)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	return answer{resp, data}
}

// get expects a request to be right and its answer to have the status 200.
func (r *rig) get(path string, v any) answer {
	r.Helper()
	a := r.do(r.Context(), http.MethodGet, path, "", nil)
	if a.StatusCode != http.StatusOK {
		r.Fatalf("GET %s: %s: %s", path, a.Status, a.body)
	}
	if v != nil {
		if err := json.Unmarshal(a.body, v); err != nil {
			r.Fatalf("GET %s: %v in %s", path, err, a.body)
		}
	}
	return a
}

// wrong expects a request to be refused with the status, and returns the
// problem document.
func (r *rig) wrong(status int, method, path, body string, h header) problem.Problem {
	r.Helper()
	a := r.do(apitest.Wrong(r.Context()), method, path, body, h)
	if a.StatusCode != status {
		r.Errorf("%s %s: status %d, want %d: %s", method, path, a.StatusCode, status, a.body)
	}
	if typ := a.Header.Get("Content-Type"); typ != problem.MediaType {
		r.Errorf("%s %s: content type %q", method, path, typ)
	}
	var p problem.Problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		r.Fatalf("%s %s: %v in %s", method, path, err, a.body)
	}
	if p.Status != status || p.Title == "" || p.Detail == "" || p.Type == "" {
		r.Errorf("%s %s: not a whole problem document: %s", method, path, a.body)
	}
	return p
}

var yaml = header{"Content-Type": "application/yaml"}

// create starts a sweep with trials of these values.
func (r *rig) create(values ...float64) tourney.Sweep {
	r.Helper()
	a := r.do(r.Context(), http.MethodPost, "/api/v1/sweeps", spec, yaml)
	if a.StatusCode != http.StatusCreated {
		r.Fatalf("create sweep: %s: %s", a.Status, a.body)
	}
	var sweep tourney.Sweep
	if err := json.Unmarshal(a.body, &sweep); err != nil {
		r.Fatal(err)
	}
	for _, v := range values {
		r.world.Try(sweep.ID, v)
	}
	return sweep
}
