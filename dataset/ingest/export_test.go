package ingest

// What the tests of the value parsers look at.
var (
	IsMissing = isMissing
	ParseBool = parseBool
	Stratify  = stratify
)

// ParseNumber returns a number, if the text is one.
func ParseNumber(s []byte) (float64, bool) {
	v, what := parseNumber(s)
	return v, what == isNumber
}

// ParseDate returns the time of a text in each of the forms that it fits.
func ParseDate(s []byte) map[string]float64 {
	found := map[string]float64{}
	for f := range dateForms {
		if v, ok := parseDate(s, f); ok {
			found[dateNames[f]] = v
		}
	}
	return found
}

// DateFits reports in how many forms a text is a date.
func DateFits(s []byte) int {
	n := 0
	for f := range dateForms {
		if dateFits(s, allDates)&(1<<f) != 0 {
			n++
		}
	}
	return n
}

// Distinct estimates the distinct ones of hashes.
func Distinct(most int, hashes []uint64) (estimate int, repeats int64, exact bool) {
	d := newDistinct(most)
	for _, h := range hashes {
		d.add(h, 1)
	}
	return d.estimate(), d.repeats(), d.exact()
}
