package read

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// stream is the bytes of a file, or of one file in an archive, unpacked. It can
// be opened again and again.
type stream struct {
	name string // for messages
	ext  string // of the name without those of packings, lower case: ".csv"
	size int64  // bytes as stored
	path string // of the file if it is stored as it is; else empty
	open func() (io.ReadCloser, error)
	lim  Limits
}

// budget is what all streams of a table together may unpack in one pass.
type budget struct{ left int64 }

// reader opens the stream at its first byte.
func (s *stream) reader(ctx context.Context, b *budget) (io.ReadCloser, error) {
	file, err := s.open()
	if err != nil {
		return nil, err
	}
	m := &metered{r: file}
	u := &unpacker{ctx: ctx, name: s.name, in: m, lim: s.lim, budget: b}
	r, err := u.peel(bufio.NewReaderSize(m, 64<<10), 0)
	if err != nil {
		u.close()
		return nil, errors.Join(err, file.Close())
	}
	return &unpackedFile{Reader: r, close: func() error { u.close(); return file.Close() }}, nil
}

type unpackedFile struct {
	io.Reader
	close func() error
}

func (f *unpackedFile) Close() error { return f.close() }

// metered counts what is read.
type metered struct {
	r io.Reader
	n int64
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.n += int64(n)
	return n, err
}

// packings are the compressions, by their first bytes.
var packings = []struct{ magic, name, ext string }{
	{"\x1f\x8b", "gzip", ".gz"},
	{"\x28\xb5\x2f\xfd", "Zstandard", ".zst"},
	{"BZh", "bzip2", ".bz2"},
}

// maxLayers is how often a file may be packed over.
const maxLayers = 4

// unpacker takes the packings off a file, one by one.
type unpacker struct {
	ctx    context.Context
	name   string
	in     *metered
	lim    Limits
	budget *budget
	zstds  []*zstd.Decoder
}

// close ends the decoders that hold more than memory.
func (u *unpacker) close() {
	for _, d := range u.zstds {
		d.Close()
	}
}

// peel returns what is in r, which layer packings were taken off before.
func (u *unpacker) peel(r *bufio.Reader, layer int) (io.Reader, error) {
	head, err := r.Peek(10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, u.explain("file", 0, err)
	}
	for _, p := range packings {
		if !bytes.HasPrefix(head, []byte(p.magic)) {
			continue
		}
		if p.name == "bzip2" && !(len(head) == 10 && string(head[4:10]) == "1AY&SY" || len(head) == 10 && string(head[4:8]) == "\x17\x72\x45\x38") {
			continue // a text that begins with BZh
		}
		if layer == maxLayers {
			return nil, invalid(u.name, 0, "", "packed more than %d times over; unpack it first", maxLayers)
		}
		inner, err := u.layer(p.name, r)
		if err != nil {
			return nil, u.explain(p.name, 0, err)
		}
		g := &guarded{r: inner, u: u, what: p.name}
		return u.peel(bufio.NewReaderSize(g, 64<<10), layer+1)
	}
	return &guarded{r: r, u: u, last: true}, nil
}

func (u *unpacker) layer(name string, r io.Reader) (io.Reader, error) {
	switch name {
	case "gzip":
		return gzip.NewReader(r)
	case "bzip2":
		return bzip2.NewReader(r), nil
	}
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(128<<20))
	if err == nil {
		u.zstds = append(u.zstds, d)
	}
	return d, err
}

// guarded watches what comes out of one packing, or (last) out of all.
type guarded struct {
	r    io.Reader
	u    *unpacker
	what string
	last bool
	out  int64
}

func (g *guarded) Read(p []byte) (int, error) {
	if err := g.u.ctx.Err(); err != nil {
		return 0, context.Cause(g.u.ctx)
	}
	n, err := g.r.Read(p)
	g.out += int64(n)
	if g.last {
		if g.u.budget.left -= int64(n); g.u.budget.left < 0 {
			return 0, invalid(g.u.name, 0, "", "with it the table has more than the %s that are taken; raise the limit of bytes, or give fewer rows", bytesOf(g.u.lim.Bytes))
		}
		return n, err
	}
	if g.out > g.u.lim.RatioAfter && g.out/g.u.lim.Ratio > g.u.in.n {
		return 0, invalid(g.u.name, 0, "", "%s unpack to more than %s, above %d to 1: taken for a decompression bomb and not read further",
			bytesOf(g.u.in.n), bytesOf(g.out), g.u.lim.Ratio)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = g.u.explain(g.what, g.out, err)
	}
	return n, err
}

// explain turns an error of a packing into one for people.
func (u *unpacker) explain(what string, out int64, err error) error {
	var path *os.PathError
	var bad error
	switch {
	case isInvalid(err), u.ctx.Err() != nil:
		return err
	case errors.As(err, &path):
		return fmt.Errorf("read %s: %w", u.name, err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		bad = invalid(u.name, 0, "", "the %s data end in the middle, after %s that unpack to %s: the file is cut short; copy it again",
			what, bytesOf(u.in.n), bytesOf(out))
	default:
		bad = invalid(u.name, 0, "", "the %s data are damaged after about %s that unpack to %s (%v); copy the file again",
			what, bytesOf(u.in.n), bytesOf(out), err)
	}
	return bad
}
