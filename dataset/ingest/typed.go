package ingest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"tourney"
	"tourney/dataset/table"
)

// Typed reads columns of which the kinds are known already, as those that a
// model was trained on, and hands them over in batches, as frames that are
// valid until yield returns. Other columns are left alone. Nothing is left
// out: the rows of the frames are those of the source, in order.
//
// Texts are read as ingestion reads them where a request gives the type of a
// column: a boolean may be any of the pairs of words, or 1 and 0. A level that
// is not known is passed on as a level. Dates are of one form in all rows,
// which takes a pass over the source beforehand.
//
// What is wrong with the table is a *tourney.InvalidError with its lines; file
// is its name in it.
func Typed(ctx context.Context, src table.Source, file string, wants []table.Want, yield func(*table.Frame) error) error {
	t, err := newTyped(src.Fields(), wants)
	if err == nil {
		err = t.findForms(ctx, src)
	}
	if err == nil {
		err = src.Scan(ctx, func(b *table.Batch) error {
			if err := whole(src); err != nil {
				return err
			}
			if err := t.take(b); err != nil {
				return err
			}
			return yield(&t.frame)
		})
	}
	if err == nil {
		err = whole(src)
	}
	var bad *tourney.InvalidError
	if errors.As(err, &bad) && bad.Source == "" {
		bad.Source = file
	}
	return err
}

// whole refuses a source that has left out a row.
func whole(src table.Source) error {
	h := src.Hints()
	if h.SkippedRows == 0 || len(h.Skipped) == 0 {
		return nil
	}
	s := h.Skipped[0]
	return &tourney.InvalidError{Source: s.File, Fields: []tourney.FieldError{{Line: int(s.Line), Message: s.Reason + "; each row needs an answer, so none can be left out"}}}
}

// typed is a table on its way into frames.
type typed struct {
	columns []typedColumn
	frame   table.Frame
}

// typedColumn is one of its columns.
type typedColumn struct {
	*profile
	table.Want
	at    int // in the source
	form  dateForm
	codes map[string]int32
}

func newTyped(fields []table.Field, wants []table.Want) (*typed, error) {
	t := &typed{frame: table.Frame{Series: make([]table.Series, len(wants))}}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	var bad []tourney.FieldError
	for i, w := range wants {
		c := typedColumn{Want: w, at: slices.Index(names, w.Name)}
		if c.at < 0 {
			bad = append(bad, tourney.FieldError{Path: columnPath(w.Name), Message: fmt.Sprintf("is missing from the table%s; it has %s", tourney.DidYouMean(w.Name, names), list(names))})
			continue
		}
		given := tourney.ColumnType{Kind: w.Kind}
		if text := wrongType(given, fields[c.at].Type, roleNone); text != "" {
			bad = append(bad, tourney.FieldError{Path: columnPath(w.Name), Message: fmt.Sprintf("was of kind %s in training, which the source's column cannot be", w.Kind)})
			continue
		}
		given.Levels = w.Levels
		c.profile = &profile{field: fields[c.at], given: &given}
		t.columns = append(t.columns, c)
		t.frame.Series[i] = table.Series{Name: w.Name, Kind: w.Kind}
	}
	if len(bad) > 0 {
		return nil, &tourney.InvalidError{Fields: bad}
	}
	return t, nil
}

// findForms finds out how dates are written.
func (t *typed) findForms(ctx context.Context, src table.Source) error {
	var dates []*typedColumn
	for i := range t.columns {
		if c := &t.columns[i]; c.Kind == tourney.Date && c.field.Type == table.Text {
			c.dates = allDates
			dates = append(dates, c)
		}
	}
	if len(dates) == 0 {
		return nil
	}
	err := src.Scan(ctx, func(b *table.Batch) error {
		for _, c := range dates {
			for row := range b.Rows {
				text := b.Columns[c.at].Text(row)
				if isMissing(text) {
					continue
				}
				if c.dates = dateFits(text, c.dates); c.dates == 0 {
					return c.bad(b.Lines[row], "%s is no date in a form that all rows above have; the column was of dates in training, in one of the forms %s", quote(text), list(dateNames[:]))
				}
			}
		}
		return context.Cause(ctx)
	})
	if err != nil {
		return err
	}
	for _, c := range dates {
		if c.dates != allDates && c.ambiguous() {
			return c.bad(0, "no date tells the day from the month; write dates as %s", dateNames[isoDate])
		}
		c.form = dateForm(bits.TrailingZeros8(c.dates))
	}
	return nil
}

