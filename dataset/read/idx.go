package read

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tourney/dataset/table"
)

// idxSource is IDX files, the format of MNIST, as one table: each image (or
// other array) is a row, and its label the last column. Files that are called
// test or t10k come last and are test rows.
//
// The format: two zero bytes, a type, the number of dimensions, their sizes as
// big-endian 32-bit integers, the values in big-endian row-major order.
type idxSource struct {
	*fileSet
	pairs []idxPair
	width int // values of an image
	batch builder
}

// idxPair is a file of images and that of their labels, if there is one.
type idxPair struct {
	images, labels *idxFile
	test           bool
}

type idxFile struct {
	*stream
	kind byte
	dims []int64
}

// idxSizes are the bytes of a value of each type.
var idxSizes = map[byte]int{0x08: 1, 0x09: 1, 0x0b: 2, 0x0c: 4, 0x0d: 4, 0x0e: 8}

// isIDX reports whether bytes are the beginning of an IDX file.
func isIDX(head []byte) bool {
	return len(head) >= 8 && head[0] == 0 && head[1] == 0 && idxSizes[head[2]] > 0 && head[3] >= 1 && head[3] <= 8
}

func openIDX(ctx context.Context, set *fileSet) (*idxSource, error) {
	s := &idxSource{fileSet: set}
	files := make([]*idxFile, len(set.streams))
	for i, st := range set.streams {
		f, err := readIDXHeader(ctx, st)
		if err != nil {
			return nil, err
		}
		files[i] = f
	}
	if err := s.pair(files); err != nil {
		return nil, err
	}
	first := s.pairs[0].images
	s.width = 1
	for _, d := range first.dims[1:] {
		s.width *= int(d) // at most Limits.Columns, or checked below
		if s.width > s.opts.Limits.Columns {
			return nil, invalid(first.name, 0, "", "a row has %v values; at most %d are taken", first.dims[1:], s.opts.Limits.Columns)
		}
	}
	if s.width == 0 {
		return nil, invalid(first.name, 0, "", "a row has no value: its sizes are %v", first.dims[1:])
	}
	for i := range s.width {
		s.fields = append(s.fields, table.Field{Name: pixelName(i, first.dims[1:]), Type: table.Number})
	}
	if s.pairs[0].labels != nil {
		s.fields = append(s.fields, table.Field{Name: "label", Type: table.Text})
		s.hints.Target = "label"
	}
	return s, s.check()
}

// check compares the pairs, and finds where the test rows begin.
func (s *idxSource) check() error {
	first, rows := s.pairs[0], int64(0)
	for _, p := range s.pairs {
		if !slices.Equal(p.images.dims[1:], first.images.dims[1:]) {
			return invalid(p.images.name, 0, "", "its rows have sizes %v where those of %s have %v", p.images.dims[1:], first.images.name, first.images.dims[1:])
		}
		if (p.labels == nil) != (first.labels == nil) {
			return invalid(p.images.name, 0, "", "it or %s has no file of labels", first.images.name)
		}
		if p.labels != nil && p.labels.dims[0] != p.images.dims[0] {
			return invalid(p.labels.name, 0, "", "it has %s where %s has %s", count(p.labels.dims[0], "label"), p.images.name, count(p.images.dims[0], "row"))
		}
		if p.test && rows > 0 && s.hints.TestFrom == 0 {
			s.hints.TestFrom = rows
			s.said("test rows from " + p.images.name)
		}
		rows += p.images.dims[0]
	}
	return nil
}

// pixelName names the i-th value of a row by its place, from 0.
func pixelName(i int, dims []int64) string {
	name := ""
	for _, d := range slices.Backward(dims) {
		name = "_" + strconv.Itoa(i%int(d)) + name
		i /= int(d)
	}
	return "pixel" + name
}

func readIDXHeader(ctx context.Context, st *stream) (*idxFile, error) {
	r, err := st.reader(ctx, &budget{left: st.lim.Bytes})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return idxHeader(st, r)
}

// idxHeader reads the sizes at the beginning of a file.
func idxHeader(st *stream, r io.Reader) (*idxFile, error) {
	var head [4 + 8*4]byte
	if _, err := io.ReadFull(r, head[:4]); err != nil {
		return nil, idxShort(st, err)
	}
	if !isIDX(append(head[:4:4], 0, 0, 0, 0)) {
		return nil, invalid(st.name, 0, "", "not an IDX file: it does not begin with two zero bytes, a type and a number of dimensions")
	}
	f := &idxFile{stream: st, kind: head[2], dims: make([]int64, head[3])}
	sizes := head[4 : 4+4*len(f.dims)]
	if _, err := io.ReadFull(r, sizes); err != nil {
		return nil, idxShort(st, err)
	}
	for i := range f.dims {
		f.dims[i] = int64(binary.BigEndian.Uint32(sizes[4*i:]))
	}
	return f, nil
}

func idxShort(st *stream, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return invalid(st.name, 0, "", "the file ends within its header; it is cut short")
	}
	return err
}

var idxWords = regexp.MustCompile(`images|labels|idx\d+|[-._ ]+`)

// pair finds each file of images its labels by the name, and orders the pairs:
// training before test, else by the order given.
func (s *idxSource) pair(files []*idxFile) error {
	labels := make(map[string]*idxFile)
	for _, f := range files {
		if len(f.dims) == 1 {
			labels[idxKey(f)] = f
		}
	}
	for _, f := range files {
		if len(f.dims) == 1 {
			continue
		}
		key := idxKey(f)
		base := strings.ToLower(path.Base(filepath.ToSlash(f.name)))
		p := idxPair{images: f, labels: labels[key], test: strings.Contains(base, "test") || strings.Contains(base, "t10k")}
		if p.labels == nil && len(labels) == 1 && len(files) == 2 {
			for _, only := range labels {
				p.labels = only
				key = idxKey(only)
			}
		}
		if p.labels == nil && len(labels) > 0 {
			return invalid(f.name, 0, "", "no file of labels has the same name but for images and labels, as in train-images-idx3-ubyte and train-labels-idx1-ubyte")
		}
		delete(labels, key)
		s.pairs = append(s.pairs, p)
	}
	for _, f := range files {
		if len(f.dims) == 1 && labels[idxKey(f)] != nil {
			return invalid(f.name, 0, "", "labels without a file of images")
		}
	}
	slices.SortStableFunc(s.pairs, func(a, b idxPair) int {
		switch {
		case a.test == b.test:
			return 0
		case a.test:
			return 1
		}
		return -1
	})
	return nil
}

func idxKey(f *idxFile) string {
	return idxWords.ReplaceAllString(strings.ToLower(path.Base(filepath.ToSlash(f.name))), "")
}

// Scan reads all rows.
func (s *idxSource) Scan(ctx context.Context, yield func(*table.Batch) error) error {
	s.batch.reset(s.fields, s.rowsFor(len(s.fields)))
	b := &budget{left: s.opts.Limits.Bytes}
	for _, p := range s.pairs {
		if err := s.scanPair(ctx, p, b, yield); err != nil {
			return err
		}
		if err := s.batch.flush(yield); err != nil {
			return err
		}
	}
	return nil
}

func (s *idxSource) scanPair(ctx context.Context, p idxPair, b *budget, yield func(*table.Batch) error) error {
	images, err := openValues(ctx, p.images, b)
	if err != nil {
		return err
	}
	defer images.Close()
	labels := images
	if p.labels != nil {
		if labels, err = openValues(ctx, p.labels, b); err != nil {
			return err
		}
		defer labels.Close()
	}
	size := s.width * idxSizes[p.images.kind]
	pixels := make([]byte, s.batch.rows*size)
	label := make([]byte, idxSizes[0x0e])
	var text []byte
	for row := int64(0); row < p.images.dims[0]; {
		n := min(s.batch.rows, int(p.images.dims[0]-row))
		if err := images.next(pixels[:n*size], row, size); err != nil {
			return err
		}
		s.spread(pixels[:n*size], p.images.kind)
		for range n {
			if p.labels != nil {
				value := label[:idxSizes[p.labels.kind]]
				if err := labels.next(value, row, len(value)); err != nil {
					return err
				}
				text = strconv.AppendFloat(text[:0], idxValue(value, 0, p.labels.kind), 'g', -1, 64)
				s.batch.text(s.width, text)
			}
			row++
			if err := s.batch.row(row, yield); err != nil {
				return err
			}
		}
	}
	if p.labels != nil {
		if err := labels.end(); err != nil {
			return err
		}
	}
	return images.end()
}

// spread puts rows of values into an empty batch, by columns.
func (s *idxSource) spread(values []byte, kind byte) {
	n := len(values) / idxSizes[kind]
	for c := range s.width {
		col := &s.batch.batch.Columns[c]
		to := col.Numbers[:0]
		if kind == 0x08 {
			for i := c; i < n; i += s.width {
				to = append(to, float64(values[i]))
			}
		} else {
			for i := c; i < n; i += s.width {
				to = append(to, idxValue(values, i, kind))
			}
		}
		col.Numbers = to
	}
}

// idxValues reads a file's values row by row.
type idxValues struct {
	*idxFile
	io.ReadCloser
}

func openValues(ctx context.Context, f *idxFile, b *budget) (*idxValues, error) {
	r, err := f.reader(ctx, b)
	if err != nil {
		return nil, err
	}
	again, err := idxHeader(f.stream, r)
	if err == nil && (again.kind != f.kind || !slices.Equal(again.dims, f.dims)) {
		err = errors.New("read IDX: the file was changed while it was read")
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return &idxValues{f, r}, nil
}

// next reads the values of some rows, of so many bytes each, from row on.
func (v *idxValues) next(to []byte, row int64, size int) error {
	n, err := io.ReadFull(v.ReadCloser, to)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		row += int64(n / size)
		return invalid(v.name, row+1, "", "the file ends within row %d of %d; it is cut short", row+1, v.dims[0])
	}
	return err
}

// end makes sure that nothing follows.
func (v *idxValues) end() error {
	var more [1]byte
	n, err := io.ReadFull(v.ReadCloser, more[:])
	if n > 0 {
		return invalid(v.name, 0, "", "bytes follow the %s that the header tells of; is it the right file?", count(v.dims[0], "row"))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// idxValue returns the i-th value.
func idxValue(b []byte, i int, kind byte) float64 {
	switch kind {
	case 0x08:
		return float64(b[i])
	case 0x09:
		return float64(int8(b[i]))
	case 0x0b:
		return float64(int16(binary.BigEndian.Uint16(b[2*i:])))
	case 0x0c:
		return float64(int32(binary.BigEndian.Uint32(b[4*i:])))
	case 0x0d:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b[4*i:])))
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b[8*i:]))
}
