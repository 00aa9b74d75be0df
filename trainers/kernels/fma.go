package kernels

import "math"

// FMA returns a·b + c rounded once to float32, as IEEE 754 defines it. Only
// the bits of a NaN may differ between machines.
//
// The product of two float32 is exact in float64, so the float64 sum is off by
// one rounding, and rounding it to float32 is right unless the first rounding
// moved it onto a tie, or the result is so small that float32 has fewer than 24
// bits for it. Those two cases are rare and go the long way.
//
// The loops of this package write the same three lines out, with operands that
// are float32 values held in float64, because a function that calls another
// one is too dear for the compiler to inline:
//
//	s := float64(x*w) + acc
//	if rare(s) { s = oddSum(x, w, acc) }
//	acc = float64(float32(s))
func FMA(a, b, c float32) float32 {
	x, w, acc := float64(a), float64(b), float64(c)
	s := float64(x*w) + acc
	if rare(s) {
		s = oddSum(x, w, acc)
	}
	return float32(s)
}

const (
	// A float64 lies halfway between two normal float32 if the 29 bits that
	// float32 lacks are a one and zeros. Shifted left by tailShift they are tie.
	tailShift = 64 - 29
	tie       = 1 << 63
	// tiny is the least normal float32, 2^-126, in float64 bits without sign.
	tiny = (1023 - 126) << 53
)

// rare reports whether rounding the float64 sum s to float32 may differ from
// rounding the exact sum. A zero sum is exact; it wraps round and passes.
func rare(s float64) bool {
	u := math.Float64bits(s)
	return u<<tailShift == tie || u<<1-1 < tiny-1
}

// oddSum returns x·w + acc rounded to odd: of the two float64 next to the
// exact sum the one whose last bit is set. Rounding that to 51 bits or fewer is
// as good as rounding the exact sum (Boldo and Melquiond, "Emulation of FMA and
// correctly rounded sums: proved algorithms using rounding to odd", IEEE Trans.
// Computers 57(4), 2008). The error of the float64 sum comes from Knuth's
// TwoSum, which is exact as nothing here overflows or underflows in float64.
//
//go:noinline
func oddSum(x, w, acc float64) float64 {
	p := float64(x * w)
	s := p + acc
	t := s - p
	e := (p - (s - t)) + (acc - t)
	u := math.Float64bits(s)
	if e != 0 && u&1 == 0 {
		if (e > 0) == (s > 0) {
			u++ // the exact sum is further from zero
		} else {
			u--
		}
	}
	return math.Float64frombits(u)
}
