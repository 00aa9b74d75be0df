package read

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"unicode/utf8"

	"tourney"
	"tourney/dataset/table"
)

// csvSource is CSV files as one table. All columns are Text.
type csvSource struct {
	*fileSet
	parts []*csvPart
	batch table.Batch
	order []table.Column // of the batch, as the file at hand has them
	spans []span
	good  int64 // rows of this scan
	bad   []table.Skipped
	nbad  int64
}

// csvPart is one of the files.
type csvPart struct {
	stream   *stream
	dialect  dialect
	encoding Encoding
	comment  byte // that begins lines to leave out; 0: none
	softHash bool // lines that begin with # and do not fit are comments
	width    int  // fields of a row
	from     int64
	line     int64 // on which the byte from is
	perm     []int // column i of the table is field perm[i]; nil: in order
}

// Scan reads all rows.
func (s *csvSource) Scan(ctx context.Context, yield func(*table.Batch) error) error {
	s.hints.Skipped, s.hints.SkippedRows = nil, 0
	s.good, s.bad, s.nbad = 0, nil, 0
	b := &budget{left: s.opts.Limits.Bytes}
	for _, p := range s.parts {
		if err := s.scanPart(ctx, p, b, yield); err != nil {
			return err
		}
	}
	return s.checkBad(s.good, true)
}

func (s *csvSource) scanPart(ctx context.Context, p *csvPart, b *budget, yield func(*table.Batch) error) error {
	r, _, err := p.stream.text(ctx, b, p.encoding)
	if err != nil {
		return err
	}
	defer r.Close()
	c := &csvCutter{
		source: s, part: p, split: newSplitter(p.dialect), line: p.line,
		window: newWindow(r, s.opts.chunk, s.opts.Limits.Record),
	}
	c.split.spans = s.spans[:0]
	if err := c.discard(ctx, p.from); err != nil {
		return err
	}
	for {
		for stuck := false; !stuck && c.pos < len(c.buf); {
			if stuck, err = c.cut(); err != nil {
				return err
			}
			if err := c.flush(yield); err != nil {
				return err
			}
		}
		if c.window.done() {
			s.spans = c.split.spans
			return nil
		}
		err := c.window.more(ctx)
		if errors.Is(err, errTooLong) {
			return c.tooLong()
		}
		if err != nil {
			return err
		}
	}
}

// csvCutter cuts one file's window into batches.
type csvCutter struct {
	*window
	source  *csvSource
	part    *csvPart
	split   *splitter
	line    int64 // of pos
	lines   []int64
	scratch []byte
	foreign bool // a field is not UTF-8
}

func (c *csvCutter) tooLong() error {
	return invalid(c.part.stream.name, c.line, "", "the row has more than %s; is a quote left open?", bytesOf(int64(c.source.opts.Limits.Record)))
}

// cut cuts records until a batch is full, or the window holds no whole one
// (stuck).
func (c *csvCutter) cut() (stuck bool, err error) {
	sp, w, p := c.split, c.window, c.part
	sp.spans = sp.spans[:0]
	c.lines = c.source.batch.Lines[:0]
	for len(c.lines) < c.source.opts.rows && w.pos < len(w.buf) {
		if p.comment != 0 && w.buf[w.pos] == p.comment {
			k := bytes.IndexByte(w.buf[w.pos:], p.dialect.newline)
			if k < 0 && !w.last {
				return true, nil
			}
			if k < 0 {
				k = len(w.buf) - w.pos - 1
			}
			w.pos += k + 1
			c.line++
			continue
		}
		before := len(sp.spans)
		next, st := sp.record(w.buf, w.pos, w.last)
		if st == partial {
			return true, nil
		}
		if next-w.pos > w.max {
			return false, c.tooLong()
		}
		if st == whole && len(sp.spans)-before == p.width && (p.width > 1 || !c.isEmpty(before)) {
			c.lines = append(c.lines, c.line)
		} else if err := c.oddRow(before, st); err != nil {
			return false, err
		}
		w.pos = next
		c.line += int64(sp.lines)
	}
	return false, nil
}

// isEmpty reports whether the last record is a blank line.
func (c *csvCutter) isEmpty(before int) bool {
	n := len(c.split.spans) - before
	return n == 0 || n == 1 && !c.split.quoted && len(bytes.TrimSpace(c.split.spans[before].bytes(c.buf))) == 0
}

// oddRow decides about a record that does not have as many fields as the table
// has columns.
func (c *csvCutter) oddRow(before int, st status) error {
	sp, p := c.split, c.part
	n := len(sp.spans) - before
	switch {
	case st == broken:
		sp.spans = sp.spans[:before]
		return c.badRow("a quote is not closed, or text stands behind it; double the quotes within quoted fields")
	case c.isEmpty(before):
		sp.spans = sp.spans[:before]
		return nil
	case n == p.width+1 && len(bytes.TrimSpace(sp.spans[before+n-1].bytes(c.buf))) == 0:
		sp.spans = sp.spans[:before+p.width]
		c.lines = append(c.lines, c.line)
		return nil
	}
	first := sp.spans[before].bytes(c.buf)
	sp.spans = sp.spans[:before]
	if p.softHash && len(first) > 0 && first[0] == '#' {
		return nil
	}
	return c.badRow("the row has " + count(n, "field") + " where the table has " + count(p.width, "column"))
}

