package gp

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"

	"tourney/search/sobol"
)

// acquisition is how much a point promises: the logarithm of the expected
// improvement on what is observed and pending, plus the logarithm of the
// probability that it does not fail.
//
// Pending points have no values yet. Given draws ε of standard normal numbers,
// their values follow from the factor of the covariance, extended by a row for
// each; with v = L⁻¹·k(z), in draw e,
//
//	mean     v·(t, ε_e)
//	best     min(best observed mean, values of the pending points in draw e)
//
// Given the draw, the improvement by one more point is that of a normal value
// and has a closed form. Its mean over the draws is what the point adds to qEI
// (Ginsbourger et al. 2010; Ament et al. 2023 for the logarithm).
//
//	t      [draws][n+q]
//	best   [draws]
type acquisition struct {
	cloud    // observed, then pending
	l        cholesky
	t        [][]float64
	best     []float64
	epsilon  [][]float64 // ε, [draws][drawn]
	observed int
	margin   float64    // by which best must be improved on to count
	feasible *posterior // of labels +1 and -1; nil if nothing failed

	// Scratch.
	v, slopes, adjoint, logs, weight, gap []float64
	fv, fSlopes, fAdjoint                 []float64
}

const (
	draws = 64 // outcomes of the pending points that are weighed
	drawn = 32 // pending points whose outcomes are drawn evenly; more, at random
)

// newAcquisition weighs improvements on best.
func newAcquisition(p, feasible *posterior, best float64) *acquisition {
	return &acquisition{
		cloud: p.clone(), l: cholesky{p.l.n, slices.Clone(p.l.l)},
		t: [][]float64{slices.Clone(p.t)}, best: []float64{best}, observed: p.n, feasible: feasible,
	}
}

// extend adds a pending point. One whose value the others decide already is
// left out: it says nothing.
func (a *acquisition) extend(z []float64, rng *rand.Rand) {
	beside := make([]float64, a.n)
	a.covariances(z, beside, nil)
	if !a.l.extend(beside, a.prior()*(1+noiseFloor)) {
		return
	}
	a.add(z)
	if len(a.t) == 1 {
		a.epsilon = outcomes(rng)
		for range draws - 1 {
			a.t = append(a.t, slices.Clone(a.t[0]))
			a.best = append(a.best, a.best[0])
		}
	}
	r, q := row(a.l.l, a.n-1), a.n-a.observed-1
	for e := range draws {
		var eps float64
		if q < drawn {
			eps = a.epsilon[e][q]
		} else {
			eps = rng.NormFloat64()
		}
		a.t[e] = append(a.t[e], eps)
		a.best[e] = min(a.best[e], floats.Dot(r, a.t[e]))
	}
}

// outcomes returns standard normal numbers, [draws][drawn], spread evenly in
// each coordinate and jointly, as the points of a scrambled Sobol sequence are.
func outcomes(rng *rand.Rand) [][]float64 {
	points := sobol.New(drawn, rng.Uint64())
	out := make([][]float64, draws)
	for e := range out {
		out[e] = make([]float64, drawn)
		points.At(e, out[e])
		for j, u := range out[e] {
			out[e][j] = math.Sqrt2 * math.Erfinv(2*max(u, 1e-16)-1)
		}
	}
	return out
}

// sized returns a slice of length n, s itself if it is large enough.
func sized(s []float64, n int) []float64 {
	if cap(s) < n {
		s = make([]float64, n, n+n/2)
	}
	return s[:n]
}

// value returns the acquisition at z and, unless gradient is nil, writes its
// gradient in z, which is 0 for choices.
func (a *acquisition) value(z, gradient []float64) float64 {
	a.v = sized(a.v, a.n)
	if gradient != nil {
		a.slopes = sized(a.slopes, a.n)
		a.covariances(z, a.v, a.slopes)
	} else {
		a.covariances(z, a.v, nil)
	}
	a.l.forward(a.v)
	sd := math.Sqrt(max(a.prior()-floats.Dot(a.v, a.v), 1e-12*a.scale))
	a.logs, a.weight, a.gap = sized(a.logs, len(a.t)), sized(a.weight, len(a.t)), sized(a.gap, len(a.t))
	for e, t := range a.t {
		a.gap[e] = (a.best[e] - a.margin - floats.Dot(a.v, t)) / sd
		a.logs[e], a.weight[e] = logH(a.gap[e])
	}
	value := logMeanExp(a.logs) + math.Log(sd)
	if gradient != nil {
		a.slide(z, gradient, sd)
	}
	return value + a.feasibility(z, gradient)
}

// slide writes the gradient of the logarithm of the expected improvement: with
// gaps x_e and weights w_e of the draws,
//
//	d value = Σ w_e·(log h)'(x_e)·dx_e + dsd/sd
//	dx_e    = -(dv·t_e + x_e·dsd)/sd
//	dsd     = -v·dv/sd
func (a *acquisition) slide(z, gradient []float64, sd float64) {
	a.adjoint = sized(a.adjoint, a.n)
	for i := range a.adjoint {
		a.adjoint[i] = 0
	}
	top, sum := floats.Max(a.logs), 0.0
	for e := range a.logs {
		a.logs[e] = math.Exp(a.logs[e] - top)
		sum += a.logs[e]
	}
	dSD := 1 / sd
	for e, t := range a.t {
		w := a.logs[e] / sum * a.weight[e]
		floats.AddScaled(a.adjoint, -w/sd, t)
		dSD -= w * a.gap[e] / sd
	}
	floats.AddScaled(a.adjoint, -dSD/sd, a.v)
	a.l.backward(a.adjoint)
	floats.Mul(a.adjoint, a.slopes)
	for i := range gradient {
		gradient[i] = 0
	}
	a.addSlopes(gradient, z, a.adjoint)
}

// caution is how much the odds of success count against the improvement: 1
// would make the product the expected improvement, but a failure costs a trial
// and teaches less than a value.
const caution = 2

// feasibility returns the weighted logarithm of the probability that a training
// at z does not fail, and adds its gradient.
func (a *acquisition) feasibility(z, gradient []float64) float64 {
	p := a.feasible
	if p == nil {
		return 0
	}
	a.fv, a.fSlopes, a.fAdjoint = sized(a.fv, p.n), sized(a.fSlopes, p.n), sized(a.fAdjoint, p.n)
	p.covariances(z, a.fv, a.fSlopes)
	p.l.forward(a.fv)
	variance := p.spread(a.fv) + p.noise
	sd, mean := math.Sqrt(variance), floats.Dot(a.fv, p.t)
	value, slope := logPhi(mean / sd)
	if gradient == nil {
		return caution * value
	}
	for i := range a.fAdjoint {
		a.fAdjoint[i] = caution * slope / sd * (p.t[i] + mean/variance*a.fv[i])
	}
	p.l.backward(a.fAdjoint)
	floats.Mul(a.fAdjoint, a.fSlopes)
	p.addSlopes(gradient, z, a.fAdjoint)
	return caution * value
}

// logMeanExp returns the logarithm of the mean of the exponentials.
func logMeanExp(x []float64) float64 {
	top, sum := floats.Max(x), 0.0
	if len(x) == 1 || math.IsInf(top, -1) {
		return top
	}
	for _, v := range x {
		sum += math.Exp(v - top)
	}
	return top + math.Log(sum/float64(len(x)))
}
