package dataset

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"sync"
	"time"

	"tourney"
	"tourney/failpoint"
)

// Fetcher gets blobs from where they are kept.
type Fetcher interface {
	// Open returns a blob, size bytes from offset; size < 0 means to its end.
	// The token is needed for test shards alone.
	Open(ctx context.Context, hash string, offset, size int64, token *tourney.Token) (io.ReadCloser, error)
}

// ErrCorrupt means that a blob did not match its hash, however often it was
// fetched, or is not what its manifest says.
var ErrCorrupt = errors.New("corrupt blob")

const (
	maxFetches     = 3         // of one blob in a row
	quarantineKept = 8         // damaged files kept for a look
	tempAge        = time.Hour // since the last write, after which a temporary file is left over
)

// Where things lie in the directory of a disk.
const (
	diskBlobs      = "blobs"      // blobs/<hash>
	diskMatrices   = "matrices"   // matrices/<hash of what they are made of>
	diskTemp       = "tmp"        // what is being fetched or made
	diskQuarantine = "quarantine" // what was found damaged
)

// disk keeps blobs, and the matrices made of them, in a directory within a bound, the least recently used
// going first. The directory is all there is to it: the time of a file is that
// of its last use, a process that dies leaves nothing behind but a temporary
// file, and processes may share it. Nothing is synced: whatever a power loss
// leaves is found out by its hash and fetched again.
type disk struct {
	root  *os.Root
	limit int64 // bytes of blobs and matrices, while none is in use
	fetch Fetcher
	reads flights[string, []byte]

	seed maphash.Seed

	mu    sync.Mutex
	pins  map[string]int    // blobs and matrices in use; guarded by mu
	sound map[string]uint64 // of blobs that once matched their hash, another that takes a tenth of the time; guarded by mu
}

func openDisk(dir string, limit int64, fetch Fetcher) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	for _, sub := range []string{diskBlobs, diskMatrices, diskTemp, diskQuarantine} {
		if err := root.MkdirAll(sub, 0o700); err != nil {
			_ = root.Close()
			return nil, err
		}
	}
	d := &disk{root: root, limit: limit, fetch: fetch, seed: maphash.MakeSeed(), pins: map[string]int{}, sound: map[string]uint64{}}
	d.sweepTemp(time.Now().Add(-tempAge))
	if err := d.trim(0); err != nil {
		_ = root.Close()
		return nil, err
	}
	return d, nil
}

// maxManifest bounds a manifest, for the sake of those who read it whole.
const maxManifest = 256 << 20

// unknown is the size of a blob of which nothing is known but that it is a
// manifest, and so has maxManifest bytes at most.
const unknown = -1

// read returns a blob of size bytes, from the disk or else fetched with the
// token. What it returns has been hashed in memory, so that no bit
// that differs gets past it; it is shared, and nobody writes to it.
func (d *disk) read(ctx context.Context, hash string, size int64, token *tourney.Token) ([]byte, error) {
	if !isHash(hash) {
		return nil, fmt.Errorf("blob %.80q: %w", hash, tourney.ErrNotFound)
	}
	d.pin(hash)
	defer d.unpin(hash)
	return d.reads.do(ctx, hash, func() ([]byte, error) {
		var last error
		for fetches := 0; ; fetches++ {
			data, err := d.verified(hash)
			if data != nil || err != nil {
				return data, err
			}
			if fetches == maxFetches {
				return nil, fmt.Errorf("blob %s: fetched %d times: %w", hash, fetches, last)
			}
			last = d.get(ctx, hash, size, token)
			switch {
			case last == nil:
				last = ErrCorrupt // if it is not there by the next look
			case errors.Is(last, ErrCorrupt), errors.Is(last, errCut):
			default:
				return nil, fmt.Errorf("blob %s: %w", hash, last)
			}
			if cause := context.Cause(ctx); cause != nil {
				return nil, cause
			}
		}
	})
}

// verified reads a blob from the disk, or nothing if it is not there. A
// damaged one is moved aside.
func (d *disk) verified(hash string) ([]byte, error) {
	name := path.Join(diskBlobs, hash)
	data, err := d.root.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !d.isSound(hash, data) {
		return nil, d.quarantine(hash)
	}
	now := time.Now()
	if err := d.root.Chtimes(name, now, now); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if data == nil {
		data = []byte{} // an empty blob is a blob
	}
	return data, nil
}

