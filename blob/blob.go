package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"tourney"
)

// Store is a place where blobs are kept. Its methods may be called from many
// goroutines. A hash that is not 64 lower-case hexadecimal digits names
// nothing: it is a tourney.ErrNotFound like any other absent blob.
type Store interface {
	// Open returns a blob and its size in bytes, or tourney.ErrNotFound.
	Open(ctx context.Context, hash string) (io.ReadSeekCloser, int64, error)
	// Put stores what r holds and returns its hash and size. The blob is
	// durable when Put returns, and absent if Put fails.
	Put(ctx context.Context, r io.Reader) (hash string, size int64, err error)
	// Stat returns the size of a blob in bytes, or tourney.ErrNotFound.
	Stat(ctx context.Context, hash string) (int64, error)
	// Delete removes a blob, or returns tourney.ErrNotFound.
	Delete(ctx context.Context, hash string) error
	// Walk calls fn with each blob, in the order of the hashes, until fn
	// returns an error, which it passes on. Blobs put or deleted meanwhile may
	// or may not be seen.
	Walk(ctx context.Context, fn func(hash string, size int64) error) error
	// Verify reads a blob and returns ErrCorrupt if it is not what its name
	// says.
	Verify(ctx context.Context, hash string) error
}

// ErrCorrupt means that the bytes of a blob do not hash to its name.
var ErrCorrupt = errors.New("corrupt blob")

// IsHash reports whether s has the form of a blob's name.
func IsHash(s string) bool {
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

// verify is Verify for a store that can open.
func verify(ctx context.Context, s Store, hash string) error {
	f, _, err := s.Open(ctx, hash)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, &reader{ctx, f}); err != nil {
		return fmt.Errorf("verify blob %s: %w", hash, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != hash {
		return fmt.Errorf("verify blob %s: its bytes hash to %s: %w", hash, got, ErrCorrupt)
	}
	return nil
}

// OpenPart returns size bytes of a blob from offset; size < 0 means to its end.
// It returns tourney.ErrNotFound if there is no such blob.
func OpenPart(ctx context.Context, s Store, hash string, offset, size int64) (io.ReadCloser, error) {
	body, _, err := s.Open(ctx, hash)
	if err != nil {
		return nil, err
	}
	if offset > 0 {
		if _, err := body.Seek(offset, io.SeekStart); err != nil {
			return nil, errors.Join(err, body.Close())
		}
	}
	if size < 0 {
		return body, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(body, size), body}, nil
}

// absent is the error for a blob that is not there.
func absent(op, hash string) error {
	if len(hash) > 80 {
		hash = hash[:80] + "…"
	}
	return fmt.Errorf("%s blob %q: %w", op, hash, tourney.ErrNotFound)
}

// reader stops reading when its context ends.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
