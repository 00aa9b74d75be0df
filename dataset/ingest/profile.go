package ingest

import (
	"bytes"
	"math"
	"slices"

	"tourney"
	"tourney/dataset/table"
)

// profile is what one pass over all rows tells about a column.
type profile struct {
	field table.Field
	role  role
	given *tourney.ColumnType // what the request says it is, or nil

	present      int64
	missing      int64
	missingLines []int64 // of the first

	// Of texts: what the column may still be, and the first value that spoke
	// against it.
	number    bool
	notNumber example
	why       int     // notNumber is one of noNumber, isCode, isLong
	numbers   int64   // values before it
	pairs     uint8   // of booleans
	dates     uint8   // forms
	notDate   example // if there were dates before it

	// Of texts, and of numbers that are to be categories or classes.
	levels   *levels   // nil once given up
	sample   *distinct // of texts, from then on; nil while they may be numbers
	many     int       // distinct texts when given up
	top      []string  // the most frequent texts at that time
	samples  int       // most of sample
	first    string    // the first text
	wide     bool      // a number that is no float32
	huge     example   // the first beyond float32
	negative example   // the first below 0
	features uint32    // of sparse vectors
	scratch  []byte
}

// example is a value and where it stands.
type example struct {
	line int64
	text string
}

func (e *example) set() bool { return e.line > 0 }

// note keeps the first value it is called with.
func (e *example) note(line int64, text []byte) {
	if e.line == 0 {
		e.line, e.text = max(1, line), string(text[:min(len(text), 4*shown)])
	}
}

// newProfile returns the profile of no values.
func newProfile(f table.Field, r role, given *tourney.ColumnType, samples int) *profile {
	p := &profile{field: f, role: r, given: given, samples: samples}
	if f.Type == table.Text {
		p.number, p.pairs, p.dates = true, allBooleans, allDates
		if r == roleGroup {
			p.pairs, p.dates = 0, 0
		}
	}
	switch {
	case p.gives(tourney.Text):
		p.giveUp()
	case f.Type == table.Text, p.gives(tourney.Category), (r == roleTarget || r == roleSplit) && f.Type != table.Sparse:
		p.levels = newLevels()
	}
	return p
}

// givenLevels returns the levels that the request gives, lowest first.
func (p *profile) givenLevels() []string {
	if p.given == nil {
		return nil
	}
	return p.given.Levels
}

// isMissing reports whether the column has no value in that row.
func (p *profile) isMissing(c *table.Column, row int) bool {
	switch p.field.Type {
	case table.Text:
		return p.missingText(c.Text(row))
	case table.Sparse:
		return false
	}
	return math.IsNaN(c.Numbers[row])
}

// missingText is isMissing, but for what the request names as a level.
func (p *profile) missingText(text []byte) bool {
	if !isMissing(text) {
		return false
	}
	return len(text) == 0 || !slices.Contains(p.givenLevels(), string(text))
}

