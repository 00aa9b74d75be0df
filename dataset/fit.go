package dataset

import (
	"cmp"
	"context"
	"math"
	"slices"

	"tourney"
	"tourney/dataset/table"
)

var missing = math.NaN()

// fit learns a pipeline from the rows of spans, n of them, in passes over
// them: one for counts and sums, one more for deviations, and one for each few
// columns whose values have to be put in order.
func (r *rows) fit(ctx context.Context, spans []span, n int, p tourney.Preprocess) (*Pipeline, error) {
	f := &fitting{Preprocess: p, rows: n}
	labels, err := newLabels(r.ds)
	if err != nil {
		return nil, err
	}
	names := labels.columns()[:1]
	for _, c := range features(r.ds) {
		learnt, err := f.newColumn(c, labels.outputs())
		if err != nil {
			return nil, err
		}
		f.columns = append(f.columns, learnt)
		names = append(names, c.Name)
	}
	err = r.scan(ctx, spans, names, func(c *chunk) error { return f.first(c, labels) })
	if err != nil {
		return nil, err
	}
	for _, c := range f.columns {
		c.afterFirst(f)
	}
	if names = f.numbers(); f.needsSecond() {
		if err := r.scan(ctx, spans, names, f.second); err != nil {
			return nil, err
		}
	}
	if err := f.finish(ctx, r, spans, names); err != nil {
		return nil, err
	}
	out := &Pipeline{Preprocess: p, Inputs: make([]Input, len(f.columns))}
	for i, c := range f.columns {
		out.Inputs[i] = c.input(f)
	}
	return out, nil
}

// fitting is a pipeline that is being learnt.
type fitting struct {
	tourney.Preprocess
	rows    int
	columns []*learnt
}

// learnt is what is known of a column so far.
type learnt struct {
	*tourney.Column
	numbers []*learntNumber // of numbers, ordinals and target means
	encode  string
	counts  []int // of a category: rows by code
	absent  int   // missing values
	inner   *inner
}

// learntNumber is what is known of one number.
type learntNumber struct {
	raw, log sums // of the values present, as they are and by signedLog
	absent   int
	became   Number
}

// maxMeans bounds the levels of a column times the outputs of a target, for the
// sake of the memory that their means take.
const maxMeans = 1 << 22

func (f *fitting) newColumn(c *tourney.Column, outputs int) (*learnt, error) {
	l := &learnt{Column: c}
	numbers := 0
	switch {
	case c.Kind.Numeric():
		numbers = 1
	case c.Kind == tourney.Text:
		l.encode = encodeHash
	case c.Kind == tourney.Category:
		l.encode = f.Encode
		l.counts = make([]int, len(c.Categories))
		switch f.Encode {
		case encodeOrdinal:
			numbers = 1
		case encodeTarget:
			if (len(c.Categories)+1)*outputs > maxMeans {
				return nil, tourney.Invalid("preprocess.encode", "target: column %s has %d levels and the target %d classes, which are too many means; use hash", c.Name, len(c.Categories), outputs)
			}
			numbers = outputs
			l.inner = newInner(len(c.Categories), outputs, f.rows)
		}
	}
	for range numbers {
		l.numbers = append(l.numbers, &learntNumber{})
	}
	return l, nil
}

// first takes in a chunk for the first time.
func (f *fitting) first(c *chunk, labels *labels) error {
	var y []float32
	if slices.ContainsFunc(f.columns, func(l *learnt) bool { return l.inner != nil }) {
		target := c.series(labels.ds.Target)
		y = make([]float32, c.hi-c.lo)
		for i := range y {
			var err error
			if y[i], err = labels.target(target, c.lo+i); err != nil {
				return err
			}
		}
	}
	return parallel(len(f.columns), func(i int) error {
		l := f.columns[i]
		s := c.series(l.Name)
		switch {
		case l.Kind.Numeric():
			f.firstNumbers(l.numbers[0], s.Numbers[c.lo:c.hi])
		case l.Kind == tourney.Category:
			for row, code := range s.Codes[c.lo:c.hi] {
				if code == table.NoCode {
					l.absent++
				} else {
					l.counts[code]++
				}
				if l.inner != nil {
					l.inner.add(c.at+row, code, y[row])
				}
			}
		}
		return nil
	})
}

