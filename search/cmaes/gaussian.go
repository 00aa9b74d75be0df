package cmaes

import "math"

// fullUpTo is the number of axes above which the covariance is kept diagonal:
// a full one has too many entries to be learned from what a sweep can afford.
const fullUpTo = 100

// strategy holds the constants of the tutorial's table 1.
//
//	lambda       population: how many results make one update
//	mu           how many of them, the best, move the mean
//	weights      [lambda], of the results from best to worst: the first mu are
//	             positive and sum to 1, the others are not
//	muEff        how many results the positive weights are worth
//	c1, cMu      learning rates of the covariance: rank one, rank mu
//	cC           decay of the path that the rank-one update follows
//	cSigma       decay of the path that the step size follows
//	dSigma       damping of the step size
//	chi          expected length of a normal vector
type strategy struct {
	lambda, mu           int
	weights              []float64
	muEff, c1, cMu       float64
	cC, cSigma, dSigma   float64
	chi                  float64
	historyLen, staleLen int // generations that the tests of restarts look back on
}

// population is the default population for a space of n axes.
func population(n int) int { return 4 + int(3*math.Log(float64(max(n, 1)))) }

// newStrategy returns the constants for n numeric axes.
func newStrategy(n, lambda int) strategy {
	s := strategy{lambda: lambda, mu: lambda / 2, weights: make([]float64, lambda)}
	var positive, squares, negative, negativeSquares float64
	for i := range s.weights {
		w := math.Log(float64(lambda+1)/2) - math.Log(float64(i+1))
		s.weights[i] = w
		if i < s.mu {
			positive, squares = positive+w, squares+w*w
		} else {
			negative, negativeSquares = negative+w, negativeSquares+w*w
		}
	}
	d := float64(max(n, 1))
	s.muEff = positive * positive / squares
	muEffNegative := negative * negative / negativeSquares
	s.c1 = 2 / ((d+1.3)*(d+1.3) + s.muEff)
	s.cMu = 2 * (s.muEff - 2 + 1/s.muEff) / ((d+2)*(d+2) + s.muEff)
	if n > fullUpTo { // Ros and Hansen 2008: fewer entries can learn faster
		s.c1 *= (d + 2) / 3
		s.cMu *= (d + 2) / 3
	}
	s.cMu = min(s.cMu, 1-s.c1-1e-8)
	alpha := min(1+s.c1/s.cMu, 1+2*muEffNegative/(s.muEff+2), (1-s.c1-s.cMu)/(d*s.cMu)) // equations 50 to 52
	below := 0.0
	for _, w := range s.weights {
		below += max(-w, 0)
	}
	above := 0.0
	for _, w := range s.weights {
		above += max(w, 0)
	}
	for i, w := range s.weights {
		if w >= 0 {
			s.weights[i] = w / above
		} else {
			s.weights[i] = alpha * w / below
		}
	}
	s.cSigma = (s.muEff + 2) / (d + s.muEff + 5)
	s.dSigma = 1 + 2*max(0, math.Sqrt((s.muEff-1)/(d+1))-1) + s.cSigma
	s.cC = (4 + s.muEff/d) / (d + 4 + 2*s.muEff/d)
	s.chi = math.Sqrt(d) * (1 - 1/(4*d) + 1/(21*d*d))
	s.historyLen = 10 + int(math.Ceil(30*d/float64(lambda)))
	s.staleLen = 120 + int(30*d/float64(lambda))
	return s
}

// gaussian is the distribution of the numeric axes: N(mean, sigma² cov).
//
//	cov            [n×n] row-major, or its diagonal [n]
//	basis, scales  its eigenvectors as columns [n×n], and the roots of its
//	               eigenvalues; basis is nil if cov is a diagonal
//	pathC, pathS   the paths of the rank-one update and of the step size
//	updates        how many there have been
type gaussian struct {
	n             int
	mean          []float64
	sigma         float64
	cov           []float64
	basis, scales []float64
	pathC, pathS  []float64
	updates       int
}

func newGaussian(mean []float64, sigma float64, cov []float64) *gaussian {
	n := len(mean)
	g := &gaussian{n: n, mean: mean, sigma: sigma, cov: cov, pathC: make([]float64, n), pathS: make([]float64, n)}
	switch {
	case n > fullUpTo && cov == nil:
		g.cov = make([]float64, n)
		for i := range g.cov {
			g.cov[i] = 1
		}
	case n > fullUpTo:
		g.cov = make([]float64, n)
		for i := range g.cov {
			g.cov[i] = cov[i*n+i]
		}
	case cov == nil:
		g.cov = identity(n)
	}
	g.decompose()
	return g
}

// diagonal reports whether only variances are kept.
func (g *gaussian) diagonal() bool { return g.n > fullUpTo }

// variance is the i-th entry of the covariance's diagonal.
func (g *gaussian) variance(i int) float64 {
	if g.diagonal() {
		return g.cov[i]
	}
	return g.cov[i*g.n+i]
}

