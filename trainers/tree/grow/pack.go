package grow

import (
	"math"
	"math/bits"

	"tourney/trainers/kernels"
)

// A packed sum has the sum of rounded gradients in its upper 32 bits and that
// of rounded hessians, which is never negative, in its lower 32. One addition
// adds both: as neither overflows, no carry passes from one to the other.
const lowHalf = 1<<32 - 1

// scale says by which powers of two gradients and hessians are multiplied
// before they are rounded to integers: g and h in packed sums, exactG and
// exactH in the sums that outputs are made from.
type scale struct {
	g, h           int
	exactG, exactH int
	constant       bool // all hessians are 1, in packed sums too: they count rows
}

// sums are exact sums of the gradients and hessians of rows.
type sums struct{ g, h int64 }

func (s *scale) gradient(x sums) float64 { return math.Ldexp(float64(x.g), -s.exactG) }
func (s *scale) hessian(x sums) float64  { return math.Ldexp(float64(x.h), -s.exactH) }

// fit returns the power of two that brings numbers up to m, which is finite and
// not negative, to at most limit after rounding up.
func fit(m float32, limit int64) int {
	if m == 0 || limit < 1 {
		return 0
	}
	f, e := math.Frexp(float64(m))
	if f == 0.5 {
		e-- // m is the power of two itself
	}
	return bits.Len64(uint64(limit)) - 1 - e
}

// partRows is how many rows a task takes where rows are passed through once.
const partRows = 1 << 14

// pack rounds the gradients of the sampled rows and returns the sum of all. It
// finds out whether all are finite.
func (g *Grower) pack() (total int64) {
	m := int64(len(g.rows))
	g.finite = true
	if m == 0 {
		return 0
	}
	parts := (len(g.rows) + partRows - 1) / partRows
	maxG, maxH := make([]uint32, parts), make([]uint32, parts)
	g.pool.Do(parts, func(i int) {
		maxG[i], maxH[i] = g.largest(i*partRows, min((i+1)*partRows, len(g.rows)))
	})
	var largestG, largestH uint32
	for i := range parts {
		largestG, largestH = max(largestG, maxG[i]), max(largestH, maxH[i])
	}
	if largestG >= infinite || largestH >= infinite {
		g.finite = false
		return 0
	}
	top, h := math.Float32frombits(largestG), math.Float32frombits(largestH)
	g.scale = scale{
		g: fit(top, math.MaxInt32/m), h: fit(h, math.MaxUint32/m),
		exactG: fit(top, (1<<62)/m), exactH: fit(h, (1<<62)/m),
	}
	if g.in.Hess == nil {
		g.scale.h, g.scale.exactH, g.scale.constant = 0, 0, true
	}
	totals := make([]int64, parts)
	g.pool.Do(parts, func(i int) {
		totals[i] = g.round(i*partRows, min((i+1)*partRows, len(g.rows)))
	})
	for _, t := range totals {
		total += t
	}
	return total
}

// largest returns the bits of the largest gradient and hessian of some rows,
// without sign; those of what is not finite are above all others. A hessian
// below 0 counts as 0.
func (g *Grower) largest(lo, hi int) (grad, hess uint32) {
	if g.in.Sample == nil {
		grad, _ = kernels.Largest(g.in.Grad[lo:hi])
		if g.in.Hess != nil {
			hess = finitePart(kernels.Largest(g.in.Hess[lo:hi]))
		}
		return grad, hess
	}
	var abs, positive uint32
	for _, p := range g.in.Sample[lo:hi] {
		grad = max(grad, math.Float32bits(g.in.Grad[p])&(1<<31-1))
		if g.in.Hess != nil {
			b := math.Float32bits(g.in.Hess[p])
			abs, positive = max(abs, b&(1<<31-1)), max(positive, uint32(max(0, int32(b))))
		}
	}
	return grad, finitePart(abs, positive)
}

const infinite = 0xff << 23 // the bits of infinity

func finitePart(abs, positive uint32) uint32 {
	if abs >= infinite {
		return abs
	}
	return positive
}

// round packs the gradients of some rows and returns their sum.
func (g *Grower) round(lo, hi int) (total int64) {
	in := &g.in
	scaleG, scaleH := math.Ldexp(1, g.scale.g+16), math.Ldexp(1, g.scale.h+16)
	seed := uint32(in.Rounding ^ in.Rounding>>32)
	if in.Sample == nil && g.at == nil {
		var hess []float32
		if in.Hess != nil {
			hess = in.Hess[lo:hi]
		}
		return kernels.PackGradients(g.gh[lo:hi], in.Grad[lo:hi], hess, scaleG, scaleH, seed, uint32(lo))
	}
	for i := lo; i < hi; i++ {
		p, h := int32(i), float32(0)
		if in.Sample != nil {
			p = in.Sample[i]
		}
		if in.Hess != nil {
			h = in.Hess[p]
		}
		v := kernels.PackGradient(in.Grad[p], h, scaleG, scaleH, seed, uint32(p))
		if in.Hess == nil {
			v++
		}
		number := p
		if g.at != nil {
			number = g.at[p]
		}
		g.gh[number] = v
		total += v
	}
	return total
}
