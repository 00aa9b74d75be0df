package dataset

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"

	"tourney"
	"tourney/dataset/table"
)

// maxSparseCells bounds the rows times the features that a sparse column takes
// in bins, which have a byte for each whether a row has the entry or not.
const maxSparseCells = 1 << 32

func checkCells(rows int, c *tourney.Column) error {
	if c.Width > 0 && rows > maxSparseCells/c.Width {
		return tourney.Invalid("column "+c.Name, "%d rows with %d features each would be %.3g GiB of bins, and the most is %d GiB; hash the features into fewer, or take a trainer that keeps sparse columns as they are, such as linear",
			rows, c.Width, float64(rows)*float64(c.Width)/(1<<30), maxSparseCells>>30)
	}
	return nil
}

// sparseFeatures returns the features of a sparse column, without their edges.
func sparseFeatures(c *tourney.Column) []BinnedFeature {
	out := make([]BinnedFeature, c.Width)
	for i := range out {
		out[i] = BinnedFeature{Name: c.Name + "#" + strconv.Itoa(i), Kind: tourney.Number, Of: c.Name, Index: i}
	}
	return out
}

// entries returns how many features from k on are of the same sparse column.
func (b *Binning) entries(k int) int {
	n := 1
	for k+n < len(b.Features) && b.Features[k+n].Of == b.Features[k].Of {
		n++
	}
	return n
}

// applySparse bins the entries of one sparse column, of which the features are
// in the order of their indices.
func applySparse(features []BinnedFeature, f *table.Frame, lo, hi int, out []uint8, stride int) error {
	s := f.Lookup(features[0].Of)
	switch {
	case s == nil:
		return tourney.Invalid("column "+features[0].Of, "is missing from the table")
	case s.Kind != tourney.Sparse:
		return tourney.Invalid("column "+features[0].Of, "holds a %s and not a %s as in training", s.Kind, tourney.Sparse)
	}
	zeros := make([]uint8, len(features))
	for k := range features {
		zeros[k] = features[k].number(0)
	}
	all := features[len(features)-1].Index == len(features)-1
	for row := lo; row < hi; row++ {
		cells := out[(row-lo)*stride:][:len(features)]
		copy(cells, zeros)
		for e := s.Starts[row]; e < s.Starts[row+1]; e++ {
			k, ok := int(s.Index[e]), int(s.Index[e]) < len(features)
			if !all {
				k, ok = slices.BinarySearchFunc(features, int(s.Index[e]), func(f BinnedFeature, index int) int { return cmp.Compare(f.Index, index) })
			}
			if ok {
				cells[k] = features[k].number(float64(s.Values[e]))
			}
		}
	}
	return nil
}

// binSparse learns the edges of a sparse column's features from the n rows of
// spans: of all rows, or of every k-th as order does. Only what is there is
// put in order, a few features at a time; the zeros are counted.
func (r *rows) binSparse(ctx context.Context, spans []span, n int, c *tourney.Column, features []BinnedFeature) error {
	step := stride(n)
	rows := (n + step - 1) / step
	counts := make([]int, c.Width)
	each := func(yield func(index uint32, value float32)) error {
		return r.scan(ctx, spans, []string{c.Name}, func(ch *chunk) error {
			s := ch.series(c.Name)
			for row := ch.lo + (step-ch.at%step)%step; row < ch.hi; row += step {
				for e := s.Starts[row]; e < s.Starts[row+1]; e++ {
					yield(s.Index[e], s.Values[e])
				}
			}
			return nil
		})
	}
	if err := each(func(index uint32, _ float32) { counts[index]++ }); err != nil {
		return err
	}
	for from := 0; from < c.Width; {
		to, room := from+1, sampleMax-counts[from]
		for to < c.Width && counts[to] <= room {
			room -= counts[to]
			to++
		}
		values := make([][]float64, to-from)
		for i := range values {
			values[i] = make([]float64, 0, counts[from+i])
		}
		err := each(func(index uint32, value float32) {
			if i := int(index) - from; i >= 0 && i < len(values) {
				values[i] = append(values[i], float64(value))
			}
		})
		if err != nil {
			return err
		}
		err = parallel(len(values), func(i int) error {
			features[from+i].Edges = edges(withZeros(values[i], rows-counts[from+i]))
			return nil
		})
		if err != nil {
			return err
		}
		from = to
	}
	return nil
}

// withZeros puts values in order, together with that many zeros.
func withZeros(values []float64, zeros int) *ordered {
	values = slices.DeleteFunc(values, math.IsNaN)
	sortFloats(values)
	o := &ordered{}
	end := 0
	add := func(v float64, n int) {
		end += n
		if k := len(o.values); k > 0 && o.values[k-1] == v {
			o.ends[k-1] = end
		} else if n > 0 {
			o.values, o.ends = append(o.values, v), append(o.ends, end)
		}
	}
	at, _ := slices.BinarySearch(values, 0)
	for _, v := range values[:at] {
		add(v, 1)
	}
	add(0, zeros)
	for _, v := range values[at:] {
		add(v+0, 1) // -0 is 0
	}
	return o
}
