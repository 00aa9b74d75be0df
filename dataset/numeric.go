package dataset

import "math"

// The elementary functions that features are made by. The standard library's
// have other bits on other processors; these have the same everywhere, since
// products are converted before they are added.

const (
	ln2Hi = 0x1.62e42fefa38p-1 // its product with an exponent is exact
	ln2Lo = 0.693147180559945309417232121458176568 - ln2Hi
)

// log1p returns the natural logarithm of 1+x, x at least 0, within four units
// in the last place.
func log1p(x float64) float64 {
	if x < math.Sqrt2-1 {
		return artanh(x / (2 + x))
	}
	if math.IsInf(x, 1) || math.IsNaN(x) {
		return x
	}
	return logarithm(1 + x)
}

// logarithm returns the natural logarithm of a finite x above 0.
func logarithm(x float64) float64 {
	m, e := math.Frexp(x) // 1/2 ≤ m < 1
	if m < math.Sqrt2/2 {
		m *= 2
		e--
	}
	n := float64(e)
	low := artanh((m-1)/(m+1)) + float64(n*ln2Lo)
	return float64(n*ln2Hi) + low
}

// artanh returns 2·artanh(s) = 2(s + s³/3 + s⁵/5 + …), |s| at most 0.1716.
func artanh(s float64) float64 {
	z := float64(s * s)
	r := 0.0
	for k := 23; k >= 3; k -= 2 {
		r = float64((r + 2/float64(k)) * z)
	}
	return 2*s + float64(s*r)
}

// signedLog is sign(x)·log(1+|x|), which brings values of all sizes together
// and keeps their order.
func signedLog(x float64) float64 { return math.Copysign(log1p(math.Abs(x)), x) }

// normalQuantile returns the x below which a standard normal variable is with
// probability p, for p from 1e-11 to 1-1e-11: Wichura's algorithm AS 241
// (Applied Statistics 37, 1988, PPND16), right to about 16 digits.
func normalQuantile(p float64) float64 {
	q := p - 0.5
	if math.Abs(q) <= 0.425 {
		r := 0.180625 - float64(q*q)
		return q * ratio(r, as241A[:], as241B[:])
	}
	r := math.Sqrt(-logarithm(min(p, 1-p))) - 1.6
	return math.Copysign(ratio(r, as241C[:], as241D[:]), q)
}

// ratio returns the quotient of two polynomials, the constant first.
func ratio(x float64, over, under []float64) float64 {
	return horner(x, over) / horner(x, under)
}

func horner(x float64, c []float64) float64 {
	sum := 0.0
	for i := len(c) - 1; i >= 0; i-- {
		sum = float64(sum*x) + c[i]
	}
	return sum
}

// The coefficients of AS 241 for the middle and for the tails.
var (
	as241A = [...]float64{3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3}
	as241B = [...]float64{1, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3}
	as241C = [...]float64{1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4}
	as241D = [...]float64{1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9}
)