// isSound reports whether a blob is what its name says. A blob that was found
// to be, and is read once more, is compared with itself: by a hash of 64 bits
// with a seed that nobody else knows.
func (d *disk) isSound(hash string, data []byte) bool {
	quick := maphash.Bytes(d.seed, data)
	d.mu.Lock()
	was, ok := d.sound[hash]
	d.mu.Unlock()
	if ok && was == quick {
		return true
	}
	if hashOf(data) != hash {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sound[hash] = quick
	return true
}

// errCut means that a transfer broke off.
var errCut = errors.New("the transfer broke off")

// get fetches a blob and puts it in its place if it is what its name says.
func (d *disk) get(ctx context.Context, hash string, size int64, token *tourney.Token) error {
	if err := d.trim(max(0, size)); err != nil {
		return err
	}
	body, err := d.fetch.Open(ctx, hash, 0, -1, token)
	if err != nil {
		return err
	}
	defer body.Close()
	temp := path.Join(diskTemp, rand.Text())
	f, err := d.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	quick := &maphash.Hash{}
	quick.SetSeed(d.seed)
	err = copyBlob(ctx, io.MultiWriter(f, quick), body, hash, size)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		d.mu.Lock()
		d.sound[hash] = quick.Sum64()
		d.mu.Unlock()
		failpoint.Pass(failpoint.ShardFetched)
		err = d.root.Rename(temp, path.Join(diskBlobs, hash))
	}
	if err != nil {
		_ = d.root.Remove(temp) // a leftover is swept later
	}
	return err
}

// copyBlob copies a blob, stops if it is longer than it should be, and checks
// its hash.
func copyBlob(ctx context.Context, w io.Writer, body io.Reader, hash string, size int64) error {
	if size == unknown {
		size = maxManifest
	}
	source := &contextReader{ctx, io.LimitReader(body, size+1)}
	sum := sha256.New()
	writer := &writeErrors{w: io.MultiWriter(sum, w)}
	n, err := io.Copy(writer, source)
	switch {
	case writer.err != nil:
		return writer.err
	case err != nil:
		return fmt.Errorf("%w: %w", errCut, err)
	case n > size:
		return fmt.Errorf("%w: it is longer than %d bytes", ErrCorrupt, size)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != hash {
		return fmt.Errorf("%w: %d bytes that hash to %s", ErrCorrupt, n, got)
	}
	return nil
}

// writeErrors tells errors of writing, such as a full disk, from those of
// reading, which another try may mend.
type writeErrors struct {
	w   io.Writer
	err error
}

func (w *writeErrors) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if err != nil {
		w.err = err
	}
	return n, err
}

// quarantine moves a damaged blob aside and keeps the latest few.
func (d *disk) quarantine(hash string) error {
	err := d.root.Rename(path.Join(diskBlobs, hash), path.Join(diskQuarantine, hash))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("quarantine: %w", err)
	}
	files, err := d.list(diskQuarantine)
	if err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	for _, f := range files[:max(0, len(files)-quarantineKept)] {
		_ = d.root.Remove(path.Join(diskQuarantine, f.Name()))
	}
	return nil
}

func (d *disk) pin(hash string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pins[hash]++
}

// unpin lets a blob go, and makes up for what could not be evicted while it
// was in use.
func (d *disk) unpin(hash string) {
	d.mu.Lock()
	if d.pins[hash]--; d.pins[hash] == 0 {
		delete(d.pins, hash)
	}
	d.mu.Unlock()
	// Failing to evict costs space until the next time.
	_ = d.trim(0)
}

// trim evicts the least recently used blobs that are not in use, until there
// is room for so many bytes more.
func (d *disk) trim(room int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var files []stored
	total := room
	for _, dir := range []string{diskBlobs, diskMatrices} {
		list, err := d.list(dir)
		if err != nil {
			return fmt.Errorf("evict: %w", err)
		}
		for _, f := range list {
			files = append(files, stored{f, dir})
			total += f.Size()
		}
	}
	slices.SortFunc(files, func(a, b stored) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range files {
		if total <= d.limit {
			break
		}
		if d.pins[f.Name()] > 0 {
			continue
		}
		if err := d.root.Remove(path.Join(f.dir, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("evict: %w", err)
		}
		total -= f.Size()
	}
	return nil
}

// stored is a file that may be evicted.
type stored struct {
	fs.FileInfo
	dir string
}

// list returns the files of a directory, the least recently used first.
func (d *disk) list(dir string) ([]fs.FileInfo, error) {
	f, err := d.root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	files := make([]fs.FileInfo, 0, len(entries))
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // evicted by another process
		}
		if err != nil {
			return nil, err
		}
		files = append(files, info)
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	return files, nil
}

// sweepTemp removes what processes that died have left behind.
func (d *disk) sweepTemp(before time.Time) {
	files, err := d.list(diskTemp)
	if err != nil {
		return // it costs space and nothing else
	}
	for _, f := range files {
		if f.ModTime().Before(before) {
			_ = d.root.Remove(path.Join(diskTemp, f.Name()))
		}
	}
}

// isHash reports whether s has the form of a blob's name.
func isHash(s string) bool {
	if len(s) != hex.EncodedLen(sha256.Size) {
		return false
	}
	for _, c := range []byte(s) {
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return false
		}
	}
	return true
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
