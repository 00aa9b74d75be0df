package grow

import (
	"math"

	"tourney/trainers/kernels"
)

// node is what the search for the best split of a leaf knows of it.
type node struct {
	g      *Grower
	leaf   *leaf
	direct bool // without a histogram, with exact counts
	plain  bool // gains need no outputs
	n      int
	sum    int64
	perRow float64 // rows for each unit of hessian
	unitG  float64 // what packed units are worth
	unitH  float64
	shift  float64 // the gain of the leaf as it is
	least  float64 // what the gains of two sides have to exceed
	lo, hi int64   // the left side's hessian has to be in here
	cuts   kernels.Cuts
}

// node prepares the search of a leaf.
func (g *Grower) node(l *leaf, direct bool) node {
	h := l.sum & lowHalf
	nd := node{
		g: g, leaf: l, direct: direct || h == 0, n: l.count(), sum: l.sum,
		plain:  !g.early && g.c.MaxDeltaStep <= 0,
		perRow: float64(l.count()) / float64(h),
		unitG:  math.Ldexp(1, -g.scale.g), unitH: math.Ldexp(1, -g.scale.h),
	}
	// Neither side may have less than this.
	weight := int64(math.Ceil(min(math.Ldexp(max(0, g.c.MinHessian), g.scale.h), 1<<40)))
	if g.c.L2 <= 0 {
		weight = max(1, weight)
	}
	nd.lo, nd.hi = weight, h-weight
	if !nd.direct {
		nd.lo = max(nd.lo, nd.firstOf(g.c.MinRows))
		nd.hi = min(nd.hi, nd.firstOf(nd.n-g.c.MinRows+1)-1)
	}
	grad, hess := nd.real(l.sum)
	if hess+g.c.L2 > 0 {
		if nd.plain {
			nd.shift = gain(grad, hess, g.c.L1, g.c.L2)
		} else {
			out := g.c.output(grad, hess, nd.n, g.c.L2, l.output, unbounded)
			nd.shift = gainGiven(grad, hess, out, g.c.L1, g.c.L2)
		}
	}
	nd.least = nd.shift + max(g.c.MinGain, math.Abs(nd.shift)*1e-12)
	nd.cuts = kernels.Cuts{Total: nd.sum, Lo: nd.lo, Hi: nd.hi, UnitG: nd.unitG, UnitH: nd.unitH, L1: g.c.L1, L2: g.c.L2}
	return nd
}

// real returns the gradient and hessian of a packed sum.
func (nd *node) real(sum int64) (grad, hess float64) {
	return float64(sum>>32) * nd.unitG, float64(sum&lowHalf) * nd.unitH
}

// estimate returns how many rows have a packed sum, where they are not counted.
func (nd *node) estimate(sum int64) int { return int(float64(float64(sum&lowHalf)*nd.perRow) + 0.5) }

// firstOf returns the least hessian for which estimate is at least n.
func (nd *node) firstOf(n int) int64 {
	lo, hi := int64(0), nd.sum&lowHalf+1
	for lo < hi {
		if mid := (lo + hi) / 2; nd.estimate(mid) >= n {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// allowed reports whether a leaf may be split with this on the left.
func (nd *node) allowed(left int64, rows int) bool {
	if h := left & lowHalf; h < nd.lo || h > nd.hi {
		return false
	}
	return !nd.direct || rows >= nd.g.c.MinRows && nd.n-rows >= nd.g.c.MinRows
}

// gain returns the gain of the two sides of a split, and false if the split
// breaks the order that a monotone feature asks for.
func (nd *node) gain(left int64, rows int, l2 float64, monotone int8) (float64, bool) {
	c := &nd.g.c
	gl, hl := nd.real(left)
	gr, hr := nd.real(nd.sum - left)
	if nd.plain {
		return gain(gl, hl, c.L1, l2) + gain(gr, hr, c.L1, l2), true
	}
	parent, b := nd.leaf.output, nd.leaf.bounds
	outL := c.output(gl, hl, rows, l2, parent, b)
	outR := c.output(gr, hr, nd.n-rows, l2, parent, b)
	if monotone > 0 && outL > outR || monotone < 0 && outL < outR {
		return 0, false
	}
	return gainGiven(gl, hl, outL, c.L1, l2) + gainGiven(gr, hr, outR, c.L1, l2), true
}
