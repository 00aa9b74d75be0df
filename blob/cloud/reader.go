package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"tourney"
	"tourney/blob"
)

const (
	tries   = 3                      // of one read that yields nothing, in all
	backoff = 200 * time.Millisecond // before the second try; four times as long before the third
)

// reader reads a blob. It belongs to one goroutine.
type reader struct {
	ctx    context.Context // of Open; the interface of a reader has none
	bucket *Bucket
	hash   string
	size   int64
	offset int64
	body   io.ReadCloser // at offset, or nil
	sum    hash.Hash     // of all bytes before offset; nil once some were passed over
	closed bool
}

func newReader(ctx context.Context, b *Bucket, hash string, body io.ReadCloser, size int64) *reader {
	return &reader{ctx: ctx, bucket: b, hash: hash, size: size, body: body, sum: sha256.New()}
}

// Read reads on, from a new connection if the present one breaks.
func (r *reader) Read(p []byte) (int, error) {
	if r.closed {
		return 0, errors.New("read blob: it is closed")
	}
	if r.offset >= r.size {
		if err := r.check(); err != nil {
			return 0, err
		}
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	pause := backoff
	for try := 1; ; try++ {
		n, err := r.read(p[:min(int64(len(p)), r.size-r.offset)])
		if n > 0 {
			if r.offset == r.size {
				return n, r.check()
			}
			return n, nil
		}
		if cause := context.Cause(r.ctx); cause != nil {
			return 0, fmt.Errorf("read blob %s: %w", r.hash, cause)
		}
		err = r.bucket.explain(r.ctx, "read", r.hash, err)
		if try == tries || !errors.Is(err, tourney.ErrUnavailable) {
			return 0, err
		}
		if cause := wait(r.ctx, pause); cause != nil {
			return 0, fmt.Errorf("read blob %s: %w", r.hash, cause)
		}
		pause *= 4
	}
}

// read reads from the present connection, or from a new one, and drops it if
// it yields an error.
func (r *reader) read(p []byte) (int, error) {
	if r.body == nil {
		body, err := r.bucket.bucket.NewRangeReader(r.ctx, place(r.hash), r.offset, -1, nil)
		if err != nil {
			return 0, err
		}
		if body.Size() != r.size {
			return 0, errors.Join(fmt.Errorf("it has %d bytes now and had %d: %w", body.Size(), r.size, blob.ErrCorrupt), body.Close())
		}
		r.body = body
	}
	n, err := r.body.Read(p)
	r.offset += int64(n)
	if r.sum != nil {
		r.sum.Write(p[:n])
	}
	if err != nil {
		r.drop()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // the caller has not asked beyond the size
		}
	}
	return n, err
}

// check compares what has been read with the name, if that was all.
func (r *reader) check() error {
	if r.sum == nil {
		return nil
	}
	if got := hex.EncodeToString(r.sum.Sum(nil)); got != r.hash {
		return fmt.Errorf("read blob %s: its bytes hash to %s: %w", r.hash, got, blob.ErrCorrupt)
	}
	return nil
}

// Seek moves the place from which is read. Only a reader that stays in order
// is checked against the blob's name.
func (r *reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, fmt.Errorf("seek in blob %s: offset %d is before its start", r.hash, offset)
	}
	if offset == r.offset {
		return offset, nil
	}
	r.drop()
	r.offset, r.sum = offset, nil
	if offset == 0 {
		r.sum = sha256.New()
	}
	return offset, nil
}

// Close ends the reading.
func (r *reader) Close() error {
	r.closed = true
	r.drop()
	return nil
}

func (r *reader) drop() {
	if r.body != nil {
		_ = r.body.Close() // what was only read
		r.body = nil
	}
}

// wait returns nil after d, or why the context ended before.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
