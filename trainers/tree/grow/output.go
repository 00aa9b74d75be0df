package grow

import "math"

// bounds are what the outputs below a node may be.
type bounds struct{ lower, upper float64 }

var unbounded = bounds{math.Inf(-1), math.Inf(1)}

// output returns what minimises the loss of n rows with these sums, before
// shrinkage: -G/(H+l2), G drawn towards 0 by L1; limited by MaxDeltaStep; drawn
// towards the parent's output by PathSmooth; limited by bounds. It is 0 where no
// hessian holds it.
func (c *Config) output(grad, hess float64, n int, l2, parent float64, b bounds) float64 {
	out := 0.0
	if t := soften(grad, c.L1); t != 0 && hess+l2 > 0 {
		out = -t / (hess + l2)
	}
	if c.MaxDeltaStep > 0 {
		out = min(max(out, -c.MaxDeltaStep), c.MaxDeltaStep)
	}
	if c.PathSmooth > 0 {
		w := float64(n) / c.PathSmooth
		out = float64(out*w)/(w+1) + parent/(w+1)
	}
	return min(max(out, b.lower), b.upper)
}

// soften draws a gradient towards 0.
func soften(grad, l1 float64) float64 {
	switch {
	case grad > l1:
		return grad - l1
	case grad < -l1:
		return grad + l1
	}
	return 0
}

// gain returns by how much rows with these sums lower the loss, twice, where
// their output is free to be the best.
func gain(grad, hess, l1, l2 float64) float64 {
	t := soften(grad, l1)
	return t * t / (hess + l2)
}

// gainGiven is gain for an output that need not be the best.
func gainGiven(grad, hess, out, l1, l2 float64) float64 {
	return -(float64(2*soften(grad, l1)*out) + float64((hess+l2)*out*out))
}

// output returns the output of a leaf below a node with that output.
func (g *Grower) output(l *leaf, parent float64) float64 {
	return g.c.output(g.scale.gradient(l.exact), g.scale.hessian(l.exact), l.count(), l.l2, parent, l.bounds)
}

// rootOutput returns the output of the root, which nothing draws anywhere.
func (g *Grower) rootOutput(l *leaf) float64 {
	c := g.c
	c.PathSmooth = 0
	return c.output(g.scale.gradient(l.exact), g.scale.hessian(l.exact), l.count(), l.l2, 0, l.bounds)
}

// outputs sets the sums, outputs and bounds of the two new leaves of a node.
// Below a split of a monotone feature, outputs of the two sides stay on their
// sides of the mean of the two.
func (g *Grower) outputs(parent, left, right *leaf) {
	if left.count() <= right.count() {
		left.exact = g.sumRows(g.rows[left.lo:left.hi])
		right.exact = sums{parent.exact.g - left.exact.g, parent.exact.h - left.exact.h}
	} else {
		right.exact = g.sumRows(g.rows[right.lo:right.hi])
		left.exact = sums{parent.exact.g - right.exact.g, parent.exact.h - right.exact.h}
	}
	left.output, right.output = g.output(left, parent.output), g.output(right, parent.output)
	f := &g.table.Features[parent.best.feature]
	if f.Monotone == 0 || f.Categorical {
		return
	}
	lower, upper := left, right
	if f.Monotone < 0 {
		lower, upper = right, left
	}
	mean := (left.output + right.output) / 2
	lower.bounds.upper, upper.bounds.lower = min(lower.bounds.upper, mean), max(upper.bounds.lower, mean)
	left.output, right.output = g.output(left, parent.output), g.output(right, parent.output)
}

// sumRows returns the exact sums of rows.
func (g *Grower) sumRows(rows []int32) sums {
	parts := make([]sums, (len(rows)+partRows-1)/partRows)
	g.pool.Do(len(parts), func(i int) {
		parts[i] = g.sumPart(rows[i*partRows : min((i+1)*partRows, len(rows))])
	})
	var s sums
	for _, p := range parts {
		s.g += p.g
		s.h += p.h
	}
	return s
}

// sumLeaves sets the exact sums of all leaves.
func (g *Grower) sumLeaves() {
	pieces := g.pieces()
	parts := make([]sums, len(pieces))
	g.pool.Do(len(pieces), func(i int) {
		parts[i] = g.sumPart(g.rows[pieces[i].lo:pieces[i].hi])
	})
	for i, p := range pieces {
		l := &g.leaves[p.leaf]
		l.exact.g += parts[i].g
		l.exact.h += parts[i].h
	}
}

// sumPart returns the exact sums of rows. Numbers are multiplied by a power of
// two, which is exact, and lose what is behind the point.
func (g *Grower) sumPart(rows []int32) (s sums) {
	grad, hess := g.in.Grad, g.in.Hess
	scaleG, scaleH := math.Ldexp(1, g.scale.exactG), math.Ldexp(1, g.scale.exactH)
	if hess != nil {
		hess = hess[:len(grad)]
	}
	for _, r := range rows {
		if g.position != nil {
			r = g.position[r]
		}
		s.g += int64(float64(grad[r]) * scaleG)
		if hess != nil && hess[r] > 0 {
			s.h += int64(float64(hess[r]) * scaleH)
		}
	}
	if hess == nil {
		s.h = int64(len(rows))
	}
	return s
}
