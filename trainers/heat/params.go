package heat

import (
	"fmt"
	"math"
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
}

// Param declares one parameter of a trainer. A family's table of them is what
// sweeps are checked against, what jobs are read by, and what documentation is
// printed from.
type Param struct {
	Name     string
	Whole    bool // whole numbers only
	Default  float64
	Min, Max float64 // the legal range; ±Inf where there is no end
	OpenMin  bool    // Min itself is not legal
	OpenMax  bool    // Max itself is not legal
	Help     string  // one line
}

// Range says in words which values are legal.
func (p *Param) Range() string {
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
	return strings.TrimSpace(noun + " " + strings.Join(ends, " and "))
}

// Check returns what is wrong with a value, or nil.
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

// Names returns the names of a family's parameters.
func (f *Family) Names() []string {
	names := make([]string, len(f.Params))
	for i := range f.Params {
		names[i] = f.Params[i].Name
	}
	return names
}

// Lookup returns the parameter of that name, or nil.
func (f *Family) Lookup(name string) *Param {
	for i := range f.Params {
		if f.Params[i].Name == name {
			return &f.Params[i]
		}
	}
	return nil
}

// Read returns the values of a trial by the family's table, with defaults for
// those it does not name. What is the preprocessing's is left alone.
func (f *Family) Read(params tourney.Params) (map[string]float64, error) {
	for name := range params {
		if f.Lookup(name) == nil && !strings.HasPrefix(name, tourney.PreprocessPrefix) {
			return nil, fmt.Errorf("parameter %s: %s has none of that name", name, f.Trainer.Name())
		}
	}
	values := make(map[string]float64, len(f.Params))
	for i := range f.Params {
		p := &f.Params[i]
		v, ok := params.Float(p.Name, p.Default)
		if !ok {
			return nil, fmt.Errorf("parameter %s: must be %s, not %v", p.Name, p.Range(), params[p.Name])
		}
		if err := p.Check(v); err != nil {
			return nil, fmt.Errorf("parameter %s: %w", p.Name, err)
		}
		values[p.Name] = v
	}
	return values, nil
}

// CheckSpace returns what is wrong with a space as the family's parameters:
// names that it does not know, and values that it does not take.
func (f *Family) CheckSpace(space tourney.Space) []tourney.FieldError {
	var errs []tourney.FieldError
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
		x, ok := tourney.Params{p.Name: v}.Float(p.Name, 0)
		if !ok {
			errs = append(errs, tourney.FieldError{Path: path, Message: fmt.Sprintf("must be %s, not %s", p.Range(), text(v))})
		} else if err := p.Check(x); err != nil {
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
	case tourney.Categorical, tourney.CategoricalProbs:
		for i, v := range q.Values {
			value(fmt.Sprintf("values.%d", i), v)
		}
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
