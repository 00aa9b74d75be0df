package blob_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tourney/blob"
	"tourney/blob/blobtest"
)

const abcSum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-4

func TestDir(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return openDir(t, t.TempDir()) })
}

func TestDirLaysBlobsOutByHash(t *testing.T) {
	root := t.TempDir()
	putAbc(t, openDir(t, root))
	got, err := os.ReadFile(filepath.Join(root, "sha256", "ba", abcSum))
	if err != nil || string(got) != "abc" {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestDirLeavesNoTemporaryFile(t *testing.T) {
	root := t.TempDir()
	d := openDir(t, root)
	putAbc(t, d)
	if _, _, err := d.Put(t.Context(), io.MultiReader(strings.NewReader("x"), broken{})); err == nil {
		t.Fatal("a put of a broken reader succeeded")
	}
	var files []string
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files = append(files, filepath.Base(name))
		}
		return err
	})
	if err != nil || len(files) != 1 || files[0] != abcSum {
		t.Errorf("files %v, %v; want the blob alone", files, err)
	}
}

func TestDirSweepsOldTemporaryFiles(t *testing.T) {
	root := t.TempDir()
	openDir(t, root)
	old, young := filepath.Join(root, "tmp", "old"), filepath.Join(root, "tmp", "young")
	for _, name := range []string{old, young} {
		if err := os.WriteFile(name, []byte("half a bl"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	then := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(old, then, then); err != nil {
		t.Fatal(err)
	}
	openDir(t, root)
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a day-old temporary file is still there: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("a temporary file that may be in use is gone: %v", err)
	}
}

func TestDirVerifyNamesTheDamageAndPutHealsIt(t *testing.T) {
	root := t.TempDir()
	d := openDir(t, root)
	putAbc(t, d)
	if err := os.WriteFile(filepath.Join(root, "sha256", "ba", abcSum), []byte("abd"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := d.Verify(t.Context(), abcSum)
	// SHA-256 of "abd", from coreutils' sha256sum.
	const abdSum = "a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"
	if !errors.Is(err, blob.ErrCorrupt) || !strings.Contains(err.Error(), abdSum) {
		t.Errorf("Verify of a damaged blob: %v", err)
	}
	putAbc(t, d)
	if err := d.Verify(t.Context(), abcSum); err != nil {
		t.Errorf("after another put: %v", err)
	}
}

func TestDirNeverFollowsALinkOutside(t *testing.T) {
	root := t.TempDir()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := openDir(t, root)
	if err := os.Symlink(secret, filepath.Join(root, "sha256", "ba", abcSum)); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if f, _, err := d.Open(t.Context(), abcSum); err == nil {
		f.Close()
		t.Error("Open followed a link out of the directory")
	}
}

func TestDirIsSharedBetweenProcesses(t *testing.T) {
	root := t.TempDir()
	a, b := openDir(t, root), openDir(t, root)
	putAbc(t, a)
	f, size, err := b.Open(t.Context(), abcSum)
	if err != nil || size != 3 {
		t.Fatalf("Open = %d, %v", size, err)
	}
	defer f.Close()
	if err := a.Delete(t.Context(), abcSum); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, []byte("abc")) {
		t.Errorf("an open blob reads %q, %v after its deletion", got, err)
	}
}

func TestIsHash(t *testing.T) {
	for s, want := range map[string]bool{
		abcSum: true, strings.ToUpper(abcSum): false, abcSum[1:]: false, abcSum + "0": false,
		strings.Repeat("/", 64): false, strings.Repeat(":", 64): false, strings.Repeat("`", 64): false,
		strings.Repeat("0", 64): true, strings.Repeat("9", 64): true, strings.Repeat("f", 64): true, strings.Repeat("g", 64): false,
	} {
		if got := blob.IsHash(s); got != want {
			t.Errorf("IsHash(%q) = %t", s, got)
		}
	}
}

func openDir(t *testing.T, root string) *blob.Dir {
	t.Helper()
	d, err := blob.OpenDir(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func putAbc(t *testing.T, d *blob.Dir) {
	t.Helper()
	hash, size, err := d.Put(t.Context(), strings.NewReader("abc"))
	if err != nil || hash != abcSum || size != 3 {
		t.Fatalf("Put(abc) = %s, %d, %v", hash, size, err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }
