package read

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"unicode/utf8"

	"tourney/dataset/table"
)

// svmSource is LIBSVM files as one table of a label and a sparse vector. All
// rows are read once at first: whether indices count from 0 or from 1 shows
// only at the last of them.
type svmSource struct {
	*fileSet
	base  uint64 // of the indices: 0 if an index is 0 somewhere, else 1
	low   uint64
	high  uint64
	any   bool
	qids  int64
	label table.Column
	vecs  table.Column
	lines []int64
	row   svmRow
}

// svmRow is a line's values.
type svmRow struct {
	label   []byte
	entries []svmEntry
	qid     bool
}

type svmEntry struct {
	index uint64
	value float32
}

func openLIBSVM(ctx context.Context, set *fileSet) (*svmSource, error) {
	s := &svmSource{fileSet: set, low: math.MaxUint64}
	s.fields = []table.Field{{Name: "label", Type: table.Text}, {Name: "features", Type: table.Sparse}}
	s.label.Type, s.vecs.Type = table.Text, table.Sparse
	s.hints.Target = "label"
	rows := int64(0)
	if err := s.each(ctx, func(int64) error { rows++; s.learn(); return nil }, func() error { return nil }); err != nil {
		return nil, err
	}
	if rows == 0 {
		return nil, invalid(set.streams[0].name, 0, "", "the file is empty; a table is needed")
	}
	s.base = 1
	if s.any && s.low == 0 {
		s.base = 0
		s.said("indices from 0")
	}
	if s.any {
		s.hints.Features = int(s.high - s.base + 1)
	}
	if s.qids > 0 {
		s.said("qid of " + count(s.qids, "row") + " left out: ranking within groups is not learnt")
	}
	return s, nil
}

func (s *svmSource) learn() {
	if s.row.qid {
		s.qids++
	}
	if n := len(s.row.entries); n > 0 {
		s.low, s.high, s.any = min(s.low, s.row.entries[0].index), max(s.high, s.row.entries[n-1].index), true
	}
}

// Scan reads all rows.
func (s *svmSource) Scan(ctx context.Context, yield func(*table.Batch) error) error {
	s.clear()
	flush := func() error {
		if len(s.lines) == 0 {
			return nil
		}
		err := yield(&table.Batch{Rows: len(s.lines), Lines: s.lines, Columns: []table.Column{s.label, s.vecs}})
		s.clear()
		return err
	}
	const entryBytes = 8
	return s.each(ctx, func(line int64) error {
		s.lines = append(s.lines, line)
		s.label.Data = append(s.label.Data, s.row.label...)
		s.label.Ends = append(s.label.Ends, int32(len(s.label.Data)))
		for _, e := range s.row.entries {
			if e.index < s.base || e.index > s.high {
				return errors.New("read LIBSVM: the file was changed while it was read")
			}
			s.vecs.Index = append(s.vecs.Index, uint32(e.index-s.base))
			s.vecs.Values = append(s.vecs.Values, e.value)
		}
		s.vecs.Starts = append(s.vecs.Starts, int32(len(s.vecs.Index)))
		if len(s.lines) < s.opts.rows && entryBytes*len(s.vecs.Index) < batchBytes {
			return nil
		}
		return flush()
	}, flush)
}

func (s *svmSource) clear() {
	s.lines = s.lines[:0]
	s.label.Data, s.label.Ends = s.label.Data[:0], s.label.Ends[:0]
	s.vecs.Index, s.vecs.Values = s.vecs.Index[:0], s.vecs.Values[:0]
	s.vecs.Starts = append(s.vecs.Starts[:0], 0)
}

// each parses all rows of all files into s.row; end is called behind the last
// of each file.
func (s *svmSource) each(ctx context.Context, do func(line int64) error, end func() error) error {
	b := &budget{left: s.opts.Limits.Bytes}
	for _, st := range s.streams {
		if err := s.eachOf(ctx, st, b, do); err != nil {
			return err
		}
		if err := end(); err != nil {
			return err
		}
	}
	return nil
}

