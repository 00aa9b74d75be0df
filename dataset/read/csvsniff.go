package read

import (
	"bytes"
	"context"
	"fmt"
	"slices"
)

const (
	sampleBytes   = 1 << 20
	sampleRecords = 100
)

// sample is the beginning of a CSV file, and what is told from it.
type sample struct {
	name     string
	text     []byte
	all      bool // the file is no longer than text
	encoding Encoding
	dialect  dialect
	records  []record
	comments int // lines that begin with the comment character
}

// record is one of a sample, its fields as values.
type record struct {
	fields []string
	quoted []bool
	from   int // in the text
	next   int
	line   int64
	broken bool
	hash   bool // it begins with #, unquoted
}

// readSample reads the beginning of a file and skips lines as asked.
func readSample(ctx context.Context, s *stream, opts Options) (*sample, int, error) {
	text, all, enc, err := s.head(ctx, opts.Encoding, sampleBytes)
	if err != nil {
		return nil, 0, err
	}
	if err := checkSample(s.name, text, opts.Delimiter); err != nil {
		return nil, 0, err
	}
	newline := byte('\n')
	if bytes.IndexByte(text, '\n') < 0 && bytes.IndexByte(text, '\r') >= 0 {
		newline = '\r'
	}
	if !all { // leave the line that is cut off
		text = text[:bytes.LastIndexByte(text, newline)+1]
	}
	skipped := 0
	for range opts.Skip {
		k := bytes.IndexByte(text[skipped:], newline)
		if k < 0 {
			return nil, 0, invalid(s.name, 0, "", "the table has no more than the %s that are to be skipped", count(opts.Skip, "line"))
		}
		skipped += k + 1
	}
	m := &sample{name: s.name, text: text[skipped:], all: all, encoding: enc, dialect: dialect{newline: newline}}
	if len(bytes.TrimSpace(m.text)) == 0 {
		return nil, 0, invalid(s.name, 0, "", "the file is empty; a table is needed")
	}
	return m, skipped, nil
}

// sniff tells the dialect: the one by which the most records have the same
// number of fields, and the fields look like values.
func (m *sample) sniff(opts Options) {
	best, bestScore := dialect{newline: m.dialect.newline}, -1.0
	for _, d := range m.candidates(opts) {
		records, escapes := m.split(d, opts.Comment)
		d.escape = escapes
		if score := score(records, d); score > bestScore+1e-9 {
			best, bestScore = d, score
		}
	}
	m.settle(best, opts)
}

// settle takes a dialect.
func (m *sample) settle(d dialect, opts Options) {
	d.newline = m.dialect.newline
	m.dialect = d
	m.records, _ = m.split(d, opts.Comment)
}

// candidates are the dialects to try, the likelier ones first.
func (m *sample) candidates(opts Options) []dialect {
	delims := []byte{',', '\t', ';', '|', ' ', 0}
	if opts.Delimiter != 0 {
		delims = []byte{opts.Delimiter}
	}
	quotes := []byte{'"'}
	switch {
	case opts.Quote == None:
		quotes = []byte{0}
	case opts.Quote != 0:
		quotes = []byte{opts.Quote}
	case bytes.IndexByte(m.text, '\'') >= 0:
		quotes = []byte{'"', '\''}
	}
	var all []dialect
	for _, d := range delims {
		for _, q := range quotes {
			all = append(all, dialect{delim: d, quote: q, newline: m.dialect.newline})
		}
	}
	return all
}

