package dataset

import (
	"math"

	"tourney"
)

// PartRows is the number of consecutive rows that are summed as one part.
// Shards of rows to train on begin at multiples of it.
const PartRows = 4096

// Table is a table in memory, by columns.
type Table struct {
	Rows    int
	Columns []Series
}

// Series is one column of a table. Numbers or Codes has an entry for each row.
type Series struct {
	Name    string
	Kind    tourney.ColumnKind
	Numbers []float64 // of a number column; NaN means missing
	Codes   []int32   // of a category column: indices of Levels; missingCode means missing
	Levels  []string  // of a category column
}

const missingCode = -1

// Missing reports whether a row has no value.
func (s *Series) Missing(row int) bool {
	if s.Kind == tourney.Number {
		return math.IsNaN(s.Numbers[row])
	}
	return s.Codes[row] == missingCode
}

// column returns the position of a column by name, or -1.
func (t *Table) column(name string) int {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return i
		}
	}
	return -1
}

// moments returns the mean of the values present and the standard deviation
// of all n rows once the mean stands in for the missing ones, or zeros if no
// value is present. A constant column has exactly its value as mean and a
// deviation of exactly 0.
//
// Sums run in row order in plain float64. Values are scaled by a power of two,
// which changes no bit of the result in the ordinary range and keeps huge
// values from overflowing.
func moments(values []float64) (mean, sd float64) {
	lo, hi, present := extent(values)
	if present == 0 || lo == hi {
		return lo, 0
	}
	_, exp := math.Frexp(max(math.Abs(lo), math.Abs(hi)))
	scale := math.Ldexp(1, -max(-1000, min(1000, exp)))
	sum := 0.0
	for _, v := range values {
		if !math.IsNaN(v) {
			sum += float64(v * scale)
		}
	}
	center := sum / float64(present)
	squares := 0.0
	for _, v := range values {
		if !math.IsNaN(v) {
			d := float64(v*scale) - center
			squares += float64(d * d)
		}
	}
	return center / scale, math.Sqrt(squares/float64(len(values))) / scale
}

// extent returns the least and greatest of the values present, zeros if there
// is none, and their number.
func extent(values []float64) (lo, hi float64, present int) {
	for _, v := range values {
		if math.IsNaN(v) {
			continue
		}
		if present == 0 || v < lo {
			lo = v
		}
		if present == 0 || v > hi {
			hi = v
		}
		present++
	}
	return lo, hi, present
}
