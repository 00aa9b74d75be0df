package dataset_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"sync"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/dataset/shard"
	"tourney/dataset/table"
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

// cache opens a cache that fetches from m.
func (m *memory) cache(t testing.TB, dir string, limit int64) *dataset.Cache {
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

func share(f float64) tourney.Validation {
	return tourney.Validation{Kind: tourney.Holdout, Fraction: f}
}

// request is one for a rung with a fifth of the rows to validate on.
func request(version string) dataset.Request {
	return dataset.Request{Version: version, Validation: share(fifth), Kind: tourney.JobRung}
}

// load loads what must be there.
func load(t testing.TB, c *dataset.Cache, req dataset.Request) *dataset.Data {
	t.Helper()
	var token *tourney.Token
	if req.Kind == tourney.JobFinal {
		token = finalToken
	}
	data, err := c.Load(t.Context(), req, token)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// rung loads a dataset for a rung with a fifth of the rows to validate on.
func rung(t testing.TB, c *dataset.Cache, version string) *dataset.Data {
	t.Helper()
	return load(t, c, request(version))
}

func final(t testing.TB, c *dataset.Cache, version string) *dataset.Data {
	t.Helper()
	return load(t, c, dataset.Request{Version: version, Kind: tourney.JobFinal})
}

// put stores a version of a dataset: the rows of the frame in their order, of
// which the last so many are test rows.
func (m *memory) put(t testing.TB, ds tourney.Dataset, f *table.Frame, testRows int) tourney.Dataset {
	t.Helper()
	ds.Rows, ds.TestRows = f.Rows, testRows
	ds.Target = cmp.Or(ds.Target, "y")
	ds.Task = cmp.Or(ds.Task, tourney.Regression)
	for _, s := range f.Series {
		c := tourney.Column{Name: s.Name, Kind: s.Kind, Categories: s.Levels}
		for _, i := range s.Index {
			c.Width = max(c.Width, int(i)+1)
		}
		if s.Name == ds.Target && ds.Task == tourney.Classification && s.Kind == tourney.Category {
			ds.Classes = s.Levels
		}
		ds.Columns = append(ds.Columns, c)
	}
	for _, part := range []struct {
		use    shard.Use
		lo, hi int
		to     *[]tourney.Shard
	}{{shard.Train, 0, f.Rows - testRows, &ds.Shards}, {shard.Test, f.Rows - testRows, f.Rows, &ds.Test}} {
		schema := shard.Of(&ds, part.use)
		for lo := part.lo; lo < part.hi; lo += shard.RowsMax(schema) {
			hi := min(lo+shard.RowsMax(schema), part.hi)
			var b bytes.Buffer
			if err := shard.Encode(&b, schema, slice(f, lo, hi)); err != nil {
				t.Fatal(err)
			}
			hash, size, _ := m.Put(context.Background(), &b)
			*part.to = append(*part.to, tourney.Shard{Hash: hash, Rows: hi - lo, Bytes: size})
			ds.Bytes += size
		}
	}
	text, err := json.Marshal(ds)
	if err != nil {
		t.Fatal(err)
	}
	ds.Version, _, _ = m.Put(context.Background(), bytes.NewReader(text))
	return ds
}

// slice returns rows of a frame.
func slice(f *table.Frame, lo, hi int) *table.Frame {
	out := &table.Frame{Rows: hi - lo}
	for _, s := range f.Series {
		switch {
		case s.Numbers != nil:
			s.Numbers = s.Numbers[lo:hi]
		case s.Codes != nil:
			s.Codes = s.Codes[lo:hi]
		case s.Hashes != nil:
			s.Hashes = s.Hashes[lo:hi]
		default:
			s.Starts = s.Starts[lo : hi+1]
		}
		out.Series = append(out.Series, s)
	}
	return out
}

var nan = math.NaN()

func number(name string, values ...float64) table.Series {
	return table.Series{Name: name, Kind: tourney.Number, Numbers: values}
}

// category makes a column; "" is missing.
func category(name string, values ...string) table.Series {
	s := table.Series{Name: name, Kind: tourney.Category}
	for _, v := range values {
		if v != "" && !slices.Contains(s.Levels, v) {
			s.Levels = append(s.Levels, v)
		}
	}
	slices.Sort(s.Levels)
	for _, v := range values {
		s.Codes = append(s.Codes, int32(slices.Index(s.Levels, v)))
	}
	return s
}

// text makes a column; "" is missing.
func text(name string, values ...string) table.Series {
	s := table.Series{Name: name, Kind: tourney.Text}
	for _, v := range values {
		h := uint64(0)
		if v != "" {
			h = table.Hash([]byte(v))
		}
		s.Hashes = append(s.Hashes, h)
	}
	return s
}

// sparse makes a column of rows of pairs of index and value.
func sparse(name string, rows ...[][2]float64) table.Series {
	s := table.Series{Name: name, Kind: tourney.Sparse, Starts: []int64{0}}
	for _, row := range rows {
		for _, e := range row {
			s.Index, s.Values = append(s.Index, uint32(e[0])), append(s.Values, float32(e[1]))
		}
		s.Starts = append(s.Starts, int64(len(s.Index)))
	}
	return s
}

func frame(columns ...table.Series) *table.Frame {
	c := &columns[0]
	rows := max(len(c.Numbers), len(c.Codes), len(c.Hashes), len(c.Starts)-1)
	return &table.Frame{Rows: rows, Series: columns}
}

// series makes a column of n numbers.
func series(name string, n int, f func(i int) float64) table.Series {
	s := number(name, make([]float64, n)...)
	for i := range s.Numbers {
		s.Numbers[i] = f(i)
	}
	return s
}

// line is a regression table of n rows: id counts from 0, y is 3·id + 0.5.
func line(n int) *table.Frame {
	return frame(series("id", n, func(i int) float64 { return float64(i) }), series("y", n, func(i int) float64 { return 3*float64(i) + 0.5 }))
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
