package read

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"tourney/dataset/table"
)

// jsonSource is files of JSON objects as one table. All records are read once
// at first, to know the columns and their types.
type jsonSource struct {
	*fileSet
	parser  jsonParser
	columns []jsonColumn
	byName  map[string]int
	batch   builder
	scratch []byte
}

// jsonColumn is a column: the values at one path.
type jsonColumn struct {
	name  string
	kinds jsonKinds
	seen  int64 // the record that last had a value here, from 1
}

func openJSON(ctx context.Context, set *fileSet) (*jsonSource, error) {
	s := &jsonSource{fileSet: set, byName: make(map[string]int)}
	s.parser = jsonParser{depth: set.opts.Limits.Depth, nodes: 2*set.opts.Limits.Columns + 1000}
	s.parser.root.column = -1
	records := int64(0)
	err := s.each(ctx, func(r *jsonRecord) error {
		records++
		return s.learn(r, records)
	}, func() error { return nil })
	if err != nil {
		return nil, err
	}
	if len(s.columns) == 0 {
		return nil, invalid(set.streams[0].name, 0, "", "no object with a value is there; a table is needed")
	}
	for _, c := range s.columns {
		f := table.Field{Name: c.name, Type: table.Text}
		switch c.kinds {
		case jsonNumber:
			f.Type = table.Number
		case jsonBool:
			f.Type = table.Bool
		}
		s.fields = append(s.fields, f)
	}
	return s, nil
}

// jsonRecord is an object that was parsed.
type jsonRecord struct {
	file  string
	buf   []byte
	plain bool
	from  int
	line  int64
	cells []jsonCell
}

// fail returns an error about a place in the record.
func (r *jsonRecord) fail(at int, path, format string, args ...any) error {
	return invalid(r.file, r.line+int64(bytes.Count(r.buf[r.from:at], []byte("\n"))), path, format, args...)
}

// learn takes a record's columns and types.
func (s *jsonSource) learn(r *jsonRecord, number int64) error {
	for _, c := range r.cells {
		if c.kind == jsonArray {
			if c.node.length == 0 {
				c.node.length = c.to
			}
			if c.node.length != c.to {
				return r.fail(c.from, shorten(c.node.path), "an array of %s where others have %d; only arrays of numbers of one length become columns", count(c.to, "number"), c.node.length)
			}
			continue
		}
		if c.node.column < 0 {
			if err := s.addColumn(r, c); err != nil {
				return err
			}
		}
		col := &s.columns[c.node.column]
		if col.seen == number {
			return r.fail(c.from, columnPath(col.name), "it has two values in one object")
		}
		col.seen = number
		col.kinds |= c.kind
	}
	return nil
}

func (s *jsonSource) addColumn(r *jsonRecord, c jsonCell) error {
	name := strings.TrimSpace(c.node.path)
	if name == "" {
		name = "column_" + strconv.Itoa(len(s.columns)+1)
	}
	i, ok := s.byName[name]
	if !ok {
		if len(s.columns) == s.opts.Limits.Columns {
			return r.fail(c.from, shorten(name), "the table has more than %d columns (different keys), which is the most that are taken", s.opts.Limits.Columns)
		}
		i = len(s.columns)
		s.byName[name] = i
		s.columns = append(s.columns, jsonColumn{name: name})
	}
	c.node.column = i
	return nil
}

// Scan reads all rows.
func (s *jsonSource) Scan(ctx context.Context, yield func(*table.Batch) error) error {
	b := &s.batch
	b.reset(s.fields, s.rowsFor(len(s.fields)))
	return s.each(ctx, func(r *jsonRecord) error {
		for _, c := range r.cells {
			if c.kind == jsonArray {
				continue
			}
			if c.node.column < 0 {
				return r.fail(c.from, shorten(c.node.path), "the file was changed while it was read")
			}
			if err := s.set(r, c); err != nil {
				return err
			}
		}
		return b.row(r.line, yield)
	}, func() error { return b.flush(yield) })
}

// set puts a value into the row at hand.
func (s *jsonSource) set(r *jsonRecord, c jsonCell) error {
	text := r.buf[c.from:c.to]
	switch s.fields[c.node.column].Type {
	case table.Number:
		v, _, ok := parseFloat(text)
		if !ok {
			return r.fail(c.from, shorten(c.node.path), "the file was changed while it was read")
		}
		s.batch.number(c.node.column, v)
	case table.Bool:
		v := 0.0
		if text[0] == 't' {
			v = 1
		}
		s.batch.number(c.node.column, v)
	default:
		if c.escaped {
			var err error
			if s.scratch, err = unescapeJSON(s.scratch[:0], text); err != nil {
				return r.fail(c.from, shorten(c.node.path), "%v", err)
			}
			text = s.scratch
		}
		if !r.plain && (bytes.IndexByte(text, 0) >= 0 || !utf8.Valid(text)) {
			return r.fail(c.from, shorten(c.node.path), "the text is not valid UTF-8, which JSON is in; save the file as UTF-8")
		}
		s.batch.text(c.node.column, bytes.TrimSpace(text))
	}
	return nil
}

// each parses all records of all files; end is called behind the last of each
// file.
func (s *jsonSource) each(ctx context.Context, do func(*jsonRecord) error, end func() error) error {
	b := &budget{left: s.opts.Limits.Bytes}
	for _, st := range s.streams {
		if err := s.eachOf(ctx, st, b, do); err != nil {
			return err
		}
		if err := end(); err != nil {
			return err
		}
	}
	return nil
}

