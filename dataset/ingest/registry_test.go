package ingest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset/ingest"
	"tourney/dataset/table"
)

// wide is a table with a column of every kind.
func wide(rows int) *texts {
	return numbered(rows, []string{"y", "x", "day", "flag", "cat", "text", "g"}, func(i int) []string {
		r := uint64(i) * 0x9e3779b97f4a7c15
		return []string{
			[]string{"a", "b", "c"}[r>>62%3], fmt.Sprint(float64(r>>11) / 1e9), fmt.Sprintf("2011-01-%02d", 1+r%28),
			[]string{"yes", "no", ""}[r>>7%3], fmt.Sprintf("c%d", r>>20%500), fmt.Sprintf("t%d", r), fmt.Sprintf("g%d", r>>30%40),
		}
	})
}

// The version is the same with any bound of memory, in batches of any size,
// and on one core: what was in memory and what went over the disk in many runs
// makes the same bytes.
func TestDeterministic(t *testing.T) {
	for _, req := range []tourney.DatasetRequest{
		{Target: "y", Seed: 7},
		{Target: "x", Group: "g", Split: tourney.Split{Test: 0.3}},
		{Target: "y", Time: "day"},
		{Target: "y", Time: "x", Split: tourney.Split{Kind: tourney.SplitLast, Rows: 500}},
	} {
		var want tourney.Dataset
		var manifest []byte
		for i, o := range []struct {
			memory int64
			batch  int
		}{{0, 1000}, {1, 1000}, {1, 7}, {300_000, 10_000}} {
			src := wide(5000)
			src.batch = o.batch
			ds, m := mustAdd(t, req, src, ingest.Options{Memory: o.memory})
			if src.scans != 2 {
				t.Errorf("the source was read %d times, want 2", src.scans)
			}
			if i == 0 {
				want, manifest = ds, m.blobs[ds.Version]
			}
			if ds.Version != want.Version {
				t.Errorf("memory %d and batches of %d make another version:\n%s\n%s", o.memory, o.batch, manifest, m.blobs[ds.Version])
			}
		}
		data, err := ingest.Manifest(want)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(manifest); hex.EncodeToString(sum[:]) != want.Version || !bytes.Equal(data, manifest) {
			t.Error("the version is not the hash of the manifest")
		}
	}
}

// Columns with too many levels for all of them give theirs up, the largest
// first, in batches of any size alike.
func TestLevelsAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes 80 MB of texts")
	}
	long := strings.Repeat("x", 2000)
	var versions []string
	for _, batch := range []int{5000, 333} {
		src := numbered(9000, []string{"y", "some", "more"}, func(i int) []string {
			return []string{fmt.Sprint(i % 2), fmt.Sprint(long, i%4000), fmt.Sprint(long, long, long, "y", i%4400)}
		})
		src.batch = batch
		ds, _ := mustAdd(t, tourney.DatasetRequest{Target: "y"}, src, ingest.Options{})
		if some, more := column(t, ds, "some"), column(t, ds, "more"); some.Kind != tourney.Category || more.Kind != tourney.Text {
			t.Errorf("some is %s, more is %s", some.Kind, more.Kind)
		}
		versions = append(versions, ds.Version)
	}
	if versions[0] != versions[1] {
		t.Error("other batches make another version")
	}
}

