package tpe

import (
	"math"
	"math/rand/v2"

	"tourney/search/axis"
)

// column is what a mixture knows of one axis.
type column struct {
	num   int // of the axis in the space
	axis  *axis.Axis
	rules rules

	// Continuous and Ordered axes.
	mu, sigma, inv, norm []float64 // [n+1]; norm = −ln(σ √2π · share inside the unit interval)
	order                []int32   // [n] kernels by μ, equals by number
	class                []int32   // [n+1], Ordered: kernels with the same μ and σ share one
	classes              []int32   // a kernel of each class
	masses               []massRow // Ordered: ln mass of the cells that were asked for

	// Choice axes.
	cell      []int32 // [n]
	logOther  []float64
	logSame   []float64
	logAlways []float64 // of the prior
	row       []float64 // scratch
}

// massRow holds ln of the mass that each class of kernels has in a cell.
type massRow struct {
	cell int64
	log  []float64
}

func (c *column) fill(points [][]float64) {
	n := len(points)
	if c.axis.Kind == axis.Choice {
		c.cell = make([]int32, n, n+n/8+1)
		for k, u := range points {
			c.cell[k] = int32(c.axis.Cell(u[c.num]))
		}
		return
	}
	c.mu = make([]float64, n+1, n+n/8+2)
	c.order = make([]int32, n, n+n/8+1)
	for k, u := range points {
		c.mu[k] = inside(u[c.num])
	}
	c.mu[n] = 0.5
	c.sort()
}

// sort brings the kernels into order from scratch.
func (c *column) sort() {
	if c.rules.numpy {
		asNumpy(c.mu, c.order)
	} else {
		byValue(c.mu, c.order)
	}
}

// inside moves a coordinate into the range, where kernels must be.
func inside(x float64) float64 {
	if math.IsNaN(x) {
		return 0.5
	}
	return min(max(x, 0), 1)
}

// widen sets each kernel's width to the larger gap to its neighbours, within
// bounds. Constants are computed anew only where the width changed.
func (c *column) widen(n int) {
	known := len(c.sigma) - 1 // kernels whose constants are there
	c.sigma, c.inv, c.norm = resize(c.sigma, n+1), resize(c.inv, n+1), resize(c.norm, n+1)
	least := c.rules.floor / math.Min(100, float64(n+2))
	logLeast := math.Log(least) // of most kernels, when there are many
	for i, k := range c.order {
		var left, right float64 // no gap to an end of the range, unless alone
		if i > 0 {
			left = c.mu[k] - c.mu[c.order[i-1]]
		} else if n == 1 {
			left = c.mu[k]
		}
		if i < n-1 {
			right = c.mu[c.order[i+1]] - c.mu[k]
		} else if n == 1 {
			right = 1 - c.mu[k]
		}
		s := min(max(left, right, least), 1)
		if int(k) >= known || s != c.sigma[k] {
			c.sigma[k], c.inv[k] = s, 1/s
			logS := logLeast
			if s != least {
				logS = math.Log(s)
			}
			c.norm[k] = -logS - logSqrtTP - logInside(c.mu[k], 1/s)
		}
	}
	c.sigma[n], c.inv[n] = 1, 1
	c.norm[n] = -logSqrtTP - logInside(0.5, 1)
}

// classify finds the kernels that are the same on a lattice: on a small one
// there are few, and what is computed for one serves all.
func (c *column) classify() {
	n := len(c.order)
	c.class = resize(c.class, n+1)
	c.classes = c.classes[:0]
	c.masses = c.masses[:0]
	run := 0 // the first class with the centre at hand
	for i, k := range c.order {
		if i > 0 && c.mu[k] != c.mu[c.order[i-1]] {
			run = len(c.classes)
		}
		c.class[k] = -1
		for j := run; j < len(c.classes); j++ {
			if c.sigma[c.classes[j]] == c.sigma[k] {
				c.class[k] = int32(j)
				break
			}
		}
		if c.class[k] < 0 {
			c.class[k] = int32(len(c.classes))
			c.classes = append(c.classes, k)
		}
	}
	c.class[n] = int32(len(c.classes))
	c.classes = append(c.classes, int32(n))
}

// smooth computes the kernels of a choice: one for the choice seen, plus the
// prior's share of one trial.
func (c *column) smooth(n int) {
	cells := int(c.axis.Cells)
	c.logSame, c.logOther, c.logAlways = resize(c.logSame, cells), resize(c.logOther, cells), resize(c.logAlways, cells)
	kernels := float64(n + 1)
	for i := range cells {
		prior := 1 / float64(cells)
		if c.axis.Edges != nil && !c.rules.numpy {
			lo, hi := c.axis.Bounds(int64(i))
			prior = hi - lo
		}
		each := prior * float64(cells) / kernels
		whole := math.Log(1 + float64(cells)/kernels)
		c.logSame[i] = math.Log(1+each) - whole
		c.logOther[i] = math.Log(each) - whole
		c.logAlways[i] = math.Log(prior)
	}
}

