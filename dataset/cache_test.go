package dataset_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/dataset"
	"tourney/dataset/table"
)

func TestLoadRung(t *testing.T) {
	m := newMemory()
	ds := m.put(t, tourney.Dataset{}, line(101), 20)
	data := rung(t, m.cache(t, t.TempDir(), roomy), ds.Version)
	fold := data.Folds[0]
	if fold.Train.N != 64 || fold.Valid.N != 17 || data.Test != nil || len(data.Folds) != 1 { // ⌈16.2⌉
		t.Errorf("%d and %d rows, test %v", fold.Train.N, fold.Valid.N, data.Test)
	}
	if data.Version != ds.Version || data.Task != tourney.Regression || data.Classes != nil || !slices.Equal(fold.Prep.Features(), []string{"id"}) {
		t.Errorf("data %s %s %v", data.Version, data.Task, data.Classes)
	}
	for i, y := range slices.Concat(fold.Train.Y, fold.Valid.Y) {
		if y != float32(3*i)+0.5 {
			t.Fatalf("row %d has target %v", i, y)
		}
	}
	if n := m.opened(ds.Test[0].Hash); n != 0 {
		t.Errorf("test rows were fetched %d times for a rung", n)
	}
}

// Of all requests, a final one alone reaches for test rows, and it shows its
// token for them and for nothing else.
func TestTestRowsAreReadByFinalJobsAlone(t *testing.T) {
	m := newMemory()
	day := series("day", 101, func(i int) float64 { return float64(i) })
	day.Kind = tourney.Date
	f := line(101)
	f.Series = append([]table.Series{day, series("g", 101, func(i int) float64 { return float64(i / 7) })}, f.Series...)
	ds := m.put(t, tourney.Dataset{Group: "g", Time: "day"}, f, 20)
	c := m.cache(t, t.TempDir(), roomy)
	for _, form := range []dataset.Form{dataset.Dense, dataset.CSR, dataset.Binned} {
		for _, v := range []tourney.Validation{share(fifth), {Kind: tourney.KFold, Folds: 3}, {Kind: tourney.GroupCut, Folds: 2}, {Kind: tourney.TimeOrder, Folds: 4}} {
			for _, p := range []tourney.Preprocess{{}, {Scale: "quantile", Impute: "median"}} {
				// Even with the token of a final attempt.
				if _, err := c.Load(t.Context(), dataset.Request{Version: ds.Version, Validation: v, Preprocess: p, Kind: tourney.JobRung, Form: form}, finalToken); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if _, err := dataset.Sample(t.Context(), m, ds, 1000); err != nil {
		t.Fatal(err)
	}
	if n := m.opened(ds.Test[0].Hash); n != 0 {
		t.Fatalf("test rows were fetched %d times without a final job", n)
	}
	data := final(t, c, ds.Version)
	if data.Folds[0].Train.N != 81 || data.Test.N != 20 || data.Folds[0].Valid != nil {
		t.Errorf("%d and %d rows, valid %v", data.Folds[0].Train.N, data.Test.N, data.Folds[0].Valid)
	}
	for i, y := range data.Test.Y {
		if y != float32(3*(81+i))+0.5 {
			t.Fatalf("test row %d has target %v", i, y)
		}
	}
	for _, o := range m.opens {
		if sealed := o.hash == ds.Test[0].Hash; sealed != (o.token == finalToken) || (!sealed && o.token != nil) {
			t.Errorf("blob %.8s, sealed %t, was asked for with token %v", o.hash, sealed, o.token)
		}
	}
	// A test of the same cache by someone without a token.
	if _, err := c.Load(t.Context(), dataset.Request{Version: ds.Version, Kind: tourney.JobFinal}, nil); !errors.Is(err, tourney.ErrRefused) {
		t.Errorf("without a token: %v, want refused", err)
	}
}

func TestLoadPassesARefusalOn(t *testing.T) {
	m := newMemory()
	ds := m.put(t, tourney.Dataset{}, line(50), 10)
	m.serve = func(_ context.Context, hash string, _ *tourney.Token) (io.ReadCloser, error) {
		if hash == ds.Test[0].Hash {
			return nil, fmt.Errorf("%w: this attempt is over", tourney.ErrRefused)
		}
		return m.blob(hash)
	}
	_, err := m.cache(t, t.TempDir(), roomy).Load(t.Context(), dataset.Request{Version: ds.Version, Kind: tourney.JobFinal}, finalToken)
	if !errors.Is(err, tourney.ErrRefused) || !strings.Contains(err.Error(), "this attempt is over") {
		t.Errorf("%v", err)
	}
	if n := m.opened(ds.Test[0].Hash); n != 1 {
		t.Errorf("asked %d times for what is refused", n)
	}
}

func TestLoadErrors(t *testing.T) {
	m := newMemory()
	ds := m.put(t, tourney.Dataset{}, line(50), 10)
	junk, _, _ := m.Put(t.Context(), strings.NewReader("not a manifest"))
	odd, _, _ := m.Put(t.Context(), strings.NewReader(`{"rows":9000000000000000,"test_rows":1,"task":"regression"}`))
	long, _, _ := m.Put(t.Context(), strings.NewReader(`{"rows":1000000,"test_rows":0,"task":"regression","shards":[{"hash":"","rows":1000000,"bytes":1}]}`))
	c := m.cache(t, t.TempDir(), roomy)
	for _, test := range []struct {
		name string
		req  dataset.Request
		is   error
	}{
		{"unknown version", request(strings.Repeat("0", 64)), tourney.ErrNotFound},
		{"no version", request("../../etc/passwd"), tourney.ErrNotFound},
		{"not a manifest", request(junk), nil},
		{"odd manifest", request(odd), nil},
		{"long shard", request(long), nil},
		{"unknown validation", dataset.Request{Version: ds.Version, Validation: tourney.Validation{Kind: "bootstrap"}, Kind: tourney.JobRung}, tourney.ErrInvalid},
		{"no share", dataset.Request{Version: ds.Version, Validation: share(0), Kind: tourney.JobRung}, tourney.ErrInvalid},
		{"all of it", dataset.Request{Version: ds.Version, Validation: share(1), Kind: tourney.JobRung}, tourney.ErrInvalid},
		{"no groups", dataset.Request{Version: ds.Version, Validation: tourney.Validation{Kind: tourney.GroupCut, Folds: 2}, Kind: tourney.JobRung}, tourney.ErrInvalid},
		{"no time", dataset.Request{Version: ds.Version, Validation: tourney.Validation{Kind: tourney.TimeOrder, Folds: 2}, Kind: tourney.JobRung}, tourney.ErrInvalid},
		{"too many folds", dataset.Request{Version: ds.Version, Validation: tourney.Validation{Kind: tourney.KFold, Folds: 41}, Kind: tourney.JobRung}, tourney.ErrInvalid},
		{"unknown kind", dataset.Request{Version: ds.Version, Validation: share(fifth), Kind: "nap"}, tourney.ErrInvalid},
		{"unknown form", dataset.Request{Version: ds.Version, Validation: share(fifth), Kind: tourney.JobRung, Form: "cube"}, tourney.ErrInvalid},
		{"unknown step", dataset.Request{Version: ds.Version, Validation: share(fifth), Kind: tourney.JobRung, Preprocess: tourney.Preprocess{Scale: "big"}}, tourney.ErrInvalid},
	} {
		_, err := c.Load(t.Context(), test.req, finalToken)
		if err == nil || (test.is != nil && !errors.Is(err, test.is)) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if _, err := dataset.NewCache(t.TempDir(), 0, m); err == nil {
		t.Error("a cache without room was opened")
	}
}

func TestConcurrentLoadsFetchAndDecodeOnce(t *testing.T) {
	m := newMemory()
	ds := m.put(t, tourney.Dataset{}, line(50), 10)
	c := m.cache(t, t.TempDir(), roomy)
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		m.serve = func(_ context.Context, hash string, _ *tourney.Token) (io.ReadCloser, error) {
			<-gate
			return m.blob(hash)
		}
		got := make([]*dataset.Data, 16)
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() {
				// Two splits: matrices of their own, the same blobs.
				data, err := c.Load(t.Context(), dataset.Request{Version: ds.Version, Validation: share(0.2 + 0.1*float64(i%2)), Kind: tourney.JobRung}, nil)
				if err != nil {
					t.Error(err)
				}
				got[i] = data
			})
		}
		synctest.Wait() // until all wait for the one fetch
		if n := m.opened(""); n != 1 {
			t.Errorf("%d fetches are under way, want 1", n)
		}
		close(gate)
		wg.Wait()
		for i, data := range got {
			if data != got[i%2] {
				t.Errorf("load %d made its own matrices", i)
			}
		}
		if got[0] == got[1] || got[0].Folds[0].Valid.N == got[1].Folds[0].Valid.N {
			t.Error("two splits share their matrices")
		}
	})
	for _, hash := range []string{ds.Version, ds.Shards[0].Hash} {
		if n := m.opened(hash); n != 1 {
			t.Errorf("blob %.8s was fetched %d times, want once", hash, n)
		}
	}
}

