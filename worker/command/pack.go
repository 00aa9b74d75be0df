package command

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// The bounds of a checkpoint directory.
const (
	maxPacked   = 512 << 20 // bytes, packed
	maxUnpacked = 8 << 30   // bytes of its files
	maxFiles    = 10_000
)

// errUnsteady means that a directory changed while it was read.
var errUnsteady = errors.New("it is being written")

// item is what is looked at to find out whether a directory has changed.
type item struct {
	path  string
	size  int64
	mode  fs.FileMode
	mtime time.Time
}

// survey lists the files of a directory in the order of their paths. Links and
// what is neither file nor directory are left out.
func survey(dir string) ([]item, error) {
	var items []item
	var total int64
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() && !d.IsDir() || path == dir {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		it := item{filepath.ToSlash(rel), 0, info.Mode(), info.ModTime()}
		if !d.IsDir() {
			it.size = info.Size()
			total += it.size
		}
		items = append(items, it)
		if len(items) > maxFiles || total > maxUnpacked {
			return fmt.Errorf("it holds more than %d files or %d GiB", maxFiles, maxUnpacked>>30)
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errUnsteady // a file went while it was looked at
	}
	slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.path, b.path) })
	return items, err
}

// pack makes one blob of a directory: a tar in the order of paths, with neither
// times nor owners, so that the same files give the same bytes. An empty
// directory is nil. A directory that changes meanwhile is errUnsteady.
func pack(dir string) ([]byte, error) {
	before, err := survey(dir)
	if err != nil || len(before) == 0 {
		return nil, err
	}
	var b bytes.Buffer
	z, err := zstd.NewWriter(&limited{w: &b, left: maxPacked}, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, err
	}
	t := tar.NewWriter(z)
	for _, it := range before {
		if err := add(t, dir, it); err != nil {
			_ = z.Close() // what it holds is thrown away
			return nil, err
		}
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return nil, err
	}
	after, err := survey(dir)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(before, after) {
		return nil, errUnsteady
	}
	return b.Bytes(), nil
}

func add(t *tar.Writer, dir string, it item) error {
	h := &tar.Header{Name: it.path, Mode: int64(it.mode.Perm()), Size: it.size, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
	if it.mode.IsDir() {
		h.Typeflag, h.Name = tar.TypeDir, it.path+"/"
		return t.WriteHeader(h)
	}
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(it.path)))
	if err != nil {
		return errUnsteady
	}
	defer f.Close()
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	n, err := io.Copy(t, io.LimitReader(f, it.size))
	if err == nil && n < it.size {
		return errUnsteady
	}
	return err
}

// limited fails once it has taken more than there is room for.
type limited struct {
	w    io.Writer
	left int64
}

// Write implements io.Writer.
func (l *limited) Write(b []byte) (int, error) {
	if l.left -= int64(len(b)); l.left < 0 {
		return 0, fmt.Errorf("it takes more than %d MiB packed", maxPacked>>20)
	}
	return l.w.Write(b)
}

// unpack is the reverse of pack, into an empty directory. What would lie
// outside is refused.
func unpack(dir string, data []byte) error {
	z, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
	if err != nil {
		return err
	}
	defer z.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	t := tar.NewReader(io.LimitReader(z, maxUnpacked+maxFiles*4096))
	for n := 0; ; n++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n > maxFiles || !filepath.IsLocal(filepath.FromSlash(h.Name)) {
			return fmt.Errorf("entry %d, %q, has no place in a checkpoint", n, h.Name)
		}
		if err := extract(root, t, h); err != nil {
			return err
		}
	}
}

func extract(root *os.Root, t *tar.Reader, h *tar.Header) error {
	mode := fs.FileMode(h.Mode).Perm() | 0o600
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(strings.TrimSuffix(h.Name, "/"), mode|0o700)
	case tar.TypeReg:
		f, err := root.OpenFile(h.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, t)
		return errors.Join(err, f.Close())
	}
	return fmt.Errorf("%q is neither a file nor a directory", h.Name)
}
