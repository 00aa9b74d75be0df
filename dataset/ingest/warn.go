package ingest

import (
	"fmt"
	"math"
	"strings"

	"tourney"
	"tourney/dataset/table"
)

// The thresholds of warnings.
const (
	rareClass   = 10   // rows
	rareShare   = 0.01 // of the rows: an imbalanced class
	mostMissing = 0.5
	cappedShare = 0.01 // of the rows that have the greatest or least target
	cappedTimes = 10   // as many as values beside it
	idRows      = 20   // rows of which no two are alike
)

// warner gathers what may hurt who trains on a dataset.
type warner struct {
	*plan
	stats    []*stats
	warnings []tourney.Warning
}

func (w *warner) warn(column, code, format string, args ...any) {
	w.warnings = append(w.warnings, tourney.Warning{Column: column, Code: code, Message: fmt.Sprintf(format, args...)})
}

// skipped tells of rows that the reader left out.
func (w *warner) skipped(hints table.Hints) {
	const most = 5
	if hints.SkippedRows == 0 {
		return
	}
	var reasons []string
	for _, s := range hints.Skipped[:min(most, len(hints.Skipped))] {
		reasons = append(reasons, fmt.Sprintf("%s:%d: %s", s.File, s.Line, s.Reason))
	}
	if int64(len(reasons)) < hints.SkippedRows {
		reasons = append(reasons, "…")
	}
	w.warn("", "skipped_rows", "%s could not be read and left out: %s", count(hints.SkippedRows, "row"), strings.Join(reasons, "; "))
}

// copies tells of rows that are there more than once.
func (w *warner) copies(d *distinct) {
	n := d.repeats()
	if n == 0 {
		return
	}
	about := ""
	if !d.exact() {
		about = "about "
	}
	w.warn("", "duplicates", "%s%s (%s) repeat another one in all columns; a row and its copy may be on both sides of a split", about, count(n, "row"), percent(n, w.kept))
}

// columnsAlone looks at each column by itself.
func (w *warner) columnsAlone() {
	for _, s := range w.stats {
		name := s.field.Name
		present := s.rows - s.missing
		switch {
		case s.kind == tourney.Sparse:
		case present == 0:
			w.warn(name, "constant", "no row to train on has a value: the column says nothing")
		case s.missing == 0 && s.distinctValues() == 1:
			w.warn(name, "constant", "all rows to train on have the same value: the column says nothing")
		case float64(s.missing) > float64(mostMissing*float64(s.rows)):
			w.warn(name, "high_missing", "%s of the values are missing", percent(s.missing, s.rows))
		}
		if s.role == roleNone && present >= idRows && s.isID() {
			w.warn(name, "id", "no two rows have the same value: it names the row, and a model may learn it by heart; drop it unless it means something")
		}
	}
}

// distinctValues returns how many values there are, or about.
func (s *stats) distinctValues() int {
	if s.values != nil {
		return s.values.estimate()
	}
	n := 0
	for _, c := range s.counts {
		n += int(min(c, 1))
	}
	return n
}

// isID reports whether the values look like names of the rows: texts of which
// none is there twice, or whole numbers of which none is there twice although
// numbers drawn at random from their span would have met at least ten times
// (n²/2 pairs, each with a chance of one over the span).
func (s *stats) isID() bool {
	switch {
	case s.kind == tourney.Category:
		return int64(s.distinctValues()) == s.rows-s.missing
	case s.kind == tourney.Text:
		return s.values.unique()
	case s.kind != tourney.Number || !s.values.unique():
		return false
	}
	for _, v := range s.sample {
		if v != math.Trunc(v) {
			return false
		}
	}
	n := float64(s.n)
	return n*n/2 >= 10*(s.max-s.min+1)
}

// classBalance tells of classes with few rows.
func (w *warner) classBalance() {
	const most = 10
	var rare []string
	scarce, least := 0, int64(0)
	for i, n := range w.sizes {
		switch {
		case n == 0:
		case n < rareClass:
			if len(rare) < most {
				rare = append(rare, fmt.Sprintf("%s (%s)", quote(w.classes[i]), count(n, "row")))
			}
			scarce++
		case float64(n) < float64(rareShare*float64(w.kept)) && (least == 0 || n < least):
			least = n
		}
	}
	name := w.target.field.Name
	if scarce > len(rare) {
		rare = append(rare, fmt.Sprintf("and %d more", scarce-len(rare)))
	}
	if scarce > 0 {
		w.warn(name, "rare_class", "%s fewer than %d rows, too few to learn or to measure: %s", plural(scarce, "class has", "classes have"), rareClass, strings.Join(rare, ", "))
	}
	if least > 0 {
		w.warn(name, "imbalanced", "the smallest class has %s, %s of all; accuracy says little here, prefer auc, pr_auc or logloss", count(least, "row"), percent(least, w.kept))
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + many
}

// capped tells whether the target seems cut off at an end: there are far more
// rows of its greatest or least value than of those beside it.
func (w *warner) capped() {
	const few, beside = 50, 10
	for _, s := range w.stats {
		if s.role != roleTarget {
			continue
		}
		values, counts := runs(s.present())
		if len(values) < few {
			return
		}
		total := int64(0)
		for _, n := range counts {
			total += n
		}
		look := func(end int, near []int64, what string) {
			sum := int64(0)
			for _, n := range near {
				sum += n
			}
			n := counts[end]
			if float64(n) >= float64(cappedShare*float64(total)) && n*int64(len(near)) >= cappedTimes*sum {
				w.warn(s.field.Name, "capped", "%s of the rows have the %s value, %s, far more than any value beside it: if it stands for all beyond, errors there mean little", percent(n, total), what, formatNumber(values[end]))
			}
		}
		last := len(values) - 1
		look(last, counts[last-beside:last], "greatest")
		look(0, counts[1:1+beside], "least")
	}
}

// runs returns the distinct ones of sorted values, and how often each is there.
func runs(sorted []float64) (values []float64, counts []int64) {
	for i, v := range sorted {
		if i == 0 || v != sorted[i-1] {
			values, counts = append(values, v), append(counts, 0)
		}
		counts[len(counts)-1]++
	}
	return values, counts
}
