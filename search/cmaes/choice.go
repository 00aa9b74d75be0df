package cmaes

import (
	"math"
	"math/rand/v2"

	"tourney/search/axis"
)

// categorical is the distribution of the Choice axes, each independent of the
// others. It moves along the natural gradient, by a length that adapts to how
// well successive gradients agree (ASNG, Akimoto, Shirakawa, Yoshinari, Uchida,
// Saito and Nishida 2019).
//
//	q        [axes][cells] probabilities
//	least    [axes] below which no probability falls: the margin
//	path     sum of the gradients, whitened by the Fisher information
//	gamma    what the squared length of path would be for random gradients
//	spread   the inverse of the length of a step
type categorical struct {
	q      [][]float64
	least  []float64
	path   []float64
	gamma  float64
	spread float64
}

func newCategorical(axes []*axis.Axis) *categorical {
	c := &categorical{spread: 1}
	free := 0
	for _, a := range axes {
		q := make([]float64, a.Cells)
		for k := range q {
			lo, hi := a.Bounds(int64(k))
			q[k] = hi - lo
		}
		c.q = append(c.q, q)
		// With this margin, the best choice of all axes at once is still drawn
		// with probability 0.73 when all have settled on it.
		least := 0.0
		if len(q) > 1 {
			least = (1 - math.Pow(0.73, 1/float64(len(axes)))) / float64(len(q)-1)
			least = min(least, 1/float64(len(q)))
		}
		c.least = append(c.least, least)
		free += max(len(q)-1, 0)
	}
	c.path = make([]float64, free)
	c.keepMargin()
	return c
}

// draw returns a cell of axis i.
func (c *categorical) draw(i int, rng *rand.Rand) int {
	u, last := rng.Float64(), 0
	for k, p := range c.q[i] {
		if p > 0 {
			last = k
		}
		if u -= p; u < 0 {
			return k
		}
	}
	return last
}

// update moves the distribution by the cells of one population, best first,
// cells[k][i] on axis i.
func (c *categorical) update(s *strategy, cells [][]int) {
	if len(c.path) == 0 {
		return
	}
	gradient := make([][]float64, len(c.q))
	for i, q := range c.q {
		gradient[i] = make([]float64, len(q))
		for k := range s.mu {
			for cell, p := range q {
				hit := 0.0
				if cells[k][i] == cell {
					hit = 1
				}
				gradient[i][cell] += s.weights[k] * (hit - p)
			}
		}
	}
	white := c.whiten(gradient)
	length := norm(white) + 1e-30
	for i, q := range c.q {
		for cell := range q {
			q[cell] += gradient[i][cell] / (c.spread * length)
		}
	}
	beta := 1 / (c.spread * math.Sqrt(float64(len(c.path))))
	agree := 0.0
	for i, v := range white {
		c.path[i] = (1-beta)*c.path[i] + math.Sqrt(beta*(2-beta))*v/length
		agree += c.path[i] * c.path[i]
	}
	c.gamma = (1-beta)*(1-beta)*c.gamma + beta*(2-beta)
	// Not below what makes beta 1 in the next update.
	c.spread = max(c.spread*math.Exp(beta*(c.gamma-agree/1.5)), 1/math.Sqrt(float64(len(c.path))))
	c.keepMargin()
}

// whiten multiplies a gradient by the root of the Fisher information, in the
// free parameters: all cells of an axis but the last (appendix B of the paper).
func (c *categorical) whiten(gradient [][]float64) []float64 {
	white := make([]float64, 0, len(c.path))
	for i, q := range c.q {
		last := len(q) - 1
		sum := 0.0
		for _, g := range gradient[i][:last] {
			sum += g
		}
		for k, p := range q[:last] {
			white = append(white, gradient[i][k]/math.Sqrt(p)+math.Sqrt(p)*sum/(q[last]+math.Sqrt(q[last])))
		}
	}
	return white
}

// keepMargin lifts what is below the margin, and takes it from the others in
// proportion to what they have above it.
func (c *categorical) keepMargin() {
	for i, q := range c.q {
		sum := 0.0
		for k := range q {
			q[k] = max(q[k], c.least[i])
			sum += q[k]
		}
		if room := sum - c.least[i]*float64(len(q)); room > 0 {
			for k := range q {
				q[k] -= (sum - 1) * (q[k] - c.least[i]) / room
			}
		}
	}
}