// observe takes in rows from up to to, but for those that are left out.
func (p *profile) observe(b *table.Batch, c *table.Column, from, to int, out []bool) error {
	switch p.field.Type {
	case table.Text:
		for row := from; row < to; row++ {
			text := c.Text(row)
			if p.missingText(text) {
				p.miss(b.Lines[row], out[row])
			} else if !out[row] {
				if err := p.observeText(b.Lines[row], text); err != nil {
					return err
				}
			}
		}
	case table.Sparse:
		p.present += int64(to - from)
		for _, i := range c.Index[c.Starts[from]:c.Starts[to]] {
			p.features = max(p.features, i+1)
		}
	default:
		for row := from; row < to; row++ {
			if v := c.Numbers[row]; math.IsNaN(v) {
				p.miss(b.Lines[row], out[row])
			} else if !out[row] {
				if err := p.observeNumber(b.Lines[row], v); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// miss counts a missing value. In rows that are left out only those are of
// interest for which they may be.
func (p *profile) miss(line int64, out bool) {
	const most = 5
	if out && p.role == roleNone {
		return
	}
	p.missing++
	if len(p.missingLines) < most {
		p.missingLines = append(p.missingLines, line)
	}
}

func (p *profile) observeText(line int64, text []byte) error {
	if p.present == 0 {
		p.first = string(text[:min(len(text), 4*shown)])
	}
	p.present++
	if p.number {
		v, what := p.parse(text)
		if what == isNumber {
			p.observeValue(line, v, text)
		} else {
			p.number, p.why, p.numbers = false, what, p.present-1
			p.notNumber.note(line, text)
		}
	}
	if p.pairs != 0 && !(p.gives(tourney.Boolean) && isBit(text)) {
		pairs, _ := parseBool(text)
		p.pairs &= pairs
	}
	if p.dates != 0 {
		if p.dates = dateFits(text, p.dates); p.dates == 0 && p.present > 1 {
			p.notDate.note(line, text)
		}
	}
	if p.given != nil {
		if err := p.checkGiven(line, text); err != nil {
			return err
		}
	}
	return p.count(line, text)
}

// gives reports whether the request says that the column is of that kind.
func (p *profile) gives(kind tourney.ColumnKind) bool { return p.given != nil && p.given.Kind == kind }

// parse reads a number. Leading zeros are no matter where the request says
// that the column holds numbers.
func (p *profile) parse(text []byte) (float64, int) {
	if p.gives(tourney.Number) {
		for len(text) > 1 && text[0] == '0' && text[1]-'0' < 10 {
			text = text[1:]
		}
	}
	return parseNumber(text)
}

// observeNumber takes in a value of a source that knows its types.
func (p *profile) observeNumber(line int64, v float64) error {
	p.present++
	if math.IsInf(v, 0) {
		return p.bad(line, "the value is infinite; numbers must be finite")
	}
	if p.levels == nil && p.sample == nil && !p.gives(tourney.Boolean) {
		p.observeValue(line, v, nil)
		return nil
	}
	text := p.format(v)
	p.observeValue(line, v, text)
	if p.given != nil && p.given.Kind != tourney.Number && p.given.Kind != tourney.Date {
		if err := p.checkGiven(line, text); err != nil {
			return err
		}
	}
	return p.count(line, text)
}

// format is the text of a value of a source that knows its types, valid until
// the next call.
func (p *profile) format(v float64) []byte {
	p.scratch = p.scratch[:0]
	switch {
	case p.field.Type == table.Bool && v != 0:
		p.scratch = append(p.scratch, "true"...)
	case p.field.Type == table.Bool:
		p.scratch = append(p.scratch, "false"...)
	default:
		p.scratch = appendNumber(p.scratch, v)
	}
	return p.scratch
}

func (p *profile) observeValue(line int64, v float64, text []byte) {
	if float64(float32(v)) != v {
		p.wide = true
		if math.Abs(v) > math.MaxFloat32 {
			p.huge.note(line, text)
		}
	}
	if v < 0 {
		p.negative.note(line, text)
	}
}

// count counts a text among the levels, or among the distinct values once the
// levels are given up.
func (p *profile) count(line int64, text []byte) error {
	if p.levels == nil && p.sample == nil {
		return nil
	}
	hash := table.Hash(text)
	if p.levels == nil {
		p.sample.add(hash, 1)
		return nil
	}
	before := p.levels.len()
	p.levels.add(text, hash, 1)
	given := p.givenLevels()
	switch n := p.levels.len(); {
	case n == before:
	case len(given) > 0 && !slices.Contains(given, string(text)):
		return p.bad(line, "%s is none of the levels given: %s%s", quote(text), list(given), tourney.DidYouMean(string(text), given))
	case n > maxLevels && p.gives(tourney.Category):
		return p.bad(line, "more than %s distinct values, which is too many for the category that the column is said to be; give the type text, or drop the column", grouped(maxLevels))
	case n > maxLevels, n > 4*maxClasses && p.role == roleTarget, n > maxNumberLevels && p.likelyNumber() && !p.gives(tourney.Category):
		p.giveUp()
	}
	return nil
}

// giveUp stops keeping the texts themselves.
func (p *profile) giveUp() {
	l := p.levels
	p.levels = nil
	if l == nil {
		return
	}
	p.many = l.len()
	for _, i := range l.frequent(candidates) {
		p.top = append(p.top, string(l.text(i)))
	}
	if p.likelyNumber() {
		return // it is not worth the time to count them on
	}
	p.sample = newDistinct(p.samples)
	for i, n := range l.counts {
		p.sample.add(table.Hash(l.text(int32(i))), n)
	}
}

// maxNumberLevels is how many distinct texts are kept of a column that may
// still be numbers or dates. If it turns out to be neither, it is text.
const maxNumberLevels = 10_000

// candidates is how many frequent texts are counted of a column that has too
// many of them to count all.
const candidates = 200

// checkGiven refuses a value that is not of the type that the request gives.
func (p *profile) checkGiven(line int64, text []byte) error {
	value := quote(text)
	switch kind := p.given.Kind; {
	case kind == tourney.Number && !p.number && p.why == isLong:
		return p.bad(line, "%s has more than %d digits, which a number cannot keep; give the column another type than number", value, longestInteger)
	case kind == tourney.Number && !p.number:
		return p.bad(line, "%s is no number, which the column is said to be; correct it, write NA if it is unknown, or give another type", value)
	case kind == tourney.Boolean && p.pairs == 0 && !isBit(text):
		return p.bad(line, "%s is no boolean, which the column is said to be: true or false, yes or no, t or f, y or n, 1 or 0, and the same pair in all rows", value)
	case kind == tourney.Date && p.dates == 0:
		return p.bad(line, "%s is no date in a form that all rows above have; a column of dates has one of the forms %s", value, list(dateNames[:]))
	}
	return nil
}

// isBit tells the numbers 0 and 1, which are booleans where they are said to
// be.
func isBit(text []byte) bool { return bytes.Equal(text, []byte("0")) || bytes.Equal(text, []byte("1")) }

func (p *profile) bad(line int64, format string, args ...any) error {
	return invalid(line, columnPath(p.field.Name), format, args...)
}
