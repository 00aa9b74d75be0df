package gp

import (
	"math/rand/v2"

	"tourney/search/axis"
)

// LogH is logH.
func LogH(z float64) (value, slope float64) { return logH(z) }

// Decay is decay.
func Decay(t float64) float64 { return decay(t) }

// LogPhi is logPhi.
func LogPhi(z float64) (value, slope float64) { return logPhi(z) }

// Process is a posterior with given hyperparameters.
type Process struct{ p *posterior }

// Condition returns the process of those hyperparameters, given values at points.
func Condition(axes []axis.Axis, theta []float64, scale, noise, bias float64, z [][]float64, y []float64) Process {
	return Process{condition(newGeometry(axes), kernel{theta, scale, noise, bias}, z, y)}
}

// Predict returns mean and variance at z.
func (p Process) Predict(z []float64) (mean, variance float64) { return p.p.predict(z) }

// Covariance returns k of two points.
func (p Process) Covariance(a, b []float64) float64 {
	c := newCloud(p.p.geometry, p.p.kernel, [][]float64{b})
	v := make([]float64, 1)
	c.covariances(a, v, nil)
	return v[0]
}

// LeaveOneOut returns what each value is foretold to be.
func (p Process) LeaveOneOut(y []float64) (mean, variance []float64) { return p.p.leaveOneOut(y) }

// Least returns the least mean at the points of the values.
func (p Process) Least(y []float64) float64 { return p.p.least(y) }

// Promise is an acquisition.
type Promise struct{ a *acquisition }

// Promise returns the acquisition of improvements on best with pending points,
// which do not fail as far as feasible, unless it is nil, says.
func (p Process) Promise(feasible *Process, best float64, pending [][]float64, rng *rand.Rand) Promise {
	var f *posterior
	if feasible != nil {
		f = feasible.p
	}
	a := newAcquisition(p.p, f, best)
	for _, z := range pending {
		a.extend(z, rng)
	}
	return Promise{a}
}

// Value returns the acquisition at z, and its gradient.
func (p Promise) Value(z []float64) (value float64, gradient []float64) {
	gradient = make([]float64, len(z))
	return p.a.value(z, gradient), gradient
}

// Plain returns the acquisition at z without its gradient.
func (p Promise) Plain(z []float64) float64 { return p.a.value(z, nil) }

// Likelihood is the log marginal likelihood of logarithms of hyperparameters,
// plus a log prior, which adds its gradient.
type Likelihood struct{ t *training }

// NewLikelihood returns the likelihood of values at points; a nil prior is ours.
func NewLikelihood(axes []axis.Axis, z [][]float64, y []float64, bias float64, prior func(p, gradient []float64) float64) Likelihood {
	t := newTraining(newGeometry(axes), z, y)
	t.bias = bias
	if prior != nil {
		t.prior = prior
	}
	return Likelihood{t}
}

// At returns the value at p and its gradient.
func (l Likelihood) At(p []float64) (value float64, gradient []float64) {
	gradient = make([]float64, len(p))
	return l.t.likelihood(p, gradient), gradient
}

// Best returns the largest value found.
func (l Likelihood) Best() float64 { return l.t.maximise(l.t.start()) }

// NoiseFloor is noiseFloor.
const NoiseFloor = noiseFloor

// Warped is warped.
func Warped(loss []float64) (y, logSlope []float64) { return warped(loss) }

// Factor returns the factor of a symmetric matrix as full rows, extended row by
// row from its first k, and the inverse.
func Factor(m [][]float64, k int) (l, inverse [][]float64, ok bool) {
	n := len(m)
	var packed []float64
	for i := range k {
		packed = append(packed, m[i][:i+1]...)
	}
	c, ok := factor(packed, k)
	if !ok {
		return nil, nil, false
	}
	for i := k; i < n; i++ {
		if !c.extend(m[i][:i], m[i][i]) {
			return nil, nil, false
		}
	}
	inv := c.inverse(nil, nil)
	for i := range n {
		l = append(l, append([]float64(nil), row(c.l, i)...))
		full := make([]float64, n)
		for j := range n {
			full[j] = row(inv, max(i, j))[min(i, j)]
		}
		inverse = append(inverse, full)
	}
	return l, inverse, true
}

// Minimise is a minimiser in a box.
func Minimise(f func(x, g []float64) float64, x, lo, hi []float64, iterations int) float64 {
	m := minimiser{lo: lo, hi: hi, iterations: iterations, tolerance: 1e-8, fall: 0}
	return m.minimise(f, x)
}
