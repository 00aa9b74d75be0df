package intake_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/api"
	"tourney/blob"
	"tourney/cmd/tourney/internal/intake"
	"tourney/dataset/sql"
	"tourney/store"
)

func TestMain(m *testing.M) {
	sql.Main() // queries run in a process of this program
	os.Exit(m.Run())
}

// rig is a desk with what it stands on.
type rig struct {
	*testing.T
	*intake.Desk
	store   *store.Store
	blobs   *blob.Dir
	uploads string
}

func newRig(t *testing.T, change ...func(*intake.Config)) *rig {
	t.Helper()
	db, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	blobs, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	r := &rig{T: t, store: db, blobs: blobs, uploads: t.TempDir()}
	cfg := intake.Config{
		Catalog: db, Blobs: blobs, Fetch: fetcher{blobs}, TempDir: r.uploads, MaxBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&cfg)
	}
	if r.Desk, err = intake.New(cfg); err != nil {
		t.Fatal(err)
	}
	return r
}

type fetcher struct{ blobs *blob.Dir }

func (f fetcher) Open(ctx context.Context, hash string, _, _ int64, _ *tourney.Token) (io.ReadCloser, error) {
	body, _, err := f.blobs.Open(ctx, hash)
	return body, err
}

func silent(api.Progress) {}

const flowers = "petal,kind\n1,a\n2,b\n3,a\n4,b\n5,a\n6,b\n7,a\n8,b\n9,a\n10,b\n"

// add makes a dataset of a text.
func (r *rig) add(name, content string) (tourney.Dataset, bool, error) {
	r.Helper()
	f, err := r.Spool(r.Context(), name+".csv", strings.NewReader(content), silent)
	if err != nil {
		r.Fatal(err)
	}
	ds, fresh, err := r.Add(r.Context(), tourney.DatasetRequest{Name: name, Target: "kind"}, []api.File{f}, silent)
	if err := f.Remove(); err != nil {
		r.Error(err)
	}
	return ds, fresh, err
}

// stored returns the blobs that are there.
func (r *rig) stored() []string {
	r.Helper()
	var list []string
	if err := r.blobs.Walk(r.Context(), func(hash string, _ int64) error { list = append(list, hash); return nil }); err != nil {
		r.Fatal(err)
	}
	return list
}

func (r *rig) sweep(want int) {
	r.Helper()
	if n, err := r.Sweep(r.Context()); n != want || err != nil {
		r.Errorf("swept %d blobs, %v; want %d", n, err, want)
	}
}

// empty fails the test if files are left where uploads lie.
func (r *rig) empty() {
	r.Helper()
	entries, err := os.ReadDir(r.uploads)
	if err != nil || len(entries) > 0 {
		r.Errorf("left behind: %v, %v", entries, err)
	}
}

func blobsOf(ds tourney.Dataset) []string {
	list := []string{ds.Version}
	for _, s := range append(slices.Clone(ds.Shards), ds.Test...) {
		list = append(list, s.Hash)
	}
	slices.Sort(list)
	return list
}

func TestTheSameTableMakesNothingNew(t *testing.T) {
	r := newRig(t)
	ds, fresh, err := r.add("flowers", flowers)
	if err != nil || !fresh || ds.Rows != 10 || ds.TestRows != 2 {
		t.Fatalf("%+v, %v, %v", ds, fresh, err)
	}
	before := r.stored()
	if again, fresh, err := r.add("flowers", flowers); err != nil || fresh || again.Version != ds.Version {
		t.Errorf("again: %+v, %v, %v", again, fresh, err)
	}
	if other, fresh, err := r.add("other", flowers); err != nil || !fresh || other.Version != ds.Version {
		t.Errorf("under another name: %+v, %v, %v", other, fresh, err)
	}
	if after := r.stored(); !slices.Equal(after, before) {
		t.Errorf("blobs were %v, are %v", before, after)
	}
	r.sweep(0)
	if after := r.stored(); !slices.Equal(after, blobsOf(ds)) {
		t.Errorf("blobs are %v, want those of the dataset, %v", after, blobsOf(ds))
	}
	columns, rows, err := r.Sample(t.Context(), ds, 3)
	if err != nil || !slices.Equal(columns, []string{"petal", "kind"}) || len(rows) != 3 {
		t.Errorf("sample %v, %v, %v", columns, rows, err)
	}
	for _, row := range rows {
		if !strings.Contains(flowers, "\n"+row[0]+","+row[1]+"\n") {
			t.Errorf("row %v is not of the table", row)
		}
	}
	if columns, rows, _ := r.Sample(t.Context(), ds, 1000); len(columns) != 2 || len(rows) != 8 {
		t.Errorf("%d rows are shown, of which two are sealed", len(rows))
	}
	r.empty()
}

