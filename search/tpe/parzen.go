package tpe

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"tourney/search/axis"
)

// Notation of this file
//
//	n        kernels that stand for trials; kernel n, the last, is the prior
//	μ, σ     centre and width of a kernel on an axis
//	w        weight of a kernel; they add up to 1
//	u        a point of the unit cube, one coordinate for each axis of the space
//
// The density is Σₖ wₖ Πₐ Kₐₖ(uₐ): all axes of a point come from the same
// kernel (Falkner et al. 2018, BOHB; the rules for σ and w are those of
// Optuna 5). Kernels are affine-equivariant, so working in the unit cube gives
// Optuna's densities on the parameter's own scale up to the constant Jacobian.

// ramped is how many of the newest trials keep the whole weight.
const ramped = 25

// negligible is how far, in ln, a kernel may lie under the strongest one before
// it is lost in the rounding of the sum.
const negligible = 40

// parzen is a mixture of products of kernels over some axes of the space.
type parzen struct {
	cols  []column
	share []float64 // [n] weights before the ramp
	w     []float64 // [n+1]
	base  []float64 // [n+1]: ln w and the normalising constants of all columns
	acc   []float64 // [n+1] scratch
	dirty bool      // whether w and base are older than the kernels
}

// rules are what differs between densities.
type rules struct {
	numpy bool    // equal to the reference: ties as numpy breaks them, exact masses, even choices
	floor float64 // the least σ, of what the number of kernels gives
}

// newParzen returns the mixture for points, in the order in which they were
// proposed, with the weight of each before the ramp.
func newParzen(space []axis.Axis, nums []int, points [][]float64, share []float64, r rules) *parzen {
	p := &parzen{dirty: true, cols: make([]column, len(nums)), share: share}
	for i, num := range nums {
		c := &p.cols[i]
		c.num, c.axis, c.rules = num, &space[num], r
		c.fill(points)
	}
	return p
}

// kernels returns how many kernels stand for trials.
func (p *parzen) kernels() int { return len(p.share) }

// add puts one more kernel into the mixture, as the newest.
func (p *parzen) add(u []float64) {
	p.dirty = true
	p.share = append(p.share, 1)
	n := len(p.share)
	for i := range p.cols {
		c := &p.cols[i]
		if c.axis.Kind == axis.Choice {
			c.cell = append(c.cell, int32(c.axis.Cell(u[c.num])))
			continue
		}
		x := inside(u[c.num])
		c.mu[n-1] = x
		c.mu = append(c.mu, 0.5)
		if c.rules.numpy {
			c.order = append(c.order, 0)
			c.sort()
			continue
		}
		at, _ := slices.BinarySearchFunc(c.order, x, func(k int32, x float64) int {
			return cmp.Or(cmp.Compare(c.mu[k], x), -1) // behind its equals
		})
		c.order = slices.Insert(c.order, at, int32(n-1))
	}
}

// settle brings weights, widths and constants up to date with the kernels.
func (p *parzen) settle() {
	if !p.dirty {
		return
	}
	p.dirty = false
	n := len(p.share)
	p.weigh(n)
	p.acc = resize(p.acc, n+1)
	p.base = resize(p.base, n+1)
	for k, w := range p.w {
		p.base[k] = math.Log(w)
	}
	for i := range p.cols {
		c := &p.cols[i]
		if c.axis.Kind == axis.Choice {
			c.smooth(n)
			continue
		}
		c.widen(n)
		if c.axis.Kind == axis.Continuous {
			for k, v := range c.norm {
				p.base[k] += v
			}
		} else {
			c.classify()
		}
	}
}

// weigh lets the weights of all but the newest trials fall off in a line.
func (p *parzen) weigh(n int) {
	p.w = resize(p.w, n+1)
	sum := 1.0
	for k := range n {
		p.w[k] = p.share[k]
		if old := n - ramped; k < old {
			p.w[k] *= rampAt(k, old, n)
		}
		sum += p.w[k]
	}
	p.w[n] = 1
	for k := range p.w {
		p.w[k] /= sum
	}
}

// rampAt returns number k of `old` numbers evenly from 1/n to 1.
func rampAt(k, old, n int) float64 {
	first := 1 / float64(n)
	if old == 1 {
		return first
	}
	return first + float64(k)*((1-first)/float64(old-1))
}

// logDensity returns ln of the mixture's density at u, of Ordered and Choice
// axes the probability of the cell.
func (p *parzen) logDensity(u []float64) float64 {
	p.settle()
	copy(p.acc, p.base)
	for i := 0; i < len(p.cols); i++ {
		c := &p.cols[i]
		if c.axis.Kind == axis.Continuous && i+1 < len(p.cols) && p.cols[i+1].axis.Kind == axis.Continuous {
			i++
			applyTwo(p.acc, c, &p.cols[i], u)
			continue
		}
		c.apply(p.acc, u)
	}
	return logSumExp(p.acc)
}

// draw sets the coordinates of the mixture's axes that are NaN in u to a draw
// from the mixture, given the coordinates that are not NaN.
func (p *parzen) draw(rng *rand.Rand, u []float64) {
	p.settle()
	k := p.pick(rng, u)
	for i := range p.cols {
		if c := &p.cols[i]; math.IsNaN(u[c.num]) {
			u[c.num] = c.draw(rng, k)
		}
	}
}

// pick draws a kernel by its weight, times how well it fits to what is given.
func (p *parzen) pick(rng *rand.Rand, u []float64) int {
	weights := p.w
	given := false
	for i := range p.cols {
		c := &p.cols[i]
		if math.IsNaN(u[c.num]) {
			continue
		}
		if !given {
			given = true
			for k, w := range p.w {
				p.acc[k] = math.Log(w)
			}
		}
		c.apply(p.acc, u)
		if c.axis.Kind == axis.Continuous {
			for k, v := range c.norm {
				p.acc[k] += v
			}
		}
	}
	if given {
		top := greatest(p.acc)
		for k, v := range p.acc {
			p.acc[k] = math.Exp(v - top)
		}
		weights = p.acc
	}
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	r := rng.Float64() * sum
	for k, w := range weights {
		if r -= w; r < 0 {
			return k
		}
	}
	return len(weights) - 1
}

func logSumExp(v []float64) float64 {
	top := greatest(v)
	sum := 0.0
	for _, x := range v {
		if d := x - top; d > -negligible {
			sum += math.Exp(d)
		}
	}
	return top + math.Log(sum)
}

// greatest is slices.Max for numbers, which need no care for NaN.
func greatest(v []float64) float64 {
	top := math.Inf(-1)
	for _, x := range v {
		if x > top {
			top = x
		}
	}
	return top
}

// resize returns s with n elements; those that it had keep their values.
func resize[E any](s []E, n int) []E {
	return slices.Grow(s, max(n-len(s), 0))[:n]
}
