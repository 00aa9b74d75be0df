package dataset

import (
	"context"
	"math"
	"slices"

	"tourney"
	"tourney/dataset/table"
)

// maxBins is how many bins a feature has, beside that of missing values.
const maxBins = 255

// Binning says in which bin a value is: 0 for a missing one, 1 to 255 for the
// others. It is made of all rows that are not test rows, without a look at
// their targets. Its JSON form travels with a model.
type Binning struct {
	Features []BinnedFeature `json:"features"`
}

// BinnedFeature is the bins of one column.
//
// A number is in bin i+1 if Edges[i] is the first edge that it does not
// exceed, and in the last bin if it exceeds all. Few distinct values have a bin
// each, with the edges half way between; more have bins of about equally many
// rows.
//
// A category is in bin i+1 if it is Levels[i], which are the most frequent; all
// others share a bin after these if there is Other, and are missing if not. A
// text is in one of maxBins bins by its hash.
//
// A sparse column is as many features as it is wide, one after the other, each
// a number: NAME#3 is the entry with index 3, and 0 in rows that have none.
type BinnedFeature struct {
	Name   string             `json:"name"`
	Kind   tourney.ColumnKind `json:"kind"`
	Of     string             `json:"of,omitempty"`    // the sparse column whose entry it is; empty: a column of its own
	Index  int                `json:"index,omitempty"` // of the entry
	Edges  []float64          `json:"edges,omitempty"`
	Levels []string           `json:"levels,omitempty"`
	Other  bool               `json:"other,omitempty"`
}

// Bins returns how many bins a feature has, that of missing values included.
func (f *BinnedFeature) Bins() int {
	switch {
	case f.Kind.Numeric():
		return len(f.Edges) + 2
	case f.Kind == tourney.Text:
		return maxBins + 1
	case f.Other:
		return len(f.Levels) + 2
	}
	return len(f.Levels) + 1
}

// Names returns the names of the features.
func (b *Binning) Names() []string {
	names := make([]string, len(b.Features))
	for i := range b.Features {
		names[i] = b.Features[i].Name
	}
	return names
}

// Apply bins all rows of a table, [rows×features] row-major.
func (b *Binning) Apply(f *table.Frame) ([]uint8, error) { return b.ApplyRows(f, 0, f.Rows) }

// ApplyRows is Apply for the rows from lo on and below hi.
func (b *Binning) ApplyRows(f *table.Frame, lo, hi int) ([]uint8, error) {
	out := make([]uint8, (hi-lo)*len(b.Features))
	return out, b.apply(f, lo, hi, out)
}

func (b *Binning) apply(f *table.Frame, lo, hi int, out []uint8) error {
	d := len(b.Features)
	for k := 0; k < d; k++ {
		in := &b.Features[k]
		if in.Of != "" {
			n := b.entries(k)
			if err := applySparse(b.Features[k:k+n], f, lo, hi, out[k:], d); err != nil {
				return err
			}
			k += n - 1
			continue
		}
		s := f.Lookup(in.Name)
		switch {
		case s == nil:
			return tourney.Invalid("column "+in.Name, "is missing from the table")
		case s.Kind != in.Kind:
			return tourney.Invalid("column "+in.Name, "holds a %s and not a %s as in training", s.Kind, in.Kind)
		case s.Kind.Numeric():
			for i, v := range s.Numbers[lo:hi] {
				out[i*d+k] = in.number(v)
			}
		case s.Kind == tourney.Category:
			bins := in.codes(s.Levels)
			for i, code := range s.Codes[lo:hi] {
				if code != table.NoCode {
					out[i*d+k] = bins[code]
				}
			}
		default:
			for i, h := range s.Hashes[lo:hi] {
				if h != 0 {
					out[i*d+k] = uint8(1 + h%maxBins)
				}
			}
		}
	}
	return nil
}