// apply adds ln of the column's kernels at u to acc. For Continuous axes only
// what depends on u: base has the rest.
func (c *column) apply(acc, u []float64) {
	x := u[c.num]
	switch c.axis.Kind {
	case axis.Continuous:
		mu, inv := c.mu[:len(acc)], c.inv[:len(acc)]
		for k := range acc {
			z := (x - mu[k]) * inv[k]
			acc[k] -= 0.5 * z * z
		}
	case axis.Ordered:
		row := c.massesOf(c.axis.Cell(x))
		class := c.class[:len(acc)]
		for k := range acc {
			acc[k] += row[class[k]]
		}
	case axis.Choice:
		cell := c.axis.Cell(x)
		other := c.logOther[cell]
		c.row = resize(c.row, len(c.logOther))
		for i := range c.row {
			c.row[i] = other
		}
		c.row[cell] = c.logSame[cell]
		for k, have := range c.cell {
			acc[k] += c.row[have]
		}
		acc[len(c.cell)] += c.logAlways[cell]
	}
}

// applyTwo is apply for two Continuous columns at once, which reads and writes
// acc once only. It is most of the work of a proposal.
func applyTwo(acc []float64, c, d *column, u []float64) {
	x, y := u[c.num], u[d.num]
	n := len(acc)
	mu, inv, nu, jnv := c.mu[:n], c.inv[:n], d.mu[:n], d.inv[:n]
	for k := range acc {
		z, w := (x-mu[k])*inv[k], (y-nu[k])*jnv[k]
		acc[k] -= 0.5 * (z*z + w*w)
	}
}

// massesOf returns ln of each class's mass in a cell.
func (c *column) massesOf(cell int64) []float64 {
	for i := range c.masses {
		if c.masses[i].cell == cell {
			return c.masses[i].log
		}
	}
	if len(c.masses) < cap(c.masses) {
		c.masses = c.masses[:len(c.masses)+1] // has a row from before
	} else {
		c.masses = append(c.masses, massRow{})
	}
	row := &c.masses[len(c.masses)-1]
	row.cell, row.log = cell, resize(row.log, len(c.classes))
	lo, hi := c.axis.Bounds(cell)
	middle, width := lo+(hi-lo)/2, hi-lo
	logWidth := math.Log(width)
	for j, k := range c.classes {
		mu, inv := c.mu[k], c.inv[k]
		if width*inv < narrow && !c.rules.numpy {
			z := (middle - mu) * inv
			row.log[j] = logWidth + c.norm[k] - 0.5*z*z + slope(width*inv, z)
			continue
		}
		row.log[j] = logMass((lo-mu)*inv, (hi-mu)*inv) - logInside(mu, inv)
	}
	return row.log
}

// narrow is the width of a cell, in σ, under which its mass is taken as its
// width times the density in its middle times what slope says.
const narrow = 0.2

// slope returns ln of the mean of φ over a cell of width w around z, as a
// multiple of φ(z), to 1e-4 for w under narrow: ln(sinh(h)/h) − w²/24 with
// h = wz/2.
func slope(w, z float64) float64 {
	h := math.Abs(w * z / 2)
	hh := h * h
	bend := hh/6 - hh*hh/180 + hh*hh*hh/2835
	if h > 1 {
		bend = h - math.Log(2*h) + math.Log1p(-math.Exp(-2*h))
	}
	return bend - w*w/24
}

// draw returns a coordinate drawn from kernel k.
func (c *column) draw(rng *rand.Rand, k int) float64 {
	if c.axis.Kind == axis.Choice {
		return c.axis.Middle(c.drawChoice(rng, k))
	}
	// At least a third of each kernel lies in the unit interval, so few draws
	// are thrown away.
	for {
		if x := c.mu[k] + c.sigma[k]*rng.NormFloat64(); x >= 0 && x < 1 {
			return c.axis.Snap(x)
		}
	}
}

func (c *column) drawChoice(rng *rand.Rand, k int) int64 {
	r := rng.Float64()
	for i := range c.logAlways {
		switch {
		case k == len(c.cell):
			r -= math.Exp(c.logAlways[i])
		case c.cell[k] == int32(i):
			r -= math.Exp(c.logSame[i])
		default:
			r -= math.Exp(c.logOther[i])
		}
		if r < 0 {
			return int64(i)
		}
	}
	return c.axis.Cells - 1
}
