package heat

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"tourney"
	"tourney/dataset"
)

// Family is a trainer with all that is known of it before it trains.
type Family struct {
	Trainer Trainer
	Params  []Param // sorted by name
	Budget  string  // the parameter that says how many steps a trial trains
	Weight  float64 // of a job that trains one model, in cores
	Form    dataset.Form

	// Fits returns what is wrong with a space on a dataset beyond what each
	// parameter's own range says; nil: nothing can be.
	Fits func(space tourney.Space, ds *tourney.Dataset) []tourney.FieldError
	// Open reads the model out of the last state of a final job on those data.
	Open func(job *tourney.Job, data *dataset.Data, state []byte) (Model, error)
	// ReadModel reads what a Model's MarshalJSON wrote. The error says what is
	// wrong with it.
	ReadModel func(b []byte, about About) (Model, error)
}

// Model is what a trial has learnt, apart from how. Its methods may be called
// from many goroutines.
type Model interface {
	json.Marshaler
	// Predict writes the outputs of rows lo to hi of m, [(hi-lo)×About.Outputs]
	// row-major: the probabilities of all classes, or a value in the target's
	// units. The matrix has the family's form, and as many features as About.
	Predict(m *dataset.Matrix, lo, hi int, out []float32)
}

// About is what a model's document says beside the family's own part.
type About struct {
	Task     tourney.Task
	Classes  []string // nil for regression
	Features []string
	Binning  *dataset.Binning // of a family that trains on bins
}

// Outputs is how many values a model gives for a row.
func (a *About) Outputs() int { return max(1, len(a.Classes)) }

// Param declares one parameter of a trainer. A family's table of them is what
// sweeps are checked against, what jobs are read by, and what documentation is
// printed from.
//
// It takes a number in its range, or one of its words if it has any, or, with
// Text, whatever that accepts.
type Param struct {
	Name     string
	Aliases  []string // other names, as of other programs
	Whole    bool     // whole numbers only
	Default  float64
	Min, Max float64 // the legal range; ±Inf where there is no end
	OpenMin  bool    // Min itself is not legal
	OpenMax  bool    // Max itself is not legal

	Words       []string                // what it may be; a truth value stands for true or false
	Numbers     bool                    // numbers in the range are legal beside Words
	DefaultWord string                  // instead of Default
	Text        func(text string) error // what is wrong with a free text; a number stands for its digits

	Help string // one line
}

// Range says in words which values are legal.
func (p *Param) Range() string {
	if p.Text != nil {
		return "a text that " + p.Name + " takes (" + p.Help + ")"
	}
	if p.Words != nil && !p.Numbers {
		return "one of " + strings.Join(p.Words, ", ")
	}
	noun := "a number"
	if p.Whole {
		noun = "a whole number"
	}
	var ends []string
	switch {
	case math.IsInf(p.Min, -1):
	case p.OpenMin:
		ends = append(ends, "greater than "+number(p.Min))
	default:
		ends = append(ends, "at least "+number(p.Min))
	}
	switch {
	case math.IsInf(p.Max, 1):
	case p.OpenMax:
		ends = append(ends, "less than "+number(p.Max))
	default:
		ends = append(ends, "at most "+number(p.Max))
	}
	text := strings.TrimSpace(noun + " " + strings.Join(ends, " and "))
	if p.Words != nil {
		text += ", or one of " + strings.Join(p.Words, ", ")
	}
	return text
}

// Check returns what is wrong with a number, or nil.
func (p *Param) Check(v float64) error {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0),
		p.Whole && v != math.Trunc(v),
		v < p.Min || v == p.Min && p.OpenMin,
		v > p.Max || v == p.Max && p.OpenMax:
		return fmt.Errorf("must be %s, not %s", p.Range(), number(v))
	}
	return nil
}

// value is one parameter's value: a number, or a word.
type value struct {
	number float64
	word   string
	isWord bool
	given  bool
}

// read reads what a sweep or a job says.
func (p *Param) read(v any) (value, error) {
	wrong := func() (value, error) { return value{}, fmt.Errorf("must be %s, not %s", p.Range(), text(v)) }
	if p.Text != nil {
		word, ok := v.(string)
		if !ok {
			x, isNumber := tourney.Params{p.Name: v}.Float(p.Name, 0)
			if !isNumber {
				return wrong()
			}
			word = number(x)
		}
		return value{word: word, isWord: true, given: true}, p.Text(word)
	}
	if p.Words != nil {
		word, ok := v.(string)
		if truth, isTruth := v.(bool); isTruth {
			word, ok = strconv.FormatBool(truth), true
		}
		if ok && slices.Contains(p.Words, word) {
			return value{word: word, isWord: true, given: true}, nil
		}
		if !p.Numbers {
			if ok {
				return value{}, fmt.Errorf("must be %s, not %s%s", p.Range(), text(v), tourney.DidYouMean(word, p.Words))
			}
			return wrong()
		}
	}
	x, ok := tourney.Params{p.Name: v}.Float(p.Name, 0)
	if !ok {
		return wrong()
	}
	return value{number: x, given: true}, p.Check(x)
}

// DefaultText writes the default out: a number, a word, or nothing if it is an
// empty text.
func (p *Param) DefaultText() string {
	if v := p.standard(); !v.isWord {
		return number(v.number)
	}
	return p.DefaultWord
}

// CheckDefault returns what is wrong with a default as a value of the parameter,
// or nil.
func (p *Param) CheckDefault() error {
	v := p.standard()
	if !v.isWord {
		return p.Check(v.number)
	}
	_, err := p.read(v.word)
	return err
}

// standard is the default.
func (p *Param) standard() value {
	if p.DefaultWord != "" || p.Text != nil {
		return value{word: p.DefaultWord, isWord: true}
	}
	return value{number: p.Default}
}

// Names returns the names of a family's parameters.
func (f *Family) Names() []string {
	names := make([]string, len(f.Params))
	for i := range f.Params {
		names[i] = f.Params[i].Name
	}
	return names
}

// Lookup returns the parameter of that name or alias, or nil.
func (f *Family) Lookup(name string) *Param {
	for i := range f.Params {
		if f.Params[i].Name == name || slices.Contains(f.Params[i].Aliases, name) {
			return &f.Params[i]
		}
	}
	return nil
}

// BudgetIn returns the name under which a space has the family's budget, or an
// empty one if it has not.
func (f *Family) BudgetIn(space tourney.Space) string {
	for i := range space {
		if p := f.Lookup(space[i].Name); p != nil && p.Name == f.Budget {
			return space[i].Name
		}
	}
	return ""
}

// Values are the values of a trial's parameters, defaults included. Asking for
// a parameter that the family does not have is a mistake in the family, and
// panics.
type Values struct {
	family string
	byName map[string]value
}

func (v Values) lookup(name string) value {
	x, ok := v.byName[name]
	if !ok {
		panic("heat: " + v.family + " has no parameter " + name)
	}
	return x
}

// Float returns a number.
func (v Values) Float(name string) float64 { return v.lookup(name).number }

// Int returns a whole number.
func (v Values) Int(name string) int { return int(v.lookup(name).number) }

// Word returns a word or a text; empty if the value is a number.
func (v Values) Word(name string) string { return v.lookup(name).word }

// Bool reports whether a word is true.
func (v Values) Bool(name string) bool { return v.lookup(name).word == "true" }

// Given reports whether the trial names the parameter, or has its default.
func (v Values) Given(name string) bool { return v.lookup(name).given }

// Read returns the values of a trial by the family's table, with defaults for
// those it does not name. What is the preprocessing's is left alone.
func (f *Family) Read(params tourney.Params) (Values, error) {
	v := Values{f.Trainer.Name(), make(map[string]value, len(f.Params))}
	names := slices.Sorted(maps.Keys(params))
	for _, name := range names {
		if strings.HasPrefix(name, tourney.PreprocessPrefix) {
			continue
		}
		p := f.Lookup(name)
		if p == nil {
			return v, fmt.Errorf("parameter %s: %s has none of that name", name, v.family)
		}
		if v.byName[p.Name].given {
			return v, fmt.Errorf("parameter %s: is another name of %s, which has a value", name, p.Name)
		}
		x, err := p.read(params[name])
		if err != nil {
			return v, fmt.Errorf("parameter %s: %w", name, err)
		}
		v.byName[p.Name] = x
	}
	for i := range f.Params {
		if p := &f.Params[i]; !v.byName[p.Name].given {
			v.byName[p.Name] = p.standard()
		}
	}
	return v, nil
}