// number returns the bin of a number.
func (f *BinnedFeature) number(v float64) uint8 {
	if math.IsNaN(v) {
		return 0
	}
	lo, hi := 0, len(f.Edges) // the first edge that is not below v
	for lo < hi {
		if mid := (lo + hi) / 2; f.Edges[mid] < v {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return uint8(lo + 1)
}

// codes returns the bins of the codes of a frame.
func (f *BinnedFeature) codes(levels []string) []uint8 {
	out := make([]uint8, len(levels))
	for code, level := range levels {
		if at := slices.Index(f.Levels, level); at >= 0 {
			out[code] = uint8(at + 1)
		} else if f.Other {
			out[code] = uint8(len(f.Levels) + 1)
		}
	}
	return out
}

// edges returns the edges of the bins of a number. Of many distinct values they
// are quantiles: the inverse of the distribution function, averaged where it
// jumps, as in scikit-learn 1.8 without its sampling.
func edges(o *ordered) []float64 {
	distinct := o.values
	if o.ends == nil {
		distinct = slices.Compact(slices.Clone(o.values))
	}
	var out []float64
	if len(distinct) <= maxBins {
		for i := range max(0, len(distinct)-1) {
			out = append(out, distinct[i]+(distinct[i+1]-distinct[i])/2)
		}
		return out
	}
	present := ordered{values: o.values, ends: o.ends}
	n := present.present()
	for i := 1; i < maxBins; i++ {
		e := present.at(i * n / maxBins)
		if i*n%maxBins == 0 {
			below := present.at(i*n/maxBins - 1)
			e = below + (e-below)/2
		}
		if len(out) == 0 || e > out[len(out)-1] {
			out = append(out, e)
		}
	}
	return out
}

// bin learns the bins of the columns from the rows of spans, n of them.
func (r *rows) bin(ctx context.Context, spans []span, n int) (*Binning, error) {
	b := &Binning{}
	var sparse *tourney.Column
	var numbers, categories []string
	at := map[string]int{}
	for _, c := range features(r.ds) {
		switch {
		case c.Kind.Numeric():
			numbers = append(numbers, c.Name)
		case c.Kind == tourney.Category:
			categories = append(categories, c.Name)
		case c.Kind == tourney.Sparse:
			if err := checkCells(r.ds.Rows, c); err != nil {
				return nil, err
			}
			sparse = c
			at[c.Name] = len(b.Features)
			b.Features = append(b.Features, sparseFeatures(c)...)
			continue
		}
		at[c.Name] = len(b.Features)
		b.Features = append(b.Features, BinnedFeature{Name: c.Name, Kind: c.Kind})
	}
	err := r.order(ctx, spans, n, numbers, func(i int, o *ordered) error {
		b.Features[at[numbers[i]]].Edges = edges(o)
		return nil
	})
	if err == nil && sparse != nil {
		err = r.binSparse(ctx, spans, n, sparse, b.Features[at[sparse.Name]:][:sparse.Width])
	}
	if err != nil || len(categories) == 0 {
		return b, err
	}
	counts := make([][]int, len(categories))
	err = r.scan(ctx, spans, categories, func(c *chunk) error {
		return parallel(len(categories), func(i int) error {
			s := c.series(categories[i])
			if counts[i] == nil {
				counts[i] = make([]int, len(s.Levels))
			}
			for _, code := range s.Codes[c.lo:c.hi] {
				if code != table.NoCode {
					counts[i][code]++
				}
			}
			return nil
		})
	})
	for i, name := range categories {
		c := r.ds.Columns[slices.IndexFunc(r.ds.Columns, func(c tourney.Column) bool { return c.Name == name })]
		l := &learnt{Column: &c, counts: counts[i]}
		seen, f := l.seen(), &b.Features[at[name]]
		byCount(seen, counts[i], c.Categories)
		if len(seen) > maxBins {
			seen, f.Other = seen[:maxBins-1], true
		}
		for _, code := range seen {
			f.Levels = append(f.Levels, c.Categories[code])
		}
	}
	return b, err
}

// makeBinned writes the bins of all rows that a job may see: of a rung all but
// the test rows, whatever its folds.
func (m *maker) makeBinned(ctx context.Context) error {
	n := m.ds.Rows - m.ds.TestRows
	m.Train, m.Rows = n, n
	if m.kind == tourney.JobFinal {
		m.Rows = m.ds.Rows
	}
	var err error
	if m.fileWriter.Bins, err = m.bin(ctx, []span{{0, n}}, n); err != nil {
		return err
	}
	m.Width = len(m.fileWriter.Bins.Features)
	if err := m.disk.trim(int64(m.Rows) * int64(m.Width+4)); err != nil {
		return err
	}
	m.reserveLabels()
	m.reserve("bins", int64(m.Rows)*int64(m.Width))
	return m.scan(ctx, []span{{0, m.Rows}}, m.columns(), func(c *chunk) error {
		if err := m.writeLabels(c); err != nil {
			return err
		}
		parts := pieces(c, m.Width)
		return parallel(len(parts), func(i int) error {
			p := parts[i]
			out := make([]uint8, (p.hi-p.lo)*m.Width)
			if err := m.fileWriter.Bins.apply(p.frame, p.lo, p.hi, out); err != nil {
				return err
			}
			return m.put("bins", int64(p.at)*int64(m.Width), out)
		})
	})
}
