package ingest

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"tourney"
)

// A column leaks the target if it is the target in other words, which would
// not be known when the target is not. What is looked for, in the sample of
// the rows to train on: numbers that rise and fall with a numeric target, sums
// and differences of two columns that are the target, and values that tell
// the class.
const (
	leakRows      = 50 // at least
	leakMost      = 8192
	leakShare     = 0.999
	leakColumns   = 1000 // of which pairs are tried
	rowsPerValue  = 10   // at least: a value that few rows share tells nothing
	clearMajority = 0.99 // a class with that share is told by anything
)

func (w *warner) leaks() {
	var target *stats
	for _, s := range w.stats {
		if s.role == roleTarget {
			target = s
		}
	}
	if len(target.sample) < leakRows {
		return
	}
	var numbers [][]float64
	var columns []*stats
	y := thin(target.sample)
	for _, s := range w.stats {
		if s.role != roleNone || len(s.sample) != len(target.sample) {
			continue
		}
		x := thin(s.sample)
		switch {
		case w.task == tourney.Classification:
			if told := tells(x, y); told >= leakShare {
				w.leak(s, "tells the class in "+percent(int64(told*1e6), 1e6)+" of the rows")
			}
		case s.kind.Numeric():
			columns, numbers = append(columns, s), append(numbers, x)
			if r := correlation(x, y); math.Abs(r) >= leakShare {
				w.leak(s, "rises and falls with the target (correlation "+strconv.FormatFloat(r, 'f', 4, 64)+")")
			}
		}
	}
	w.sums(columns, numbers, y)
}

// thin returns about every k-th value, so that they are not more than
// leakMost.
func thin(sample []float64) []float64 {
	step := (len(sample) + leakMost - 1) / leakMost
	if step <= 1 {
		return sample
	}
	var few []float64
	for i := 0; i < len(sample); i += step {
		few = append(few, sample[i])
	}
	return few
}

func (w *warner) leak(s *stats, what string) {
	w.warn(s.field.Name, "leak", "it %s: if it is not known before the target is, drop it", what)
}

// correlation is Pearson's of values or of ranks (Spearman's), whichever is
// the stronger, over the rows that have both.
func correlation(x, y []float64) float64 {
	var a, b []float64
	for i := range x {
		if !math.IsNaN(x[i]) && !math.IsNaN(y[i]) {
			a, b = append(a, x[i]), append(b, y[i])
		}
	}
	if len(a) < leakRows || 2*len(a) < len(x) {
		return 0
	}
	r, ranked := pearson(a, b), pearson(ranks(a), ranks(b))
	if math.Abs(ranked) > math.Abs(r) {
		return ranked
	}
	return r
}

// pearson is 0 if one of the two is constant.
func pearson(x, y []float64) float64 {
	n := float64(len(x))
	var mx, my float64
	for i := range x {
		mx += x[i] / n
		my += y[i] / n
	}
	var xx, yy, xy float64
	for i := range x {
		dx, dy := x[i]-mx, y[i]-my
		xx += float64(dx * dx)
		yy += float64(dy * dy)
		xy += float64(dx * dy)
	}
	if r := xy / (math.Sqrt(xx) * math.Sqrt(yy)); !math.IsNaN(r) {
		return r
	}
	return 0
}

// ranks gives equal values the mean of their ranks.
func ranks(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
	rank := make([]float64, len(x))
	for from := 0; from < len(order); {
		to := from
		for to < len(order) && x[order[to]] == x[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			rank[i] = float64(from+to-1) / 2
		}
		from = to
	}
	return rank
}

// tells returns the share of rows whose class is the most frequent one of
// their value, or, of two classes, of their side of the best threshold. It is
// 0 where that says nothing.
func tells(x, y []float64) float64 {
	const missing = math.MaxFloat64
	type pair struct{ x, y float64 }
	pairs := make([]pair, len(x))
	classes := map[float64]int{}
	for i, v := range x {
		if math.IsNaN(v) {
			v = missing
		}
		pairs[i] = pair{v, y[i]}
		classes[y[i]]++
	}
	first := y[0]
	for _, n := range classes {
		if float64(n) > float64(clearMajority*float64(len(y))) {
			return 0
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.y, b.y)) })
	values, byValue, below, best := 0, 0, 0, 0
	for from := 0; from < len(pairs); {
		to, run, most := from, 0, 0
		for ; to < len(pairs) && pairs[to].x == pairs[from].x; to++ {
			if to == from || pairs[to].y != pairs[to-1].y {
				run = 0
			}
			run++
			most = max(most, run)
			if pairs[to].y == first {
				below++
			}
		}
		values++
		byValue += most
		// Right are those of the first class below and of the other above, or
		// the other way round.
		right := below + (len(pairs) - to) - (classes[first] - below)
		best = max(best, right, len(pairs)-right)
		from = to
	}
	told := 0
	if len(classes) == 2 && values > 1 {
		told = best
	}
	if values > 1 && values*rowsPerValue <= len(pairs) {
		told = max(told, byValue)
	}
	return float64(told) / float64(len(pairs))
}

// sums looks for pairs of columns whose sum or difference is the target.
func (w *warner) sums(columns []*stats, x [][]float64, y []float64) {
	if len(columns) > leakColumns {
		return
	}
	for i := range columns {
		for k := range columns {
			a, b := columns[i], columns[k]
			if i == k || a.min == a.max || b.min == b.max {
				continue
			}
			var word string
			switch {
			case i < k && addUp(x[i], x[k], 1, y):
				word = "sum"
			case addUp(x[i], x[k], -1, y):
				word = "difference"
			default:
				continue
			}
			w.leak(a, "makes the target with "+quote(b.field.Name)+", as their "+word)
			w.leak(b, "makes the target with "+quote(a.field.Name)+", as their "+word)
		}
	}
}

// addUp reports whether y = a + sign·b in all rows, but for rounding.
func addUp(a, b []float64, sign float64, y []float64) bool {
	rows := 0
	for i := range y {
		if math.IsNaN(a[i]) || math.IsNaN(b[i]) {
			continue
		}
		rows++
		sum := a[i] + float64(sign*b[i])
		if math.Abs(sum-y[i]) > 1e-9*(math.Abs(a[i])+math.Abs(b[i])) {
			return false
		}
	}
	return rows >= leakRows && 2*rows >= len(y)
}
