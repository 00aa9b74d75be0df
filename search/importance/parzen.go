package importance

import (
	"math"

	"tourney/search/axis"
)

// Notation of this file: densities on a grid of n points along one axis.
//
//	n        points of the grid, at 0, 1, …, n-1
//	counts   [n] trials at each point; N is their sum
//	σ        bandwidth of the kernels, in steps of the grid
//	prior    one more kernel of weight 1 that covers the whole grid
//	p_c      share of the space that choice c covers
//
// They are those of Optuna 5's PedAnovaImportanceEvaluator but for rounding,
// with two differences: it knows no choices with probabilities, and it flattens
// choices for ever (see choices).

const (
	gridPoints  = 50         // at most, of axes with an order
	priorWeight = 1.0        // of the prior kernel
	scott       = 1.059      // Scott's rule for a bandwidth (1992)
	iqrOfNormal = 1.34       // interquartile range of a normal distribution, in σ
	sigmaFloor  = 0.5 / 1.64 // 90 % of a kernel stay inside its grid step
	densityEps  = 1e-12      // added to densities, which may be 0 far from all kernels
	evenly      = 1e-9       // cells whose widths differ by less, relatively, are equally wide
	sqrt2       = math.Sqrt2 // of the normal distribution function
)

// grid counts the trials of the region and of the target along one axis.
type grid struct {
	n      int
	choice bool
	optuna bool    // flatten choices as Optuna does
	step   float64 // of a point, in units of the coordinate (continuous) or cells
	cells  *axis.Axis
	point  []int     // of each cell, where cells are unequally wide; else nil
	width  []float64 // [n] share of the space of each point; nil means 1/n each

	tally          [][2]int  // [n] trials of the region alone, and of the target
	region, target []float64 // [n] counts
}

func newGrid(a *axis.Axis, optuna bool) grid {
	g := grid{choice: a.Kind == axis.Choice, optuna: optuna}
	switch {
	case g.choice:
		g.n, g.cells, g.step = int(a.Cells), a, 1
		if a.Edges != nil {
			g.width = make([]float64, g.n)
			for c := range g.width {
				g.width[c] = a.Edges[c+1] - a.Edges[c]
			}
		}
	case a.Kind == axis.Continuous:
		g.n = gridPoints
		g.step = 1 / float64(g.n-1)
	default:
		g.cells = a
		g.lattice()
	}
	g.tally = make([][2]int, g.n)
	return g
}

// lattice lays the grid over ordered cells: one point for each if they are few,
// and evenly spread over their numbers or, if they are unequally wide, over
// their middles. There the points are as far apart as the two middles furthest
// from each other, so that none falls between all cells: whole numbers from 1
// to 2^k on a logarithmic scale have k+1.
func (g *grid) lattice() {
	a := g.cells
	last := a.Cells - 1
	if !uneven(a) {
		g.n = int(min(a.Cells, gridPoints))
		g.step = float64(last) / float64(max(g.n-1, 1))
		return
	}
	first, span, gap := a.Middle(0), a.Middle(last)-a.Middle(0), 0.0
	for c := range last {
		gap = max(gap, a.Middle(c+1)-a.Middle(c))
	}
	g.n = int(min(float64(min(a.Cells, gridPoints)), math.Ceil(span/gap)+1))
	g.point, g.width = make([]int, a.Cells), make([]float64, g.n)
	for c := range g.point {
		at := (a.Middle(int64(c)) - first) / (span / float64(g.n-1))
		g.point[c] = g.nearest(at)
		g.width[g.point[c]] += a.Edges[c+1] - a.Edges[c]
	}
}

// uneven reports whether the cells are of different widths.
func uneven(a *axis.Axis) bool {
	if a.Edges == nil || a.Cells == 1 {
		return false
	}
	even := 1 / float64(a.Cells)
	for c := range a.Cells {
		if math.Abs(a.Edges[c+1]-a.Edges[c]-even) > evenly*even {
			return true
		}
	}
	return false
}

// nearest returns the point next to a place on the grid, the lower of two.
func (g *grid) nearest(at float64) int {
	return min(max(int(math.Ceil(at-0.5)), 0), g.n-1)
}

// count counts trials of the region by their coordinates along axis d.
func (g *grid) count(trials []trial, d int) {
	switch {
	case g.cells == nil:
		for _, t := range trials {
			if u := t.point[d]; !math.IsNaN(u) {
				g.tally[g.nearest(u/g.step)][t.target]++
			}
		}
	case g.choice, g.point != nil, g.n == 1, int64(g.n) == g.cells.Cells:
		for _, t := range trials {
			if u := t.point[d]; !math.IsNaN(u) {
				i := int(g.cells.Cell(u))
				if g.point != nil {
					i = g.point[i]
				}
				g.tally[i][t.target]++
			}
		}
	default:
		for _, t := range trials {
			if u := t.point[d]; !math.IsNaN(u) {
				g.tally[g.nearest(float64(g.cells.Cell(u))/g.step)][t.target]++
			}
		}
	}
}