// split cuts the sample into records by a dialect. Blank lines and comments are
// left out; without a comment character given, lines that begin with # stay,
// marked. It reports whether quotes are escaped by backslashes.
func (m *sample) split(d dialect, comment byte) (records []record, escapes bool) {
	s := newSplitter(d)
	line := int64(1)
	m.comments = 0
	for pos := 0; pos < len(m.text) && len(records) < sampleRecords; {
		if comment != 0 && comment != None && m.text[pos] == comment {
			k := bytes.IndexByte(m.text[pos:], d.newline)
			if k < 0 {
				break
			}
			pos += k + 1
			line++
			m.comments++
			continue
		}
		s.spans = s.spans[:0]
		next, st := s.record(m.text, pos, m.all)
		if st == partial { // a quote is open to the end of the sample
			records = append(records, record{from: pos, next: len(m.text), line: line, broken: true})
			break
		}
		r := record{from: pos, next: next, line: line, broken: st == broken}
		for _, sp := range s.spans {
			text := sp.bytes(m.text)
			quoted := sp.from > 0 && d.quote != 0 && m.text[sp.from-1] == d.quote
			if sp.to&escaped != 0 {
				text = s.unescape(nil, text)
			}
			r.fields = append(r.fields, string(bytes.TrimSpace(text)))
			r.quoted = append(r.quoted, quoted && s.quoted)
		}
		blank := !r.broken && (len(r.fields) == 0 || len(r.fields) == 1 && r.fields[0] == "" && !s.quoted)
		r.hash = comment == 0 && m.text[pos] == '#'
		if !blank {
			records = append(records, r)
		}
		pos = next
		line += int64(s.lines)
	}
	return records, s.escapes
}

// score rates a dialect between 0 and 1 by the share of records with the usual
// number of fields and the share of their fields that look like values.
func score(records []record, d dialect) float64 {
	width := usualWidth(records)
	var same, total, clean, fields float64
	for _, r := range records {
		if r.hash {
			continue
		}
		total++
		if r.broken || len(r.fields) != width {
			continue
		}
		same++
		for i, f := range r.fields {
			fields++
			if r.quoted[i] || isClean(f) {
				clean++
			}
		}
	}
	if fields == 0 {
		return 0
	}
	s := same / total * (0.2 + 0.8*clean/fields)
	switch {
	case width < 2:
		return 0.4 * s
	case d.delim == ' ' && !hasNumbers(records, width):
		return 0.1 * s // words of a text
	case d.delim == ' ':
		return 0.8 * s
	}
	return s
}

// hasNumbers reports whether a column is all numbers, its name aside.
func hasNumbers(records []record, width int) bool {
	for c := range width {
		n := 0
		for i, r := range records {
			if i == 0 || r.hash || len(r.fields) != width {
				continue
			}
			if !isNumeric(r.fields[c]) && !isMissing(r.fields[c]) {
				n = 0
				break
			}
			n++
		}
		if n > 0 {
			return true
		}
	}
	return false
}

// usualWidth returns the number of fields that most records have; of several
// numbers the one met first.
func usualWidth(records []record) int {
	counts := make(map[int]int)
	for _, r := range records {
		if !r.broken && !r.hash {
			counts[len(r.fields)]++
		}
	}
	best := 0
	for _, r := range records {
		if n := len(r.fields); !r.broken && !r.hash && counts[n] > counts[best] {
			best = n
		}
	}
	return best
}

// isClean reports whether a field looks like one value rather than like several
// that a wrong delimiter left together.
func isClean(f string) bool {
	if f == "" || isNumeric(f) {
		return true
	}
	if f[0] == '"' || f[len(f)-1] == '"' || f[0] == '\'' && f[len(f)-1] == '\'' {
		return false
	}
	for i := range len(f) {
		switch f[i] {
		case '\t', ';', '|':
			return false
		case ',':
			if i+1 == len(f) || f[i+1] != ' ' {
				return false
			}
		}
	}
	return true
}

// describe says what is not usual in a dialect.
func (d dialect) describe() []string {
	var notes []string
	switch d.delim {
	case ',':
	case 0:
		notes = append(notes, "one column")
	case '\t':
		notes = append(notes, "delimiter tab")
	case ' ':
		notes = append(notes, "delimiter white space")
	default:
		notes = append(notes, fmt.Sprintf("delimiter %c", d.delim))
	}
	if d.quote != '"' && d.quote != 0 {
		notes = append(notes, fmt.Sprintf("quote %c", d.quote))
	}
	if d.escape {
		notes = append(notes, "quotes escaped by a backslash")
	}
	if d.newline == '\r' {
		notes = append(notes, "lines end in CR")
	}
	return notes
}

// hasComments reports whether lines that begin with # do not fit the table.
func hasComments(records []record, width int) bool {
	return slices.ContainsFunc(records, func(r record) bool { return r.hash && (r.broken || len(r.fields) != width) })
}
