package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"tourney"
)

// bucket is a server of one bucket that remembers who has read what: each
// process has credentials of its own.
type bucket struct {
	url string

	mu   sync.Mutex
	gets map[string][]string // hashes of blobs by key id
}

func newBucket(t *testing.T) *bucket {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("tourney"); err != nil {
		t.Fatal(err)
	}
	b := &bucket{gets: map[string][]string{}}
	fake := gofakes3.New(backend).Server()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, blob, ok := strings.Cut(r.URL.Path, "/blobs/sha256/"); ok && r.Method == http.MethodGet {
			_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
			key, _, _ := strings.Cut(rest, "/")
			b.mu.Lock()
			b.gets[key] = append(b.gets[key], filepath.Base(blob))
			b.mu.Unlock()
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	b.url = "s3://tourney/blobs?endpoint=" + srv.URL + "&s3ForcePathStyle=true"
	return b
}

func (b *bucket) read(key string) map[string]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := map[string]bool{}
	for _, hash := range b.gets[key] {
		seen[hash] = true
	}
	return seen
}

// With its blobs in a bucket a server keeps none itself. A worker that may read
// the bucket fetches shards there, all but the sealed ones, which the server
// hands out to final attempts alone.
func TestBlobsInABucket(t *testing.T) {
	b := newBucket(t)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_ACCESS_KEY_ID", "SERVER")
	data := dir(t)
	c := start(t, "coordinator", "--addr", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--data-dir", data, "--blobs", b.url)
	url := c.url()
	t.Setenv("AWS_ACCESS_KEY_ID", "WORKER")
	start(t, "worker", "--server", url, "--slots", "1", "--cache-dir", filepath.Join(t.TempDir(), "cache"), "--blobs", b.url)
	out := result(t, must(t, "run", sweepFile(t), "--server", url, "--json"))
	if out.Sweep.State != tourney.SweepCompleted || out.Best.Metrics["test_accuracy"] == 0 {
		t.Errorf("the sweep is %s with %v", out.Sweep.State, out.Best.Metrics)
	}
	if _, err := os.Stat(filepath.Join(data, "blobs")); err == nil {
		t.Error("the server keeps blobs in its directory")
	}
	var ds tourney.Dataset
	if !get(t.Context(), url+"/api/v1/datasets/table", &ds) {
		t.Fatal("no dataset")
	}
	straight, through := b.read("WORKER"), b.read("SERVER")
	for _, s := range ds.Shards {
		if !straight[s.Hash] || through[s.Hash] {
			t.Errorf("a training shard was read by the worker: %v, by the server: %v", straight[s.Hash], through[s.Hash])
		}
	}
	for _, s := range ds.Test {
		if straight[s.Hash] || !through[s.Hash] {
			t.Errorf("a test shard was read by the worker: %v, by the server: %v", straight[s.Hash], through[s.Hash])
		}
	}
	c.terminate()
	if out := must(t, "verify", data, "--blobs", b.url); !strings.Contains(out, " 0 problems") {
		t.Error(out)
	}
}

func TestWrongPlacesOfBlobs(t *testing.T) {
	for _, tt := range []struct {
		want string
		args []string
	}{
		{"give a directory, s3://BUCKET/PREFIX", []string{"up", "--addr", "127.0.0.1:0", "--data-dir", dir(t), "--blobs", "ftp://host/blobs"}},
		{"unknown parameter", []string{"up", "--addr", "127.0.0.1:0", "--data-dir", dir(t), "--blobs", "s3://bucket?regoin=x"}},
		{"give s3://BUCKET/PREFIX", []string{"worker", "--server", "http://127.0.0.1:1", "--blobs", "somewhere"}},
		{"is no directory", []string{"up", "--addr", "127.0.0.1:0", "--data-dir", dir(t), "--data-root", os.Args[0]}},
		{"is no host", []string{"up", "--addr", "127.0.0.1:0", "--data-dir", dir(t), "--allow-url-host", "http://a/b"}},
		{"is no size", []string{"up", "--addr", "127.0.0.1:0", "--data-dir", dir(t), "--max-upload", "much"}},
	} {
		if _, stderr, code := play(t, tt.args...); code != 2 || !strings.Contains(stderr, tt.want) {
			t.Errorf("%v: exit %d, want 2 with %q\n%s", tt.args, code, tt.want, stderr)
		}
	}
}
