package bins

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/tree/grow"
)

// Table returns the binned rows of a dataset as all folds share them: a fold's
// own are Rows of its matrices.
func Table(data *dataset.Data) (*grow.Table, error) {
	m, b := data.Folds[0].Train, data.Folds[0].Bins
	switch {
	case m.Bins == nil && m.N*m.D > 0 || b == nil:
		return nil, fmt.Errorf("the rows are not binned")
	case len(b.Features) != m.D:
		return nil, fmt.Errorf("bins of %d features for rows of %d", len(b.Features), m.D)
	}
	t := &grow.Table{Bins: m.Bins, D: m.D, Features: make([]grow.Feature, m.D)}
	for i := range b.Features {
		f := &b.Features[i]
		t.Features[i] = grow.Feature{Bins: f.Bins(), Categorical: !f.Kind.Numeric()}
	}
	for i, fold := range data.Folds[1:] {
		if len(fold.Train.Bins) != len(m.Bins) || len(m.Bins) > 0 && &fold.Train.Bins[0] != &m.Bins[0] {
			return nil, fmt.Errorf("fold %d has other bins than fold 1", i+2)
		}
	}
	return t, nil
}

// Rows returns the numbers, in the table, of a matrix's rows.
func Rows(m *dataset.Matrix) ([]int32, error) {
	rows := make([]int32, 0, m.N)
	for _, s := range m.Spans {
		if s.To > math.MaxInt32 {
			return nil, fmt.Errorf("row %d; trees are grown from at most %d rows", s.To, math.MaxInt32)
		}
		for row := s.From; row < s.To; row++ {
			rows = append(rows, int32(row))
		}
	}
	return rows, nil
}

// Cut returns the rows lo to hi of a binned matrix, which share its bins.
func Cut(m *dataset.Matrix, lo, hi int) *dataset.Matrix {
	out := &dataset.Matrix{N: hi - lo, D: m.D, Bins: m.Bins}
	for _, s := range m.Spans {
		n := s.To - s.From
		if from, to := max(lo, 0), min(hi, n); from < to {
			out.Spans = append(out.Spans, dataset.Span{From: s.From + from, To: s.From + to})
		}
		lo, hi = lo-n, hi-n
		if hi <= 0 {
			break
		}
	}
	return out
}

// sign is an entry of a text of constraints: of a feature, or, without a name,
// of the next one.
type sign struct {
	feature string
	sign    int8
}

// readSigns reads a text of constraints. It may stand in brackets.
func readSigns(text string) ([]sign, error) {
	text = strings.TrimSpace(text)
	for _, b := range []string{"()", "[]"} {
		if len(text) > 1 && text[0] == b[0] && text[len(text)-1] == b[1] {
			text = strings.TrimSpace(text[1 : len(text)-1])
		}
	}
	if text == "" {
		return nil, nil
	}
	var out []sign
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		name, value := "", item
		if at := strings.LastIndexByte(item, ':'); at >= 0 {
			name, value = strings.TrimSpace(item[:at]), strings.TrimSpace(item[at+1:])
			if name == "" {
				return nil, fmt.Errorf("must name a feature before the colon of %q", item)
			}
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < -1 || n > 1 {
			return nil, fmt.Errorf("must have 1, 0 or -1 where it has %q", item)
		}
		if len(out) > 0 && (out[0].feature == "") != (name == "") {
			return nil, fmt.Errorf("must name all features or none, unlike %q", text)
		}
		out = append(out, sign{name, int8(n)})
	}
	return out, nil
}

func checkSigns(text string) error {
	_, err := readSigns(text)
	return err
}

// Constrain returns the table with the constraints of a text on its features,
// or the table itself if there are none.
func Constrain(t *grow.Table, b *dataset.Binning, text string) (*grow.Table, error) {
	signs, err := readSigns(text)
	if err != nil {
		return nil, fmt.Errorf("parameter monotone_constraints: %w", err)
	}
	wrong := func(format string, args ...any) (*grow.Table, error) {
		return nil, fmt.Errorf("parameter monotone_constraints: "+format, args...)
	}
	byName := len(signs) > 0 && signs[0].feature != ""
	if len(signs) > 0 && !byName && len(signs) != t.D {
		return wrong("has %d signs for %d features; name those that matter, as age:1", len(signs), t.D)
	}
	features, any := slices.Clone(t.Features), false
	seen := make([]bool, t.D)
	for i, s := range signs {
		if byName {
			if i = find(b, s.feature); i < 0 {
				return wrong("there is no feature %q%s", s.feature, tourney.DidYouMean(s.feature, b.Names()))
			}
		}
		switch {
		case seen[i]:
			return wrong("names the feature %q twice", b.Features[i].Name)
		case s.sign != 0 && features[i].Categorical:
			return wrong("the feature %q has categories, which are in no order", b.Features[i].Name)
		}
		seen[i], any = true, any || s.sign != 0
		features[i].Monotone = s.sign
	}
	if !any {
		return t, nil
	}
	return t.With(features), nil
}

func find(b *dataset.Binning, name string) int {
	for i := range b.Features {
		if b.Features[i].Name == name {
			return i
		}
	}
	return -1
}

// CheckNames returns what is wrong with the features that a text of constraints
// names, by the columns of a dataset. A sparse column's entries are not looked
// at.
func CheckNames(text string, ds *tourney.Dataset) error {
	signs, err := readSigns(text)
	if err != nil {
		return err
	}
	var names []string
	for i := range ds.Columns {
		if ds.Columns[i].Kind == tourney.Sparse {
			return nil
		}
		names = append(names, ds.Columns[i].Name)
	}
	for _, s := range signs {
		if s.feature != "" && !slices.Contains(names, s.feature) {
			return fmt.Errorf("there is no column %q%s", s.feature, tourney.DidYouMean(s.feature, names))
		}
	}
	return nil
}