func TestSameBytesMakeNothingNew(t *testing.T) {
	m := newMemory()
	r := ingest.New(m, m, ingest.Options{TempDir: t.TempDir()})
	path := filepath.Join(t.TempDir(), "a.csv")
	csv := "a,b\n1,2.5\n2,3\n1,4\n2,5\n1,6\n"
	if err := os.WriteFile(path, []byte(csv), 0o600); err != nil {
		t.Fatal(err)
	}
	add := func(req tourney.DatasetRequest) tourney.Dataset {
		t.Helper()
		ds, err := r.Add(t.Context(), req, []ingest.File{{Name: "a.csv", Path: path}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return ds
	}
	first := add(tourney.DatasetRequest{Name: "one", Target: "a"})
	sum := sha256.Sum256([]byte(csv))
	if want := ingest.Source(tourney.DatasetRequest{Name: "other", Target: "a", File: "b.csv"}, hex.EncodeToString(sum[:])); first.Source != want {
		t.Error("a client cannot tell the source beforehand")
	}
	puts := m.puts
	if again := add(tourney.DatasetRequest{Name: "one", Target: "a", Split: tourney.Split{Test: 0.2}}); again.Version != first.Version || m.puts != puts || len(m.saved) != 1 {
		t.Error("the same bytes make something new")
	}
	if named := add(tourney.DatasetRequest{Name: "two", Target: "a"}); named.Version != first.Version || named.Name != "two" || m.puts != puts || len(m.saved) != 2 {
		t.Error("another name makes another table")
	}
	for _, req := range []tourney.DatasetRequest{{Name: "one", Target: "b"}, {Name: "one", Target: "a", Seed: 1}, {Name: "one", Target: "a", Split: tourney.Split{Test: 0.4}}} {
		if add(req).Version == first.Version {
			t.Errorf("%v makes the same", req)
		}
	}
}

// Every option that decides what is made is part of the source; those that do
// not are not.
func TestSource(t *testing.T) {
	base := tourney.DatasetRequest{Target: "a"}
	seen := map[string]int{ingest.Source(base, "h"): -1, ingest.Source(base, "other"): -2}
	for i, req := range []tourney.DatasetRequest{
		{Target: "b"},
		{Target: "a", Task: tourney.Regression},
		{Target: "a", Types: map[string]tourney.ColumnType{"b": {Kind: tourney.Text}}},
		{Target: "a", Types: map[string]tourney.ColumnType{"b": {Kind: tourney.Category, Levels: []string{"x", "y"}}}},
		{Target: "a", Types: map[string]tourney.ColumnType{"b": {Kind: tourney.Category, Levels: []string{"y", "x"}}}},
		{Target: "a", Split: tourney.Split{Kind: tourney.SplitLast}},
		{Target: "a", Split: tourney.Split{Kind: tourney.SplitLast, Rows: 9}},
		{Target: "a", Split: tourney.Split{Kind: tourney.SplitColumn, Column: "b"}},
		{Target: "a", Split: tourney.Split{Test: 0.3}},
		{Target: "a", SQL: "select 1"},
		{Target: "a", Drop: []string{"b", "c"}},
		{Target: "a", Group: "b"},
		{Target: "a", Time: "b"},
		{Target: "a", Weight: "b"},
		{Target: "a", Seed: 1},
		{Target: "a", Format: "csv"},
	} {
		s := ingest.Source(req, "h")
		if before, ok := seen[s]; ok {
			t.Errorf("request %d has the source of %d", i, before)
		}
		seen[s] = i
	}
	for _, req := range []tourney.DatasetRequest{
		{Target: "a", Name: "n", File: "f"}, {Target: "a", Split: tourney.Split{Test: tourney.DefaultTestShare}}, {Target: "a", Drop: []string{}},
	} {
		if ingest.Source(req, "h") != ingest.Source(base, "h") {
			t.Errorf("%v has a source of its own", req)
		}
	}
	if ingest.Source(tourney.DatasetRequest{Drop: []string{"c", "b", "c"}, Seed: 3}, "") != ingest.Source(tourney.DatasetRequest{Drop: []string{"b", "c"}, Split: tourney.Split{Seed: 3}}, "") {
		t.Error("the order of what is dropped, or where the seed stands, matters")
	}
	one := ingest.FileHash{Hash: "a", Name: "x"}
	if ingest.HashFiles([]ingest.FileHash{one}) != "a" || ingest.HashFiles([]ingest.FileHash{one, {Hash: "b"}}) == ingest.HashFiles([]ingest.FileHash{one, {Hash: "b", Test: true}}) {
		t.Error("files that differ in use have one hash")
	}
}

// Whatever goes wrong, wherever: an error, nothing registered, no file left.
func TestFaults(t *testing.T) {
	broken := errors.New("the cable is cut")
	for at := 1; ; at++ {
		m := newMemory()
		m.failAt = at
		dir := t.TempDir()
		_, err := ingest.New(m, m, ingest.Options{TempDir: dir, Memory: 1}).AddSource(t.Context(), tourney.DatasetRequest{Name: "t", Target: "y"}, wide(5000), "h", nil)
		noFiles(t, dir)
		if err == nil {
			if at < 4 { // shards of either use, and the manifest
				t.Errorf("all is well after %d blobs", at)
			}
			break
		}
		if !errors.Is(err, errDisk) || len(m.saved) > 0 {
			t.Errorf("blob %d: %v, registered %v", at, err, m.saved)
		}
	}
	src := wide(5000)
	src.bad = broken
	if _, m, err := add(t, tourney.DatasetRequest{Target: "y"}, src, ingest.Options{Memory: 1}); !errors.Is(err, broken) || len(m.saved) > 0 {
		t.Errorf("the source fails: %v", err)
	}
	changing := &changed{texts: wide(5000)}
	if _, m, err := add(t, tourney.DatasetRequest{Target: "y"}, changing, ingest.Options{}); err == nil || !strings.Contains(err.Error(), "changed between two passes") || len(m.saved) > 0 {
		t.Errorf("the source changes: %v", err)
	}
	if _, err := ingest.New(newMemory(), newMemory(), ingest.Options{TempDir: "/nonexistent/dir", Memory: 1}).AddSource(t.Context(), tourney.DatasetRequest{Name: "t", Target: "y"}, wide(5000), "h", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no temporary directory: %v", err)
	}
}

// changed has other values when it is read again.
type changed struct{ *texts }

func (c *changed) Scan(ctx context.Context, yield func(*table.Batch) error) error {
	if c.scans == 1 {
		c.rows[4500][5] = "a category that nobody has seen"
	}
	return c.texts.Scan(ctx, yield)
}

// It can be called off in every phase.
func TestCancel(t *testing.T) {
	enough := errors.New("enough")
	for _, phase := range []ingest.Phase{ingest.PhaseHash, ingest.PhaseScan, ingest.PhaseShuffle, ingest.PhaseWrite} {
		path := filepath.Join(t.TempDir(), "a.csv")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(ingest.Synth(f, ingest.SynthOptions{Kind: ingest.SynthRegression, Rows: 3000}), f.Close())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		m, dir := newMemory(), t.TempDir()
		_, err = ingest.New(m, m, ingest.Options{TempDir: dir, Memory: 1}).Add(ctx, tourney.DatasetRequest{Name: "t", Target: "y"}, []ingest.File{{Name: "a.csv", Path: path}}, func(p ingest.Progress) {
			if p.Phase == phase {
				cancel(enough)
			}
		})
		if !errors.Is(err, enough) && !errors.Is(err, context.Canceled) || len(m.saved) > 0 {
			t.Errorf("%s: %v, registered: %v", phase, err, m.saved)
		}
		noFiles(t, dir)
	}
}

// Progress rises to the whole in every phase.
func TestProgress(t *testing.T) {
	m := newMemory()
	last := map[ingest.Phase]ingest.Progress{}
	src := wide(5000)
	src.hints.Bytes = 1 << 20
	_, err := ingest.New(m, m, ingest.Options{TempDir: t.TempDir()}).AddSource(t.Context(), tourney.DatasetRequest{Name: "t", Target: "y"}, src, "h", func(p ingest.Progress) {
		if before := last[p.Phase]; p.Rows < before.Rows || p.Bytes < before.Bytes {
			t.Errorf("%v after %v", p, before)
		}
		last[p.Phase] = p
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, phase := range []ingest.Phase{ingest.PhaseScan, ingest.PhaseShuffle, ingest.PhaseWrite} {
		if p := last[phase]; p.Rows != 5000 {
			t.Errorf("%s ends at %v", phase, p)
		}
	}
	if p := last[ingest.PhaseShuffle]; p.Bytes != 1<<20 || p.TotalRows != 5000 {
		t.Errorf("the second pass ends at %v", p)
	}
}

// What a killed process has left goes at the next start; what is in use stays.
func TestStaleFiles(t *testing.T) {
	dir := t.TempDir()
	m := newMemory()
	r := ingest.New(m, m, ingest.Options{TempDir: dir})
	f, remove, err := r.Spool(t.Context(), "a.csv", strings.NewReader("a,b\n1,2\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("a,b\n1,2\n"))
	if f.Hash != hex.EncodeToString(sum[:]) || f.Name != "a.csv" {
		t.Errorf("spooled %v", f)
	}
	stale, mine := filepath.Join(dir, "tourney-ingest-123"), filepath.Join(dir, "other")
	for _, path := range []string{stale, mine} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ingest.New(m, m, ingest.Options{TempDir: dir})
	for path, want := range map[string]bool{stale: false, mine: true, f.Path: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s is there: %v", path, err == nil)
		}
	}
	if err := errors.Join(remove(), os.Remove(mine)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Spool(t.Context(), "b.csv", io.MultiReader(strings.NewReader("a"), bad{}), nil); !errors.Is(err, errDisk) {
		t.Errorf("a broken upload: %v", err)
	}
	noFiles(t, dir)
}

type bad struct{}

func (bad) Read([]byte) (int, error) { return 0, errDisk }

// A test file has the columns of the other, in any order.
func TestTestFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) ingest.File {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return ingest.File{Name: name, Path: path}
	}
	train := write("train.csv", "id,y,x\n0,a,1\n1,b,2\n2,a,3\n")
	test := write("test.csv", "x,y,id\n4,b,3\n5,a,4\n")
	test.Test = true
	ds, m := addFiles(t, tourney.DatasetRequest{Target: "y"}, train, test)
	if got, rest := halves(t, ds, m); len(got) != 3 || len(rest) != 2 || rest[0] < 3 || rest[1] < 3 {
		t.Errorf("%v to train on, %v to test", got, rest)
	}
	other := write("other.csv", "id,yy,x\n4,b,3\n")
	other.Test = true
	for _, tt := range []struct {
		req   tourney.DatasetRequest
		files []ingest.File
		want  string
	}{
		{tourney.DatasetRequest{}, []ingest.File{train, other}, `other.csv: column y: is missing from the test file, which has id, yy, x`},
		{tourney.DatasetRequest{Split: tourney.Split{Kind: tourney.SplitLast}}, []ingest.File{train, test}, `split.kind: "last" does not go with a test file`},
		{tourney.DatasetRequest{SQL: "select 1"}, []ingest.File{train, test}, `sql: does not go with a test file`},
		{tourney.DatasetRequest{}, []ingest.File{test}, `file: is missing`},
	} {
		tt.req.Name, tt.req.Target = "t", "y"
		m := newMemory()
		if _, err := ingest.New(m, m, ingest.Options{TempDir: t.TempDir()}).Add(t.Context(), tt.req, tt.files, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v; want %s", err, tt.want)
		}
	}
}
