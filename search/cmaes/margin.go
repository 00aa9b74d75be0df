package cmaes

import (
	"math"
	"math/rand/v2"

	"tourney/search/axis"
)

// margin keeps the distribution from settling on one cell of a lattice: the
// cells on either side of the mean's keep a probability (Hamano et al. 2022,
// section 4). For that the mean is moved, and what is drawn is stretched about
// it before it is rounded; step size and covariance stay as they are.
//
//	axes     [n] the numeric axes
//	stretch  [n] factors; 1 on axes without cells
//	least    the probability
type margin struct {
	axes    []*axis.Axis
	stretch []float64
	least   float64
}

func newMargin(axes []*axis.Axis, lambda int) *margin {
	m := &margin{axes: axes, stretch: make([]float64, len(axes)), least: 1 / float64(max(len(axes), 1)*lambda)}
	for i := range m.stretch {
		m.stretch[i] = 1
	}
	return m
}

// stepped reports whether axis i has cells to tell apart.
func (m *margin) stepped(i int) bool { return m.axes[i].Kind == axis.Ordered && m.axes[i].Cells > 1 }

// correct moves the mean and the stretch of each lattice to where the margin
// is kept.
func (m *margin) correct(g *gaussian) {
	for i := range m.axes {
		if m.stepped(i) {
			g.mean[i], m.stretch[i] = m.corrected(i, g.mean[i], g.deviation(i))
		}
	}
}

func (m *margin) corrected(i int, mean, deviation float64) (newMean, stretch float64) {
	stretch = m.stretch[i]
	low, up := m.limits(i, mean)
	spread := deviation * stretch
	below, above := normal((low-mean)/spread), normal((mean-up)/spread)
	if max(below, above) > 0.5 { // in the first or last cell: leaving it is one way only
		if min(below, above) < m.least {
			return up + math.Copysign(spread*-quantile(m.least), mean-up), stretch
		}
		return mean, stretch
	}
	half := m.least / 2
	if min(below, above) >= half {
		return mean, stretch
	}
	inside := 1 - below - above
	below, above = max(below, half), max(above, half)
	surplus := (1 - below - above - inside) / (below + inside + above - 3*half)
	below = min(max(below+surplus*(below-half), 1e-10), 0.5-1e-10)
	above = min(max(above+surplus*(above-half), 1e-10), 0.5-1e-10)
	// The mean and the stretch at which these are the probabilities.
	zBelow, zAbove := -quantile(below), -quantile(above)
	stretch = (up - low) / ((zBelow + zAbove) * deviation)
	return (low*zAbove + up*zBelow) / (zBelow + zAbove), stretch
}

// limits are the inner edges of the cell that holds x; of the first and the
// last cell, twice its one inner edge.
func (m *margin) limits(i int, x float64) (low, up float64) {
	a := m.axes[i]
	cell := a.Cell(x)
	low, up = a.Bounds(cell)
	switch cell {
	case 0:
		low = up
	case a.Cells - 1:
		up = low
	}
	return low, up
}

// rounded returns the cell's middle for what was drawn on a lattice.
func (m *margin) rounded(i int, x, mean float64) float64 {
	return m.axes[i].Snap((x-mean)*m.stretch[i] + mean)
}

// unrounded draws what may have been drawn on axis i when its cell came out as
// the one that holds u: all that a result tells. The cells at the ends reach to
// infinity. NaN, a parameter without a part in the trial, may stand for all.
func (m *margin) unrounded(i int, u float64, g *gaussian, rng *rand.Rand) float64 {
	mean, deviation := g.mean[i], g.deviation(i)
	lo, hi := math.Inf(-1), math.Inf(1)
	if !math.IsNaN(u) && m.stepped(i) {
		a := m.axes[i]
		cell := a.Cell(u)
		from, to := a.Bounds(cell)
		if cell > 0 {
			lo = (from - mean) / m.stretch[i] / deviation
		}
		if cell < a.Cells-1 {
			hi = (to - mean) / m.stretch[i] / deviation
		}
	}
	return mean + deviation*truncated(rng, lo, hi)
}

// truncated draws a standard normal that lies between two limits.
func truncated(rng *rand.Rand, lo, hi float64) float64 {
	if lo > 0 { // the lower tail has the finer floats
		return -truncated(rng, -hi, -lo)
	}
	if hi < -8 { // so far out, the tail falls as an exponential does
		return max(hi-rng.ExpFloat64()/-hi, lo)
	}
	p, q := normal(lo), normal(hi)
	return min(max(quantile(p+(q-p)*rng.Float64()), lo), hi)
}

// normal is the standard normal's distribution function.
func normal(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

// quantile is the inverse of normal.
func quantile(p float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*p) }
