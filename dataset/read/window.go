package read

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
)

// errTooLong means that a record is longer than the limit.
var errTooLong = errors.New("record too long")

// window is the part of a stream that is in memory. Records are cut from its
// front; one that ends beyond it makes it read on, and grow up to the limit.
type window struct {
	r     io.Reader
	buf   []byte
	pos   int  // of the first byte that is not used yet
	last  bool // the stream ends where buf does
	plain bool // buf is ASCII without NUL
	size  int  // bytes to hold
	max   int  // bytes of a record at most
}

func newWindow(r io.Reader, size, most int) *window {
	return &window{r: r, size: size, max: most, plain: true}
}

// done reports whether all bytes are used.
func (w *window) done() bool { return w.last && w.pos == len(w.buf) }

// more keeps the bytes that are not used and reads on behind them. It returns
// errTooLong if those are more than a record may have.
func (w *window) more(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	rest := w.buf[w.pos:]
	if len(rest) > w.max {
		return errTooLong
	}
	size := w.size
	if 2*len(rest) > size {
		size = min(2*len(rest), w.max) + w.size
	}
	buf := w.buf
	if cap(buf) < size {
		buf = make([]byte, size)
	}
	buf = buf[:size]
	n := copy(buf, rest)
	for n < size && !w.last {
		k, err := w.r.Read(buf[n:])
		n += k
		if errors.Is(err, io.EOF) {
			w.last = true
		} else if err != nil {
			return err
		}
	}
	w.buf, w.pos = buf[:n], 0
	w.plain = isPlain(w.buf)
	return nil
}

// discard skips bytes.
func (w *window) discard(ctx context.Context, n int64) error {
	for {
		have := min(n, int64(len(w.buf)-w.pos))
		w.pos += int(have)
		if n -= have; n == 0 || w.last {
			return nil
		}
		if err := w.more(ctx); err != nil {
			return err
		}
	}
}

const highBits = 0x8080808080808080

// isPlain reports whether bytes are ASCII and none is NUL.
func isPlain(b []byte) bool {
	if bytes.IndexByte(b, 0) >= 0 {
		return false
	}
	var or uint64
	i := 0
	for ; i+8 <= len(b); i += 8 {
		or |= binary.LittleEndian.Uint64(b[i:])
	}
	for ; i < len(b); i++ {
		or |= uint64(b[i])
	}
	return or&highBits == 0
}
