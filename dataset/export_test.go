package dataset

import (
	"errors"
	"io"
	"slices"
)

// ReadCSV reads a whole table through the row source, for tests.
func ReadCSV(file string, r io.Reader) (rows [][]string, lines []int, err error) {
	src, err := newCSV(file, r)
	if err != nil {
		return nil, nil, err
	}
	rows, lines = [][]string{src.Header()}, []int{1}
	for {
		row, err := src.Next()
		if errors.Is(err, io.EOF) {
			return rows, lines, nil
		}
		if err != nil {
			return nil, nil, err
		}
		rows, lines = append(rows, slices.Clone(row)), append(lines, src.Line(0))
	}
}

// What tests look at from outside.
var (
	Stratify     = stratify
	Holdout      = holdout
	ParseNumber  = parseNumber
	FormatNumber = formatNumber
	RowsPerShard = rowsPerShard
	Moments      = moments
)