func (s *svmSource) eachOf(ctx context.Context, st *stream, b *budget, do func(line int64) error) error {
	r, _, err := st.text(ctx, b, s.opts.Encoding)
	if err != nil {
		return err
	}
	defer r.Close()
	w := newWindow(r, s.opts.chunk, s.opts.Limits.Record)
	tooLong := func(line int64) error {
		return invalid(st.name, line, "", "the line has more than %s", bytesOf(int64(w.max)))
	}
	for line := int64(1); !w.done(); {
		err := w.more(ctx)
		if errors.Is(err, errTooLong) {
			return tooLong(line)
		}
		if err != nil {
			return err
		}
		for ; !w.done(); line++ {
			k := bytes.IndexByte(w.buf[w.pos:], '\n')
			if k < 0 && !w.last {
				break
			}
			if k < 0 {
				k = len(w.buf) - w.pos
			}
			text := w.buf[w.pos : w.pos+k]
			w.pos = min(w.pos+k+1, len(w.buf))
			if k >= w.max {
				return tooLong(line)
			}
			ok, err := s.parse(text, st.name, line)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if err := do(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// parse reads a line: a label, then pairs. It reports whether there is a row.
func (s *svmSource) parse(line []byte, file string, number int64) (bool, error) {
	fail := func(path, format string, args ...any) (bool, error) {
		return false, invalid(file, number, path, format, args...)
	}
	if k := bytes.IndexByte(line, '#'); k >= 0 {
		line = line[:k]
	}
	label, rest := token(line)
	if len(label) == 0 {
		return false, nil
	}
	if bytes.IndexByte(label, ':') >= 0 {
		return fail("label", "the line begins with a pair; want a label first")
	}
	if bytes.IndexByte(label, ',') >= 0 {
		return fail("label", "%q is several labels; want one", shorten(string(label)))
	}
	if !utf8.Valid(label) || bytes.IndexByte(label, 0) >= 0 {
		return fail("label", "it is not text in UTF-8")
	}
	s.row.label, s.row.entries, s.row.qid = label, s.row.entries[:0], false
	rising := true
	for {
		var pair []byte
		if pair, rest = token(rest); len(pair) == 0 {
			break
		}
		colon := bytes.IndexByte(pair, ':')
		if colon < 0 {
			return fail("", "%q is no pair; want index:value", shorten(string(pair)))
		}
		if string(pair[:colon]) == "qid" {
			s.row.qid = true
			continue
		}
		index, ok := parseIndex(pair[:colon])
		if !ok {
			return fail("", "%q: the index is no whole number from 0 to %d", shorten(string(pair)), maxIndex)
		}
		value, _, ok := parseFloat(pair[colon+1:])
		if !ok || math.IsInf(float64(float32(value)), 0) {
			return fail("", "%q: the value is no finite number that float32 holds", shorten(string(pair)))
		}
		if n := len(s.row.entries); n > 0 && s.row.entries[n-1].index >= index {
			rising = false
		}
		s.row.entries = append(s.row.entries, svmEntry{index, float32(value)})
	}
	if !rising {
		slices.SortFunc(s.row.entries, func(a, b svmEntry) int { return cmp.Compare(a.index, b.index) })
		for i := 1; i < len(s.row.entries); i++ {
			if s.row.entries[i].index == s.row.entries[i-1].index {
				return fail("", "index %d stands twice in the row", s.row.entries[i].index)
			}
		}
	}
	return true, nil
}

// maxIndex is the largest index of a feature.
const maxIndex = math.MaxInt32

func parseIndex(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 10 {
		return 0, false
	}
	var v uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	return v, v <= maxIndex
}

// token cuts the first word off a line.
func token(line []byte) (word, rest []byte) {
	i := 0
	for i < len(line) && line[i] <= ' ' {
		i++
	}
	line = line[i:]
	for i = 0; i < len(line) && line[i] > ' '; i++ {
	}
	return line[:i], line[i:]
}
