package dataset_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"tourney"
	"tourney/dataset"
)

// memory holds blobs and datasets in maps: Blobs, Catalog and Fetcher at once.
type memory struct {
	mu       sync.Mutex
	blobs    map[string][]byte
	datasets []tourney.Dataset
	opens    []open
	puts     int
	// serve, if set, answers Open instead of the maps.
	serve func(ctx context.Context, hash string, token *tourney.Token) (io.ReadCloser, error)
}

// open is one call of Open.
type open struct {
	hash  string
	token *tourney.Token
}

func newMemory() *memory { return &memory{blobs: map[string][]byte{}} }

func (m *memory) Put(_ context.Context, r io.Reader) (string, int64, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return "", 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.puts++
	hash := sumOf(data)
	m.blobs[hash] = data
	return hash, int64(len(data)), nil
}

func (m *memory) SaveDataset(_ context.Context, ds tourney.Dataset) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.datasets = append(m.datasets, ds)
	return nil
}

func (m *memory) DatasetBySource(_ context.Context, source string) (tourney.Dataset, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, ds := range m.datasets {
		if ds.Source == source {
			return ds, nil
		}
	}
	return tourney.Dataset{}, tourney.ErrNotFound
}

func (m *memory) Open(ctx context.Context, hash string, offset, size int64, token *tourney.Token) (io.ReadCloser, error) {
	m.mu.Lock()
	m.opens = append(m.opens, open{hash, token})
	serve := m.serve
	m.mu.Unlock()
	if serve != nil {
		return serve(ctx, hash, token)
	}
	return m.blob(hash)
}

func (m *memory) blob(hash string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.blobs[hash]
	if !ok {
		return nil, tourney.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// opened counts the calls of Open for a blob, or for all if hash is empty.
func (m *memory) opened(hash string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, o := range m.opens {
		if hash == "" || o.hash == hash {
			n++
		}
	}
	return n
}

// add registers a table.
func (m *memory) add(t *testing.T, req tourney.DatasetRequest, csv string) tourney.Dataset {
	t.Helper()
	ds, err := m.try(t, req, csv)
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

func (m *memory) try(t *testing.T, req tourney.DatasetRequest, csv string) (tourney.Dataset, error) {
	t.Helper()
	if req.Name == "" {
		req.Name = "t"
	}
	return dataset.NewRegistry(m, m, t.TempDir()).Add(t.Context(), req, strings.NewReader(csv))
}

// cache opens a cache that fetches from m.
func (m *memory) cache(t *testing.T, dir string, limit int64) *dataset.Cache {
	t.Helper()
	c, err := dataset.NewCache(dir, limit, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

const (
	roomy = 1 << 30
	fifth = 0.2
)

var finalToken = &tourney.Token{Epoch: "e", Sweep: "s", Trial: 1, Attempt: 1}

func share(f float64) tourney.Validation { return tourney.Validation{Kind: "holdout", Fraction: f} }

// rung loads a dataset for a rung with a fifth of the rows to validate on.
func rung(t *testing.T, c *dataset.Cache, version string) *dataset.Data {
	t.Helper()
	data, err := c.Load(t.Context(), version, share(fifth), tourney.JobRung, nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func final(t *testing.T, c *dataset.Cache, version string) *dataset.Data {
	t.Helper()
	data, err := c.Load(t.Context(), version, tourney.Validation{}, tourney.JobFinal, finalToken)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// numbers is a regression table of n rows: id counts from 0, y is 3·id + 0.5.
func numbers(n int) string {
	var b strings.Builder
	b.WriteString("id,y\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,%d.5\n", i, 3*i)
	}
	return b.String()
}

func sumOf(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// invalid returns the text of an error that must be a *tourney.InvalidError.
func invalid(t *testing.T, err error) string {
	t.Helper()
	var bad *tourney.InvalidError
	if !errors.As(err, &bad) {
		t.Fatalf("error %v (%T), want an InvalidError", err, err)
	}
	return err.Error()
}
