package dataset

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"tourney"
)

// The limits of a table.
const (
	maxColumns = 10_000
	maxRecord  = 1 << 20 // bytes
)

// rowSource yields a table row by row. Ingest reads a table twice, each time
// through a new rowSource: once to learn what the columns hold, once to keep
// it. Its errors are a *tourney.InvalidError if the table is at fault.
type rowSource interface {
	// Header returns the names of the columns: unique, not empty, trimmed.
	Header() []string
	// Next returns the texts of the next row, one a column, or io.EOF. The
	// slice is valid until the next call.
	Next() ([]string, error)
	// Fail returns an error about a field of the row just read.
	Fail(column int, format string, args ...any) error
	// Line returns the line on which a field of the row just read begins.
	Line(column int) int
}

// csvSource reads comma-separated values as RFC 4180 has them, in UTF-8, the
// first record being the header. A byte order mark is dropped, CRLF is a line
// end like LF, blank lines are skipped. Fields are trimmed of white space.
type csvSource struct {
	file   string // for messages
	guard  *guard
	reader *csv.Reader
	header []string
	next   int // line on which the next record begins, blank lines aside
}

var _ rowSource = (*csvSource)(nil)

// newCSV reads the header of a table.
func newCSV(file string, r io.Reader) (*csvSource, error) {
	buf := bufio.NewReaderSize(r, 64<<10)
	s := &csvSource{file: file, next: 1}
	if err := s.sniff(buf); err != nil {
		return nil, err
	}
	s.guard = &guard{r: buf, until: maxRecord + csvBuffer}
	s.reader = csv.NewReader(s.guard)
	s.reader.FieldsPerRecord = -1
	s.reader.ReuseRecord = true
	header, err := s.record()
	if errors.Is(err, io.EOF) {
		return nil, s.invalid(0, "", "the file is empty; a CSV table with a header is needed")
	}
	if err != nil {
		return nil, err
	}
	if err := s.checkHeader(header); err != nil {
		return nil, err
	}
	return s, nil
}

// Header returns the names of the columns.
func (s *csvSource) Header() []string { return s.header }

// Next returns the fields of the next row, or io.EOF.
func (s *csvSource) Next() ([]string, error) {
	record, err := s.record()
	if err != nil {
		return nil, err
	}
	if len(record) != len(s.header) {
		return nil, s.invalid(s.Line(0), "", "the row has %s where the header has %d", count(len(record), "field"), len(s.header))
	}
	return record, nil
}

// Line returns the line on which a field of the row just read begins.
func (s *csvSource) Line(column int) int {
	line, _ := s.reader.FieldPos(column)
	return line
}

// Fail returns an error about a field of the row just read.
func (s *csvSource) Fail(column int, format string, args ...any) error {
	return s.invalid(s.Line(column), columnPath(s.header[column]), format, args...)
}

func (s *csvSource) invalid(line int, path, format string, args ...any) error {
	return &tourney.InvalidError{Source: s.file, Fields: []tourney.FieldError{{Line: line, Path: path, Message: fmt.Sprintf(format, args...)}}}
}

// columnPath names a column in a message.
func columnPath(name string) string { return "column " + shorten(name) }

// foreign lists what is sent for a CSV table by mistake, by its first bytes.
var foreign = []struct{ magic, what string }{
	{"\x1f\x8b", "a gzip file: unpack it first"},
	{"PK\x03\x04", "a ZIP archive or a spreadsheet: unpack it, or save it as CSV"},
	{"\x28\xb5\x2f\xfd", "a Zstandard file: unpack it first"},
	{"BZh", "a bzip2 file: unpack it first"},
	{"\xfd7zXZ", "an XZ file: unpack it first"},
	{"PAR1", "a Parquet file, which this version does not read: save it as CSV"},
	{"ARROW1", "an Arrow file, which this version does not read: save it as CSV"},
	{"SQLite format 3", "an SQLite database: export the table as CSV"},
	{"\xff\xfe", "UTF-16 text: save it as UTF-8"},
	{"\xfe\xff", "UTF-16 text: save it as UTF-8"},
	{"%PDF", "a PDF file"},
	{"<!DOCTYPE", "an HTML page"},
	{"<html", "an HTML page"},
}

