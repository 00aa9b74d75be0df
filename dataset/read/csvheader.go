package read

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"tourney/dataset/table"
)

// maxName is the most bytes of a column's name.
const maxName = 4096

// openCSV tells the dialect and the columns of the first file, and finds the
// same columns in the others.
func openCSV(ctx context.Context, set *fileSet) (*csvSource, error) {
	s := &csvSource{fileSet: set}
	var first *layout
	for _, st := range set.streams {
		l, err := s.layOut(ctx, st, first)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = l
			s.take(l)
		}
		s.parts = append(s.parts, &l.part)
	}
	s.batch.Columns = make([]table.Column, len(s.fields))
	s.order = make([]table.Column, len(s.fields))
	return s, nil
}

// layout is where the table stands in a file.
type layout struct {
	part   csvPart
	names  []string
	header bool
	notes  []string
}

// take makes the first file's columns those of the table.
func (s *csvSource) take(l *layout) {
	for _, n := range l.names {
		s.fields = append(s.fields, table.Field{Name: n, Type: table.Text})
	}
	if !l.header {
		s.hints.Target = l.names[0]
	}
	for _, n := range l.notes {
		s.said(n)
	}
}

// layOut finds the table in a file, alike the first one if there is one.
func (s *csvSource) layOut(ctx context.Context, st *stream, first *layout) (*layout, error) {
	m, skipped, err := readSample(ctx, st, s.opts)
	if err != nil {
		return nil, err
	}
	if first != nil {
		m.settle(first.part.dialect, s.opts)
		if l, err := s.locate(m, st, skipped, first); err == nil {
			return l, nil
		}
	}
	m.sniff(s.opts)
	return s.locate(m, st, skipped, first)
}

// locate finds the header and the first row in a sample.
func (s *csvSource) locate(m *sample, st *stream, skipped int, first *layout) (*layout, error) {
	l := &layout{part: csvPart{stream: st, dialect: m.dialect, encoding: m.encoding}}
	if s.opts.Comment != None {
		l.part.comment = s.opts.Comment
	}
	width := usualWidth(m.records)
	if width == 0 {
		return nil, invalid(st.name, 1, "", "not a table: no line can be cut into fields; is a quote left open?")
	}
	if width > s.opts.Limits.Columns {
		return nil, invalid(st.name, m.records[0].line, "", "the table has %d columns; at most %d are taken", width, s.opts.Limits.Columns)
	}
	if s.opts.Comment == 0 && width > 1 {
		l.part.softHash = true
		if hasComments(m.records, width) {
			l.part.comment = '#'
			l.notes = append(l.notes, "lines that begin with # left out")
		}
	}
	body := m.trim(width, l)
	width = l.part.width
	l.header = s.hasHeader(body, first)
	if len(body) == 0 {
		return nil, invalid(st.name, 1, "", "not a table: no line has the %s that most have", count(width, "field"))
	}
	start := body[0]
	line := start.line + int64(s.opts.Skip)
	l.part.from, l.part.line = int64(skipped+start.from), line
	if l.header {
		l.part.from = int64(skipped + start.next)
		l.part.line += int64(bytes.Count(m.text[start.from:start.next], []byte{m.dialect.newline}))
		if err := l.name(start.fields, st.name, line); err != nil {
			return nil, err
		}
	} else {
		for i := range width {
			l.names = append(l.names, "column_"+strconv.Itoa(i+1))
		}
		l.notes = append(l.notes, "no header")
	}
	l.notes = append(append(m.dialect.describe(), m.encoding.describe()), l.notes...)
	if first != nil {
		return l, l.match(first)
	}
	return l, nil
}

