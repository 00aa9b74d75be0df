package dataset

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"tourney"
)

const (
	fewClasses = 20   // whole numbers up to so many distinct ones are taken for classes
	maxClasses = 1000 // of a classification
)

// target is what is to be learnt, row by row.
type target struct {
	task    tourney.Task
	classes []string // sorted; nil for regression
	labels  []int32  // class of each row; nil for regression
}

// newTarget decides the task and checks that the column suits it. The column
// has no missing value.
func newTarget(req *tourney.DatasetRequest, s *Series, p *profile) (*target, error) {
	bad := func(line int, format string, args ...any) error {
		return &tourney.InvalidError{Source: req.File, Fields: []tourney.FieldError{{Line: line, Path: columnPath(s.Name), Message: fmt.Sprintf(format, args...)}}}
	}
	values := distinct(s.Numbers, maxClasses+1)
	t := &target{task: req.Task}
	if t.task == "" {
		t.task = tourney.Regression
		if s.Kind == tourney.Category || looksLikeClasses(values) {
			t.task = tourney.Classification
		}
	}
	if t.task == tourney.Regression {
		switch {
		case s.Kind == tourney.Category:
			return nil, bad(p.text.line, "%s is not a number, which the target of a regression must be; use task classification, or correct it", strconv.Quote(shorten(p.text.value)))
		case p.huge > 0:
			return nil, bad(p.huge, "the number is too large for a target, which is kept as a 32-bit float; divide the column by a power of ten")
		}
		return t, nil
	}
	t.classes = s.Levels
	if s.Kind == tourney.Number {
		t.classes = classNames(values)
	}
	switch n := len(t.classes); {
	case n < 2:
		return nil, bad(0, "it is %s in every row; a classification needs at least 2 classes", strconv.Quote(shorten(t.classes[0])))
	case n > maxClasses:
		return nil, bad(0, "it has more than %d distinct values, which is too many classes; use task regression if it is a number, or drop rows of rare classes", maxClasses)
	}
	t.labels = s.Codes
	if s.Kind == tourney.Number {
		t.labels = make([]int32, len(s.Numbers))
		for i, v := range s.Numbers {
			class, _ := slices.BinarySearch(values, v)
			t.labels[i] = int32(class)
		}
	}
	return t, nil
}

// distinct returns the distinct numbers, sorted, or the first most of them to
// be found.
func distinct(numbers []float64, most int) []float64 {
	seen := map[float64]bool{}
	var values []float64
	for _, v := range numbers {
		if !seen[v] {
			seen[v] = true
			values = append(values, v)
			if len(values) == most {
				break
			}
		}
	}
	slices.Sort(values)
	return values
}

// looksLikeClasses reports whether the distinct values are few and whole.
func looksLikeClasses(values []float64) bool {
	return len(values) <= fewClasses && !slices.ContainsFunc(values, func(v float64) bool { return v != math.Trunc(v) })
}

func classNames(values []float64) []string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = formatNumber(v)
	}
	return names
}

// classOf returns a function from the values of a target's column in a shard
// to classes, or an error if the classes are not the column's.
func classOf(classes []string, s *Series) (func(row int) (int32, bool), error) {
	if s.Kind == tourney.Category {
		if !slices.Equal(classes, s.Levels) {
			return nil, fmt.Errorf("the classes of the manifest are not the values of column %s", s.Name)
		}
		return func(row int) (int32, bool) { return s.Codes[row], s.Codes[row] != missingCode }, nil
	}
	byValue := make(map[float64]int32, len(classes))
	for i, name := range classes {
		v, err := strconv.ParseFloat(name, 64)
		if err != nil {
			return nil, fmt.Errorf("class %q of the numeric column %s is not a number", name, s.Name)
		}
		byValue[v] = int32(i)
	}
	return func(row int) (int32, bool) {
		class, ok := byValue[s.Numbers[row]]
		return class, ok
	}, nil
}

// findTarget returns the position of the target among the columns.
func findTarget(req *tourney.DatasetRequest, header []string) (int, error) {
	bad := func(format string, args ...any) (int, error) {
		return 0, &tourney.InvalidError{Source: req.File, Fields: []tourney.FieldError{{Path: "target", Message: fmt.Sprintf(format, args...)}}}
	}
	if req.Target == "" {
		return bad("is missing: name the column to be learnt; the table has %s", list(header))
	}
	at := slices.Index(header, req.Target)
	if at < 0 {
		hint := tourney.DidYouMean(req.Target, header)
		if len(header) == 1 && strings.ContainsAny(header[0], ";\t|") {
			hint = "; fields must be separated by commas"
		}
		return bad("there is no column %s%s; the table has %s", strconv.Quote(shorten(req.Target)), hint, list(header))
	}
	if slices.Contains(req.Drop, req.Target) {
		return bad("column %s is to be dropped and learnt at once", strconv.Quote(req.Target))
	}
	return at, nil
}

// list names the columns of a table for a message, the first of them if they
// are many.
func list(names []string) string {
	const most = 30
	shown := make([]string, 0, most)
	for _, name := range names[:min(len(names), most)] {
		shown = append(shown, shorten(name))
	}
	text := strings.Join(shown, ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return text
}