// sniff drops a byte order mark and refuses what is plainly no CSV table, so
// that nobody reads about quotes on line 17 of an archive.
func (s *csvSource) sniff(buf *bufio.Reader) error {
	head, err := buf.Peek(4096)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read table: %w", err)
	}
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return s.invalid(0, "", "not a CSV table: it looks like %s", f.what)
		}
	}
	if bytes.HasPrefix(head, []byte("\ufeff")) {
		if _, err := buf.Discard(len("\ufeff")); err != nil {
			return fmt.Errorf("read table: %w", err)
		}
	}
	for i, c := range head {
		if isBinary(c) {
			return s.invalid(bytes.Count(head[:i], []byte("\n"))+1, "", "not a CSV table: byte %d is 0x%02x, which text does not hold", i+1, c)
		}
	}
	return nil
}

// isBinary reports whether a byte is a control character that text files do
// not hold.
func isBinary(c byte) bool {
	return c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\v' || c == 0x7f
}

// checkHeader takes the names of the columns from the first record.
func (s *csvSource) checkHeader(record []string) error {
	if len(record) > maxColumns {
		return s.invalid(1, "", "the header has %d columns; at most %d are taken", len(record), maxColumns)
	}
	seen := make(map[string]int, len(record))
	for i, name := range record {
		line := s.Line(i)
		if name == "" {
			return s.invalid(line, fmt.Sprintf("column %d", i+1), "the header gives it no name")
		}
		if strings.ContainsRune(name, '\r') {
			return s.invalid(line, "", "lines end in CR alone; save the file with LF or CRLF")
		}
		if first, ok := seen[name]; ok {
			return s.invalid(line, columnPath(name), "the header names it twice, as columns %d and %d", first+1, i+1)
		}
		seen[name] = i
		s.header = append(s.header, strings.Clone(name))
	}
	return nil
}

// record returns the trimmed fields of the next record, or io.EOF.
func (s *csvSource) record() ([]string, error) {
	before := s.reader.InputOffset()
	record, err := s.reader.Read()
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	if errors.Is(err, errTooLong) || s.reader.InputOffset()-before > maxRecord {
		return nil, s.invalid(s.next, "", "the row has more than %d bytes; is a quote left open?", maxRecord)
	}
	if err != nil {
		return nil, s.explain(err)
	}
	s.guard.until = s.reader.InputOffset() + maxRecord + csvBuffer
	last := len(record) - 1
	s.next = s.Line(last) + strings.Count(record[last], "\n") + 1
	for i, field := range record {
		if err := s.checkText(i, field); err != nil {
			return nil, err
		}
		record[i] = strings.TrimSpace(field)
	}
	return record, nil
}

// explain turns an error of encoding/csv into one for people.
func (s *csvSource) explain(err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return fmt.Errorf("read table: %w", err)
	}
	switch {
	case errors.Is(parse.Err, csv.ErrBareQuote):
		return s.invalid(parse.Line, "", `byte %d: a quote inside a field; put the whole field in quotes and double the quotes within`, parse.Column)
	case errors.Is(parse.Err, csv.ErrQuote) && parse.Line > parse.StartLine:
		return s.invalid(parse.StartLine, "", "a quoted field of this row is not closed properly by line %d; double the quotes within quoted fields", parse.Line)
	case errors.Is(parse.Err, csv.ErrQuote):
		return s.invalid(parse.Line, "", "byte %d: a quoted field is not closed properly; double the quotes within quoted fields", parse.Column)
	}
	return s.invalid(parse.Line, "", "%v", parse.Err)
}

// checkText refuses a field that is not text in UTF-8.
func (s *csvSource) checkText(i int, field string) error {
	if strings.IndexByte(field, 0) < 0 && utf8.ValidString(field) {
		return nil
	}
	at := 0
	for at < len(field) && field[at] != 0 {
		r, n := utf8.DecodeRuneInString(field[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	line := s.Line(i) + strings.Count(field[:at], "\n")
	path := fmt.Sprintf("column %d", i+1)
	if i < len(s.header) {
		path = columnPath(s.header[i])
	}
	if field[at] == 0 {
		return s.invalid(line, path, "not a CSV table: a NUL byte in a field")
	}
	return s.invalid(line, path, "byte 0x%02x is not UTF-8; save the file as UTF-8", field[at])
}

// csvBuffer is how far encoding/csv reads ahead of the record it returns.
const csvBuffer = 4096

var errTooLong = errors.New("record too long")

// guard stops encoding/csv, which has no bound of its own, from gathering a
// record of any length.
type guard struct {
	r     io.Reader
	read  int64 // bytes so far
	until int64 // where the current record must have ended
}

func (g *guard) Read(p []byte) (int, error) {
	if g.read >= g.until {
		return 0, errTooLong
	}
	n, err := g.r.Read(p)
	g.read += int64(n)
	return n, err
}

// shorten cuts a text for a message.
func shorten(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// count returns "1 row", "2 rows".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
