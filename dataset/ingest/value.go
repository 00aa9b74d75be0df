package ingest

import (
	"math"
	"strconv"
)

// isMissing reports whether a trimmed text stands for no value.
func isMissing(s []byte) bool {
	if len(s) > 4 {
		return false
	}
	switch string(s) {
	case "", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "Null", "None", `\N`:
		return true
	}
	return false
}

// longestInteger is the number of digits up to which every integer is a
// float64 of its own. Longer ones are names of something (accounts, hashes)
// more often than amounts.
const longestInteger = 15

// The outcomes of parseNumber.
const (
	isNumber = iota
	noNumber
	isCode // digits that are a name: 00123
	isLong // an integer of more than longestInteger digits
)

// parseNumber reads a finite decimal number: an optional sign, digits with an
// optional point, an optional exponent. It refuses the hexadecimal numbers,
// underscores, infinities and NaNs that strconv takes, integers longer than 15
// digits, and integers with leading zeros. -0 is 0.
func parseNumber(s []byte) (float64, int) {
	d, ok := scanDecimal(s)
	switch {
	case !ok:
		return 0, noNumber
	case d.integer && d.whole > 1 && d.first == '0':
		return 0, isCode
	case d.integer && d.whole > longestInteger:
		return 0, isLong
	case d.exact:
		v := float64(d.mantissa) / powers[d.fraction]
		if d.negative && v != 0 {
			v = -v
		}
		return v, isNumber
	}
	v, err := strconv.ParseFloat(string(s), 64)
	if err != nil { // out of range
		return 0, noNumber
	}
	if v == 0 {
		v = 0 // not -0
	}
	return v, isNumber
}

// powers are the powers of ten that float64 holds exactly.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// decimal is the form of a number.
type decimal struct {
	whole, fraction int // digits before and after the point
	first           byte
	integer         bool // no point and no exponent
	negative        bool
	// exact says that mantissa over a power of ten is the number, correctly
	// rounded, since both are exact and a division rounds once (Clinger,
	// "How to read floating point numbers accurately", 1990, §3).
	exact    bool
	mantissa uint64
}

func scanDecimal(s []byte) (decimal, bool) {
	d := decimal{integer: true}
	i := 0
	if len(s) > 0 && (s[0] == '+' || s[0] == '-') {
		d.negative = s[0] == '-'
		i++
	}
	from := i
	for ; i < len(s) && s[i]-'0' < 10; i++ {
		d.mantissa = d.mantissa*10 + uint64(s[i]-'0')
	}
	d.whole = i - from
	if d.whole > 0 {
		d.first = s[from]
	}
	if i < len(s) && s[i] == '.' {
		d.integer = false
		i++
		from = i
		for ; i < len(s) && s[i]-'0' < 10; i++ {
			d.mantissa = d.mantissa*10 + uint64(s[i]-'0')
		}
		d.fraction = i - from
	}
	if d.whole+d.fraction == 0 {
		return d, false
	}
	// 19 digits fit 64 bits; 2^53 and 10^22 are float64's exact reach.
	d.exact = d.whole+d.fraction <= 19 && d.mantissa <= 1<<53 && d.fraction < len(powers)
	if i == len(s) {
		return d, true
	}
	if s[i] != 'e' && s[i] != 'E' {
		return d, false
	}
	d.integer, d.exact = false, false
	i++
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	from = i
	for i < len(s) && s[i]-'0' < 10 {
		i++
	}
	return d, i > from && i == len(s)
}

// formatNumber is the name of a class or category that is a number: as short
// as can be read back, without an exponent for ordinary magnitudes.
func formatNumber(v float64) string { return string(appendNumber(nil, v)) }

func appendNumber(dst []byte, v float64) []byte {
	format := byte('f')
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, v, format, -1, 64)
}

// booleans are the pairs of words, in lower case, that make a column boolean
// if it holds no others.
var booleans = [...]struct{ no, yes string }{
	{"false", "true"}, {"no", "yes"}, {"f", "t"}, {"n", "y"},
}

// allBooleans has a bit for each pair.
const allBooleans = 1<<len(booleans) - 1

// parseBool returns the pairs that a text is of, and which of the two it is.
func parseBool(s []byte) (pairs uint8, value bool) {
	if len(s) == 0 || len(s) > len("false") {
		return 0, false
	}
	var lower [len("false")]byte
	for i, c := range s {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	word := lower[:len(s)]
	for i, pair := range booleans {
		switch string(word) {
		case pair.no:
			return 1 << i, false
		case pair.yes:
			return 1 << i, true
		}
	}
	return 0, false
}
