package importance

import (
	"cmp"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"

	"tourney/search/axis"
)

// Notation of the forest:
//
//	y      [n] losses, moved and scaled so that they fit into [-1, 1]
//	col    [n] coordinates of all trials along one axis; of a choice, its level
//	level  a choice that some trial has; the last level is all others together
//	set    levels, as bits
//
// A tree takes the split that reduces the sum of squares most (Breiman and
// others, CART, 1984), to leaves of one trial or of equal losses.

// forest is what all trees are grown from.
type forest struct {
	axes   []axis.Axis
	y      []float64
	cols   [][]float64 // [d] of [n]; NaN where inactive
	orders [][]int32   // [d] the trials by their coordinate; nil for choices and where a trial is inactive
	levels []levels    // [d] of choices
}

// levels are the choices of one axis that occur among the trials.
type levels struct {
	of   map[int64]int // level of a cell; absent: the last
	mass []float64     // share of the space of each level
}

// node is a split, or a leaf if its axis is negative. Trials whose coordinate
// is at most at, or whose level is in set, go left.
type node struct {
	axis        int32
	left, right int32
	at          float64
	set         []uint64
	value       float64 // of a leaf: the mean of its losses
}

type tree []node

// tied coordinates are not told apart: a box between them would have no width.
const tied = 1e-12

// newForest takes the trials that have a loss, at most limit of them drawn
// without replacement.
func newForest(axes []axis.Axis, points [][]float64, losses []float64, limit int, rng *rand.Rand) *forest {
	rows := make([]int, 0, len(losses))
	for i, loss := range losses {
		if !math.IsNaN(loss) && !math.IsInf(loss, 0) {
			rows = append(rows, i)
		}
	}
	if len(rows) > limit {
		for i := range limit {
			j := i + rng.IntN(len(rows)-i)
			rows[i], rows[j] = rows[j], rows[i]
		}
		rows = rows[:limit]
		slices.Sort(rows)
	}
	f := &forest{
		axes: axes, y: make([]float64, len(rows)), cols: make([][]float64, len(axes)),
		orders: make([][]int32, len(axes)), levels: make([]levels, len(axes)),
	}
	for i, row := range rows {
		f.y[i] = losses[row]
	}
	rescale(f.y)
	for d := range axes {
		f.addColumn(d, points, rows)
	}
	return f
}

// rescale moves the values into [-1, 1], whatever their magnitude.
func rescale(y []float64) {
	if len(y) == 0 {
		return
	}
	lo, hi := slices.Min(y), slices.Max(y)
	middle := lo/2 + hi/2
	half := hi/2 - lo/2
	for i := range y {
		if half > 0 {
			y[i] = (y[i] - middle) / half
		} else {
			y[i] = 0
		}
	}
}

func (f *forest) varies() bool {
	for _, y := range f.y {
		if y != f.y[0] {
			return true
		}
	}
	return false
}

func (f *forest) addColumn(d int, points [][]float64, rows []int) {
	a, col := &f.axes[d], make([]float64, len(rows))
	f.cols[d] = col
	complete := true
	for i, row := range rows {
		switch u := points[row][d]; {
		case math.IsNaN(u):
			col[i], complete = math.NaN(), false
		case a.Kind == axis.Choice:
			col[i] = float64(a.Cell(u))
		default:
			col[i] = a.Snap(min(max(u, 0), 1))
		}
	}
	if a.Kind == axis.Choice {
		f.levels[d] = newLevels(a, col)
		for i, cell := range col {
			if !math.IsNaN(cell) {
				col[i] = float64(f.levels[d].of[int64(cell)])
			}
		}
	} else if complete {
		f.orders[d] = sortedBy(col)
	}
}

// sortedBy returns the numbers of the trials by their coordinate.
func sortedBy(col []float64) []int32 {
	order := make([]int32, len(col))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(i, j int32) int { return cmp.Compare(col[i], col[j]) })
	return order
}

func newLevels(a *axis.Axis, cells []float64) levels {
	l := levels{of: make(map[int64]int)}
	rest := 1.0
	for _, c := range cells {
		if math.IsNaN(c) {
			continue
		}
		cell := int64(c)
		if _, ok := l.of[cell]; !ok {
			lo, hi := a.Bounds(cell)
			l.of[cell] = len(l.mass)
			l.mass = append(l.mass, hi-lo)
			rest -= hi - lo
		}
	}
	if int64(len(l.mass)) == a.Cells {
		rest = 0
	}
	l.mass = append(l.mass, max(rest, 0))
	return l
}

// level returns the level of a coordinate drawn for an inactive choice.
func (l *levels) level(cell int64) int {
	if level, ok := l.of[cell]; ok {
		return level
	}
	return len(l.mass) - 1
}

func words(n int) int { return (n + 63) / 64 }

func has(set []uint64, i int) bool { return set[i/64]>>(i%64)&1 != 0 }

// complement turns the first n bits over.
func complement(set []uint64, n int) {
	for i := range set {
		set[i] = ^set[i]
	}
	if n%64 != 0 {
		set[len(set)-1] &= 1<<(n%64) - 1
	}
}

// eachRun calls yield with each run of levels in a set.
func eachRun(set []uint64, n int, yield func(lo, hi int32)) {
	for i := 0; i < n; {
		word := set[i/64] >> (i % 64)
		if word == 0 {
			i = (i/64 + 1) * 64
			continue
		}
		i += bits.TrailingZeros64(word)
		lo := i
		for i < n && has(set, i) {
			i++
		}
		yield(int32(lo), int32(i))
	}
}
