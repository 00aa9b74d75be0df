package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"tourney"
	"tourney/blob"
	"tourney/blob/cloud"
)

// blobStore is a place of blobs that can be closed.
type blobStore interface {
	blob.Store
	Close() error
}

// openBlobs opens a bucket or a directory; empty means the one in the data
// directory.
func openBlobs(ctx context.Context, where, dataDir string) (blobStore, error) {
	switch {
	case cloud.IsURL(where):
		bucket, err := cloud.Open(ctx, where, cloud.Options{TempDir: filepath.Join(dataDir, uploadsDir)})
		if err != nil {
			return nil, fmt.Errorf("--blobs: %w", err)
		}
		return bucket, nil
	case strings.Contains(where, "://"):
		return nil, usageError{fmt.Errorf("--blobs %s: give a directory, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX", where)}
	case where == "":
		where = filepath.Join(dataDir, "blobs")
	}
	return blob.OpenDir(where)
}

// storeFetcher reads the blobs of a store as a worker reads those of a server.
type storeFetcher struct{ store blob.Store }

// Open implements dataset.Fetcher.
func (f storeFetcher) Open(ctx context.Context, hash string, offset, size int64, _ *tourney.Token) (io.ReadCloser, error) {
	return blob.OpenPart(ctx, f.store, hash, offset, size)
}

// byteSize is a flag that is a number of bytes, as in 64GiB.
type byteSize int64

var byteUnits = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"kB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
	{"", 1},
}

// Set implements pflag.Value.
func (b *byteSize) Set(text string) error {
	digits := strings.TrimRight(text, "kKMGTiB ")
	unit := strings.TrimSpace(text[len(digits):])
	n, err := strconv.ParseInt(digits, 10, 64)
	for _, u := range byteUnits {
		if u.name == unit && err == nil && n > 0 && n <= (1<<62)/u.bytes {
			*b = byteSize(n * u.bytes)
			return nil
		}
	}
	return fmt.Errorf("%q is no size: give a number of bytes, or with a unit as in 64GiB or 500MB", text)
}

// Type implements pflag.Value.
func (*byteSize) Type() string { return "size" }

// String implements pflag.Value.
func (b *byteSize) String() string { return showBytes(int64(*b)) }

// showBytes writes a size with three digits or so.
func showBytes(n int64) string {
	for i := 3; i >= 0; i-- {
		u := byteUnits[i]
		if n >= u.bytes {
			return strconv.FormatFloat(float64(n)/float64(u.bytes), 'g', 3, 64) + u.name
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}
