package dataset

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"strings"

	"tourney"
)

// maxCategories is the most distinct values of a category column. What has
// more is a name of the row, not a property of it.
const maxCategories = 100_000

// profile is what one pass over all rows tells about a column.
type profile struct {
	missing      int
	firstMissing int      // line
	text         *example // the first value that is not a number, or nil
	huge         int      // line of the first number beyond float32; 0 if none
}

// example is a value and where it stands.
type example struct {
	line  int
	value string
}

// kind tells numbers from categories: every value present must be a number,
// and there must be one.
func (p *profile) kind(rows int) tourney.ColumnKind {
	if p.text == nil && p.missing < rows {
		return tourney.Number
	}
	return tourney.Category
}

// scan reads all rows and returns a profile for each column.
func scan(ctx context.Context, src rowSource) ([]profile, int, error) {
	profiles := make([]profile, len(src.Header()))
	rows := 0
	err := eachRow(ctx, src, func(row int, fields []string) error {
		rows++
		for i, field := range fields {
			p := &profiles[i]
			if isMissing(field) {
				if p.missing == 0 {
					p.firstMissing = src.Line(i)
				}
				p.missing++
				continue
			}
			if p.text != nil {
				continue
			}
			v, ok := parseNumber(field)
			if !ok {
				p.text = &example{src.Line(i), strings.Clone(field)}
			} else if math.Abs(v) > math.MaxFloat32 && p.huge == 0 {
				p.huge = src.Line(i)
			}
		}
		return nil
	})
	return profiles, rows, err
}

// collect reads all rows again and returns the table of the columns that are
// kept, by position.
func collect(ctx context.Context, src rowSource, profiles []profile, rows int, keep []int) (*Table, error) {
	t := &Table{Rows: rows, Columns: make([]Series, len(keep))}
	codes := make([]map[string]int32, len(keep))
	for i, c := range keep {
		s := Series{Name: src.Header()[c], Kind: profiles[c].kind(rows)}
		if s.Kind == tourney.Number {
			s.Numbers = make([]float64, rows)
		} else {
			s.Codes = make([]int32, rows)
			codes[i] = map[string]int32{}
		}
		t.Columns[i] = s
	}
	err := eachRow(ctx, src, func(row int, fields []string) error {
		if row >= rows {
			return errChanged
		}
		for i, c := range keep {
			s := &t.Columns[i]
			var err error
			if s.Kind == tourney.Number {
				err = s.setNumber(row, fields[c])
			} else if !s.setCode(row, fields[c], codes[i]) {
				err = src.Fail(c, "more than %d distinct values; if they name the rows, drop the column", maxCategories)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range t.Columns {
		if t.Columns[i].Kind == tourney.Category {
			t.Columns[i].sortLevels()
		}
	}
	return t, nil
}

// errChanged cannot come from a file that nobody else writes.
var errChanged = errors.New("read table: it changed between two passes")

func (s *Series) setNumber(row int, field string) error {
	if isMissing(field) {
		s.Numbers[row] = math.NaN()
		return nil
	}
	v, ok := parseNumber(field)
	if !ok {
		return errChanged
	}
	s.Numbers[row] = v
	return nil
}

// setCode returns false if the value is one too many.
func (s *Series) setCode(row int, field string, codes map[string]int32) bool {
	if isMissing(field) {
		s.Codes[row] = missingCode
		return true
	}
	code, ok := codes[field]
	if !ok {
		if len(s.Levels) == maxCategories {
			return false
		}
		code = int32(len(s.Levels))
		field = strings.Clone(field) // it is a piece of its record
		s.Levels = append(s.Levels, field)
		codes[field] = code
	}
	s.Codes[row] = code
	return true
}

// sortLevels puts the levels, found in the order of the rows, in the order of
// their texts.
func (s *Series) sortLevels() {
	if len(s.Levels) == 0 {
		return
	}
	order := make([]int32, len(s.Levels))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return strings.Compare(s.Levels[a], s.Levels[b]) })
	levels := make([]string, len(order))
	place := make([]int32, len(order))
	for i, code := range order {
		levels[i] = s.Levels[code]
		place[code] = int32(i)
	}
	s.Levels = levels
	for i, code := range s.Codes {
		if code != missingCode {
			s.Codes[i] = place[code]
		}
	}
}

// eachRow calls fn with each row until the table or the context ends.
func eachRow(ctx context.Context, src rowSource, fn func(row int, fields []string) error) error {
	for row := 0; ; row++ {
		if row%1024 == 0 {
			if err := context.Cause(ctx); err != nil {
				return err
			}
		}
		fields, err := src.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if row == math.MaxInt32 {
			return src.Fail(0, "more than %d rows; this version takes no more", math.MaxInt32)
		}
		if err := fn(row, fields); err != nil {
			return err
		}
	}
}