// finish makes the counts of the region and of the target.
func (g *grid) finish() {
	g.region, g.target = make([]float64, g.n), make([]float64, g.n)
	for i, n := range g.tally {
		g.region[i], g.target[i] = float64(n[0]+n[1]), float64(n[1])
	}
}

// divergence returns the Pearson divergence of the target's density from that
// of the region, or of the space.
func (g *grid) divergence(space bool) float64 {
	top, base := make([]float64, g.n), make([]float64, g.n)
	g.density(top, g.target)
	if space {
		for i := range base {
			base[i] = g.share(i)
		}
	} else {
		g.density(base, g.region)
	}
	var sum float64
	for i := range top {
		p := base[i]
		if !space {
			p += densityEps
		}
		if p > 0 {
			r := (top[i]+densityEps)/p - 1
			sum += p * r * r
		}
	}
	return sum
}

// share returns how much of the space is at a point.
func (g *grid) share(i int) float64 {
	if g.width == nil {
		return 1 / float64(g.n)
	}
	return g.width[i]
}

func (g *grid) density(pdf, counts []float64) {
	if g.choice {
		g.choices(pdf, counts)
	} else {
		g.ordered(pdf, counts)
	}
}

// choices is a mixture with a kernel for each trial: with N of them, a kernel
// gives each choice c the weight b·n·p_c, b = prior/(N+1), and its own choice 1
// more. The sum over the kernels is closed form.
//
// Optuna merges the trials of one choice into one kernel, but keeps its shape
// by the number of kernels: b = prior/(k+1) with k choices seen, however many
// trials there are. So of two choices one that no trial of the target has keeps
// a quarter of its density, and where the choice decides everything the
// divergence stays at 1/4 in place of 1.
func (g *grid) choices(pdf, counts []float64) {
	n := total(counts)
	kernels := n
	if g.optuna {
		kernels = 0
		for _, c := range counts {
			if c > 0 {
				kernels++
			}
		}
	}
	spread := priorWeight / (kernels + 1) * float64(g.n)
	for i := range pdf {
		p := g.share(i)
		own := (n*spread*p + counts[i]) / (1 + spread)
		pdf[i] = (own + priorWeight*p) / (n + priorWeight)
	}
}

// ordered is a mixture of normal kernels, one for each point that was seen,
// weighed by its count, each cut to the grid and summed over its steps. The
// mass that a kernel has at a point depends on their distance alone.
func (g *grid) ordered(pdf, counts []float64) {
	n := total(counts)
	low, high := -0.5, float64(g.n)-0.5
	sigma := bandwidth(counts)
	mass := make([]float64, g.n) // [distance]
	for k := range mass {
		mass[k] = normalMass((float64(k)-0.5)/sigma, (float64(k)+0.5)/sigma)
	}
	middle, wide := float64(g.n-1)/2, float64(g.n)
	whole := normalMass((low-middle)/wide, (high-middle)/wide)
	for i := range pdf {
		x := float64(i) - middle
		pdf[i] = priorWeight * normalMass((x-0.5)/wide, (x+0.5)/wide) / whole
	}
	for j, c := range counts {
		if c == 0 {
			continue
		}
		mu := float64(j)
		w := c / normalMass((low-mu)/sigma, (high-mu)/sigma)
		for i := range j {
			pdf[i] += w * mass[j-i]
		}
		for i := j; i < g.n; i++ {
			pdf[i] += w * mass[i-j]
		}
	}
	for i := range pdf {
		pdf[i] /= n + priorWeight
	}
}

// bandwidth is Scott's rule on the smaller of the standard deviation and the
// interquartile range.
func bandwidth(counts []float64) float64 {
	n := total(counts)
	var mean, variance float64
	for i, c := range counts {
		mean += c * float64(i)
	}
	mean /= n
	for i, c := range counts {
		d := float64(i) - mean
		variance += c * d * d
	}
	deviation := math.Sqrt(variance / max(1, n-1))

	q1, q3, last, sum := -1, -1, 0, 0.0
	for i, c := range counts {
		if c == 0 {
			continue
		}
		last = i
		sum += c
		if q1 < 0 && sum >= math.Floor(n/4) {
			q1 = i
		}
		if q3 < 0 && sum > math.Floor(n*3/4) {
			q3 = i
		}
	}
	if q3 < 0 {
		q3 = last
	}
	iqr := float64(q3 - q1)
	return max(scott*min(iqr/iqrOfNormal, deviation)*math.Pow(n, -0.2), sigmaFloor)
}

// normalMass returns what a standard normal distribution has between a and b,
// precise in both tails.
func normalMass(a, b float64) float64 {
	if b <= 0 {
		a, b = -b, -a
	}
	if a > 0 {
		return (math.Erfc(a/sqrt2) - math.Erfc(b/sqrt2)) / 2
	}
	return (math.Erf(b/sqrt2) - math.Erf(a/sqrt2)) / 2
}

func total(counts []float64) float64 {
	var sum float64
	for _, c := range counts {
		sum += c
	}
	return sum
}
