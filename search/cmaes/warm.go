package cmaes

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// bestTenth returns the best tenth of what did not fail, best first.
func bestTenth(start []Observation) []Observation {
	n := len(start) / 10
	best := make([]Observation, 0, len(start))
	for _, o := range start {
		if !math.IsNaN(o.Loss) && !math.IsInf(o.Loss, 0) {
			best = append(best, o)
		}
	}
	slices.SortStableFunc(best, func(a, b Observation) int { return cmp.Compare(a.Loss, b.Loss) })
	return best[:min(n, len(best))]
}

// warm estimates the first distribution from the best of earlier results, as
// WS-CMA-ES does: their mean, and their covariance with alpha² more on its
// diagonal. A choice gets its share of them, each with one draw more from what
// the axis says.
func (c *CMA) warm(best []Observation) {
	const alpha = 0.1
	n := len(c.numeric)
	rng := rand.New(rand.NewPCG(c.options.Seed, math.MaxUint64))
	points := make([][]float64, len(best))
	mean := make([]float64, n)
	for k, o := range best {
		points[k] = make([]float64, n)
		for i, number := range c.numeric {
			x := o.U[number]
			if math.IsNaN(x) { // it could have been anything
				x = rng.Float64()
			}
			points[k][i] = x
			mean[i] += x / float64(len(best))
		}
	}
	cov := make([]float64, n*n)
	for i := range n {
		for j := range n {
			for _, x := range points {
				cov[i*n+j] += (x[i] - mean[i]) * (x[j] - mean[j]) / float64(len(best))
			}
		}
		cov[i*n+i] += alpha * alpha
	}
	sigma := unitDeterminant(cov, n)
	c.begin(c.options.Population, mean, sigma, cov)
	for i, number := range c.choice {
		q := c.categorical.q[i]
		seen := 1.0
		for _, o := range best {
			if u := o.U[number]; !math.IsNaN(u) {
				q[c.axes[number].Cell(u)]++
				seen++
			}
		}
		for k := range q {
			q[k] /= seen
		}
	}
	c.categorical.keepMargin()
}

// unitDeterminant divides a covariance by a number so that its determinant is
// 1, and returns the root of the number: the step size.
func unitDeterminant(cov []float64, n int) float64 {
	if n == 0 {
		return 1
	}
	values, _ := eigen(cov, n)
	log := 0.0
	for _, v := range values {
		log += math.Log(v)
	}
	scale := math.Exp(log / float64(n))
	for i := range cov {
		cov[i] /= scale
	}
	return math.Sqrt(scale)
}
