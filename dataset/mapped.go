package dataset

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A matrix file holds the arrays of a matrix as they lie in memory, each from
// a multiple of 64 bytes on; then their directory as JSON; then the length and
// the CRC-32C of that, and the magic. It is of the machine that made it, and
// of no other. Arrays are checked by a CRC-32C for each sumBytes of the file.
const (
	fileMagic = "TMATRIX1"
	fileTail  = 8 + 4 + len(fileMagic)
	fileAlign = 64
	sumBytes  = 8 << 20
)

// directory says where the arrays of a matrix file are.
type directory struct {
	Key    string            `json:"key"`  // what the matrix is made of: the file's name is its hash
	Rows   int               `json:"rows"` // in all
	Train  int               `json:"train"`
	Width  int               `json:"width"`
	Arrays map[string]region `json:"arrays"`
	Sums   []uint32          `json:"sums"`
	Prep   *Pipeline         `json:"prep,omitempty"`
	Bins   *Binning          `json:"bins,omitempty"`
}

// region is where the bytes of an array are.
type region struct {
	From int64 `json:"from"`
	Size int64 `json:"size"`
}

// errMatrix means that a matrix file is not whole: it is made again.
var errMatrix = errors.New("damaged matrix file")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// mapping is a matrix file in the address space. Its pages are shared by all
// processes that map it, and no part of the memory that a process has to
// itself. It is unmapped once nothing refers to it any more.
type mapping struct {
	directory
	data []byte
}

// mapFile maps a matrix file and checks it.
func mapFile(f *os.File, key string) (*mapping, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := info.Size()
	if size < int64(fileTail) || size != int64(int(size)) {
		return nil, fmt.Errorf("%w: %d bytes", errMatrix, size)
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map matrix: %w", err)
	}
	m := &mapping{data: data}
	runtime.AddCleanup(m, func(data []byte) { _ = unix.Munmap(data) }, data)
	if err := m.check(key); err != nil {
		return nil, err
	}
	runtime.KeepAlive(m)
	return m, nil
}

// check reads the directory and compares the sums.
func (m *mapping) check(key string) error {
	tail := m.data[len(m.data)-fileTail:]
	length := binary.LittleEndian.Uint64(tail)
	end := len(m.data) - fileTail
	if string(tail[12:]) != fileMagic || length > uint64(end) {
		return errMatrix
	}
	text := m.data[end-int(length) : end]
	if crc32.Checksum(text, castagnoli) != binary.LittleEndian.Uint32(tail[8:]) {
		return errMatrix
	}
	if err := json.Unmarshal(text, &m.directory); err != nil {
		return fmt.Errorf("%w: %w", errMatrix, err)
	}
	body := m.data[:end-int(length)]
	if m.Key != key || len(m.Sums) != (len(body)+sumBytes-1)/sumBytes {
		return errMatrix
	}
	for _, a := range m.Arrays {
		if a.From%fileAlign != 0 || a.From < 0 || a.Size < 0 || a.Size > int64(len(body)) || a.From > int64(len(body))-a.Size {
			return errMatrix
		}
	}
	for name, size := range m.sizes() {
		if a, ok := m.Arrays[name]; ok && a.Size != size {
			return errMatrix
		}
	}
	return parallel(len(m.Sums), func(i int) error {
		if crc32.Checksum(body[i*sumBytes:min((i+1)*sumBytes, len(body))], castagnoli) != m.Sums[i] {
			return errMatrix
		}
		return nil
	})
}

// sizes returns the bytes of the arrays that the directory tells.
func (m *mapping) sizes() map[string]int64 {
	n, d := int64(m.Rows), int64(m.Width)
	return map[string]int64{"y": 4 * n, "w": 4 * n, "x": 4 * n * d, "ptr": 8 * (n + 1), "bins": n * d}
}

// array returns an array of a mapping, nil if it has none of that name.
func array[T uint8 | uint32 | int64 | float32](m *mapping, name string) []T {
	a, ok := m.Arrays[name]
	if !ok {
		return nil
	}
	var zero T
	n := a.Size / int64(unsafe.Sizeof(zero))
	if n == 0 {
		return []T{}
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&m.data[a.From])), n) //nolint:gosec // aligned and inside: see check
}

// matrix returns the rows from one on and below another.
func (m *mapping) matrix(lo, hi int) *Matrix {
	out := &Matrix{N: hi - lo, D: m.Width, Y: array[float32](m, "y")[lo:hi:hi], from: m}
	if w := array[float32](m, "w"); w != nil {
		out.W = w[lo:hi:hi]
	}
	if x := array[float32](m, "x"); x != nil {
		out.X = x[lo*m.Width : hi*m.Width : hi*m.Width]
	}
	if ptr := array[int64](m, "ptr"); ptr != nil {
		out.RowPtr, out.Col, out.Val = ptr[lo:hi+1:hi+1], array[uint32](m, "col"), array[float32](m, "val")
	}
	return out
}

// binned returns the rows of spans.
func (m *mapping) binned(spans ...span) *Matrix {
	out := &Matrix{D: m.Width, Bins: array[uint8](m, "bins"), from: m}
	y, w := array[float32](m, "y"), array[float32](m, "w")
	for _, s := range spans {
		out.N += s.rows()
		out.Spans = append(out.Spans, Span{s.from, s.to})
		out.Y = append(out.Y, y[s.from:s.to]...)
		if w != nil {
			out.W = append(out.W, w[s.from:s.to]...)
		}
	}
	return out
}

// raw returns the bytes of a slice.
func raw[T uint8 | uint32 | int64 | float32](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0]))) //nolint:gosec // the slice's own bytes
}

// fileWriter writes a matrix file, its arrays in any order.
type fileWriter struct {
	file *os.File
	directory
	end int64
}

// reserve lays out an array.
func (w *fileWriter) reserve(name string, size int64) {
	w.end = (w.end + fileAlign - 1) / fileAlign * fileAlign
	w.Arrays[name] = region{w.end, size}
	w.end += size
}

// put writes bytes at an offset of an array.
func (w *fileWriter) put(name string, offset int64, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	_, err := w.file.WriteAt(b, w.Arrays[name].From+offset)
	return err
}

// finish writes the directory. The file is whole then.
func (w *fileWriter) finish() error {
	if err := w.file.Truncate(w.end); err != nil {
		return err
	}
	w.Sums = make([]uint32, (w.end+sumBytes-1)/sumBytes)
	err := parallel(len(w.Sums), func(i int) error {
		from := int64(i) * sumBytes
		sum := crc32.New(castagnoli)
		if _, err := io.Copy(sum, io.NewSectionReader(w.file, from, min(sumBytes, w.end-from))); err != nil {
			return err
		}
		w.Sums[i] = sum.Sum32()
		return nil
	})
	if err != nil {
		return err
	}
	text, err := json.Marshal(w.directory)
	if err != nil {
		return err
	}
	tail := binary.LittleEndian.AppendUint64(text, uint64(len(text)))
	tail = binary.LittleEndian.AppendUint32(tail, crc32.Checksum(text, castagnoli))
	_, err = w.file.WriteAt(append(tail, fileMagic...), w.end)
	return err
}