func TestAKnownTableNeedsNoUpload(t *testing.T) {
	r := newRig(t)
	f, err := r.Spool(t.Context(), "f.csv", strings.NewReader(flowers), silent)
	if err != nil {
		t.Fatal(err)
	}
	req := tourney.DatasetRequest{Name: "flowers", Target: "kind"}
	if _, _, err := r.AddKnown(t.Context(), req, f.Hash); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("before it is known: %v", err)
	}
	ds, _, err := r.Add(t.Context(), req, []api.File{f}, silent)
	if err != nil {
		t.Fatal(err)
	}
	if got, fresh, err := r.AddKnown(t.Context(), req, f.Hash); err != nil || fresh || got.Version != ds.Version {
		t.Errorf("%+v, %v, %v", got, fresh, err)
	}
	req.Name = "other"
	if got, fresh, err := r.AddKnown(t.Context(), req, f.Hash); err != nil || !fresh || got.Version != ds.Version {
		t.Errorf("another name: %+v, %v, %v", got, fresh, err)
	}
	req.Seed = 1
	if _, _, err := r.AddKnown(t.Context(), req, f.Hash); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("other options: %v", err)
	}
}

func TestADeletedDatasetLeavesNoBlobs(t *testing.T) {
	r := newRig(t)
	one, _, err := r.add("flowers", flowers)
	if err != nil {
		t.Fatal(err)
	}
	two, _, err := r.add("flowers", strings.ReplaceAll(flowers, "10,b", "10,a"))
	if err != nil {
		t.Fatal(err)
	}
	r.sweep(0)
	if err := r.Delete(t.Context(), "flowers@"+one.Version); err != nil {
		t.Fatal(err)
	}
	shared := 0
	for _, hash := range blobsOf(one) {
		if slices.Contains(blobsOf(two), hash) {
			shared++
		}
	}
	r.sweep(len(blobsOf(one)) - shared)
	if got := r.stored(); !slices.Equal(got, blobsOf(two)) {
		t.Errorf("blobs are %v, want those of the other version, %v", got, blobsOf(two))
	}
	if err := r.Delete(t.Context(), "flowers"); err != nil {
		t.Fatal(err)
	}
	r.sweep(len(blobsOf(two)))
	if got := r.stored(); len(got) != 0 {
		t.Errorf("blobs are %v", got)
	}
	if err := r.Delete(t.Context(), "flowers"); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	if again, fresh, err := r.add("flowers", flowers); err != nil || !fresh || again.Version != one.Version {
		t.Errorf("made again: %+v, %v, %v", again, fresh, err)
	}
	if faults, err := r.store.Check(t.Context()); err != nil || len(faults) > 0 {
		t.Errorf("%v, %v", faults, err)
	}
}

// dying is a catalog whose process dies when a dataset is to be registered.
type dying struct {
	*store.Store
	then func()
}

var errDied = errors.New("the process dies")

func (d dying) SaveDataset(context.Context, tourney.Dataset) error {
	d.then()
	return errDied
}