// trim leaves out what stands before the table, and says so. It sets the
// layout's width: an empty last column that trailing delimiters make is none,
// and a header may lack the name of the first column.
func (m *sample) trim(width int, l *layout) []record {
	var rows []record // those that fit, in order, from the header on
	start := -1
	for i, r := range m.records {
		if r.hash && l.part.comment == '#' || r.broken {
			continue
		}
		n := len(r.fields)
		fits := n == width || n == width-1 && !r.hash || n == width+1 && r.fields[n-1] == ""
		if start < 0 && fits && (n >= width || m.isHeaderOf(i, width)) {
			start = i
		}
		if start >= 0 && fits {
			rows = append(rows, r)
		}
	}
	if start < 0 {
		return nil
	}
	// A last header line behind #, as in "#id	name".
	if start > 0 && width > 1 && m.records[start-1].hash && len(m.records[start-1].fields) == width && headerVote(append([]record{m.records[start-1]}, rows...)) > 0 {
		r := m.records[start-1]
		r.fields = slices.Clone(r.fields)
		r.fields[0] = strings.TrimSpace(strings.TrimLeft(r.fields[0], "#"))
		rows = append([]record{r}, rows...)
		start--
	}
	l.part.width = width
	if junk := m.junk(start); junk > 0 {
		l.notes = append(l.notes, count(junk, "line")+" before the table left out")
	}
	if width > 1 && !slices.ContainsFunc(rows, func(r record) bool { return len(r.fields) >= width && r.fields[width-1] != "" }) {
		named := rows[0].fields[min(width, len(rows[0].fields))-1] != "" && len(rows[0].fields) >= width
		if !named && len(rows) > 1 {
			l.part.width = width - 1
			l.notes = append(l.notes, "delimiters at the ends of lines left out")
		}
	}
	if h := rows[0].fields; len(h) == l.part.width-1 {
		rows[0].fields = append([]string{""}, h...)
	}
	return rows
}

// isHeaderOf reports whether a record with one field less than the rows that
// follow it names all columns but the first, as R writes them, or has no
// delimiter at its end where they have.
func (m *sample) isHeaderOf(i, width int) bool {
	if len(m.records[i].fields) != width-1 || width < 3 || i+1 == len(m.records) {
		return false
	}
	names := m.records[i].fields
	for j, n := range names {
		if n == "" || isNumeric(n) || slices.Contains(names[:j], n) {
			return false
		}
	}
	return len(m.records[i+1].fields) == width
}

// junk counts the records before the table that are no comments.
func (m *sample) junk(start int) int {
	n := 0
	for _, r := range m.records[:start] {
		if !r.hash {
			n++
		}
	}
	return n
}

// hasHeader decides whether the first record names the columns.
func (s *csvSource) hasHeader(rows []record, first *layout) bool {
	switch {
	case s.opts.Header == HeaderYes:
		return true
	case s.opts.Header == HeaderNo || len(rows) == 0:
		return false
	case first != nil && !first.header:
		return false
	case first != nil:
		return true // else match says which columns it lacks
	}
	return headerVote(rows) >= 0
}

// headerVote compares the first record with the others, column by column: above
// zero it is a header by the types, below it is a row, and zero is a header by
// custom.
func headerVote(rows []record) int {
	head, body := rows[0].fields, rows[1:]
	if isCounting(head, body) {
		return 1
	}
	header, row, repeated := 0, 0, 0
	for c, name := range head {
		typed, seen := 0, false
		others := 0
		for _, r := range body {
			if c >= len(r.fields) || isMissing(r.fields[c]) {
				continue
			}
			others++
			if isNumeric(r.fields[c]) || isDate(r.fields[c]) {
				typed++
			}
			seen = seen || r.fields[c] == name
		}
		value := isNumeric(name) || isDate(name)
		switch {
		case isMissing(name):
		case value && (others == 0 || typed == others):
			row++
		case others > 0 && typed == others:
			header++
		case seen:
			repeated++
		}
	}
	switch {
	case header > 0 && (header >= row || allNames(head)):
		return header
	case row > 0:
		return -row
	case header == 0 && repeated > 0:
		return -repeated
	}
	return 0
}

// allNames reports whether fields could all be names of columns, some of them
// whole numbers (years).
func allNames(fields []string) bool {
	for i, f := range fields {
		if f == "" && i > 0 || strings.ContainsRune(f, '.') && isNumeric(f) || slices.Contains(fields[:i], f) {
			return false
		}
	}
	return true
}

