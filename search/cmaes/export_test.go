package cmaes

import "slices"

// State is what the reference vectors show of a search.
type State struct {
	Mean, Cov, PathC, PathS, Stretch []float64
	Sigma                            float64
	Q                                [][]float64
	Spread                           float64
}

// State returns a copy of the state.
func (c *CMA) State() State {
	g := c.gaussian
	return State{
		Mean: slices.Clone(g.mean), Cov: slices.Clone(g.cov), PathC: slices.Clone(g.pathC), PathS: slices.Clone(g.pathS),
		Stretch: slices.Clone(c.margin.stretch), Sigma: g.sigma, Q: c.categorical.q, Spread: c.categorical.spread,
	}
}

// TellRaw tells a result whose place before rounding is known.
func (c *CMA) TellRaw(x []float64, loss float64) {
	c.pending = append(c.pending, result{step: c.gaussian.step(x), loss: loss})
	if len(c.pending) == c.strategy.lambda {
		c.update()
	}
}

// Restarts returns how many runs there have been before the current one, and
// its population.
func (c *CMA) Restarts() (count, lambda int) { return int(c.restarts.count), c.strategy.lambda }

// Eigenvalues are those of the covariance.
func (c *CMA) Eigenvalues() []float64 {
	out := slices.Clone(c.gaussian.scales)
	for i := range out {
		out[i] *= out[i]
	}
	return out
}

// Eigen is eigen.
func Eigen(a []float64, n int) (values, vectors []float64) { return eigen(a, n) }
