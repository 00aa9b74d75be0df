package gp

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// lognormal is a prior on the logarithm of a hyperparameter.
type lognormal struct{ mean, sd float64 }

func (p lognormal) density(x float64) (value, slope float64) {
	t := (x - p.mean) / p.sd
	return -0.5 * t * t, -t / p.sd
}

// The priors are those under which a process still generalises in many
// dimensions: length-scales grow with √d (Hvarfner et al. 2024, "Vanilla
// Bayesian optimization performs great in high dimensions").
var (
	priorScale = lognormal{0, 1}
	priorNoise = lognormal{math.Log(1e-3), 2}
)

func priorTheta(d int) lognormal {
	return lognormal{-2 * math.Log(0.5*math.Sqrt(float64(d))), 2}
}

const (
	noiseFloor = 1e-6
	meanBias   = 1.0 // variance of the unknown mean of standardised values
)

// training is what the likelihood of hyperparameters is computed from. The
// parameters are the logarithms of θ, s and σ² in one vector, [d+2].
//
//	deltas   [n·(n-1)/2 · d], Δ of points i > j at (i·(i-1)/2 + j)·d
//	y        [n], the values
type training struct {
	n, d   int
	deltas []float64
	y      []float64
	prior  func(p, gradient []float64) float64

	k, corr, slope, kInv, scratch, alpha, theta []float64
	bias                                        float64
}

func newTraining(g geometry, z [][]float64, y []float64) *training {
	n, d := len(z), len(g.axes)
	t := &training{
		n: n, d: d, y: y, deltas: make([]float64, n*(n-1)/2*d), prior: mapPrior, bias: meanBias,
		k: make([]float64, n*(n+1)/2), corr: make([]float64, n*(n-1)/2), slope: make([]float64, n*(n-1)/2), kInv: make([]float64, n*(n+1)/2),
		scratch: make([]float64, n*n), alpha: make([]float64, n), theta: make([]float64, d),
	}
	at := 0
	for i := range n {
		for j := range i {
			g.delta(z[i], z[j], t.deltas[at:at+d])
			at += d
		}
	}
	return t
}

// mapPrior adds the slopes of the log-prior and returns its value.
func mapPrior(p, gradient []float64) float64 {
	d := len(p) - 2
	theta, sum := priorTheta(d), 0.0
	for i, x := range p {
		prior := theta
		switch i {
		case d:
			prior = priorScale
		case d + 1:
			prior = priorNoise
		}
		v, s := prior.density(x)
		sum += v
		gradient[i] += s
	}
	return sum
}

// likelihood returns the log marginal likelihood plus the log prior at the
// parameters, and writes its gradient (Rasmussen & Williams 2006, equations 2.30
// and 5.9); -Inf where the covariance is not positive definite.
func (t *training) likelihood(p, gradient []float64) float64 {
	n, d := t.n, t.d
	scale, noise := math.Exp(p[d]), math.Exp(p[d+1])
	for i := range d {
		t.theta[i] = math.Exp(p[i])
	}
	for i := range gradient {
		gradient[i] = 0
	}
	t.covariance(scale, noise+noiseFloor)
	c, ok := factor(t.k, n)
	if !ok {
		return math.Inf(-1)
	}
	copy(t.alpha, t.y)
	c.forward(t.alpha)
	value := -0.5*(floats.Dot(t.alpha, t.alpha)+c.logDet()) - float64(n)*logSqrt2Pi
	c.backward(t.alpha)
	t.kInv = c.inverse(t.scratch, t.kInv)
	// dL/dp = -1/2 tr((K⁻¹ - ααᵀ)·dK/dp), the symmetric parts once each.
	trace, signal, pair := 0.0, 0.0, 0
	for i := range n {
		ri, ai := row(t.kInv, i), t.alpha[i]
		trace += ri[i] - ai*ai
		for j := range i {
			w := ri[j] - ai*t.alpha[j]
			s := t.slope[pair]
			signal += w * t.corr[pair]
			floats.AddScaled(gradient[:d], -w*s*scale, t.deltas[pair*d:pair*d+d])
			pair++
		}
	}
	for i := range d {
		gradient[i] *= t.theta[i]
	}
	gradient[d] = -0.5*trace*scale - signal*scale
	gradient[d+1] = -0.5 * trace * noise
	return value + t.prior(p, gradient)
}

// covariance fills the covariance of the observations and what its slopes
// need.
func (t *training) covariance(scale, noise float64) {
	pair := 0
	for i := range t.n {
		r := row(t.k, i)
		for j := range i {
			r2 := floats.Dot(t.theta, t.deltas[pair*t.d:pair*t.d+t.d])
			t.corr[pair], t.slope[pair] = matern(r2)
			r[j] = scale*t.corr[pair] + t.bias
			pair++
		}
		r[i] = scale + t.bias + noise
	}
}

// start returns parameters at the centre of the prior.
func (t *training) start() []float64 {
	p := make([]float64, t.d+2)
	for i := range t.d {
		p[i] = priorTheta(t.d).mean
	}
	p[t.d], p[t.d+1] = priorScale.mean, priorNoise.mean
	return p
}

// maximise climbs from p, which it moves, and returns the value there.
func (t *training) maximise(p []float64) float64 {
	lo, hi := make([]float64, len(p)), make([]float64, len(p))
	for i := range p {
		lo[i], hi[i] = math.Log(1e-5), math.Log(1e5)
	}
	lo[t.d], hi[t.d] = math.Log(1e-3), math.Log(1e3)
	lo[t.d+1], hi[t.d+1] = math.Log(1e-8), math.Log(10)
	m := minimiser{lo: lo, hi: hi, iterations: 30, tolerance: 1e-2, fall: 1e-5}
	return -m.minimise(func(x, g []float64) float64 {
		v := -t.likelihood(x, g)
		floats.Scale(-1, g)
		return v
	}, p)
}

// asKernel returns the hyperparameters that parameters stand for.
func asKernel(p []float64) kernel {
	d := len(p) - 2
	k := kernel{theta: make([]float64, d), scale: math.Exp(p[d]), noise: math.Exp(p[d+1]) + noiseFloor, bias: meanBias}
	for i := range k.theta {
		k.theta[i] = math.Exp(p[i])
	}
	return k
}