func (f *fitting) firstNumbers(l *learntNumber, values []float64) {
	for _, v := range values {
		if v != v {
			l.absent++
			continue
		}
		l.raw.add(v, 1)
		if f.Log != "none" {
			l.log.add(signedLog(v), 1)
		}
	}
}

// each calls f with the values that a column's numbers take, and how often,
// where they follow from the counts of its levels.
func (l *learnt) each(k int, f func(v float64, count int)) {
	switch l.encode {
	case encodeOrdinal:
		at := 0
		for _, n := range l.counts {
			if n > 0 {
				f(float64(at), n)
				at++
			}
		}
	case encodeTarget:
		for code, n := range l.counts {
			if n > 0 {
				f(l.inner.level(code)[k], n)
			}
		}
		if l.absent > 0 {
			f(l.inner.level(table.NoCode)[k], l.absent)
		}
	}
}

// afterFirst closes the first pass over a column. Numbers that follow from the
// counts of levels are done with all passes.
func (l *learnt) afterFirst(f *fitting) {
	if l.inner != nil {
		l.inner.settle(f.Smoothing)
	}
	for k, n := range l.numbers {
		if l.Kind == tourney.Category {
			if l.encode == encodeOrdinal {
				n.absent = l.absent
			}
			l.each(k, func(v float64, count int) {
				n.raw.add(v, float64(count))
				n.log.add(signedLog(v), float64(count))
			})
		}
		n.raw.again()
		n.log.again()
		if l.Kind == tourney.Category {
			l.each(k, func(v float64, count int) {
				n.raw.add2(v, float64(count))
				n.log.add2(signedLog(v), float64(count))
			})
			n.finish(f, l.ordered(k))
		}
	}
}

// ordered puts the values of a number in order that follow from counts.
func (l *learnt) ordered(k int) *ordered {
	type level struct {
		v float64
		n int
	}
	var levels []level
	l.each(k, func(v float64, count int) { levels = append(levels, level{v, count}) })
	slices.SortStableFunc(levels, func(a, b level) int { return cmp.Compare(a.v, b.v) })
	o := &ordered{missing: l.numbers[k].absent}
	end := 0
	for _, x := range levels {
		end += x.n
		o.values, o.ends = append(o.values, x.v), append(o.ends, end)
	}
	return o
}

// needsOrder reports whether the values of numbers have to be put in order.
func (f *fitting) needsOrder() bool {
	return f.Impute == "median" || f.Impute == "most_frequent" || f.Scale == "robust" || f.Scale == "quantile"
}

// second takes in a chunk for the second time.
func (f *fitting) second(c *chunk) error {
	return parallel(len(f.columns), func(i int) error {
		l := f.columns[i]
		if !l.Kind.Numeric() {
			return nil
		}
		n := l.numbers[0]
		for _, v := range c.series(l.Name).Numbers[c.lo:c.hi] {
			if v != v {
				continue
			}
			n.raw.add2(v, 1)
			if f.Log != "none" {
				n.log.add2(signedLog(v), 1)
			}
		}
		return nil
	})
}

// needsSecond reports whether deviations are needed.
func (f *fitting) needsSecond() bool {
	return f.Scale == "standard" || f.Scale == "robust" || f.Log == "auto"
}

// numbers returns the names of the columns that hold numbers.
func (f *fitting) numbers() []string {
	var names []string
	for _, l := range f.columns {
		if l.Kind.Numeric() {
			names = append(names, l.Name)
		}
	}
	return names
}

// finish decides what becomes of the columns of those names.
func (f *fitting) finish(ctx context.Context, r *rows, spans []span, names []string) error {
	if f.needsOrder() {
		return r.order(ctx, spans, f.rows, names, func(i int, o *ordered) error {
			at := slices.IndexFunc(f.columns, func(l *learnt) bool { return l.Name == names[i] })
			f.columns[at].numbers[0].finish(f, o)
			return nil
		})
	}
	for _, l := range f.columns {
		if l.Kind.Numeric() {
			l.numbers[0].finish(f, nil)
		}
	}
	return nil
}
