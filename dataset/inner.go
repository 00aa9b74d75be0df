package dataset

import "tourney/dataset/table"

// innerFolds is in how many runs the training rows are cut for target means: a
// training row gets those of the other runs, so that its own target is not
// among what it is told. All other rows get those of all training rows.
const innerFolds = 5

// inner is the target's means by the levels of a category.
//
// Level number levels is that of missing values.
type inner struct {
	levels, outputs, rows int
	counts                []int     // [runs][levels+1]
	sums                  []float64 // [runs][levels+1][outputs]; once settled, the means of the other runs
	full                  []float64 // [levels+1][outputs]
	prior                 []float64 // [outputs]
}

func newInner(levels, outputs, rows int) *inner {
	n := innerFolds * (levels + 1)
	return &inner{levels: levels, outputs: outputs, rows: rows, counts: make([]int, n), sums: make([]float64, n*outputs)}
}

// run returns the run of the training row at a place: the first rows/5 and so
// on, one more in the first runs if rows are left over.
func (t *inner) run(pos int) int {
	size, more := t.rows/innerFolds, t.rows%innerFolds
	if longer := more * (size + 1); pos >= longer {
		return more + (pos-longer)/size
	}
	return pos / (size + 1)
}

// index returns where a level of a run is.
func (t *inner) index(run int, code int32) int {
	if code == table.NoCode {
		code = int32(t.levels)
	}
	return run*(t.levels+1) + int(code)
}

// add takes in a training row.
func (t *inner) add(pos int, code int32, y float32) {
	i := t.index(t.run(pos), code)
	t.counts[i]++
	if t.outputs == 1 {
		t.sums[i] += float64(y)
	} else {
		t.sums[i*t.outputs+int(y)]++
	}
}

// means returns what the training row at a place is told.
func (t *inner) means(pos int, code int32) []float64 {
	i := t.index(t.run(pos), code) * t.outputs
	return t.sums[i : i+t.outputs]
}

// level returns what all other rows are told.
func (t *inner) level(code int) []float64 {
	i := t.index(0, int32(code)) * t.outputs
	return t.full[i : i+t.outputs]
}

// settle makes means of the sums.
func (t *inner) settle(smoothing float64) {
	var all [innerFolds]bool
	for run := range all {
		all[run] = true
	}
	t.prior = t.overall(all)
	t.full = t.over(all, smoothing, t.prior)
	var others [innerFolds][]float64
	for run := range others {
		most := all
		most[run] = false
		prior := t.overall(most)
		if prior == nil {
			prior = t.prior
		}
		others[run] = t.over(most, smoothing, prior)
	}
	for run, means := range others {
		copy(t.sums[run*len(means):], means)
	}
}

// overall returns the mean over all rows of some runs, nil if they have none.
func (t *inner) overall(runs [innerFolds]bool) []float64 {
	rows, prior := 0, make([]float64, t.outputs)
	for run, in := range runs {
		for level := 0; in && level <= t.levels; level++ {
			i := run*(t.levels+1) + level
			rows += t.counts[i]
			for k := range prior {
				prior[k] += t.sums[i*t.outputs+k]
			}
		}
	}
	if rows == 0 {
		return nil
	}
	for k := range prior {
		prior[k] /= float64(rows)
	}
	return prior
}

// over returns the means of the levels over some runs, drawn to the prior:
// (sum + smoothing·prior) / (rows + smoothing).
func (t *inner) over(runs [innerFolds]bool, smoothing float64, prior []float64) []float64 {
	means := make([]float64, (t.levels+1)*t.outputs)
	for level := range t.levels + 1 {
		rows := 0
		to := means[level*t.outputs : (level+1)*t.outputs]
		for run, in := range runs {
			if !in {
				continue
			}
			i := run*(t.levels+1) + level
			rows += t.counts[i]
			for k := range to {
				to[k] += t.sums[i*t.outputs+k]
			}
		}
		for k := range to {
			to[k] = (to[k] + float64(smoothing*prior[k])) / (float64(rows) + smoothing)
		}
	}
	return means
}
