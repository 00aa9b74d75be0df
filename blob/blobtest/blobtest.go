// Package blobtest hides what every blob.Store must do: one suite that all
// places of keeping pass.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"tourney"
	"tourney/blob"
)

// The digests of FIPS 180-4's examples: the empty message and "abc".
const (
	emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	abcSum   = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
)

// Run holds a store to the words of blob.Store. open returns an empty one.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	tests := map[string]func(*testing.T, blob.Store){
		"a blob is named by SHA-256":              testNames,
		"a blob comes back as it was put":         testRoundTrip,
		"putting twice keeps one":                 testIdempotent,
		"puts at once agree":                      testConcurrent,
		"what is not there is not found":          testAbsent,
		"a wrong name is not found":               testWrongNames,
		"a failed put leaves nothing":             testFailedPut,
		"a put stops with its context":            testCancelled,
		"a deleted blob is gone, the rest is not": testDelete,
		"walk goes in order and stops on request": testWalk,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func testNames(t *testing.T, s blob.Store) {
	for data, want := range map[string]string{"": emptySum, "abc": abcSum} {
		hash, size, err := s.Put(t.Context(), strings.NewReader(data))
		if err != nil || hash != want || size != int64(len(data)) {
			t.Errorf("Put(%q) = %s, %d, %v; want %s, %d", data, hash, size, err, want, len(data))
		}
	}
}

func testRoundTrip(t *testing.T, s blob.Store) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 20_000) // more than any copy buffer
	hash := put(t, s, data)
	f, size, err := s.Open(t.Context(), hash)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if size != int64(len(data)) {
		t.Errorf("Open says %d bytes, want %d", size, len(data))
	}
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %d bytes, %v; want the %d bytes put", len(got), err, len(data))
	}
	if _, err := f.Seek(100_003, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, data[100_003:]) {
		t.Errorf("after a seek read %d bytes, %v; want the last %d", len(got), err, len(data)-100_003)
	}
	if size, err := s.Stat(t.Context(), hash); err != nil || size != int64(len(data)) {
		t.Errorf("Stat = %d, %v; want %d", size, err, len(data))
	}
	if err := s.Verify(t.Context(), hash); err != nil {
		t.Errorf("Verify of a sound blob: %v", err)
	}
}

func testIdempotent(t *testing.T, s blob.Store) {
	if a, b := put(t, s, []byte("abc")), put(t, s, []byte("abc")); a != b {
		t.Errorf("two puts of the same bytes gave %s and %s", a, b)
	}
	if got := walk(t, s); !slices.Equal(got, []string{abcSum}) {
		t.Errorf("the store holds %v, want abc alone", got)
	}
}

func testConcurrent(t *testing.T, s blob.Store) {
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			data := []byte{byte(i % 4)}
			hash, _, err := s.Put(t.Context(), bytes.NewReader(data))
			if err != nil || hash != sum(data) {
				t.Errorf("Put = %s, %v", hash, err)
			}
			if err := s.Verify(t.Context(), hash); err != nil {
				t.Errorf("right after its put: %v", err)
			}
		})
	}
	wg.Wait()
	if got := walk(t, s); len(got) != 4 {
		t.Errorf("the store holds %d blobs, want 4", len(got))
	}
}

func testAbsent(t *testing.T, s blob.Store) {
	put(t, s, []byte("abc"))
	checkAbsent(t, s, emptySum)
}

func testWrongNames(t *testing.T, s blob.Store) {
	put(t, s, []byte("abc"))
	for _, name := range []string{
		"", ".", "..", "a", abcSum[:63], abcSum + "0", strings.ToUpper(abcSum), "g" + abcSum[1:],
		"../" + abcSum, abcSum[:2] + "/" + abcSum, "/etc/passwd", "../../../../etc/passwd",
		strings.Repeat("../", 21) + "x", abcSum[:60] + "\x00\x00\x00\x00", abcSum[:63] + "\n",
	} {
		checkAbsent(t, s, name)
	}
}

func checkAbsent(t *testing.T, s blob.Store, name string) {
	t.Helper()
	if f, _, err := s.Open(t.Context(), name); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("Open(%q): %v, want not found", name, err)
		if err == nil {
			f.Close()
		}
	}
	if _, err := s.Stat(t.Context(), name); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("Stat(%q): %v, want not found", name, err)
	}
	if err := s.Delete(t.Context(), name); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("Delete(%q): %v, want not found", name, err)
	}
	if err := s.Verify(t.Context(), name); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("Verify(%q): %v, want not found", name, err)
	}
}

func testFailedPut(t *testing.T, s blob.Store) {
	broken := errors.New("the line went dead")
	r := io.MultiReader(strings.NewReader("abc"), &failing{broken})
	if _, _, err := s.Put(t.Context(), r); !errors.Is(err, broken) {
		t.Errorf("Put of a reader that fails: %v, want its error", err)
	}
	checkAbsent(t, s, abcSum)
	if got := walk(t, s); len(got) != 0 {
		t.Errorf("the store holds %v, want nothing", got)
	}
}

func testCancelled(t *testing.T, s blob.Store) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	cancel(stop)
	if _, _, err := s.Put(ctx, strings.NewReader("abc")); !errors.Is(err, stop) {
		t.Errorf("Put after the end of its context: %v, want the cause", err)
	}
	checkAbsent(t, s, abcSum)
}

func testDelete(t *testing.T, s blob.Store) {
	a, b := put(t, s, []byte("a")), put(t, s, []byte("b"))
	if err := s.Delete(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	checkAbsent(t, s, a)
	if got := walk(t, s); !slices.Equal(got, []string{b}) {
		t.Errorf("the store holds %v, want %s", got, b)
	}
}

func testWalk(t *testing.T, s blob.Store) {
	var want []string
	for i := range 20 {
		want = append(want, put(t, s, bytes.Repeat([]byte{1}, i)))
	}
	slices.Sort(want)
	if got := walk(t, s); !slices.Equal(got, want) {
		t.Errorf("Walk gave %d blobs, want %d in order", len(got), len(want))
	}
	enough := errors.New("enough")
	n := 0
	err := s.Walk(t.Context(), func(string, int64) error {
		n++
		if n == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || n != 3 {
		t.Errorf("Walk went on to %d blobs and returned %v; want 3 and what fn returned", n, err)
	}
}

// walk lists the blobs of a store and checks their sizes.
func walk(t *testing.T, s blob.Store) []string {
	t.Helper()
	var hashes []string
	err := s.Walk(t.Context(), func(hash string, size int64) error {
		if want, err := s.Stat(t.Context(), hash); err != nil || size != want {
			t.Errorf("Walk says %s has %d bytes; Stat says %d, %v", hash, size, want, err)
		}
		hashes = append(hashes, hash)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return hashes
}

func put(t *testing.T, s blob.Store, data []byte) string {
	t.Helper()
	hash, _, err := s.Put(t.Context(), bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }
