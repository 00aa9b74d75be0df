package tourney

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Preprocess says how the columns of a table become features. What it needs
// to know of the data is learnt from training rows alone. Every field may be a
// parameter of the sweep, under its name after "preprocess.".
type Preprocess struct {
	Impute    string  `json:"impute,omitempty"`    // of missing numbers: mean, median, most_frequent, zero
	Indicator string  `json:"indicator,omitempty"` // a feature that says where a number was missing: auto (where training rows have any), always, never
	Scale     string  `json:"scale,omitempty"`     // of numbers: standard, min_max, robust, quantile, none
	Log       string  `json:"log,omitempty"`       // sign(x)·log(1+|x|) before scaling: none, auto (of columns that it makes less skewed), all
	Clip      float64 `json:"clip,omitempty"`      // bound of the scaled numbers' magnitude; 0: none
	Encode    string  `json:"encode,omitempty"`    // of categories: one_hot, ordinal, hash, target
	Levels    int     `json:"levels,omitempty"`    // of one_hot: the most features of a category column; rarer values share one
	Buckets   int     `json:"buckets,omitempty"`   // of hash, and of text columns under any encoding: features
	Smoothing float64 `json:"smoothing,omitempty"` // of target: rows' worth of the overall mean that a category's mean is drawn to
}

// PreprocessPrefix begins the name of a parameter that is one of Preprocess's
// fields.
const PreprocessPrefix = "preprocess."

// preprocessWords are the fields that are words, with what they may be, the
// default first.
var preprocessWords = []struct {
	name  string
	field func(*Preprocess) *string
	words []string
}{
	{"impute", func(p *Preprocess) *string { return &p.Impute }, []string{"mean", "median", "most_frequent", "zero"}},
	{"indicator", func(p *Preprocess) *string { return &p.Indicator }, []string{"auto", "always", "never"}},
	{"scale", func(p *Preprocess) *string { return &p.Scale }, []string{"standard", "min_max", "robust", "quantile", "none"}},
	{"log", func(p *Preprocess) *string { return &p.Log }, []string{"none", "auto", "all"}},
	{"encode", func(p *Preprocess) *string { return &p.Encode }, []string{"one_hot", "ordinal", "hash", "target"}},
}

// PreprocessNames returns the names of the fields, sorted.
func PreprocessNames() []string {
	names := []string{"buckets", "clip", "levels", "smoothing"}
	for _, w := range preprocessWords {
		names = append(names, w.name)
	}
	slices.Sort(names)
	return names
}

// Normalise fills in the defaults and returns what is wrong, with paths
// relative to p.
func (p *Preprocess) Normalise() []FieldError {
	var errs []FieldError
	bad := func(path, format string, args ...any) {
		errs = append(errs, FieldError{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	for _, w := range preprocessWords {
		v := w.field(p)
		*v = cmp.Or(*v, w.words[0])
		if !slices.Contains(w.words, *v) {
			bad(w.name, "%q must be one of %s%s", *v, strings.Join(w.words, ", "), DidYouMean(*v, w.words))
		}
	}
	p.Levels = cmp.Or(p.Levels, 64)
	p.Buckets = cmp.Or(p.Buckets, 256)
	p.Smoothing = cmp.Or(p.Smoothing, 10)
	if p.Levels < 2 || p.Levels > 100_000 {
		bad("levels", "must be between 2 and 100000, not %d", p.Levels)
	}
	if p.Buckets < 2 || p.Buckets > 1<<24 {
		bad("buckets", "must be between 2 and %d, not %d", 1<<24, p.Buckets)
	}
	if !(p.Smoothing > 0) || math.IsInf(p.Smoothing, 0) {
		bad("smoothing", "must be greater than 0, not %v", p.Smoothing)
	}
	if !(p.Clip >= 0) || math.IsInf(p.Clip, 0) {
		bad("clip", "must be 0 (no bound) or more, not %v", p.Clip)
	}
	return errs
}

// With returns p as a trial's parameters have it, normalised. The error is an
// *InvalidError.
func (p Preprocess) With(params Params) (Preprocess, error) {
	var errs []FieldError
	names := make([]string, 0, len(params))
	for name := range params {
		if strings.HasPrefix(name, PreprocessPrefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if e := p.set(strings.TrimPrefix(name, PreprocessPrefix), params[name]); e != "" {
			errs = append(errs, FieldError{Path: "parameters." + name, Message: e})
		}
	}
	for _, e := range p.Normalise() {
		errs = append(errs, FieldError{Path: "preprocess." + e.Path, Message: e.Message})
	}
	if len(errs) > 0 {
		return p, &InvalidError{Fields: errs}
	}
	return p, nil
}

// set sets a field by name and returns what is wrong with the value, if so.
func (p *Preprocess) set(field string, value any) string {
	for _, w := range preprocessWords {
		if w.name == field {
			s, ok := value.(string)
			if !ok {
				return fmt.Sprintf("must be one of %s, not %v", strings.Join(w.words, ", "), value)
			}
			*w.field(p) = s
			return ""
		}
	}
	x, ok := asFloat(value)
	whole := ok && x == math.Trunc(x) && math.Abs(x) < 1<<31
	switch {
	case field == "clip" && ok:
		p.Clip = x
	case field == "smoothing" && ok:
		p.Smoothing = x
	case field == "levels" && whole:
		p.Levels = int(x)
	case field == "buckets" && whole:
		p.Buckets = int(x)
	case slices.Contains(PreprocessNames(), field):
		return fmt.Sprintf("must be a number, not %v", value)
	default:
		return fmt.Sprintf("there is no such step%s; there are %s", DidYouMean(field, PreprocessNames()), strings.Join(PreprocessNames(), ", "))
	}
	return ""
}

// CheckSpace returns what is wrong with the parameters of a space that are
// fields of Preprocess. Every value that one can take is tried; those that are
// not finite in number are tried at their ends.
func (p Preprocess) CheckSpace(space Space) []FieldError {
	var errs []FieldError
	for i := range space {
		q := &space[i]
		if !strings.HasPrefix(q.Name, PreprocessPrefix) {
			continue
		}
		for _, v := range q.extremes() {
			if _, err := p.With(Params{q.Name: v}); err != nil {
				e := AsInvalid(err).Fields[0]
				errs = append(errs, FieldError{Path: "parameters." + q.Name, Message: e.Message})
				break
			}
		}
	}
	return errs
}

// extremes returns the values of a list, or the ends of a range.
func (p *Param) extremes() []any {
	switch p.Distribution {
	case Constant:
		return []any{p.Value}
	case Categorical, CategoricalProbs:
		return p.Values
	}
	return []any{p.Decode(0), p.Decode(math.Nextafter(1, 0))}
}