func (s *jsonSource) eachOf(ctx context.Context, st *stream, b *budget, do func(*jsonRecord) error) error {
	r, _, err := st.text(ctx, b, s.opts.Encoding)
	if err != nil {
		return err
	}
	defer r.Close()
	c := &jsonCutter{window: newWindow(r, s.opts.chunk, s.opts.Limits.Record), file: st.name, line: 1, parser: &s.parser}
	for {
		err := c.more(ctx)
		if errors.Is(err, errTooLong) {
			return invalid(st.name, c.line, "", "the object has more than %s", bytesOf(int64(s.opts.Limits.Record)))
		}
		if err != nil {
			return err
		}
		for {
			rec, err := c.next()
			if errors.Is(err, errPartial) {
				break
			}
			if err != nil {
				return err
			}
			if rec == nil {
				return nil
			}
			if err := do(rec); err != nil {
				return err
			}
		}
	}
}

// jsonCutter cuts a file into objects.
type jsonCutter struct {
	*window
	file   string
	parser *jsonParser
	line   int64 // of pos
	rec    jsonRecord
	array  bool // the objects are in an array
	closed bool // the array has ended
	some   bool // an object was met
	comma  bool // a comma was met since
}

// next returns the next object, nil behind the last, or errPartial.
func (c *jsonCutter) next() (*jsonRecord, error) {
	for c.pos < len(c.buf) {
		switch b := c.buf[c.pos]; {
		case b == '\n':
			c.line++
			c.pos++
		case b == ' ' || b == '\t' || b == '\r':
			c.pos++
		case c.closed:
			return nil, invalid(c.file, c.line, "", "%q behind the end of the array", string(rune(b)))
		case b == '[' && !c.array && !c.some:
			c.array = true
			c.pos++
		case b == ']' && c.array && !c.comma:
			c.closed = true
			c.pos++
		case b == ',' && c.array && c.some && !c.comma:
			c.comma = true
			c.pos++
		case b == '{' && (!c.array || !c.some || c.comma):
			return c.object()
		default:
			return nil, invalid(c.file, c.line, "", "%q stands where an object in braces is needed: a table is one object a line, or one array of them", string(rune(b)))
		}
	}
	switch {
	case !c.last:
		return nil, errPartial
	case c.array && !c.closed:
		return nil, invalid(c.file, c.line, "", "the file ends within its array; it is cut short")
	}
	return nil, nil
}

func (c *jsonCutter) object() (*jsonRecord, error) {
	c.rec = jsonRecord{file: c.file, buf: c.buf, plain: c.plain, from: c.pos, line: c.line}
	next, err := c.parser.record(c.buf, c.pos, c.last)
	if err != nil {
		var bad *jsonError
		if errors.As(err, &bad) {
			err = c.rec.fail(bad.at, bad.path, "%s", bad.msg)
		}
		return nil, err
	}
	if next-c.pos > c.max {
		return nil, invalid(c.file, c.line, "", "the object has more than %s", bytesOf(int64(c.max)))
	}
	c.rec.cells = c.parser.cells
	c.line += int64(bytes.Count(c.buf[c.pos:next], []byte("\n")))
	c.pos, c.some, c.comma = next, true, false
	return &c.rec, nil
}

// builder gathers rows whose values come one by one, in any order.
type builder struct {
	batch table.Batch
	rows  int // at most
	bytes int // of texts
}

// reset begins a first batch.
func (b *builder) reset(fields []table.Field, rows int) {
	if len(b.batch.Columns) != len(fields) {
		b.batch.Columns = make([]table.Column, len(fields))
		for i, f := range fields {
			b.batch.Columns[i].Type = f.Type
		}
	}
	b.rows = rows
	b.clear()
}

func (b *builder) clear() {
	b.batch.Rows, b.bytes = 0, 0
	b.batch.Lines = b.batch.Lines[:0]
	for i := range b.batch.Columns {
		c := &b.batch.Columns[i]
		c.Data, c.Ends, c.Numbers = c.Data[:0], c.Ends[:0], c.Numbers[:0]
	}
}

// text sets a text of the row at hand.
func (b *builder) text(column int, text []byte) {
	c := &b.batch.Columns[column]
	for len(c.Ends) < b.batch.Rows {
		c.Ends = append(c.Ends, int32(len(c.Data)))
	}
	c.Data = append(c.Data, text...)
	c.Ends = append(c.Ends, int32(len(c.Data)))
	b.bytes += len(text)
}

// number sets a number of the row at hand.
func (b *builder) number(column int, v float64) {
	c := &b.batch.Columns[column]
	for len(c.Numbers) < b.batch.Rows {
		c.Numbers = append(c.Numbers, math.NaN())
	}
	c.Numbers = append(c.Numbers, v)
}

// row ends the row at hand, and the batch if it is full.
func (b *builder) row(line int64, yield func(*table.Batch) error) error {
	b.batch.Rows++
	b.batch.Lines = append(b.batch.Lines, line)
	if b.batch.Rows < b.rows && b.bytes < batchBytes {
		return nil
	}
	return b.flush(yield)
}

// flush hands the rows over and begins anew.
func (b *builder) flush(yield func(*table.Batch) error) error {
	if b.batch.Rows == 0 {
		return nil
	}
	for i := range b.batch.Columns {
		c := &b.batch.Columns[i]
		for c.Type == table.Text && len(c.Ends) < b.batch.Rows {
			c.Ends = append(c.Ends, int32(len(c.Data)))
		}
		for c.Type != table.Text && len(c.Numbers) < b.batch.Rows {
			c.Numbers = append(c.Numbers, math.NaN())
		}
	}
	err := yield(&b.batch)
	b.clear()
	return err
}
