package tpe

import "math"

// Notation of this file
//
//	Φ, φ     distribution function and density of the standard normal
//	z        a standardised distance, (x−μ)/σ
//	mass     Φ(b) − Φ(a)

const (
	sqrt2     = math.Sqrt2
	logSqrtTP = 0.91893853320467274178032973640561764 // ln √(2π)
	wholeMass = 8.5                                   // from here on 1 − Φ(z) is lost in rounding
	farTail   = 37.0                                  // from here on Erfc is near its underflow
)

// logTail returns ln Φ(z) for z ≤ −37, by Abramowitz and Stegun (1964), 26.2.12:
// φ(z)/|z| · (1 − 1/z² + 3/z⁴ − …), whose sixth term is below 1e-15 there.
func logTail(z float64) float64 {
	v := 1 / (z * z)
	series := 1 - v*(1-3*v*(1-5*v*(1-7*v*(1-9*v))))
	return -0.5*z*z - logSqrtTP - math.Log(-z) + math.Log(series)
}

// logMass returns ln(Φ(b) − Φ(a)) for a < b.
func logMass(a, b float64) float64 {
	if a > 0 { // work in the lower tail, where small masses are exact
		a, b = -b, -a
	}
	if b > -farTail {
		if b > 0 { // 0 lies inside: nothing cancels
			return math.Log(0.5 * (math.Erf(b/sqrt2) - math.Erf(a/sqrt2)))
		}
		return math.Log(0.5 * (math.Erfc(-b/sqrt2) - math.Erfc(-a/sqrt2)))
	}
	lb := logTail(b)
	return lb + math.Log(-math.Expm1(logTail(a)-lb))
}

// logInside returns ln of the share of a normal that lies in the unit interval.
func logInside(mu, inv float64) float64 {
	a, b := mu*inv, (1-mu)*inv
	if a > wholeMass && b > wholeMass {
		return 0
	}
	return math.Log(0.5 * (math.Erf(b/sqrt2) + math.Erf(a/sqrt2)))
}
