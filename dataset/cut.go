package dataset

import (
	"context"
	"math"

	"tourney"
)

// span is the rows from one on and below another, in the order in which a
// dataset keeps its rows, the test rows after all others.
type span struct{ from, to int }

func (s span) rows() int { return s.to - s.from }

// cutting is what one fold trains on, and what it is validated or tested on.
type cutting struct {
	train []span // not empty, rising
	other span
}

// timeBlocks is in how many blocks a dataset with a time column keeps its
// rows: in the order of time, shuffled within a block.
const timeBlocks = 64

// blockStart returns the first row of a block of n rows.
func blockStart(n, block int) int { return block * n / timeBlocks }

// Folds returns how many folds a validation has.
func Folds(v tourney.Validation) int { return max(1, v.Folds) }

// CheckValidation returns an *tourney.InvalidError if a normalised validation
// does not go with a dataset.
func CheckValidation(v tourney.Validation, ds *tourney.Dataset) error {
	if fields := v.Check(); len(fields) > 0 {
		return tourney.Invalid("validation."+fields[0].Path, "%s", fields[0].Message)
	}
	rows := ds.Rows - ds.TestRows
	switch {
	case v.Kind == tourney.GroupCut && ds.Group == "":
		return tourney.Invalid("validation.kind", "the dataset has no group column: add the table again with one, or use holdout or kfold")
	case v.Kind == tourney.TimeOrder && ds.Time == "":
		return tourney.Invalid("validation.kind", "the dataset has no time column: add the table again with one, or use holdout or kfold")
	case v.Kind == tourney.TimeOrder && v.Folds > 0 && v.Folds+1 > rows || v.Folds > rows:
		return tourney.Invalid("validation.folds", "%d rows are too few for %d folds", rows, v.Folds)
	case v.Kind == tourney.TimeOrder && v.Folds+1 > timeBlocks:
		return tourney.Invalid("validation.folds", "at most %d folds go with time, whose rows are kept in %d blocks", timeBlocks-1, timeBlocks)
	}
	return nil
}

// cut cuts the rows that are not test rows into folds.
//
// One cut leaves the last share, rounded up, to validate on. With k folds the
// rows are k runs of as equal length as can be, each of which is validated on
// in turn; in the order of time there are k+1, and each but the first is
// validated on after training on all before it. Where rows lie in blocks of
// time, such a cut moves to the nearest border of two blocks. Where rows have
// groups, every cut moves on to the next border of two groups.
func (r *rows) cut(ctx context.Context, v tourney.Validation) ([]cutting, error) {
	if err := CheckValidation(v, r.ds); err != nil {
		return nil, err
	}
	n := r.ds.Rows - r.ds.TestRows
	inTime := v.Kind == tourney.TimeOrder
	var at []int
	switch {
	case v.Folds == 0:
		at = []int{n - holdout(v.Fraction, n)}
	case inTime:
		at = even(n, v.Folds+1)
	default:
		at = even(n, v.Folds)
	}
	if inTime {
		for i := range at {
			at[i] = nearestBlock(n, at[i])
		}
	}
	if r.ds.Group != "" {
		var err error
		if at, err = r.groupBorders(ctx, at, n); err != nil {
			return nil, err
		}
	}
	ends := append(append([]int{0}, at...), n)
	for i := range ends[1:] {
		if ends[i] >= ends[i+1] {
			return nil, tourney.Invalid("validation", "%s leaves a fold of %d rows empty: use fewer folds, or another share", v, n)
		}
	}
	return runs(ends, v.Folds, inTime), nil
}

// holdout returns how many of n rows are validated on: the share rounded up,
// with at least one row on each side. A billionth of a row is the arithmetic's
// and not the share's: 0.07 of 100 rows is 7.
func holdout(share float64, n int) int {
	return max(1, min(n-1, int(math.Ceil(float64(share*float64(n))-1e-9))))
}

// runs makes folds of the ends of runs of rows.
func runs(ends []int, folds int, inTime bool) []cutting {
	n := ends[len(ends)-1]
	var cuts []cutting
	for i := range ends[1:] {
		run := span{ends[i], ends[i+1]}
		switch {
		case (folds == 0 || inTime) && i == 0:
			continue
		case folds == 0 || inTime:
			cuts = append(cuts, cutting{[]span{{0, run.from}}, run})
			continue
		}
		c := cutting{other: run}
		for _, s := range []span{{0, run.from}, {run.to, n}} {
			if s.rows() > 0 {
				c.train = append(c.train, s)
			}
		}
		cuts = append(cuts, c)
	}
	return cuts
}

// even returns where n rows are cut into k runs of equal length, as nearly as
// can be.
func even(n, k int) []int {
	at := make([]int, k-1)
	for i := range at {
		at[i] = n * (i + 1) / k
	}
	return at
}

// nearestBlock returns the border of two blocks next to a cut, the earlier of
// two, but not an end.
func nearestBlock(n, at int) int {
	best := at
	far := math.MaxInt
	for b := 1; b < timeBlocks; b++ {
		s := blockStart(n, b)
		if d := max(s-at, at-s); s > 0 && s < n && d < far {
			best, far = s, d
		}
	}
	return best
}

// groupBorders moves cuts of n rows on to the next border of two groups, or
// back to the last one if none follows.
func (r *rows) groupBorders(ctx context.Context, at []int, n int) ([]int, error) {
	next, last := make([]int, len(at)), 0
	var before groupKey
	err := r.scan(ctx, []span{{0, n}}, []string{r.ds.Group}, func(c *chunk) error {
		s := c.series(r.ds.Group)
		for row := c.lo; row < c.hi; row++ {
			pos := c.at + row - c.lo
			key := keyOf(s, row)
			if pos > 0 && key != before {
				last = pos
				for i, a := range at {
					if next[i] == 0 && pos >= a {
						next[i] = pos
					}
				}
			}
			before = key
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if last == 0 {
		return nil, tourney.Invalid("validation", "all rows are of one group of column %s, which cannot be cut", r.ds.Group)
	}
	for i := range next {
		if next[i] == 0 {
			next[i] = last
		}
	}
	return next, nil
}