func TestOneWhoGivesUpDoesNotFailTheOthers(t *testing.T) {
	m := newMemory()
	ds := m.put(t, tourney.Dataset{}, line(50), 10)
	c := m.cache(t, t.TempDir(), roomy)
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		m.serve = func(ctx context.Context, hash string, _ *tourney.Token) (io.ReadCloser, error) {
			select {
			case <-gate:
				return m.blob(hash)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		first, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		load := func(ctx context.Context, err *error) {
			wg.Go(func() {
				_, *err = c.Load(ctx, dataset.Request{Version: ds.Version, Validation: share(fifth), Kind: tourney.JobRung}, nil)
			})
		}
		var errFirst, errSecond, errThird error
		load(first, &errFirst)
		synctest.Wait()
		load(t.Context(), &errSecond)
		third, stop := context.WithCancel(t.Context())
		load(third, &errThird)
		synctest.Wait()
		stop() // one who only waits may leave
		synctest.Wait()
		cancel()
		synctest.Wait() // the second has taken over
		close(gate)
		wg.Wait()
		if !errors.Is(errFirst, context.Canceled) || !errors.Is(errThird, context.Canceled) || errSecond != nil {
			t.Errorf("errors %v, %v, %v; want canceled, none, canceled", errFirst, errSecond, errThird)
		}
	})
}

