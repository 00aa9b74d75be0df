package dataset

import (
	"math"
	"slices"
	"strings"

	"tourney"
)

// maxLevels is the most columns that one category column becomes.
const maxLevels = 64

// Preprocess turns the columns of a table into the columns of a matrix, by
// what the training rows have taught and nothing else. Its JSON form travels
// with a model. It is not changed once made.
type Preprocess struct {
	Inputs []Input `json:"inputs"`
}

// Input is what becomes of one column of a table.
//
// A number is replaced by the mean if it is missing and becomes (x-mean)/sd,
// where both are of all training rows with the mean in place of the missing,
// and the deviation divides by the number of rows. If sd is 0, the column is
// 0. With Indicator, a second column is 1 where the value is missing.
//
// A category becomes one column a level, 1 where it is the value. A missing
// value is 0 in all of them, and so is a level that the training rows did not
// have; but with Other, a last column is 1 for every value that has no column
// of its own.
type Input struct {
	Name      string             `json:"name"`
	Kind      tourney.ColumnKind `json:"kind"`
	Mean      float64            `json:"mean,omitempty"`
	SD        float64            `json:"sd,omitempty"`
	Indicator bool               `json:"indicator,omitempty"`
	Levels    []string           `json:"levels,omitempty"` // sorted
	Other     bool               `json:"other,omitempty"`
}

// Fit learns from the first rows of a table, of all its columns but the
// target.
func Fit(t *Table, rows int, target string) *Preprocess {
	p := &Preprocess{}
	for i := range t.Columns {
		s := &t.Columns[i]
		switch {
		case s.Name == target:
		case s.Kind == tourney.Number:
			p.Inputs = append(p.Inputs, fitNumber(s, rows))
		default:
			p.Inputs = append(p.Inputs, fitCategory(s, rows))
		}
	}
	return p
}

func fitNumber(s *Series, rows int) Input {
	values := s.Numbers[:rows]
	mean, sd := moments(values)
	return Input{Name: s.Name, Kind: tourney.Number, Mean: mean, SD: sd, Indicator: slices.ContainsFunc(values, math.IsNaN)}
}

func fitCategory(s *Series, rows int) Input {
	counts := make([]int, len(s.Levels))
	for _, code := range s.Codes[:rows] {
		if code != missingCode {
			counts[code]++
		}
	}
	var seen []int
	for code, n := range counts {
		if n > 0 {
			seen = append(seen, code)
		}
	}
	in := Input{Name: s.Name, Kind: tourney.Category}
	if len(seen) > maxLevels {
		slices.SortFunc(seen, func(a, b int) int {
			if counts[a] != counts[b] {
				return counts[b] - counts[a]
			}
			return strings.Compare(s.Levels[a], s.Levels[b])
		})
		seen = seen[:maxLevels-1]
		in.Other = true
	}
	for _, code := range seen {
		in.Levels = append(in.Levels, s.Levels[code])
	}
	slices.Sort(in.Levels)
	return in
}

// width is the number of the matrix's columns that an input becomes.
func (in *Input) width() int {
	n := len(in.Levels)
	if in.Kind == tourney.Number {
		n = 1
	}
	if in.Indicator || in.Other {
		n++
	}
	return n
}

// Width is the number of columns of the matrix.
func (p *Preprocess) Width() int {
	n := 0
	for i := range p.Inputs {
		n += p.Inputs[i].width()
	}
	return n
}

// Features names the columns of the matrix: NAME for a number, NAME=LEVEL for
// a level, NAME is missing, NAME is other.
func (p *Preprocess) Features() []string {
	names := make([]string, 0, p.Width())
	for i := range p.Inputs {
		in := &p.Inputs[i]
		if in.Kind == tourney.Number {
			names = append(names, in.Name)
		}
		for _, level := range in.Levels {
			names = append(names, in.Name+"="+level)
		}
		if in.Indicator {
			names = append(names, in.Name+" is missing")
		}
		if in.Other {
			names = append(names, in.Name+" is other")
		}
	}
	return names
}

// Apply makes the matrix of all rows of a table, which need not be the one
// that was learnt from: its columns are found by name, and those that were not
// learnt from are left alone. Y is nil.
func (p *Preprocess) Apply(t *Table) (*Matrix, error) { return p.apply(t, 0, t.Rows) }

// maxCells bounds a matrix far above what a machine can hold, and below what
// the arithmetic of sizes can.
const maxCells = 1 << 38

// apply makes the matrix of the rows from up to to, without it.
func (p *Preprocess) apply(t *Table, from, to int) (*Matrix, error) {
	m := &Matrix{N: to - from, D: p.Width()}
	if m.D > 0 && m.N > maxCells/m.D {
		return nil, tourney.Invalid("", "a matrix of %d rows and %d columns is too large", m.N, m.D)
	}
	writers := make([]func(x []float32, row int), len(p.Inputs))
	for i := range p.Inputs {
		in := &p.Inputs[i]
		at := t.column(in.Name)
		if at < 0 {
			return nil, tourney.Invalid(columnPath(in.Name), "is missing from the table")
		}
		s := &t.Columns[at]
		if s.Kind != in.Kind {
			return nil, tourney.Invalid(columnPath(in.Name), "holds a %s and not a %s as in training", s.Kind, in.Kind)
		}
		if in.Kind == tourney.Number {
			writers[i] = in.writeNumber(s)
		} else {
			writers[i] = in.writeCategory(s)
		}
	}
	m.X = make([]float32, m.N*m.D)
	for row := from; row < to; row++ {
		x := m.X[(row-from)*m.D:][:m.D]
		for i := range p.Inputs {
			writers[i](x, row)
			x = x[p.Inputs[i].width():]
		}
	}
	return m, nil
}

// writeNumber returns a function that writes a row's columns, which are zero.
func (in *Input) writeNumber(s *Series) func(x []float32, row int) {
	return func(x []float32, row int) {
		v := s.Numbers[row]
		switch {
		case math.IsNaN(v):
			if in.Indicator {
				x[1] = 1
			}
		case in.SD != 0:
			// A value far out of what was learnt from stays a number.
			z := (v - in.Mean) / in.SD
			x[0] = float32(max(-math.MaxFloat32, min(math.MaxFloat32, z)))
		}
	}
}

// writeCategory returns a function that writes a row's columns, which are zero.
func (in *Input) writeCategory(s *Series) func(x []float32, row int) {
	place := make([]int32, len(s.Levels))
	for code, level := range s.Levels {
		at, ok := slices.BinarySearch(in.Levels, level)
		switch {
		case ok:
		case in.Other:
			at = len(in.Levels)
		default:
			at = -1
		}
		place[code] = int32(at)
	}
	return func(x []float32, row int) {
		if code := s.Codes[row]; code != missingCode && place[code] >= 0 {
			x[place[code]] = 1
		}
	}
}
