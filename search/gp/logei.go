package gp

import "math"

// The expected improvement of a normal value with mean μ and deviation σ over a
// best b is σ·h(z), z = (b-μ)/σ, h(z) = φ(z) + z·Φ(z). Far below the best all
// its terms vanish or cancel, while its logarithm stays a useful number (Ament
// et al. 2023, "Unexpected improvements to expected improvement").

const (
	logSqrt2Pi = 0.91893853320467274178 // log √(2π)
	tail       = -12                    // where the series of Mills' ratio begins
)

// logH returns log h(z) and its derivative Φ(z)/h(z).
func logH(z float64) (value, slope float64) {
	switch {
	case z > -1:
		cdf := 0.5 * math.Erfc(-z/math.Sqrt2)
		h := math.Exp(-0.5*z*z-logSqrt2Pi) + z*cdf
		return math.Log(h), cdf / h
	case z > tail:
		// h = φ·(1 - |z|·R), with Mills' ratio R = (1-Φ(|z|))/φ(z).
		r := mills(z)
		rest := 1 + z*r
		return math.Log(rest) - 0.5*z*z - logSqrt2Pi, r / rest
	}
	// R = 1/|z| · (1 - 1/z² + 3/z⁴ - 15/z⁶ …), so 1 - |z|·R = 1/z² · (1 - 3/z² …).
	inv := 1 / (z * z)
	term, ratio, rest := 1.0, 1.0, 0.0
	for k := 1; k <= 18; k++ {
		term *= -float64(2*k-1) * inv
		ratio += term
		rest -= term
	}
	return math.Log(rest) - 0.5*z*z - logSqrt2Pi, -ratio / (z * rest)
}

// mills returns (1-Φ(|z|))/φ(z) for z in (-37, 0].
func mills(z float64) float64 {
	return 0.5 * math.Erfc(-z/math.Sqrt2) * math.Exp(0.5*z*z+logSqrt2Pi)
}

// logPhi returns log Φ(z) and its derivative.
func logPhi(z float64) (value, slope float64) {
	switch {
	case z > -5:
		cdf := 0.5 * math.Erfc(-z/math.Sqrt2)
		return math.Log(cdf), math.Exp(-0.5*z*z-logSqrt2Pi) / cdf
	case z > -37:
		r := mills(z)
		return math.Log(r) - 0.5*z*z - logSqrt2Pi, 1 / r
	}
	inv := 1 / (z * z)
	r := -1 / z * (1 - inv*(1-3*inv*(1-5*inv*(1-7*inv))))
	return math.Log(r) - 0.5*z*z - logSqrt2Pi, 1 / r
}

// LogEI returns the logarithm of the expected improvement over best of a value
// with that mean and variance.
func LogEI(mean, variance, best float64) float64 {
	sd := math.Sqrt(variance)
	if sd == 0 {
		return math.Log(max(best-mean, 0))
	}
	v, _ := logH((best - mean) / sd)
	return v + math.Log(sd)
}
