package kernels

import "math"

// The elementary functions. Coefficients are those of the Taylor series of exp
// and of the area hyperbolic tangent: on the short ranges to which arguments
// are reduced they are good enough, and they can be checked by eye. Bounds of
// the errors are measured in elementary_test.go.

const (
	log2e = 1.44269504088896340735992468100189214

	// ln2Hi has so few bits that its product with an exponent is exact.
	ln2Hi = 0x1.62e4p-1
	ln2Lo = 0.693147180559945309417232121458176568 - ln2Hi

	// toInt rounds a float32 below 2^22 to a whole number, ties to even, when
	// it is added and taken off again.
	toInt = 0x1.8p23

	expMax = 88.7228390520683    // above, exp overflows float32
	expMin = -103.97207708399179 // below, exp rounds to 0

	// sqrtHalf is the bits of the float32 next to the root of one half.
	sqrtHalf = 0x3f3504f3
)

// Exp returns e^x, within one unit in the last place. It is 0 and +Inf where
// float32 ends, and NaN for NaN.
func Exp(x float32) float32 {
	switch {
	case x > expMax:
		return float32(math.Inf(1))
	case x < expMin:
		return 0
	case x != x:
		return x
	}
	// x = n·ln 2 + r with |r| ≤ ln 2 / 2.
	n := float32(float32(x*log2e)+toInt) - toInt
	s0 := float64(float64(n)*-ln2HiF) + float64(x)
	r := float64(float32(s0))
	s1 := float64(float64(n)*-ln2LoF) + r
	r = float64(float32(s1))
	s2 := float64(exp7*r) + exp6
	s3 := float64(float64(float32(s2))*r) + exp5
	s4 := float64(float64(float32(s3))*r) + exp4
	s5 := float64(float64(float32(s4))*r) + exp3
	s6 := float64(float64(float32(s5))*r) + 0.5
	s7 := float64(float64(float32(s6))*r) + 1
	s8 := float64(float64(float32(s7))*r) + 1
	p := float32(s8)
	if rare(s0) || rare(s1) || rare(s2) || rare(s3) || rare(s4) || rare(s5) || rare(s6) || rare(s7) || rare(s8) {
		p = expRare(x, n)
	}
	// 2^n is a normal float64, so that the product is rounded once.
	return float32(float64(p) * math.Float64frombits(uint64(1023+int64(n))<<52))
}

// The constants as float32 has them, held in float64 by the inlined steps.
const (
	ln2HiF = float64(float32(ln2Hi))
	ln2LoF = float64(float32(ln2Lo))
	exp7   = float64(float32(1.0 / 5040))
	exp6   = float64(float32(1.0 / 720))
	exp5   = float64(float32(1.0 / 120))
	exp4   = float64(float32(1.0 / 24))
	exp3   = float64(float32(1.0 / 6))
)

// expRare is the definition of the polynomial in Exp: the same steps by FMA.
func expRare(x, n float32) float32 {
	r := FMA(n, -ln2Hi, x)
	r = FMA(n, -ln2Lo, r)
	p := FMA(1.0/5040, r, 1.0/720)
	p = FMA(p, r, 1.0/120)
	p = FMA(p, r, 1.0/24)
	p = FMA(p, r, 1.0/6)
	p = FMA(p, r, 0.5)
	p = FMA(p, r, 1)
	return FMA(p, r, 1)
}

// Log returns the natural logarithm, within one unit in the last place. It is
// -Inf for 0, +Inf for +Inf and NaN for what is negative or NaN.
func Log(x float32) float32 {
	switch {
	case x == 0:
		return float32(math.Inf(-1))
	case !(x > 0):
		return float32(math.NaN())
	case x > math.MaxFloat32:
		return x
	}
	var e int32
	if x < 0x1p-126 {
		x *= 0x1p23
		e = -23
	}
	// x = 2^e·(1+f) with 1+f between the roots of 1/2 and 2.
	u := math.Float32bits(x)
	k := (int32(u) - sqrtHalf) >> 23
	e += k
	f := math.Float32frombits(u-uint32(k)<<23) - 1
	// With s = f/(2+f), log(1+f) = 2·artanh(s) = f - s·(f - R),
	// R = 2·(s²/3 + s⁴/5 + …).
	s := f / (2 + f)
	z := float32(s * s)
	q := FMA(2.0/9, z, 2.0/7)
	q = FMA(q, z, 2.0/5)
	q = FMA(q, z, 2.0/3)
	h := f - float32(q*z)
	n := float32(e)
	y := FMA(-s, h, float32(n*ln2Lo)) + f
	return FMA(n, ln2Hi, y)
}

// Sigmoid returns 1/(1+e^-x), the p1 of Logistic, within 2.5 units in the last
// place: its small values, too, have all their digits.
func Sigmoid(x float32) float32 {
	e := Exp(-abs(x)) // at most 1
	s := 1 + e
	if x > 0 {
		return 1 / s
	}
	return e / s
}

// abs clears the sign.
func abs(x float32) float32 {
	return math.Float32frombits(math.Float32bits(x) &^ (1 << 31))
}

// tanhMax is where the hyperbolic tangent has long been 1 in float32.
const tanhMax = 10

// Tanh returns the hyperbolic tangent, within 2.5 units in the last place. It
// is odd, bit for bit.
func Tanh(x float32) float32 {
	a := abs(x)
	if a > tanhMax {
		a = tanhMax
	}
	// With t = exp(-2a) - 1, tanh a = |t|/(2+t). As in Exp, -2a = n·ln 2 + r;
	// q = exp(r) - 1 begins with r itself, so that small arguments lose nothing.
	v := -2 * a
	m := float32(v*log2e) + toInt
	n := m - toInt
	r := FMA(n, -ln2Hi, v)
	r = FMA(n, -ln2Lo, r)
	p := FMA(1.0/5040, r, 1.0/720)
	p = FMA(p, r, 1.0/120)
	p = FMA(p, r, 1.0/24)
	p = FMA(p, r, 1.0/6)
	p = FMA(p, r, 0.5)
	q := FMA(float32(r*r), p, r)
	s := math.Float32frombits(math.Float32bits(m)<<23 + 127<<23) // 2^n
	t := FMA(s, q, s-1)
	y := abs(t) / (t + 2)
	return math.Float32frombits(math.Float32bits(y) | math.Float32bits(x)&(1<<31))
}

// Log64 is Log in float64, for metrics; its bits too are the same everywhere.
// It is within two units in the last place.
func Log64(x float64) float64 {
	switch {
	case x == 0:
		return math.Inf(-1)
	case !(x > 0):
		return math.NaN()
	case x > math.MaxFloat64:
		return x
	}
	m, e := math.Frexp(x) // 1/2 ≤ m < 1
	if m < math.Sqrt2/2 {
		m *= 2
		e--
	}
	f := m - 1
	s := f / (2 + f)
	z := float64(s * s)
	r := 2.0 / 23
	for _, c := range [...]float64{2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15, 2.0 / 13, 2.0 / 11, 2.0 / 9, 2.0 / 7, 2.0 / 5, 2.0 / 3} {
		r = float64(r*z) + c
	}
	h := f - float64(r*z)
	n := float64(e)
	const lo = 0.693147180559945309417232121458176568 - 0x1.62e42fefa38p-1
	y := f - (float64(s*h) - float64(n*lo))
	return float64(n*0x1.62e42fefa38p-1) + y
}
