package dataset

import "math"

// sums gathers the moments of a column in two passes over its values, in order
// and in plain float64. A value may count more than once.
//
// Values are scaled by powers of two, which changes no bit of the result in
// the ordinary range and keeps huge values from overflowing.
type sums struct {
	// The first pass.
	present float64
	lo, hi  float64
	sum     float64 // of values times early
	// Between the two.
	center, scale float64
	// The second: of values times scale, less center.
	squares, cubes float64
}

const early = 0x1p-64

// add takes a value in for the first time.
func (s *sums) add(v, count float64) {
	if s.present == 0 || v < s.lo {
		s.lo = v
	}
	if s.present == 0 || v > s.hi {
		s.hi = v
	}
	s.present += count
	s.sum += float64(float64(v*early) * count)
}

// mean returns the mean of the values, which of equal ones is exact.
func (s *sums) mean() float64 {
	if s.present == 0 || s.lo == s.hi {
		return s.lo
	}
	return max(s.lo, min(s.hi, s.sum/s.present/early))
}

// again begins the second pass.
func (s *sums) again() {
	_, exp := math.Frexp(max(math.Abs(s.lo), math.Abs(s.hi)))
	s.scale = math.Ldexp(1, -max(-1000, min(1000, exp)))
	s.center = float64(s.mean() * s.scale)
}

// add2 takes a value in for the second time.
func (s *sums) add2(v, count float64) {
	d := float64(v*s.scale) - s.center
	q := float64(d * d)
	s.squares += float64(q * count)
	s.cubes += float64(float64(q*d) * count)
}

// filled returns the mean and the standard deviation, dividing by their
// number, of the values with that many more of another value. Those of equal
// ones are exact.
func (s *sums) filled(fill, missing float64) (mean, sd float64) {
	mean = s.mean()
	switch {
	case s.present == 0:
		return fill, 0
	case missing == 0 || fill == mean:
		if s.lo == s.hi {
			return mean, 0
		}
		return mean, math.Sqrt(s.squares/(s.present+missing)) / s.scale
	}
	n := s.present + missing
	apart := float64(fill*s.scale) - s.center
	mean += float64(apart/s.scale) * (missing / n)
	square := s.squares + float64(float64(apart*apart)*(s.present*(missing/n)))
	return mean, math.Sqrt(square/n) / s.scale
}

// skewness returns the third standardised moment of the values, 0 if they are
// equal.
func (s *sums) skewness() float64 {
	if s.present == 0 || s.squares == 0 {
		return 0
	}
	v := s.squares / s.present
	return s.cubes / s.present / float64(v*math.Sqrt(v))
}
