// Package report hides how the results of a benchmark are kept and shown: rows
// in a JSON file for programs, and a page of text for people that also says on
// which machine they were measured, how busy it was, and what was left out.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// Number is a float64 that may be missing: NaN and infinities are null in JSON.
type Number float64

// None is a number that is not there.
var None = Number(math.NaN())

// MarshalJSON writes null for what is not finite.
func (n Number) MarshalJSON() ([]byte, error) {
	if x := float64(n); !math.IsNaN(x) && !math.IsInf(x, 0) {
		return json.Marshal(x)
	}
	return []byte("null"), nil
}

// UnmarshalJSON reads null as None.
func (n *Number) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*n = None
		return nil
	}
	return json.Unmarshal(data, (*float64)(n))
}

// Row compares us with a peer in one respect. A ratio above 1 means that we are
// better.
type Row struct {
	Name          string `json:"name"`
	Peer          string `json:"peer"`
	Ours          Number `json:"ours"`
	Theirs        Number `json:"theirs"`
	Unit          string `json:"unit"`
	Ratio         Number `json:"ratio"`
	QualityOurs   Number `json:"quality_ours"`
	QualityTheirs Number `json:"quality_theirs"`
	Quality       string `json:"quality,omitempty"` // what the two are
	Goal          string `json:"goal,omitempty"`    // for ours, as "≤ -1.1"
	Met           *bool  `json:"met,omitempty"`     // whether ours reaches it
}

// Sense says which of two values is the better one.
type Sense int

// The senses, and with each how a ratio is made.
const (
	Lower  Sense = iota // a time, a size, a regret: theirs / ours
	Higher              // a speed: ours / theirs
	Decade              // a logarithm to base 10 of what is better lower: 10^(theirs-ours)
)

// Ratio returns how much better ours is than theirs: above 1 if it is. It is
// None if either is missing or nothing can be said.
func (s Sense) Ratio(ours, theirs float64) Number {
	var r float64
	switch s {
	case Lower:
		r = theirs / ours
	case Higher:
		r = ours / theirs
	case Decade:
		r = math.Pow(10, theirs-ours)
	}
	if math.IsInf(r, 0) {
		return None
	}
	return Number(r)
}

// reached reports whether ours is at least as good as a goal.
func (s Sense) reached(ours, goal float64) bool {
	if s == Higher {
		return ours >= goal
	}
	return ours <= goal
}

// New returns a row without a quality.
func New(name, peer, unit string, s Sense, ours, theirs float64) Row {
	return Row{
		Name: name, Peer: peer, Unit: unit, Ours: Number(ours), Theirs: Number(theirs),
		Ratio: s.Ratio(ours, theirs), QualityOurs: None, QualityTheirs: None,
	}
}

// WithGoal says what ours should reach.
func (r Row) WithGoal(s Sense, goal float64) Row {
	sign := "≤"
	if s == Higher {
		sign = "≥"
	}
	met := s.reached(float64(r.Ours), goal)
	r.Goal, r.Met = fmt.Sprintf("%s %.4g", sign, goal), &met
	return r
}

// WithQuality says how good the results were that the two came to.
func (r Row) WithQuality(what string, ours, theirs float64) Row {
	r.Quality, r.QualityOurs, r.QualityTheirs = what, Number(ours), Number(theirs)
	return r
}

// Skipped is a row that was not measured.
type Skipped struct{ Name, Reason string }

// Report is what one benchmark came to.
type Report struct {
	Name    string
	Machine Machine
	Notes   []string // what else was seen, a paragraph each
	Rows    []Row
	Skipped []Skipped
}

// Add appends rows.
func (r *Report) Add(rows ...Row) { r.Rows = append(r.Rows, rows...) }

// Skip says that rows were left out, and why.
func (r *Report) Skip(reason string, names ...string) {
	for _, name := range names {
		r.Skipped = append(r.Skipped, Skipped{name, reason})
	}
}

// Note keeps a paragraph for the page.
func (r *Report) Note(format string, args ...any) {
	r.Notes = append(r.Notes, strings.TrimRight(fmt.Sprintf(format, args...), "\n"))
}

// Write writes NAME.json, the rows, and NAME.txt, the page, into a folder, and
// the page to w as well.
func (r *Report) Write(folder string, w io.Writer) error {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	rows := r.Rows
	if rows == nil {
		rows = []Row{}
	}
	data, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	page := r.Page()
	for ext, text := range map[string][]byte{".json": append(data, '\n'), ".txt": []byte(page)} {
		if err := os.WriteFile(filepath.Join(folder, r.Name+ext), text, 0o600); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	_, err = io.WriteString(w, page)
	return err
}

// Page is the report for people: what is worse than a peer comes first.
func (r *Report) Page() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", r.Name, r.Machine)
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "\n%s\n", n)
	}
	var worse, others []Row
	for _, row := range r.Rows {
		if row.Ratio < 1 {
			worse = append(worse, row)
		} else {
			others = append(others, row)
		}
	}
	slices.SortStableFunc(worse, func(a, b Row) int { return compare(a.Ratio, b.Ratio) })
	table(&b, "Worse than the peer", worse)
	table(&b, "As good or better", others)
	if len(r.Skipped) > 0 {
		b.WriteString("\nSkipped\n")
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(&b, "  %s: %s\n", s.Name, s.Reason)
	}
	return b.String()
}

func compare(a, b Number) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func table(b *strings.Builder, title string, rows []Row) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", title)
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	put := func(cells ...string) { _, _ = io.WriteString(t, "  "+strings.Join(cells, "\t")+"\n") } // a Builder takes all
	put("name", "peer", "ours", "theirs", "unit", "ratio", "goal", "", "quality")
	for _, r := range rows {
		met, quality := "", ""
		if r.Met != nil {
			met = map[bool]string{true: "met", false: "MISSED"}[*r.Met]
		}
		if r.Quality != "" {
			quality = fmt.Sprintf("%s: %s / %s", r.Quality, show(r.QualityOurs), show(r.QualityTheirs))
		}
		put(r.Name, r.Peer, show(r.Ours), show(r.Theirs), r.Unit, show(r.Ratio), r.Goal, met, quality)
	}
	_ = t.Flush() // to a Builder
}

func show(n Number) string {
	x := float64(n)
	switch a := math.Abs(x); {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return "-"
	case x == math.Trunc(x) && a < 1e15:
		return fmt.Sprintf("%.0f", x)
	case a >= 100:
		return fmt.Sprintf("%.0f", x)
	case a >= 0.01:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.2g", x)
}
