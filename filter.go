package tourney

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// TrialSort is an order of trials: one of TrialSorts, with a minus in front for
// the other direction. Trials that do not have what is sorted by come last
// either way; equal ones are ordered by number, in the same direction.
type TrialSort string

// TrialSorts lists what trials may be sorted by. The rung is the highest that
// is finished, the duration the time from the proposal to the end.
func TrialSorts() []string { return []string{"number", "state", "rung", "value", "duration"} }

// Field returns what is sorted by, and whether the largest comes first.
func (s TrialSort) Field() (field string, down bool) {
	field, down = strings.CutPrefix(string(s), "-")
	if field == "" {
		field = "number"
	}
	return field, down
}

// Check returns an InvalidError if there is no such order.
func (s TrialSort) Check() error {
	if field, _ := s.Field(); !slices.Contains(TrialSorts(), field) {
		return Invalid("sort", "%q must be %s, or one of them after a minus%s", string(s), strings.Join(TrialSorts(), ", "), DidYouMean(field, TrialSorts()))
	}
	return nil
}

// TrialFilter is what trials must fulfil to be listed, all of it.
type TrialFilter []Term

// Term is a condition on one field of a trial.
type Term struct {
	Field string // state, reason, rung, value, or params.NAME
	Op    string // ":" (is), or one of < <= > >=
	Value string
}

// MaxTerms is how many terms a filter may have.
const MaxTerms = 16

var term = regexp.MustCompile(`^(state|reason|rung|value|params\.[A-Za-z0-9_.-]{1,128})(:|<=|>=|<|>)(.{1,128})$`)

// ParseTrialFilter reads terms with commas between them, as
// "state:failed,params.lr<0.1". The error is an InvalidError.
func ParseTrialFilter(text string) (TrialFilter, error) {
	if text == "" {
		return nil, nil
	}
	parts := strings.Split(text, ",")
	if len(parts) > MaxTerms {
		return nil, Invalid("filter", "has %d terms; at most %d", len(parts), MaxTerms)
	}
	filter := make(TrialFilter, len(parts))
	for i, part := range parts {
		m := term.FindStringSubmatch(part)
		if m == nil {
			return nil, Invalid("filter", "%.100q must be FIELD:VALUE or a comparison by <, <=, > or >=, of state, reason, rung, value or params.NAME", part)
		}
		filter[i] = Term{m[1], m[2], m[3]}
		if err := filter[i].check(); err != nil {
			return nil, err
		}
	}
	return filter, nil
}

func (t Term) check() error {
	bad := func(format string, args ...any) error {
		return Invalid("filter", "%.200q: %s", t.Field+t.Op+t.Value, fmt.Sprintf(format, args...))
	}
	var known []string
	switch t.Field {
	case "state":
		for _, s := range TrialStates() {
			known = append(known, string(s))
		}
	case "reason":
		for _, r := range Reasons() {
			known = append(known, string(r))
		}
	case "rung":
		if n, err := strconv.Atoi(t.Value); err != nil || n < -1 || n > math.MaxInt32 {
			return bad("a rung is a whole number, from 0, or -1 for none")
		}
		return nil
	default: // a value, or a parameter, which may be a text
		if x, err := strconv.ParseFloat(t.Value, 64); (err != nil || x-x != 0) && (t.Op != ":" || t.Field == "value") {
			return bad("only numbers are compared, and %q is none", t.Value)
		}
		return nil
	}
	if t.Op != ":" {
		return bad("a %s is compared by : alone", t.Field)
	}
	if !slices.Contains(known, t.Value) {
		return bad("the %ss are %s%s", t.Field, strings.Join(known, ", "), DidYouMean(t.Value, known))
	}
	return nil
}

// Is returns the value that the filter asks a field to have, or "".
func (f TrialFilter) Is(field string) string {
	for _, t := range f {
		if t.Field == field && t.Op == ":" {
			return t.Value
		}
	}
	return ""
}

// String is the reverse of ParseTrialFilter.
func (f TrialFilter) String() string {
	var b strings.Builder
	for i, t := range f {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(t.Field + t.Op + t.Value)
	}
	return b.String()
}
