package read

import (
	"math"
	"strconv"
	"strings"
)

// isMissing reports whether a field commonly stands for no value.
func isMissing(f string) bool {
	switch strings.ToLower(f) {
	case "", "na", "n/a", "nan", "null", "none", "?", "-", ".":
		return true
	}
	return false
}

// isNumeric reports whether a field looks like a number to people: with a sign,
// a decimal point or comma, an exponent.
func isNumeric(f string) bool {
	digits, points, i := 0, 0, 0
	if i < len(f) && (f[i] == '-' || f[i] == '+') {
		i++
	}
	for ; i < len(f); i++ {
		switch c := f[i]; {
		case '0' <= c && c <= '9':
			digits++
		case c == '.' || c == ',':
			points++
		case (c == 'e' || c == 'E') && digits > 0:
			_, err := strconv.Atoi(f[i+1:])
			return err == nil && points < 2
		default:
			return false
		}
	}
	return digits > 0 && points < 2
}

// isDate reports whether a field has the form of a date or a time: groups of
// digits with separators of them.
func isDate(f string) bool {
	groups, in := 0, false
	for i := range len(f) {
		switch c := f[i]; {
		case '0' <= c && c <= '9':
			if !in {
				groups++
			}
			in = true
		case strings.IndexByte("-/:. TZ+", c) >= 0:
			in = false
		default:
			return false
		}
	}
	return groups >= 3
}

// maxExact is the largest whole number up to which all are float64.
const maxExact = 1 << 53

var powers = [...]float64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
	1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// parseFloat reads a decimal number, nothing else. Up to 15 digits and a power
// of ten up to 22 are exact in float64, so that one operation rounds correctly
// (Clinger, How to Read Floating Point Numbers Accurately, 1990); others go to
// the standard library. whole says that the text is an integer.
func parseFloat(b []byte) (v float64, whole, ok bool) {
	i, neg := 0, false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		neg = b[i] == '-'
		i++
	}
	var mantissa uint64
	scale, from := 0, i
	whole = true
	for ; i < len(b) && '0' <= b[i] && b[i] <= '9'; i++ {
		mantissa = mantissa*10 + uint64(b[i]-'0')
	}
	digits := i - from
	if i < len(b) && b[i] == '.' {
		whole = false
		i++
		from = i
		for ; i < len(b) && '0' <= b[i] && b[i] <= '9'; i++ {
			mantissa = mantissa*10 + uint64(b[i]-'0')
		}
		scale = i - from
		digits += scale
	}
	if digits == 0 {
		return 0, false, false
	}
	exact := digits <= 15
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		whole = false
		exp, err := strconv.Atoi(string(b[i+1:]))
		if err != nil && !outOfRange(b[i+1:]) {
			return 0, false, false
		}
		exact = exact && err == nil && exp > -1000 && exp < 1000
		scale -= exp
		i = len(b)
	}
	if i != len(b) {
		return 0, false, false
	}
	if exact && scale >= -22 && scale <= 22 {
		v = float64(mantissa)
		if scale > 0 {
			v /= powers[scale]
		} else {
			v *= powers[-scale]
		}
		if neg {
			v = -v
		}
		return v, whole, true
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return 0, whole, false // beyond float64
	}
	return v, whole, !math.IsInf(v, 0)
}

// outOfRange reports whether an exponent is a number that no int holds.
func outOfRange(b []byte) bool {
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		b = b[1:]
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}
