package dataset

import (
	"cmp"
	"slices"

	"tourney"
	"tourney/dataset/table"
)

// The encodings of categories.
const (
	encodeOneHot  = "one_hot"
	encodeOrdinal = "ordinal"
	encodeHash    = "hash"
	encodeTarget  = "target"
)

// applied is a pipeline on its way through a frame.
type applied struct {
	*Pipeline
	width  int
	series []*table.Series
	place  [][]int32 // of a category: what a code is by the input's encoding; -1: nothing
	first  []int     // the first feature of each input
}

// on looks up the columns of a frame.
func (p *Pipeline) on(f *table.Frame) (*applied, error) {
	a := &applied{Pipeline: p, width: p.Width(), series: make([]*table.Series, len(p.Inputs)), place: make([][]int32, len(p.Inputs)), first: make([]int, len(p.Inputs))}
	at := 0
	for i := range p.Inputs {
		in := &p.Inputs[i]
		s := f.Lookup(in.Name)
		switch {
		case s == nil:
			return nil, tourney.Invalid("column "+in.Name, "is missing from the table")
		case s.Kind != in.Kind:
			return nil, tourney.Invalid("column "+in.Name, "holds a %s and not a %s as in training", s.Kind, in.Kind)
		}
		a.series[i], a.first[i] = s, at
		at += in.width()
		if s.Kind == tourney.Category {
			a.place[i] = in.places(s.Levels)
		}
	}
	return a, nil
}

// places says of each code of a frame what it is: the index of a level, the
// number of a bucket, or -1 if it is nothing that was learnt.
func (in *Input) places(levels []string) []int32 {
	out := make([]int32, len(levels))
	if in.Encode == encodeHash {
		for code, level := range levels {
			out[code] = bucket(table.Hash([]byte(level)), in.Buckets)
		}
		return out
	}
	known := make(map[string]int32, len(in.Levels))
	for i, level := range in.Levels {
		known[level] = int32(i)
	}
	for code, level := range levels {
		at, ok := known[level]
		switch {
		case ok:
			out[code] = at
		case in.Other:
			out[code] = int32(len(in.Levels))
		default:
			out[code] = -1
		}
	}
	return out
}

func bucket(hash uint64, buckets int) int32 { return int32(hash % uint64(buckets)) }

// blockRows is how many rows are made column by column, so that they stay in
// the cache meanwhile.
const blockRows = 256

// dense writes the features of the rows from lo on and below hi to x, which is
// zero, [rows×width] row-major. If at is not negative, the rows are training
// rows, of which the first is at that place among them.
func (a *applied) dense(x []float32, lo, hi, at int) {
	for ; lo < hi; lo += blockRows {
		n := min(blockRows, hi-lo)
		for i := range a.Inputs {
			a.denseInput(i, x[a.first[i]:], lo, n, at)
		}
		x = x[n*a.width:]
		if at >= 0 {
			at += n
		}
	}
}

// denseInput writes the features of one input for n rows.
func (a *applied) denseInput(i int, x []float32, lo, n, at int) {
	in, s := &a.Inputs[i], a.series[i]
	put := func(row int, feature int32, v float32) { x[row*a.width+int(feature)] = v }
	switch {
	case s.Kind.Numeric():
		number := &in.Numbers[0]
		for row, v := range s.Numbers[lo : lo+n] {
			put(row, 0, number.value(v))
			if in.Indicator && v != v {
				put(row, 1, 1)
			}
		}
	case s.Kind == tourney.Category:
		for row, code := range s.Codes[lo : lo+n] {
			pos := -1
			if at >= 0 {
				pos = at + row
			}
			a.category(i, code, pos, func(feature int32, v float32) { put(row, feature, v) })
		}
	case s.Kind == tourney.Text:
		for row, h := range s.Hashes[lo : lo+n] {
			if h != 0 {
				put(row, bucket(h, in.Buckets), 1)
			}
		}
	default:
		for row := range n {
			for k := s.Starts[lo+row]; k < s.Starts[lo+row+1]; k++ {
				put(row, int32(s.Index[k]), s.Values[k])
			}
		}
	}
}

// category puts the features of a code, of a training row at pos if that is
// not negative.
func (a *applied) category(i int, code int32, pos int, put func(feature int32, v float32)) {
	in := &a.Inputs[i]
	at := int32(-1)
	if code != table.NoCode {
		at = a.place[i][code]
	}
	switch in.Encode {
	case encodeOrdinal:
		v := missing
		if at >= 0 {
			v = float64(at)
		}
		put(0, in.Numbers[0].value(v))
		if in.Indicator && at < 0 {
			put(1, 1)
		}
	case encodeTarget:
		means := in.Prior
		switch {
		case pos >= 0 && in.inner != nil:
			means = in.inner.means(pos, code)
		case code == table.NoCode:
			means = in.Absent
		case at >= 0:
			means = in.Means[at]
		}
		for k, v := range means {
			put(int32(k), in.Numbers[k].value(v))
		}
	default:
		if at >= 0 {
			put(at, 1)
		}
	}
}

// sparseRows is rows of which only what is not 0 is kept: row i ends at
// ends[i].
type sparseRows struct {
	ends []int64
	cols []uint32
	vals []float32
}

// entries returns the features of rows that are not 0; at is as in dense.
func (a *applied) entries(lo, hi, at int) *sparseRows {
	out := &sparseRows{ends: make([]int64, 0, hi-lo)}
	for row := lo; row < hi; row++ {
		pos := -1
		if at >= 0 {
			pos = at + row - lo
		}
		for i := range a.Inputs {
			a.entriesOf(i, row, pos, out)
		}
		out.ends = append(out.ends, int64(len(out.cols)))
	}
	return out
}

func (a *applied) entriesOf(i, row, pos int, out *sparseRows) {
	in, s, first := &a.Inputs[i], a.series[i], uint32(a.first[i])
	put := func(feature int32, v float32) {
		if v != 0 {
			out.cols = append(out.cols, first+uint32(feature))
			out.vals = append(out.vals, v)
		}
	}
	switch {
	case s.Kind.Numeric():
		v := s.Numbers[row]
		put(0, in.Numbers[0].value(v))
		if in.Indicator && v != v {
			put(1, 1)
		}
	case s.Kind == tourney.Category:
		a.category(i, s.Codes[row], pos, put)
	case s.Kind == tourney.Text:
		if h := s.Hashes[row]; h != 0 {
			put(bucket(h, in.Buckets), 1)
		}
	default:
		for k := s.Starts[row]; k < s.Starts[row+1]; k++ {
			put(int32(s.Index[k]), s.Values[k])
		}
	}
}

// sortLevels returns codes in the order of their counts, the most frequent
// first, and of their texts.
func byCount(codes []int, counts []int, levels []string) {
	slices.SortFunc(codes, func(a, b int) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(levels[a], levels[b]))
	})
}
