package ingest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"testing"

	"tourney"
	"tourney/dataset/ingest"
	"tourney/dataset/shard"
	"tourney/dataset/table"
)

// memory is a blob store and a catalog in memory.
type memory struct {
	mu     sync.Mutex
	blobs  map[string][]byte
	saved  []tourney.Dataset
	failAt int // the Put that fails, from 1
	puts   int
}

func newMemory() *memory { return &memory{blobs: map[string][]byte{}} }

func (m *memory) Put(ctx context.Context, r io.Reader) (string, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.puts++; m.puts == m.failAt {
		_, _ = io.CopyN(io.Discard, r, 100)
		return "", 0, errDisk
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return "", 0, err
	}
	if err := context.Cause(ctx); err != nil {
		return "", 0, err
	}
	sum := sha256.Sum256(data)
	hash := hex.EncodeToString(sum[:])
	m.blobs[hash] = data
	return hash, int64(len(data)), nil
}

var errDisk = fmt.Errorf("the disk is full")

func (m *memory) SaveDataset(_ context.Context, ds tourney.Dataset) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saved = append(m.saved, ds)
	return nil
}

func (m *memory) DatasetBySource(_ context.Context, source string) (tourney.Dataset, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, ds := range m.saved {
		if ds.Source == source {
			return ds, nil
		}
	}
	return tourney.Dataset{}, fmt.Errorf("dataset: %w", tourney.ErrNotFound)
}

// rows reads shards back, as one frame.
func (m *memory) rows(t testing.TB, ds tourney.Dataset, use shard.Use) *table.Frame {
	t.Helper()
	shards := ds.Shards
	if use == shard.Test {
		shards = ds.Test
	}
	all := &table.Frame{}
	for _, s := range shards {
		var f table.Frame
		if err := shard.Decode(m.blobs[s.Hash], shard.Of(&ds, use), s.Rows, &f); err != nil {
			t.Fatal(err)
		}
		if all.Rows == 0 {
			all.Series = make([]table.Series, len(f.Series))
		}
		all.Rows += f.Rows
		for i, c := range f.Series {
			a := &all.Series[i]
			base := int64(len(a.Index))
			a.Name, a.Kind, a.Levels = c.Name, c.Kind, c.Levels
			a.Numbers = append(a.Numbers, c.Numbers...)
			a.Codes = append(a.Codes, c.Codes...)
			a.Hashes = append(a.Hashes, c.Hashes...)
			a.Index = append(a.Index, c.Index...)
			a.Values = append(a.Values, c.Values...)
			for _, s := range c.Starts {
				a.Starts = append(a.Starts, base+s)
			}
		}
	}
	return all
}

// texts is a table in memory whose columns are all texts.
type texts struct {
	names []string
	rows  [][]string
	batch int // rows; 0: 1000
	hints table.Hints
	scans int
	bad   error // returned after the first batch
	types map[string]table.Type
}

// newTexts reads CSV, the first line being the header.
func newTexts(t testing.TB, text string) *texts {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return &texts{names: records[0], rows: records[1:]}
}

func (s *texts) Fields() []table.Field {
	var fields []table.Field
	for _, n := range s.names {
		fields = append(fields, table.Field{Name: n, Type: s.types[n]})
	}
	return fields
}

func (s *texts) Hints() table.Hints { return s.hints }
func (s *texts) Close() error       { return nil }

func (s *texts) Scan(ctx context.Context, yield func(*table.Batch) error) error {
	s.scans++
	size := s.batch
	if size == 0 {
		size = 1000
	}
	for from := 0; from < len(s.rows); from += size {
		rows := s.rows[from:min(len(s.rows), from+size)]
		b := &table.Batch{Rows: len(rows), Columns: make([]table.Column, len(s.names))}
		for i, row := range rows {
			b.Lines = append(b.Lines, int64(from+i+2))
			for c, text := range row {
				col := &b.Columns[c]
				switch col.Type = s.types[s.names[c]]; col.Type {
				case table.Text:
					col.Data = append(col.Data, strings.TrimSpace(text)...)
					col.Ends = append(col.Ends, int32(len(col.Data)))
				default:
					v := math.NaN()
					if text != "" {
						if _, err := fmt.Sscan(text, &v); err != nil {
							return err
						}
					}
					col.Numbers = append(col.Numbers, v)
				}
			}
		}
		if err := yield(b); err != nil {
			return err
		}
		if s.bad != nil {
			return s.bad
		}
	}
	return ctx.Err()
}

// add ingests a table and returns what became of it.
func add(t testing.TB, req tourney.DatasetRequest, src table.Source, opts ingest.Options) (tourney.Dataset, *memory, error) {
	t.Helper()
	m := newMemory()
	if opts.TempDir == "" {
		opts.TempDir = t.TempDir()
	}
	if req.Name == "" {
		req.Name = "test"
	}
	if req.File == "" {
		req.File = "test.csv"
	}
	ds, err := ingest.New(m, m, opts).AddSource(t.Context(), req, src, "hash", nil)
	noFiles(t, opts.TempDir)
	return ds, m, err
}

func mustAdd(t testing.TB, req tourney.DatasetRequest, src table.Source, opts ingest.Options) (tourney.Dataset, *memory) {
	t.Helper()
	ds, m, err := add(t, req, src, opts)
	if err != nil {
		t.Fatal(err)
	}
	return ds, m
}

// noFiles fails the test if a temporary file is left.
func noFiles(t testing.TB, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s is left in the temporary directory", e.Name())
	}
}

// uses are the two kinds of shard.
var uses = []shard.Use{shard.Train, shard.Test}

func column(t testing.TB, ds tourney.Dataset, name string) tourney.Column {
	t.Helper()
	for _, c := range ds.Columns {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no column %s", name)
	return tourney.Column{}
}

// warned returns the messages of a code about a column.
func warned(ds tourney.Dataset, column, code string) string {
	var b bytes.Buffer
	for _, w := range ds.Warnings {
		if w.Column == column && w.Code == code {
			b.WriteString(w.Message + "\n")
		}
	}
	return b.String()
}