// blobFile is where the cache keeps a blob.
func blobFile(dir, hash string) string { return filepath.Join(dir, "blobs", hash) }

func TestDamagedFileIsQuarantinedAndFetchedAgain(t *testing.T) {
	m := newMemory()
	ds := m.put(t, tourney.Dataset{}, line(50), 10)
	dir := t.TempDir()
	rung(t, m.cache(t, dir, roomy), ds.Version)
	other := request(ds.Version)
	other.Validation.Fraction = 0.3
	want := load(t, m.cache(t, t.TempDir(), roomy), other)
	m.opens = m.opens[:2]
	hash := ds.Shards[0].Hash
	damaged := slices.Clone(m.blobs[hash])
	damaged[len(damaged)/2] ^= 1
	if err := os.WriteFile(blobFile(dir, hash), damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	c := m.cache(t, dir, roomy) // another process
	if got := load(t, c, other); !reflect.DeepEqual(got, want) {
		t.Error("the damaged file reached the matrices")
	}
	if n := m.opened(hash); n != 2 {
		t.Errorf("fetched %d times in all, want 2", n)
	}
	if n := m.opened(ds.Version); n != 1 {
		t.Errorf("the sound manifest was fetched %d times, want once", n)
	}
	if data, err := os.ReadFile(blobFile(dir, hash)); err != nil || sumOf(data) != hash {
		t.Errorf("the file is not healed: %v", err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "quarantine", hash)); err != nil || !bytes.Equal(data, damaged) {
		t.Errorf("the damaged file was not kept: %v", err)
	}
}

func TestDamageInTransit(t *testing.T) {
	m := newMemory()
	ds := m.put(t, tourney.Dataset{}, line(50), 10)
	hash := ds.Shards[0].Hash
	for _, test := range []struct {
		name    string
		damage  func([]byte) io.Reader
		corrupt bool
	}{
		{"flipped", func(b []byte) io.Reader { b[100] ^= 4; return bytes.NewReader(b) }, true},
		{"cut short", func(b []byte) io.Reader { return bytes.NewReader(b[:len(b)-1]) }, true},
		{"endless", func(b []byte) io.Reader { return io.MultiReader(bytes.NewReader(b), zeros{}) }, true},
		{"broken off", func(b []byte) io.Reader {
			return io.MultiReader(bytes.NewReader(b[:10]), failing{io.ErrUnexpectedEOF})
		}, false},
	} {
		for good := range 4 { // the fetch that comes out right, counted from 0
			dir := t.TempDir()
			c := m.cache(t, dir, roomy)
			tries := 0
			m.serve = func(_ context.Context, h string, _ *tourney.Token) (io.ReadCloser, error) {
				if h != hash {
					return m.blob(h)
				}
				tries++
				if tries > good {
					return m.blob(h)
				}
				return io.NopCloser(test.damage(slices.Clone(m.blobs[h]))), nil
			}
			_, err := c.Load(t.Context(), dataset.Request{Version: ds.Version, Validation: share(fifth), Kind: tourney.JobRung}, nil)
			if good < 3 && (err != nil || tries != good+1) {
				t.Errorf("%s %d times: %v after %d fetches", test.name, good, err, tries)
			}
			if good == 3 && (err == nil || errors.Is(err, dataset.ErrCorrupt) != test.corrupt || tries != 3) {
				t.Errorf("%s always: %v after %d fetches; want an error after 3", test.name, err, tries)
			}
			if files := files(t, filepath.Join(dir, "tmp")); len(files) != 0 {
				t.Errorf("%s: left temporary files %v", test.name, files)
			}
		}
	}
}

func TestFetchErrorsAreNotRepeated(t *testing.T) {
	m := newMemory()
	ds := m.put(t, tourney.Dataset{}, line(50), 10)
	m.serve = func(context.Context, string, *tourney.Token) (io.ReadCloser, error) {
		return nil, tourney.ErrUnavailable
	}
	if _, err := m.cache(t, t.TempDir(), roomy).Load(t.Context(), request(ds.Version), nil); !errors.Is(err, tourney.ErrUnavailable) || m.opened("") != 1 {
		t.Errorf("%v after %d fetches", err, m.opened(""))
	}
}

func TestDiskIsBoundedAndTheLeastRecentlyUsedGoes(t *testing.T) {
	m := newMemory()
	var ds []tourney.Dataset
	for i := range 3 {
		ds = append(ds, m.put(t, tourney.Dataset{Seed: uint64(i)}, line(500+i), 100))
	}
	alone := t.TempDir()
	rung(t, m.cache(t, alone, roomy), ds[0].Version)
	size := diskUse(t, alone)
	dir := t.TempDir()
	limit := 2*size + size/8 // two datasets with their matrices, not three
	load := func(i int) (fetched int) {
		t.Helper()
		before := m.opened("")
		rung(t, m.cache(t, dir, limit), ds[i].Version) // a process of its own each time
		if got := diskUse(t, dir); got > limit {
			t.Errorf("%d bytes on disk, the limit is %d", got, limit)
		}
		return m.opened("") - before
	}
	load(0)
	load(1)
	load(0) // now 1 is the least recently used
	load(2)
	if n := load(0) + load(2); n != 0 {
		t.Errorf("%d fetches of what was used last", n)
	}
	if load(1) == 0 {
		t.Error("nothing of what was used least recently was evicted")
	}
}

func TestABlobLargerThanTheCacheIsUsedAndDropped(t *testing.T) {
	m := newMemory()
	ds := m.put(t, tourney.Dataset{}, line(500), 100)
	dir := t.TempDir()
	rung(t, m.cache(t, dir, 1), ds.Version)
	if got := diskUse(t, dir); got != 0 {
		t.Errorf("%d bytes stay on disk, the limit is 1", got)
	}
}

func TestWhatIsInUseIsNotEvicted(t *testing.T) {
	m := newMemory()
	a := m.put(t, tourney.Dataset{}, line(50), 10)
	b := m.put(t, tourney.Dataset{Seed: 1}, line(50), 10)
	dir := t.TempDir()
	c := m.cache(t, dir, 1)
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		// The second fetch of a's manifest never happens: while its reader is
		// held up after the rename, b comes and goes.
		m.serve = func(_ context.Context, hash string, _ *tourney.Token) (io.ReadCloser, error) {
			body, err := m.blob(hash)
			if hash == a.Version {
				return closing{body, func() { <-gate }}, err
			}
			return body, err
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := c.Load(t.Context(), dataset.Request{Version: a.Version, Validation: share(fifth), Kind: tourney.JobRung}, nil); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		if _, err := c.Load(t.Context(), dataset.Request{Version: b.Version, Validation: share(fifth), Kind: tourney.JobRung}, nil); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(blobFile(dir, a.Version)); err != nil {
			t.Errorf("the manifest in use: %v", err)
		}
		close(gate)
		wg.Wait()
	})
	if n := m.opened(a.Version); n != 1 {
		t.Errorf("the manifest in use was fetched %d times", n)
	}
	if got := diskUse(t, dir); got != 0 {
		t.Errorf("%d bytes stay on disk, the limit is 1", got)
	}
}