// isCounting reports whether a record numbers columns (0, 1, 2, …; or years), a
// first name aside, as tables written without names do.
func isCounting(head []string, body []record) bool {
	numbers := head
	if len(head) > 0 && !isNumeric(head[0]) {
		numbers = head[1:]
	}
	skip := len(head) - len(numbers)
	return counts(numbers) && (len(body) == 0 || len(body[0].fields) < skip || !counts(body[0].fields[skip:]))
}

// counts reports whether fields are consecutive numbers from 0 or 1, or years.
func counts(fields []string) bool {
	if len(fields) < 2 {
		return false
	}
	first, err := strconv.Atoi(fields[0])
	year := first >= 1800 && first < 2200
	if err != nil || !year && (first != 0 && first != 1 || len(fields) < 3) {
		return false
	}
	for i, f := range fields {
		if f != strconv.Itoa(first+i) {
			return false
		}
	}
	return true
}

// name takes the columns' names from a header: unique, not empty, trimmed. What
// is changed is said.
func (l *layout) name(header []string, file string, line int64) error {
	taken := make(map[string]bool, len(header))
	for _, n := range header {
		taken[n] = true
	}
	seen := make(map[string]bool, len(header))
	for i := range l.part.width {
		name := ""
		if i < len(header) {
			name = header[i]
		}
		if len(name) > maxName {
			return invalid(file, line, "column "+strconv.Itoa(i+1), "a name of %s; at most %d are taken. Is the header missing?", count(len(name), "byte"), maxName)
		}
		if enc := l.part.encoding; enc == Latin1 || enc == Windows1252 || enc == auto8 && !utf8.ValidString(name) {
			name = strings.TrimSpace(string(appendText(nil, []byte(name), enc)))
		} else if !utf8.ValidString(name) {
			return invalid(file, line, "column "+strconv.Itoa(i+1), "the name is not valid %s; say the encoding, or leave it to be told", enc)
		}
		switch {
		case name == "":
			name = unique("column_"+strconv.Itoa(i+1), taken)
			l.notes = append(l.notes, fmt.Sprintf("column %d has no name: named %s", i+1, name))
		case seen[name]:
			again := unique(name, taken)
			l.notes = append(l.notes, fmt.Sprintf("column %d is named %s once more: named %s", i+1, shorten(name), again))
			name = again
		}
		seen[name], taken[name] = true, true
		l.names = append(l.names, name)
	}
	return nil
}

// unique appends a number to a name that is taken.
func unique(name string, taken map[string]bool) string {
	for n, candidate := 2, name; ; n++ {
		if !taken[candidate] {
			return candidate
		}
		candidate = name + "_" + strconv.Itoa(n)
	}
}

// match finds the first file's columns in this one.
func (l *layout) match(first *layout) error {
	file, other := l.part.stream.name, first.part.stream.name
	if len(l.names) != len(first.names) {
		return invalid(file, 0, "", "it has %s where %s has %d%s", count(len(l.names), "column"), other, len(first.names), difference(l.names, first.names))
	}
	at := make(map[string]int, len(l.names))
	for i, n := range l.names {
		at[n] = i
	}
	perm, inOrder := make([]int, len(first.names)), true
	for i, n := range first.names {
		f, ok := at[n]
		if !ok {
			return invalid(file, 0, columnPath(n), "it is in %s but not in this file%s; the files of one table have the same columns", other, difference(l.names, first.names))
		}
		perm[i], inOrder = f, inOrder && f == i
	}
	if !inOrder {
		l.part.perm = perm
	}
	return nil
}

// difference names the first columns that only one of two files has.
func difference(here, there []string) string {
	const most = 3
	var extra []string
	for _, n := range here {
		if !slices.Contains(there, n) && len(extra) < most {
			extra = append(extra, shorten(n))
		}
	}
	if len(extra) == 0 {
		return ""
	}
	return " (only here: " + strings.Join(extra, ", ") + ")"
}