// badRow leaves the row at hand out. A table of which early on every tenth row
// is bad is refused at once.
func (c *csvCutter) badRow(reason string) error {
	const most = 10
	s, file := c.source, c.part.stream.name
	s.skip(file, c.line, reason)
	if s.nbad++; len(s.bad) < most {
		s.bad = append(s.bad, table.Skipped{File: file, Line: c.line, Reason: reason})
	}
	return s.checkBad(s.good+int64(len(c.lines)), false)
}

// checkBad refuses a table with too many bad rows: at its end (all) those are
// more than 1 %, and more than one; before, more than 10 % of at least 10,000.
func (s *csvSource) checkBad(good int64, all bool) error {
	rows := good + s.nbad
	switch {
	case s.nbad == 0:
		return nil
	case all && s.nbad*100 <= rows, all && s.nbad == 1 && good > 0:
		return nil
	case !all && (rows < 10_000 || s.nbad*10 <= rows):
		return nil
	}
	bad := &tourney.InvalidError{Source: s.bad[0].File}
	for _, b := range s.bad {
		f := tourney.FieldError{Line: int(b.Line), Message: b.Reason}
		if b.File != bad.Source {
			f.Message = b.File + ": " + f.Message
		}
		bad.Fields = append(bad.Fields, f)
	}
	bad.Fields = append(bad.Fields, tourney.FieldError{Message: count(s.nbad, "row") + " of " + count(rows, "row") +
		" do not fit the table; up to 1 % are left out. Mend them, or say the delimiter and the quote if those are wrong"})
	return bad
}

// flush hands the records that were cut to yield as a batch.
func (c *csvCutter) flush(yield func(*table.Batch) error) error {
	s, p := c.source, c.part
	s.batch.Lines = c.lines
	s.batch.Rows = len(c.lines)
	s.good += int64(s.batch.Rows)
	if s.batch.Rows == 0 {
		return nil
	}
	if !c.plain || p.encoding == Latin1 || p.encoding == Windows1252 {
		if err := c.inspect(); err != nil {
			return err
		}
	}
	for f := range s.order {
		c.column(&s.order[f], f)
	}
	for i := range s.batch.Columns {
		f := i
		if p.perm != nil {
			f = p.perm[i]
		}
		s.batch.Columns[i] = s.order[f]
	}
	return yield(&s.batch)
}

// inspect looks at each field of a batch that is not plain ASCII: it refuses
// NUL, and marks what is to be decoded.
func (c *csvCutter) inspect() error {
	p, width := c.part, c.part.width
	for i, sp := range c.split.spans {
		text := sp.bytes(c.buf)
		if isPlain(text) {
			continue
		}
		fail := func(format string, args ...any) error {
			return invalid(p.stream.name, c.lines[i/width], columnPath(c.source.fieldName(p, i%width)), format, args...)
		}
		if bytes.IndexByte(text, 0) >= 0 {
			return fail("a NUL byte, which text does not hold")
		}
		if !utf8.Valid(text) {
			switch p.encoding {
			case UTF8, UTF16LE, UTF16BE:
				return fail("the value is not valid %s; say the encoding, or leave it to be told", p.encoding)
			case auto8:
				c.foreign = true
			}
		}
		c.split.spans[i].to |= foreign8
	}
	if c.foreign {
		c.source.said("encoding " + string(Windows1252) + " where " + p.stream.name + " is not UTF-8")
	}
	return nil
}

// fieldName returns the name of a part's field.
func (s *csvSource) fieldName(p *csvPart, field int) string {
	if p.perm != nil {
		field = slices.Index(p.perm, field)
	}
	return s.fields[field].Name
}

// column copies a field of all records into a column. Fields of up to eight
// bytes are most of a table and are moved as one word.
func (c *csvCutter) column(col *table.Column, field int) {
	buf, spans, width := c.buf, c.split.spans, c.part.width
	data, ends := col.Data[:0], slices.Grow(col.Ends[:0], len(c.lines))[:len(c.lines)]
	row := 0
	for i := field; i < len(spans); i += width {
		from, to := int(spans[i].from), int(spans[i].to)
		if to >= foreign8 {
			data = c.slow(data, spans[i])
			ends[row] = int32(len(data))
			row++
			continue
		}
		for from < to && buf[from] <= ' ' {
			from++
		}
		for from < to && buf[to-1] <= ' ' {
			to--
		}
		size, n := to-from, len(data)
		if size <= 8 && from+8 <= len(buf) && n+8 <= cap(data) {
			binary.LittleEndian.PutUint64(data[n:n+8], binary.LittleEndian.Uint64(buf[from:]))
			data = data[:n+size]
		} else {
			data = append(data, buf[from:to]...)
		}
		ends[row] = int32(len(data))
		row++
	}
	col.Data, col.Ends = data, ends
}

// slow appends a field that is not a value as it stands.
func (c *csvCutter) slow(to []byte, sp span) []byte {
	text := sp.bytes(c.buf)
	start := len(to)
	if sp.to&escaped != 0 {
		c.scratch = c.split.unescape(c.scratch[:0], text)
		text = c.scratch
	}
	enc := c.part.encoding
	switch {
	case sp.to&foreign8 == 0:
		text = bytes.TrimSpace(text)
	case enc == Latin1 || enc == Windows1252 || enc == auto8 && !utf8.Valid(text):
		to = appendText(to, text, enc)
		return append(to[:start], bytes.TrimSpace(to[start:])...)
	default:
		text = bytes.TrimSpace(text)
	}
	return append(to, text...)
}
