package ingest

import (
	"fmt"
	"math/bits"

	"tourney"
	"tourney/dataset/table"
)

// A column of texts with up to fewLevels distinct ones is a category; with
// more it is one if a level is there twice on average.
const (
	fewLevels    = 64
	rowsPerLevel = 2
)

// kind decides what a column holds, by all its values, and says why.
func (p *profile) kind() (kind tourney.ColumnKind, why string) {
	switch {
	case p.given != nil && p.role == roleTarget && p.given.Kind == tourney.Boolean:
		return tourney.Category, "the request says boolean; as the target, its two values are the classes"
	case p.given != nil:
		return p.given.Kind, "the request says so"
	case p.field.Type == table.Number:
		return tourney.Number, "the source holds numbers"
	case p.field.Type == table.Bool && p.role == roleTarget:
		return tourney.Category, "the source holds booleans, which are the classes"
	case p.field.Type == table.Bool:
		return tourney.Boolean, "the source holds booleans"
	case p.field.Type == table.Time:
		return tourney.Date, "the source holds dates"
	case p.field.Type == table.Sparse:
		return tourney.Sparse, "the source holds sparse vectors"
	case p.present == 0:
		return tourney.Category, "no row has a value"
	case p.number:
		return tourney.Number, fmt.Sprintf("%s a number", p.every())
	case p.pairs != 0 && p.role != roleTarget:
		b := booleans[bits.TrailingZeros8(p.pairs)]
		return tourney.Boolean, fmt.Sprintf("%s %s or %s", p.every(), b.yes, b.no)
	case p.dates != 0 && !p.ambiguous():
		return tourney.Date, fmt.Sprintf("%s a date such as %s", p.every(), quote(p.first))
	}
	return p.textKind()
}

func (p *profile) every() string {
	if p.present == 1 {
		return "the one value is"
	}
	return fmt.Sprintf("each of %s is", count(p.present, "value"))
}

// textKind tells categories from texts.
func (p *profile) textKind() (tourney.ColumnKind, string) {
	reason := p.whyText()
	if p.levels == nil {
		many := "more than " + count(p.many-1, "distinct text")
		if p.sample != nil && p.sample.exact() {
			many = count(p.sample.estimate(), "distinct text")
		} else if p.sample != nil {
			many = "about " + count(p.sample.estimate(), "distinct text")
		}
		return tourney.Text, fmt.Sprintf("%s, such as %s%s", many, quote(p.first), reason)
	}
	n := p.levels.len()
	why := count(n, "distinct text")
	if n == 1 {
		why += fmt.Sprintf(", %s", quote(p.first))
	}
	if p.role == roleTarget || n <= fewLevels || int64(n)*rowsPerLevel <= p.present {
		return tourney.Category, why + reason
	}
	return tourney.Text, fmt.Sprintf("%s in %s, such as %s%s", why, count(p.present, "row"), quote(p.first), reason)
}

// whyText says why a column that looked like numbers or dates is none, if it
// did.
func (p *profile) whyText() string {
	value := quote(p.notNumber.text)
	switch {
	case p.ambiguous():
		return "; they look like dates, but no value tells the day from the month: give the type date to read the month first"
	case p.notDate.set():
		return fmt.Sprintf("; dates up to line %d, where %s is none", p.notDate.line, quote(p.notDate.text))
	case p.why == isCode:
		return fmt.Sprintf("; %s in line %d begins with a zero, which a number does not keep", value, p.notNumber.line)
	case p.why == isLong:
		return fmt.Sprintf("; %s in line %d has more digits than a number keeps", value, p.notNumber.line)
	case p.numbers > 0:
		return fmt.Sprintf("; numbers up to line %d, where %s is none", p.notNumber.line, value)
	}
	return ""
}

// ambiguous reports whether all values are dates with the day before the month
// and with the month before the day.
func (p *profile) ambiguous() bool {
	return p.dates&(1<<usDate) != 0 && p.dates&(1<<euDate) != 0
}

// form is the form of a column's dates, the first of those that all values
// have.
func (p *profile) form() dateForm { return dateForm(bits.TrailingZeros8(p.dates)) }