func TestOldTemporaryFilesAreSwept(t *testing.T) {
	m, dir := newMemory(), t.TempDir()
	m.cache(t, dir, roomy)
	old, young := filepath.Join(dir, "tmp", "old"), filepath.Join(dir, "tmp", "young")
	for _, name := range []string{old, young} {
		if err := os.WriteFile(name, []byte("half a sh"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	then := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(old, then, then); err != nil {
		t.Fatal(err)
	}
	m.cache(t, dir, roomy)
	if got := files(t, filepath.Join(dir, "tmp")); !slices.Equal(got, []string{"young"}) {
		t.Errorf("temporary files %v, want the young one", got)
	}
}

func TestMatricesAreKeptWithinTheBoundAndSharedWhileUsed(t *testing.T) {
	m := newMemory()
	a := m.put(t, tourney.Dataset{}, line(50), 10).Version
	b := m.put(t, tourney.Dataset{Seed: 1}, line(50), 10).Version
	c := m.cache(t, t.TempDir(), roomy)
	if got := c.Versions(); len(got) != 0 {
		t.Errorf("an empty cache has %v", got)
	}
	used := rung(t, c, a)
	rung(t, c, b)
	both := []string{a, b}
	slices.Sort(both)
	runtime.GC()
	if got := c.Versions(); !slices.Equal(got, both) {
		t.Errorf("loaded %v, want both", got)
	}
	c.LimitMemory(1) // room for the last one alone, which is b
	if again := rung(t, c, a); again != used {
		t.Error("matrices in use were made again")
	}
	runtime.KeepAlive(used)
	// Now a is the last one used, and nobody uses b.
	runtime.GC()
	if got := c.Versions(); !slices.Equal(got, []string{a}) {
		t.Errorf("loaded %v, want %s alone", got, a)
	}
}

func diskUse(t *testing.T, dir string) int64 {
	t.Helper()
	var n int64
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		n += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// closing calls a function when it is closed.
type closing struct {
	io.Reader
	then func()
}

func (c closing) Close() error { c.then(); return nil }