func TestWhatADeadProcessHasLeftIsSwept(t *testing.T) {
	var left int
	var r *rig
	r = newRig(t, func(cfg *intake.Config) {
		cfg.Catalog = dying{cfg.Catalog.(*store.Store), func() {
			left = len(r.stored())
			r.sweep(0) // nothing, while a table is taken in
		}}
	})
	if _, _, err := r.add("flowers", flowers); !errors.Is(err, errDied) {
		t.Fatal(err)
	}
	if left < 3 || len(r.stored()) != left {
		t.Errorf("%d blobs are left, %d were there", len(r.stored()), left)
	}
	next, err := intake.New(intake.Config{Catalog: r.store, Blobs: r.blobs, TempDir: r.uploads, MaxBytes: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := next.Sweep(t.Context()); n != left || err != nil || len(r.stored()) != 0 {
		t.Errorf("swept %d, %v; %d are left", n, err, len(r.stored()))
	}
}

// telling tells which blobs it has deleted.
type telling struct {
	blob.Store

	deleted chan string
}

func (d telling) Delete(ctx context.Context, hash string) error {
	err := d.Store.Delete(ctx, hash)
	d.deleted <- hash
	return err
}

func TestRunSweepsAfterADelete(t *testing.T) {
	deleted := make(chan string)
	r := newRig(t, func(cfg *intake.Config) { cfg.Blobs = telling{cfg.Blobs, deleted} })
	ds, _, err := r.add("flowers", flowers)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Desk.Run(ctx) }()
	if err := r.Delete(t.Context(), "flowers"); err != nil {
		t.Fatal(err)
	}
	var got []string
	for range blobsOf(ds) {
		got = append(got, <-deleted)
	}
	stop()
	if err := <-done; err != nil || !slices.Equal(got, blobsOf(ds)) {
		t.Errorf("deleted %v, want %v; %v", got, blobsOf(ds), err)
	}
}

func TestWrongTablesLeaveNothing(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	io.WriteString(z, "a,kind\n")
	for range 256 {
		z.Write(zeros)
	}
	z.Close()
	r := newRig(t)
	for name, content := range map[string]string{
		"ragged": "petal,kind\n1\n", "no target": "petal,knid\n1,a\n", "empty": "", "bomb": bomb.String(),
		"cut": bomb.String()[:bomb.Len()/2], "rubbish": "PAR1rubbish and no table at all",
	} {
		ds, _, err := r.add("wrong", content)
		if !errors.Is(err, tourney.ErrInvalid) {
			t.Errorf("%s: %+v, %v", name, ds, err)
		}
	}
	if _, err := r.store.Dataset(t.Context(), "wrong"); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("registered all the same: %v", err)
	}
	if _, err := r.Sweep(t.Context()); err != nil || len(r.stored()) > 0 {
		t.Errorf("blobs %v, %v", r.stored(), err)
	}
	if _, err := r.Spool(t.Context(), "big", bytes.NewReader(make([]byte, 1<<20+1)), silent); !errors.Is(err, tourney.ErrInvalid) {
		t.Errorf("a file beyond the limit: %v", err)
	}
	if f, err := r.Spool(t.Context(), "fits", bytes.NewReader(make([]byte, 1<<20)), silent); err != nil {
		t.Errorf("a file at the limit: %v", err)
	} else if err := f.Remove(); err != nil {
		t.Error(err)
	}
	r.empty()
}

func TestAQueryIsTheTable(t *testing.T) {
	r := newRig(t)
	f, err := r.Spool(t.Context(), "flowers.csv", strings.NewReader(flowers), silent)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Remove()
	ds, _, err := r.Add(t.Context(), tourney.DatasetRequest{Name: "long", Target: "kind", SQL: "SELECT * FROM flowers WHERE petal > 4"}, []api.File{f}, silent)
	if err != nil || ds.Rows != 6 {
		t.Errorf("%d rows, %v", ds.Rows, err)
	}
}

func TestFilesAreNamedFromWhereTheyDiffer(t *testing.T) {
	for _, tt := range []struct{ paths, want []string }{
		{[]string{"/data/one.csv"}, []string{"one.csv"}},
		{[]string{"one.csv"}, []string{"one.csv"}},
		{[]string{"/data/one.csv", "/data/two.csv"}, []string{"one.csv", "two.csv"}},
		{[]string{"data/year=2025/a.csv", "data/year=2026/a.csv"}, []string{"year=2025/a.csv", "year=2026/a.csv"}},
		{[]string{"a/x.csv", "b/y.csv"}, []string{"a/x.csv", "b/y.csv"}},
		{[]string{"/a/x.csv", "/b/y.csv"}, []string{"a/x.csv", "b/y.csv"}},
		{[]string{"x.csv", "y.csv"}, []string{"x.csv", "y.csv"}},
		{[]string{"a/x.csv", "a/b/y.csv"}, []string{"x.csv", "b/y.csv"}},
		{nil, nil},
	} {
		if got := intake.Relative(tt.paths); !slices.Equal(got, tt.want) {
			t.Errorf("%q are %q, want %q", tt.paths, got, tt.want)
		}
	}
}

