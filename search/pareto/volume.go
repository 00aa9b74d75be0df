package pareto

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// Reference returns a point behind all finite vectors, from which a volume can
// be measured: the worst of each loss and a tenth of its range more. A loss
// without a range is stretched by a tenth of itself, or by 1 if it is zero.
func Reference(losses [][]float64) []float64 {
	var lo, hi []float64
	for _, y := range losses {
		if !finite(y) {
			continue
		}
		if lo == nil {
			lo, hi = slices.Clone(y), slices.Clone(y)
		}
		for m, x := range y {
			lo[m], hi[m] = min(lo[m], x), max(hi[m], x)
		}
	}
	for m := range hi {
		switch {
		case hi[m] > lo[m]:
			hi[m] += (hi[m] - lo[m]) / 10
		case hi[m] != 0:
			hi[m] += math.Abs(hi[m]) / 10
		default:
			hi[m] = 1
		}
	}
	return hi
}

func finite(y []float64) bool {
	for _, x := range y {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}

// Hypervolume returns the volume between a reference point and the vectors
// that are better than it in all losses: that of the union of the boxes that
// each spans with it. It is exact: a sweep for up to three losses (the third
// over a staircase, as in Beume, Fonseca, López-Ibáñez, Paquete and Vahrenhold
// 2009), and WFG for more (While, Bradstreet and Barone 2012).
func Hypervolume(losses [][]float64, reference []float64) float64 {
	return volume(within(losses, reference), reference)
}

// within returns the vectors that are better than the reference in all losses.
func within(losses [][]float64, reference []float64) [][]float64 {
	var in [][]float64
	for _, y := range losses {
		if inside(y, reference) {
			in = append(in, y)
		}
	}
	return in
}

func inside(y, reference []float64) bool {
	for m, r := range reference {
		if !(y[m] < r) {
			return false
		}
	}
	return len(reference) > 0
}

// volume is Hypervolume of vectors that are inside. It may change their order.
func volume(points [][]float64, reference []float64) float64 {
	switch {
	case len(points) == 0:
		return 0
	case len(points) == 1:
		return box(points[0], reference)
	case len(reference) == 1:
		return box(slices.MinFunc(points, compare), reference)
	case len(reference) == 2:
		return area(points, reference)
	case len(reference) == 3:
		return sweep(points, reference)
	}
	return wfg(points, reference)
}

// box is the volume between one vector and the reference.
func box(y, reference []float64) float64 {
	v := 1.0
	for m, r := range reference {
		v *= r - y[m]
	}
	return v
}

// area adds up the strips of two losses.
func area(points [][]float64, reference []float64) float64 {
	slices.SortFunc(points, compare)
	sum, top := 0.0, reference[1]
	for _, y := range points {
		if y[1] < top {
			sum += (reference[0] - y[0]) * (top - y[1])
			top = y[1]
		}
	}
	return sum
}

// sweep goes through the third loss from its best value up, keeps the
// staircase of the first two losses of what has been passed, and adds up area
// times height.
func sweep(points [][]float64, reference []float64) float64 {
	slices.SortFunc(points, func(a, b []float64) int { return cmp.Compare(a[2], b[2]) })
	var stairs [][]float64 // by rising first and falling second loss
	sum, plane := 0.0, 0.0
	for n, y := range points {
		stairs, plane = climb(stairs, plane, y, reference)
		above := reference[2]
		if n+1 < len(points) {
			above = points[n+1][2]
		}
		sum += plane * (above - y[2])
	}
	return sum
}

// climb adds a vector to a staircase, and returns both the staircase and the
// area under it.
func climb(stairs [][]float64, plane float64, y, reference []float64) ([][]float64, float64) {
	from := sort.Search(len(stairs), func(i int) bool { return stairs[i][0] > y[0] })
	top := reference[1]
	if from > 0 {
		top = stairs[from-1][1]
		if top <= y[1] {
			return stairs, plane
		}
		if stairs[from-1][0] == y[0] { // the same step, and lower now
			from--
			top = reference[1]
			if from > 0 {
				top = stairs[from-1][1]
			}
		}
	}
	to, left := from, y[0]
	for ; to < len(stairs) && stairs[to][1] >= y[1]; to++ {
		plane += (stairs[to][0] - left) * (top - y[1])
		left, top = stairs[to][0], stairs[to][1]
	}
	right := reference[0]
	if to < len(stairs) {
		right = stairs[to][0]
	}
	plane += (right - left) * (top - y[1])
	return slices.Replace(stairs, from, to, y), plane
}

// wfg adds up what each vector dominates that none after it does.
func wfg(points [][]float64, reference []float64) float64 {
	// The worst of the last loss first: what others leave of it is then small.
	last := len(reference) - 1
	slices.SortFunc(points, func(a, b []float64) int { return cmp.Compare(b[last], a[last]) })
	sum := 0.0
	for i, y := range points {
		sum += exclusive(y, points[i+1:], reference)
	}
	return sum
}

// exclusive is the volume that y dominates and the others do not: its box less
// what is left of it when the others are cut down to it.
func exclusive(y []float64, others [][]float64, reference []float64) float64 {
	cut := make([][]float64, 0, len(others))
	for _, o := range others {
		worse := make([]float64, len(reference))
		for m := range worse {
			worse[m] = max(o[m], y[m])
		}
		cut = append(cut, worse)
	}
	return box(y, reference) - volume(undominated(cut), reference)
}

// undominated drops what another vector dominates or repeats.
func undominated(points [][]float64) [][]float64 {
	slices.SortFunc(points, compare)
	kept := points[:0]
next:
	for _, y := range points {
		for _, k := range kept {
			if weaklyDominates(k, y) {
				continue next
			}
		}
		kept = append(kept, y)
	}
	return kept
}

func weaklyDominates(a, b []float64) bool {
	for i := range a {
		if a[i] > b[i] {
			return false
		}
	}
	return true
}

// Contributions returns the volume that each vector dominates and no other
// does: what the hypervolume would lose without it.
func Contributions(losses [][]float64, reference []float64) []float64 {
	out := make([]float64, len(losses))
	for i, y := range losses {
		if inside(y, reference) {
			others := slices.Concat(losses[:i], losses[i+1:])
			out[i] = max(exclusive(y, within(others, reference), reference), 0)
		}
	}
	return out
}

// Select returns k vectors that dominate much together, in the order in which
// they were taken: each is the one that adds most to the volume of those
// before. The volume that they reach is at least 1-1/e, or 63 %, of the most
// that k can reach (Nemhauser, Wolsey and Fisher 1978; Guerreiro, Fonseca and
// Paquete 2016). Vectors that add nothing come last.
func Select(losses [][]float64, reference []float64, k int) []int {
	// What a vector adds never grows as others are taken, so an old figure is a
	// bound, and only what might still be the best is measured again.
	bound := make([]float64, len(losses))
	known := make([]int, len(losses)) // how many had been taken when it was measured
	for i, y := range losses {
		if inside(y, reference) {
			bound[i] = box(y, reference)
		}
	}
	var taken [][]float64
	out := make([]int, 0, max(min(k, len(losses)), 0))
	used := make([]bool, len(losses))
	for len(out) < cap(out) {
		best := -1
		for i := range losses {
			if !used[i] && (best < 0 || bound[i] > bound[best]) {
				best = i
			}
		}
		if bound[best] > 0 && known[best] < len(taken) {
			bound[best] = max(exclusive(losses[best], taken, reference), 0)
			known[best] = len(taken)
			continue
		}
		used[best] = true
		out = append(out, best)
		if bound[best] > 0 {
			taken = append(taken, losses[best])
		}
	}
	return out
}
