package gp

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// posterior is a process that has seen values.
//
//	l   the factor of K + σ²I
//	t   L⁻¹·y, [n]: the mean at z is (L⁻¹·k(z))·t
type posterior struct {
	cloud
	l cholesky
	t []float64
}

// condition returns the process given values at points. Where rounding makes
// the covariance indefinite, the noise grows until it is not.
func condition(g geometry, k kernel, z [][]float64, y []float64) *posterior {
	c := newCloud(g, k, z)
	for {
		packed := make([]float64, len(z)*(len(z)+1)/2)
		for i := range z {
			r := row(packed, i)
			c.covariances(z[i], r[:i], nil)
			r[i] = c.prior() + c.noise
		}
		l, ok := factor(packed, len(z))
		if !ok {
			c.noise = max(10*c.noise, 1e-8*c.prior())
			continue
		}
		p := &posterior{cloud: c, l: l, t: slices.Clone(y)}
		l.forward(p.t)
		return p
	}
}

// predict returns mean and variance of the process, without noise, at z.
func (p *posterior) predict(z []float64) (mean, variance float64) {
	v := make([]float64, p.n)
	p.covariances(z, v, nil)
	p.l.forward(v)
	return floats.Dot(v, p.t), p.spread(v)
}

// spread returns the variance that is left at a point with that L⁻¹·k.
func (p *posterior) spread(v []float64) float64 {
	return max(p.prior()-floats.Dot(v, v), 1e-12*p.scale)
}

// alpha returns (K + σ²I)⁻¹·y.
func (p *posterior) alpha() []float64 {
	a := slices.Clone(p.t)
	p.l.backward(a)
	return a
}

// least returns the least posterior mean at the points of the values y.
func (p *posterior) least(y []float64) float64 {
	least := math.Inf(1)
	for i, a := range p.alpha() {
		least = min(least, y[i]-p.noise*a) // K·α = y - σ²·α
	}
	return least
}

// leaveOneOut returns, for each value, mean and variance of the observation
// there, given all others (Rasmussen & Williams 2006, equation 5.12).
func (p *posterior) leaveOneOut(y []float64) (mean, variance []float64) {
	inverse := p.l.inverse(nil, nil)
	mean, variance = p.alpha(), make([]float64, len(y))
	for i := range y {
		variance[i] = 1 / row(inverse, i)[i]
		mean[i] = y[i] - mean[i]*variance[i]
	}
	return mean, variance
}
