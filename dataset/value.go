package dataset

import (
	"math"
	"strconv"
)

// isMissing reports whether a trimmed text stands for no value.
func isMissing(s string) bool {
	switch s {
	case "", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?":
		return true
	}
	return false
}

// longestInteger is the number of digits up to which every integer is a
// float64 of its own. Longer ones are names of something (accounts, hashes)
// more often than amounts.
const longestInteger = 15

// parseNumber reads a finite decimal number: an optional sign, digits with an
// optional point, an optional exponent. It refuses the hexadecimal numbers,
// underscores, infinities and NaNs that strconv takes, and integers longer
// than 15 digits. -0 is 0.
func parseNumber(s string) (float64, bool) {
	if !isDecimal(s) {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil { // out of range
		return 0, false
	}
	if v == 0 {
		v = 0 // not -0
	}
	return v, true
}

func isDecimal(s string) bool {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	whole := digits(s)
	s = s[whole:]
	integer := true
	fraction := 0
	if s != "" && s[0] == '.' {
		integer = false
		fraction = digits(s[1:])
		s = s[1+fraction:]
	}
	if whole+fraction == 0 {
		return false
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		integer = false
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		n := digits(s)
		if n == 0 {
			return false
		}
		s = s[n:]
	}
	return s == "" && !(integer && whole > longestInteger)
}

// digits returns how many decimal digits s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// formatNumber is the name of a class that is a number: as short as can be
// read back, without an exponent for ordinary magnitudes.
func formatNumber(v float64) string {
	format := byte('f')
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.FormatFloat(v, format, -1, 64)
}