func TestPathsStayWhereTheyAreAllowed(t *testing.T) {
	base := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(base, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(base, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(base, name)); err != nil {
			t.Fatal(err)
		}
	}
	write("secret.csv", "secret,kind\n1,a\n")
	write("allowed/t.csv", flowers)
	write("allowed/parts/one.csv", flowers)
	write("allowed/parts/two.csv", flowers)
	write("allowed/parts/.hidden.csv", flowers)
	write("second/u.csv", flowers)
	write("allowed-not/x.csv", flowers)
	link("t.csv", "allowed/inside.csv")
	link("../secret.csv", "allowed/leak.csv")
	link(filepath.Join(base, "secret.csv"), "allowed/absolute.csv")
	link("..", "allowed/up")
	link("/", "allowed/root")
	r := newRig(t, func(cfg *intake.Config) {
		cfg.Dirs = []string{filepath.Join(base, "allowed"), filepath.Join(base, "second")}
	})
	fetch := func(path string) ([]string, error) {
		files, err := r.Fetch(t.Context(), api.Place{Path: path}, silent)
		var names []string
		for _, f := range files {
			names = append(names, f.Name)
			if data, err := os.ReadFile(f.Path); err != nil || string(data) != flowers {
				t.Errorf("%s: %s holds %q, %v", path, f.Name, data, err)
			}
			if err := f.Remove(); err != nil {
				t.Error(err)
			}
		}
		return names, err
	}
	for path, want := range map[string][]string{
		"t.csv": {"t.csv"}, "./parts/../t.csv": {"t.csv"}, filepath.Join(base, "allowed", "t.csv"): {"t.csv"}, "inside.csv": {"inside.csv"},
		"parts": {"one.csv", "two.csv"}, "parts/*.csv": {"one.csv", "two.csv"}, "u.csv": {"u.csv"}, filepath.Join(base, "second", "*.csv"): {"u.csv"},
	} {
		if got, err := fetch(path); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", path, got, err, want)
		}
	}
	for _, path := range []string{
		"../secret.csv", filepath.Join(base, "secret.csv"), "parts/../../secret.csv", "leak.csv", "absolute.csv", "up/secret.csv", "root/etc/passwd",
		"up/*.csv", "le*.csv", "/etc/passwd", filepath.Join(base, "allowed-not", "x.csv"), filepath.Join(base, "allowed", "..", "secret.csv"), "..", "/",
	} {
		if got, err := fetch(path); !errors.Is(err, tourney.ErrRefused) || len(got) > 0 {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	for _, path := range []string{"nothing.csv", "parts/*.parquet", filepath.Join(base, "allowed", "nothing.csv")} {
		if _, err := fetch(path); !errors.Is(err, tourney.ErrInvalid) {
			t.Errorf("%s: %v", path, err)
		}
	}
	closed := newRig(t)
	if _, err := closed.Fetch(t.Context(), api.Place{Path: filepath.Join(base, "allowed", "t.csv")}, silent); !errors.Is(err, tourney.ErrRefused) {
		t.Errorf("without --data-root: %v", err)
	}
	small := newRig(t, func(cfg *intake.Config) {
		cfg.Dirs, cfg.MaxBytes = []string{filepath.Join(base, "allowed")}, int64(len(flowers))+1
	})
	if _, err := small.Fetch(t.Context(), api.Place{Path: "parts"}, silent); !errors.Is(err, tourney.ErrInvalid) {
		t.Errorf("two files beyond the limit: %v", err)
	}
	r.empty()
	small.empty()
}