// deviation is the standard deviation along axis i.
func (g *gaussian) deviation(i int) float64 { return g.sigma * math.Sqrt(g.variance(i)) }

// floor is the least eigenvalue of a covariance, as a share of the largest:
// what rounding and negative weights leave below it is lifted.
const floor = 1e-28

// decompose computes the eigenvectors, and keeps the covariance positive.
func (g *gaussian) decompose() {
	n := g.n
	values, vectors := g.cov, []float64(nil)
	if !g.diagonal() {
		values, vectors = eigen(g.cov, n)
	}
	largest := 0.0
	for _, v := range values {
		largest = max(largest, v)
	}
	g.basis, g.scales = vectors, make([]float64, n)
	lifted := false
	for i, v := range values {
		if !(v > floor*largest) {
			v = max(floor*largest, 1e-300)
			lifted = true
			values[i] = v
		}
		g.scales[i] = math.Sqrt(v)
	}
	if !lifted || g.diagonal() {
		return
	}
	for i := range n {
		for j := range n {
			sum := 0.0
			for k := range n {
				sum += vectors[i*n+k] * values[k] * vectors[j*n+k]
			}
			g.cov[i*n+j] = sum
		}
	}
}

// colour turns white noise z into a draw of N(0, cov).
func (g *gaussian) colour(z []float64) []float64 {
	n, y := g.n, make([]float64, g.n)
	if g.diagonal() {
		for i := range y {
			y[i] = g.scales[i] * z[i]
		}
		return y
	}
	for i := range y {
		for k := range n {
			y[i] += g.basis[i*n+k] * g.scales[k] * z[k]
		}
	}
	return y
}

// whiten returns cov^(-1/2) y.
func (g *gaussian) whiten(y []float64) []float64 {
	n, out := g.n, make([]float64, g.n)
	if g.diagonal() {
		for i := range out {
			out[i] = y[i] / g.scales[i]
		}
		return out
	}
	for k := range n {
		along := 0.0
		for i := range n {
			along += g.basis[i*n+k] * y[i]
		}
		along /= g.scales[k]
		for i := range n {
			out[i] += g.basis[i*n+k] * along
		}
	}
	return out
}

// step is a result as seen from the distribution: (x - mean) / sigma.
func (g *gaussian) step(x []float64) []float64 {
	y := make([]float64, g.n)
	for i := range y {
		y[i] = (x[i] - g.mean[i]) / g.sigma
	}
	return y
}

// update moves the distribution by the steps of one population, best first:
// equations 41 to 47 of the tutorial.
func (g *gaussian) update(s *strategy, steps [][]float64) {
	if g.n == 0 {
		return
	}
	g.updates++
	move := make([]float64, g.n)
	for k := range s.mu {
		for i, v := range steps[k] {
			move[i] += s.weights[k] * v
		}
	}
	for i, v := range move {
		g.mean[i] += g.sigma * v
	}
	ps := math.Sqrt(s.cSigma * (2 - s.cSigma) * s.muEff)
	for i, v := range g.whiten(move) {
		g.pathS[i] = (1-s.cSigma)*g.pathS[i] + ps*v
	}
	length := norm(g.pathS)
	g.sigma *= math.Exp(s.cSigma / s.dSigma * (length/s.chi - 1))

	// The rank-one path halts while the step size is growing fast.
	stall := 1.0
	if length/math.Sqrt(1-math.Pow(1-s.cSigma, float64(2*(g.updates+1)))) < (1.4+2/float64(g.n+1))*s.chi {
		stall = 0
	}
	pc := (1 - stall) * math.Sqrt(s.cC*(2-s.cC)*s.muEff)
	for i, v := range move {
		g.pathC[i] = (1-s.cC)*g.pathC[i] + pc*v
	}
	g.adapt(s, steps, stall*s.cC*(2-s.cC))
	g.decompose()
}

// adapt updates the covariance. A negative weight is scaled down for a long
// step, so that the covariance stays positive (equation 46).
func (g *gaussian) adapt(s *strategy, steps [][]float64, lost float64) {
	weights, sum := make([]float64, s.lambda), 0.0
	for k, w := range s.weights {
		sum += w
		if w < 0 {
			length := norm(g.whiten(steps[k]))
			w *= float64(g.n) / (length*length + 1e-8)
		}
		weights[k] = w
	}
	keep := 1 + s.c1*lost - s.c1 - s.cMu*sum
	entry := func(old float64, i, j int) float64 {
		v := keep*old + s.c1*g.pathC[i]*g.pathC[j]
		rank := 0.0
		for k, y := range steps {
			rank += weights[k] * y[i] * y[j]
		}
		return v + s.cMu*rank
	}
	for i := range g.n {
		if g.diagonal() {
			g.cov[i] = entry(g.cov[i], i, i)
			continue
		}
		for j := range i + 1 {
			v := entry(g.cov[i*g.n+j], i, j)
			g.cov[i*g.n+j], g.cov[j*g.n+i] = v, v
		}
	}
}

func norm(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x * x
	}
	return math.Sqrt(sum)
}