// take makes the frame of a batch.
func (t *typed) take(b *table.Batch) error {
	t.frame.Rows = b.Rows
	return each(len(t.columns), b.Rows*len(t.columns), func(i int) error {
		c, s := &t.columns[i], &t.frame.Series[i]
		switch c.Kind {
		case tourney.Sparse:
			c.takeSparse(b, s)
			return nil
		case tourney.Category:
			s.Codes, s.Levels = s.Codes[:0], s.Levels[:0]
			c.codes = make(map[string]int32)
		case tourney.Text:
			s.Hashes = s.Hashes[:0]
		default:
			s.Numbers = s.Numbers[:0]
		}
		for row := range b.Rows {
			if err := c.takeValue(b, row, s); err != nil {
				return err
			}
		}
		return nil
	})
}

// takeSparse copies entries, but for those beyond the width.
func (c *typedColumn) takeSparse(b *table.Batch, s *table.Series) {
	from := &b.Columns[c.at]
	s.Starts, s.Index, s.Values = append(s.Starts[:0], 0), s.Index[:0], s.Values[:0]
	for row := range b.Rows {
		for e := from.Starts[row]; e < from.Starts[row+1] && int(from.Index[e]) < c.Width; e++ {
			s.Index, s.Values = append(s.Index, from.Index[e]), append(s.Values, from.Values[e])
		}
		s.Starts = append(s.Starts, int64(len(s.Index)))
	}
}

// takeValue appends the value of a row.
func (c *typedColumn) takeValue(b *table.Batch, row int, s *table.Series) error {
	from, line := &b.Columns[c.at], b.Lines[row]
	absent := c.isMissing(from, row)
	switch c.Kind {
	case tourney.Category, tourney.Text:
		var text []byte
		switch {
		case absent:
		case c.field.Type == table.Text:
			text = from.Text(row)
		default:
			text = c.profile.format(from.Numbers[row])
		}
		c.takeText(text, absent, s)
		return nil
	}
	v := math.NaN()
	if !absent {
		var err error
		if v, err = c.value(from, row, line); err != nil {
			return err
		}
	}
	s.Numbers = append(s.Numbers, v+0) // -0 is 0
	return nil
}

func (c *typedColumn) takeText(text []byte, absent bool, s *table.Series) {
	if c.Kind == tourney.Text {
		h := uint64(0)
		if !absent {
			h = table.Hash(text)
		}
		s.Hashes = append(s.Hashes, h)
		return
	}
	code, ok := int32(table.NoCode), absent
	if !ok {
		code, ok = c.codes[string(text)]
	}
	if !ok {
		code = int32(len(s.Levels))
		s.Levels = append(s.Levels, string(text))
		c.codes[s.Levels[code]] = code
	}
	s.Codes = append(s.Codes, code)
}

// value reads a number that is there.
func (c *typedColumn) value(from *table.Column, row int, line int64) (float64, error) {
	if c.field.Type != table.Text {
		v := from.Numbers[row]
		switch {
		case math.IsInf(v, 0):
			return 0, c.bad(line, "the value is infinite; numbers must be finite")
		case c.Kind == tourney.Boolean && v != 0 && v != 1:
			return 0, c.bad(line, "%s is no boolean, as the column was in training; want true or false, or 1 or 0", formatNumber(v))
		}
		return v, nil
	}
	text := from.Text(row)
	switch c.Kind {
	case tourney.Boolean:
		pairs, yes := parseBool(text)
		if pairs == 0 && !isBit(text) {
			return 0, c.bad(line, "%s is no boolean, as the column was in training; want true or false, yes or no, or 1 or 0", quote(text))
		}
		if yes || string(text) == "1" {
			return 1, nil
		}
		return 0, nil
	case tourney.Date:
		v, ok := parseDate(text, c.form)
		if !ok {
			return 0, fmt.Errorf("column %s: %w", c.Name, errChanged)
		}
		return v, nil
	}
	v, what := c.parse(text)
	switch what {
	case isNumber:
		return v, nil
	case isLong:
		return 0, c.bad(line, "%s has more than %d digits, which a number cannot keep", quote(text), longestInteger)
	}
	return 0, c.bad(line, "%s is no number, as the column was in training; correct it, or write NA if it is unknown", quote(text))
}
