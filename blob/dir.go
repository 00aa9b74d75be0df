package blob

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"time"
)

// Where things lie in the directory of a Dir.
const (
	dirBlobs = "sha256" // sha256/ab/abcd…
	dirTemp  = "tmp"    // what is being written
)

// tempAge is how long a temporary file may go unwritten before it counts as
// left behind by a process that died.
const tempAge = 24 * time.Hour

// Dir keeps blobs in a directory, which several processes may share. Every
// path goes through an os.Root, so that no name leads out of it.
type Dir struct {
	root *os.Root
}

var _ Store = (*Dir)(nil)

// OpenDir opens a directory of blobs and creates it if it is not there.
func OpenDir(name string) (*Dir, error) {
	if err := os.MkdirAll(name, 0o700); err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	d := &Dir{root: root}
	if err := d.layOut(); err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	d.sweepTemp(time.Now().Add(-tempAge))
	return d, nil
}

// Close releases the directory. Blobs that are open stay readable.
func (d *Dir) Close() error { return d.root.Close() }

// Open returns a blob and its size in bytes, or tourney.ErrNotFound.
func (d *Dir) Open(_ context.Context, hash string) (io.ReadSeekCloser, int64, error) {
	if !IsHash(hash) {
		return nil, 0, absent("open", hash)
	}
	f, err := d.root.Open(place(hash))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, absent("open", hash)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open blob: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, 0, fmt.Errorf("open blob: %w", err)
	}
	return f, info.Size(), nil
}

// Put stores what r holds and returns its hash and size. It returns when the
// blob is on the disk. A blob that is there already is replaced by the same
// bytes, which heals it if the disk has damaged it.
func (d *Dir) Put(ctx context.Context, r io.Reader) (string, int64, error) {
	temp := path.Join(dirTemp, rand.Text())
	hash, size, err := d.write(ctx, temp, r)
	if err == nil {
		err = d.settle(temp, hash)
	}
	if err != nil {
		// The file may not exist; what went wrong before says more.
		_ = d.root.Remove(temp)
		return "", 0, fmt.Errorf("put blob: %w", err)
	}
	return hash, size, nil
}

// Stat returns the size of a blob in bytes, or tourney.ErrNotFound.
func (d *Dir) Stat(_ context.Context, hash string) (int64, error) {
	if !IsHash(hash) {
		return 0, absent("stat", hash)
	}
	info, err := d.root.Stat(place(hash))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, absent("stat", hash)
	}
	if err != nil {
		return 0, fmt.Errorf("stat blob: %w", err)
	}
	return info.Size(), nil
}

// Delete removes a blob, or returns tourney.ErrNotFound.
func (d *Dir) Delete(_ context.Context, hash string) error {
	if !IsHash(hash) {
		return absent("delete", hash)
	}
	err := d.root.Remove(place(hash))
	if errors.Is(err, fs.ErrNotExist) {
		return absent("delete", hash)
	}
	if err != nil {
		return fmt.Errorf("delete blob: %w", err)
	}
	return nil
}

// Walk calls fn with each blob, in the order of the hashes, until fn returns
// an error, which it passes on.
func (d *Dir) Walk(ctx context.Context, fn func(hash string, size int64) error) error {
	prefixes, err := d.list(dirBlobs)
	if err != nil {
		return fmt.Errorf("walk blobs: %w", err)
	}
	for _, prefix := range prefixes {
		entries, err := d.list(path.Join(dirBlobs, prefix.Name()))
		if err != nil {
			return fmt.Errorf("walk blobs: %w", err)
		}
		for _, e := range entries {
			if err := context.Cause(ctx); err != nil {
				return fmt.Errorf("walk blobs: %w", err)
			}
			if !IsHash(e.Name()) || e.Name()[:2] != prefix.Name() {
				continue // not put there by a Dir
			}
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // deleted meanwhile
			}
			if err != nil {
				return fmt.Errorf("walk blobs: %w", err)
			}
			if err := fn(e.Name(), info.Size()); err != nil {
				return err
			}
		}
	}
	return nil
}

// Verify reads a blob and returns ErrCorrupt if it is not what its name says.
func (d *Dir) Verify(ctx context.Context, hash string) error { return verify(ctx, d, hash) }

// layOut makes all directories at once and makes them durable, so that a Put
// has one directory to sync and no race about who made it.
func (d *Dir) layOut() error {
	if err := d.root.MkdirAll(dirTemp, 0o700); err != nil {
		return err
	}
	for i := range 256 {
		if err := d.root.MkdirAll(fmt.Sprintf("%s/%02x", dirBlobs, i), 0o700); err != nil {
			return err
		}
	}
	if err := d.sync(dirBlobs); err != nil {
		return err
	}
	return d.sync(".")
}

// place is where a blob lies.
func place(hash string) string { return path.Join(dirBlobs, hash[:2], hash) }

// write copies r to a new file, makes that durable, and returns its hash.
func (d *Dir) write(ctx context.Context, name string, r io.Reader) (string, int64, error) {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", 0, err
	}
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(f, sum), &reader{ctx, r})
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(sum.Sum(nil)), size, nil
}

// settle moves a written file to its place and makes its name durable.
func (d *Dir) settle(temp, hash string) error {
	if err := d.root.Rename(temp, place(hash)); err != nil {
		return err
	}
	return d.sync(path.Dir(place(hash)))
}

// sync makes the entries of a directory durable.
func (d *Dir) sync(dir string) error {
	f, err := d.root.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// list returns the entries of a directory, sorted by name; none if it is not
// there or not a directory of ours.
func (d *Dir) list(dir string) ([]os.DirEntry, error) {
	f, err := d.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.IsDir() {
		return nil, err
	}
	entries, err := f.ReadDir(-1)
	slices.SortFunc(entries, func(a, b os.DirEntry) int {
		if a.Name() < b.Name() {
			return -1
		}
		return 1
	})
	return entries, err
}

// sweepTemp removes temporary files last written before a time. What cannot be
// removed is left for the next time: it costs space and nothing else.
func (d *Dir) sweepTemp(before time.Time) {
	entries, err := d.list(dirTemp)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.ModTime().Before(before) {
			_ = d.root.Remove(path.Join(dirTemp, e.Name()))
		}
	}
}