// CheckSpace returns what is wrong with a space as the family's parameters:
// names that it does not know, and values that it does not take.
func (f *Family) CheckSpace(space tourney.Space) []tourney.FieldError {
	var errs []tourney.FieldError
	taken := map[string]string{}
	for i := range space {
		q := &space[i]
		path := "parameters." + q.Name
		if strings.HasPrefix(q.Name, tourney.PreprocessPrefix) {
			continue // checked with the spec
		}
		p := f.Lookup(q.Name)
		if p == nil {
			errs = append(errs, tourney.FieldError{Path: path, Message: fmt.Sprintf("trainer %s has no such parameter%s; it has %s",
				f.Trainer.Name(), tourney.DidYouMean(q.Name, f.Names()), strings.Join(f.Names(), ", "))})
			continue
		}
		if other, ok := taken[p.Name]; ok {
			errs = append(errs, tourney.FieldError{Path: path, Message: fmt.Sprintf("is another name of %s, which stands in the space already; leave one of them out", other)})
			continue
		}
		taken[p.Name] = q.Name
		for _, e := range p.checkRange(q) {
			e.Path = path + "." + e.Path
			errs = append(errs, e)
		}
	}
	return errs
}

// checkRange returns what is wrong with the values that q can take, with paths
// relative to q. Ranges are checked at their ends.
func (p *Param) checkRange(q *tourney.Param) []tourney.FieldError {
	var errs []tourney.FieldError
	value := func(path string, v any) {
		if _, err := p.read(v); err != nil {
			errs = append(errs, tourney.FieldError{Path: path, Message: err.Error()})
		}
	}
	misfit := func() {
		errs = append(errs, tourney.FieldError{Path: "distribution", Message: fmt.Sprintf(
			"%s can give values that are not legal: %s must be %s; use %s", q.Distribution, p.Name, p.Range(), strings.Join(p.distributions(), ", "))})
	}
	switch q.Distribution {
	case tourney.Constant:
		value("value", q.Value)
		return errs
	case tourney.Categorical, tourney.CategoricalProbs:
		for i, v := range q.Values {
			value(fmt.Sprintf("values.%d", i), v)
		}
		return errs
	}
	if p.Text != nil || p.Words != nil && !p.Numbers {
		misfit()
		return errs
	}
	switch q.Distribution {
	case tourney.Normal, tourney.QNormal:
		misfit() // no table has a parameter that may be any number
	case tourney.LogNormal, tourney.QLogNormal:
		if p.Whole || p.Min > 0 || p.Min == 0 && p.OpenMin && q.Distribution == tourney.QLogNormal || !math.IsInf(p.Max, 1) {
			misfit()
		}
	case tourney.Uniform, tourney.LogUniformValues:
		if p.Whole {
			misfit()
			break
		}
		value("min", q.Min)
		value("max", q.Max)
	case tourney.QUniform, tourney.QLogUniformValues:
		// Rounding to multiples of q may pass the ends.
		value("min", math.RoundToEven(q.Min/q.Q)*q.Q)
		value("max", math.RoundToEven(q.Max/q.Q)*q.Q)
		if p.Whole && q.Q != math.Trunc(q.Q) {
			value("q", q.Q)
		}
	default:
		value("min", q.Min)
		value("max", q.Max)
	}
	return errs
}

// distributions lists what the parameter can be searched by.
func (p *Param) distributions() []string {
	if p.Text != nil || p.Words != nil && !p.Numbers {
		return []string{"values"}
	}
	names := []string{"values", string(tourney.IntUniform), string(tourney.QUniform), string(tourney.QLogUniformValues)}
	if !p.Whole {
		names = append(names, string(tourney.Uniform), string(tourney.LogUniformValues))
	}
	return names
}

// number writes whole numbers out.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

func text(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(v)
	}
	return fmt.Sprint(v)
}
