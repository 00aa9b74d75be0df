package tourney

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mathext"
)

// Space is the set of parameters of a sweep, sorted by name, so that the order
// in a file means nothing.
type Space []Param

// Param is one parameter: a name and a distribution of its values. The kinds of
// parameter are told apart in this file alone. The distributions and their
// defaults are those of W&B's sweep configuration.
type Param struct {
	Name          string
	Distribution  Distribution
	Value         any       // constant
	Values        []any     // categorical: nil, bool, int64, float64, string or Structured
	Probabilities []float64 // categorical_w_probabilities: one for each of Values, summing to 1
	Min, Max      float64   // the range, in values, not exponents
	Q             float64   // q_*: the step
	Mu, Sigma     float64   // normal and log_normal
	A, B          float64   // beta
	IntQ          bool      // q_*: Q is an integer and so are the values

	// When says in which points the parameter has a part: in those in which
	// each of the named parameters has one, with one of the values. nil: in all.
	When []Condition
}

// Condition is a part of a parameter's When.
type Condition struct {
	Param  string
	Values []any
}

// Distribution is a kind of parameter.
type Distribution string

// The distributions.
const (
	Constant          Distribution = "constant"
	Categorical       Distribution = "categorical"
	Ordinal           Distribution = "ordinal" // categorical, the values being in an order
	CategoricalProbs  Distribution = "categorical_w_probabilities"
	IntUniform        Distribution = "int_uniform"
	Uniform           Distribution = "uniform"
	QUniform          Distribution = "q_uniform"
	LogUniformValues  Distribution = "log_uniform_values"
	QLogUniformValues Distribution = "q_log_uniform_values"
	Normal            Distribution = "normal"
	QNormal           Distribution = "q_normal"
	LogNormal         Distribution = "log_normal"
	QLogNormal        Distribution = "q_log_normal"
	Beta              Distribution = "beta"
	QBeta             Distribution = "q_beta"

	// InvLogUniformValues is LogUniformValues under W&B's other name for it: the
	// logarithm of 1/x is uniform if that of x is.
	InvLogUniformValues Distribution = "inv_log_uniform_values"
)

// exponents are the distributions whose min and max are natural logarithms,
// each with the one that takes values, in which they are read.
var exponents = map[Distribution]Distribution{
	"log_uniform":     LogUniformValues,
	"q_log_uniform":   QLogUniformValues,
	"inv_log_uniform": InvLogUniformValues,
}

// shapes says which keys each distribution has beside "distribution".
var shapes = map[Distribution]struct{ required, optional []string }{
	Constant:          {[]string{"value"}, nil},
	Categorical:       {[]string{"values"}, nil},
	CategoricalProbs:  {[]string{"values", "probabilities"}, nil},
	IntUniform:        {[]string{"min", "max"}, nil},
	Uniform:           {[]string{"min", "max"}, nil},
	QUniform:          {[]string{"min", "max"}, []string{"q"}},
	LogUniformValues:  {[]string{"min", "max"}, nil},
	QLogUniformValues: {[]string{"min", "max"}, []string{"q"}},
	Normal:            {nil, []string{"mu", "sigma"}},
	QNormal:           {nil, []string{"mu", "sigma", "q"}},
	LogNormal:         {nil, []string{"mu", "sigma"}},
	QLogNormal:        {nil, []string{"mu", "sigma", "q"}},
	Ordinal:           {[]string{"values"}, nil},
	Beta:              {nil, []string{"a", "b"}},
	QBeta:             {nil, []string{"a", "b", "q"}},

	InvLogUniformValues: {[]string{"min", "max"}, nil},
}

// Refuses says why a value is none that the parameter takes, or "". Of a
// range, all between its ends is taken, whatever the step.
func (p *Param) Refuses(v any) string {
	switch p.Distribution {
	case Constant:
		if !sameValue(v, p.Value) {
			return fmt.Sprintf("is %v in every point, not %v", p.Value, v)
		}
		return ""
	case Categorical, CategoricalProbs, Ordinal:
		if !slices.ContainsFunc(p.Values, func(w any) bool { return sameValue(v, w) }) {
			return fmt.Sprintf("must be one of %v, not %v", p.Values, v)
		}
		return ""
	}
	x, ok := asFloat(v)
	if !ok || math.IsNaN(x) || math.IsInf(x, 0) {
		return fmt.Sprintf("must be a number, not %v", v)
	}
	lo, hi := math.Inf(-1), math.Inf(1)
	switch p.Distribution {
	case IntUniform, Uniform, QUniform, LogUniformValues, QLogUniformValues, InvLogUniformValues:
		lo, hi = p.Min, p.Max
	case LogNormal, QLogNormal:
		lo = 0
	case Beta, QBeta:
		lo, hi = 0, 1
	}
	if x < lo || x > hi || p.Distribution == IntUniform && x != math.Trunc(x) {
		return fmt.Sprintf("must be between %v and %v as its range, not %v", lo, hi, v)
	}
	return ""
}

// readExponents turns a range of natural logarithms into one of values.
func (p *Param) readExponents(values Distribution) {
	if p.Distribution == "inv_log_uniform" {
		p.Min, p.Max = -p.Max, -p.Min // of 1/x
	}
	p.Distribution = values
	p.Min, p.Max = math.Exp(p.Min), math.Exp(p.Max)
}

// Fixed reports whether the parameter has one value only and is not searched.
func (p *Param) Fixed() bool { return p.Distribution == Constant }

// Decode maps a coordinate of the unit cube, 0 ≤ u < 1, to a value, so that a
// uniform u gives the parameter's distribution. Numbers are finite.
func (p *Param) Decode(u float64) any {
	switch p.Distribution {
	case Constant:
		return p.Value
	case Categorical, Ordinal:
		return p.Values[cell(u, len(p.Values))]
	case CategoricalProbs:
		for i, prob := range p.Probabilities {
			if u -= prob; u < 0 {
				return p.Values[i]
			}
		}
		return p.Values[p.lastPossible()]
	case IntUniform:
		return int64(p.Min) + int64(cell(u, int(p.Max-p.Min)+1))
	case Uniform:
		return p.uniform(u)
	case QUniform:
		return p.quantise(p.uniform(u))
	case LogUniformValues, InvLogUniformValues:
		return p.logUniform(u)
	case QLogUniformValues:
		return p.quantise(p.logUniform(u))
	case Normal:
		return clamp(p.normal(u))
	case QNormal:
		return p.quantise(p.normal(u))
	case LogNormal:
		return clamp(math.Exp(p.normal(u)))
	case QLogNormal:
		return p.quantise(math.Exp(p.normal(u)))
	case Beta:
		return p.beta(u)
	case QBeta:
		return p.quantise(p.beta(u))
	}
	panic("tourney: decode of an unvalidated parameter " + p.Name)
}

// Cells returns how many values the parameter has, or false if it has a
// continuous range. For a quantised range it counts the multiples of q that
// Decode can return.
func (p *Param) Cells() (int64, bool) {
	switch p.Distribution {
	case Constant:
		return 1, true
	case Categorical, Ordinal:
		return int64(len(p.distinct())), true
	case CategoricalProbs:
		return int64(len(p.possible())), true
	case IntUniform:
		return int64(p.Max-p.Min) + 1, true
	case QUniform, QLogUniformValues:
		// The upper end itself is not drawn: a tie there rounds down.
		top := math.RoundToEven(math.Nextafter(p.Max/p.Q, math.Inf(-1)))
		return int64(top-math.RoundToEven(p.Min/p.Q)) + 1, true
	case QBeta:
		return int64(math.RoundToEven(1/p.Q)) + 1, true
	}
	return 0, false
}

// GridCells returns the number of values that a grid search gives the
// parameter, or false if it gives it none: W&B's grid takes constants,
// categories, integer ranges and quantised ranges, the latter without their
// upper end (as numpy.arange).
func (p *Param) GridCells() (int64, bool) {
	switch p.Distribution {
	case Constant, Categorical, Ordinal, IntUniform:
		return p.Cells()
	case QUniform:
		return int64(math.Ceil((p.Max - p.Min) / p.Q)), true
	}
	return 0, false
}

// GridValue returns the i-th of the parameter's GridCells.
func (p *Param) GridValue(i int64) any {
	switch p.Distribution {
	case Constant:
		return p.Value
	case Categorical, Ordinal:
		return p.distinct()[i]
	case IntUniform:
		return int64(p.Min) + i
	case QUniform:
		// As numpy.arange, bit for bit: its step is the distance of its first two.
		step := p.Min + p.Q
		step -= p.Min
		return p.number(p.Min + float64(float64(i)*step))
	}
	panic("tourney: grid over a continuous parameter " + p.Name)
}

// distinct returns Values without those that repeat an earlier one; an integer
// and a float of equal value are one.
func (p *Param) distinct() []any {
	var out []any
	seen := make(map[any]bool, len(p.Values))
	for _, v := range p.Values {
		key := v
		if f, ok := asFloat(v); ok {
			key = f
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, v)
		}
	}
	return out
}

// possible returns the distinct values of a probability above 0.
func (p *Param) possible() []any {
	var q Param
	for i, prob := range p.Probabilities {
		if prob > 0 {
			q.Values = append(q.Values, p.Values[i])
		}
	}
	return q.distinct()
}

func sameValue(a, b any) bool {
	x, okA := asFloat(a)
	y, okB := asFloat(b)
	if okA && okB {
		return x == y
	}
	return okA == okB && a == b
}

func (p *Param) lastPossible() int {
	for i := len(p.Probabilities) - 1; i > 0; i-- {
		if p.Probabilities[i] > 0 {
			return i
		}
	}
	return 0
}

// uniform is a mean of the ends, so that a range wider than the largest number
// does not overflow.
func (p *Param) uniform(u float64) float64 {
	if width := p.Max - p.Min; !math.IsInf(width, 0) {
		return p.Min + u*width
	}
	return (1-u)*p.Min + u*p.Max
}

func (p *Param) logUniform(u float64) float64 {
	ratio := math.Exp(u * (math.Log(p.Max) - math.Log(p.Min)))
	return min(max(p.Min*ratio, p.Min), p.Max)
}

// normal is the quantile function; u = 0, which has none, is taken as half of
// the smallest step of a uniform random float.
func (p *Param) normal(u float64) float64 {
	u = max(u, 1.0/(1<<54))
	return p.Mu + p.Sigma*math.Sqrt2*math.Erfinv(2*u-1)
}

// beta is the quantile function of the beta distribution.
func (p *Param) beta(u float64) float64 {
	return min(max(mathext.InvRegIncBeta(p.A, p.B, u), 0), 1)
}

func (p *Param) quantise(x float64) any {
	return p.number(clamp(math.RoundToEven(clamp(x)/p.Q) * p.Q))
}

// clamp makes a number finite, and the negative zero positive: both have no
// place in JSON.
func clamp(x float64) float64 {
	return min(max(x, -math.MaxFloat64), math.MaxFloat64) + 0
}

func (p *Param) number(x float64) any {
	if p.IntQ && x == math.Trunc(x) && math.Abs(x) < 1<<53 {
		return int64(x)
	}
	return x
}

// cell cuts [0, 1) into n equal parts and returns the one that holds u.
func cell(u float64, n int) int { return min(int(u*float64(n)), n-1) }

// validate returns what is wrong with the parameter, with paths relative to it.
func (p *Param) validate() []FieldError {
	var errs []FieldError
	bad := func(path, format string, args ...any) {
		errs = append(errs, FieldError{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	finite := func(path string, x float64) {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			bad(path, "must be a finite number")
		}
	}
	finite("min", p.Min)
	finite("max", p.Max)
	finite("q", p.Q)
	finite("mu", p.Mu)
	finite("sigma", p.Sigma)
	finite("a", p.A)
	finite("b", p.B)
	if len(errs) > 0 {
		return errs
	}
	switch p.Distribution {
	case Categorical, CategoricalProbs, Ordinal:
		if len(p.Values) == 0 {
			bad("values", "is empty; list at least one value")
		}
	case IntUniform:
		if p.Min != math.Trunc(p.Min) || p.Max != math.Trunc(p.Max) {
			bad("min", "and max must be whole numbers for int_uniform; for %v to %v use distribution uniform", p.Min, p.Max)
		} else if math.Abs(p.Min) > 1<<52 || math.Abs(p.Max) > 1<<52 {
			bad("max", "and min must lie within ±2^52")
		}
		p.checkRange(bad)
	case Uniform, QUniform:
		p.checkRange(bad)
	case LogUniformValues, QLogUniformValues, InvLogUniformValues:
		if p.Min <= 0 {
			bad("min", "must be greater than 0 on a log scale, not %v", p.Min)
		}
		p.checkRange(bad)
	case Normal, QNormal, LogNormal, QLogNormal:
		if p.Sigma <= 0 {
			bad("sigma", "must be greater than 0, not %v", p.Sigma)
		}
	case Beta, QBeta:
		if !(p.A > 0) || !(p.B > 0) {
			bad("a", "and b must be greater than 0, not %v and %v", p.A, p.B)
		}
	}
	if strings.HasPrefix(string(p.Distribution), "q_") && p.Q <= 0 {
		bad("q", "must be greater than 0, not %v", p.Q)
	}
	if p.Distribution == CategoricalProbs {
		p.checkProbabilities(bad)
	}
	return errs
}

func (p *Param) checkRange(bad func(path, format string, args ...any)) {
	if p.Min >= p.Max {
		bad("min", "the range is empty: min %v must be less than max %v", p.Min, p.Max)
	}
}

func (p *Param) checkProbabilities(bad func(path, format string, args ...any)) {
	if len(p.Probabilities) != len(p.Values) {
		bad("probabilities", "has %d entries for %d values; give one for each", len(p.Probabilities), len(p.Values))
		return
	}
	sum := 0.0
	for _, prob := range p.Probabilities {
		if !(prob >= 0) {
			bad("probabilities", "must not be negative, as %v is", prob)
			return
		}
		sum += prob
	}
	if math.Abs(sum-1) > 1e-6 {
		bad("probabilities", "must sum to 1, not %v", sum)
	}
}

// MarshalJSON writes the parameter as in a sweep file, without its name.
func (p Param) MarshalJSON() ([]byte, error) {
	m := map[string]any{"distribution": p.Distribution}
	shape := shapes[p.Distribution]
	for _, key := range slices.Concat(shape.required, shape.optional) {
		switch key {
		case "value":
			m[key] = p.Value
		case "values":
			m[key] = p.Values
		case "probabilities":
			m[key] = p.Probabilities
		case "min":
			m[key] = p.Min
		case "max":
			m[key] = p.Max
		case "q":
			m[key] = p.Q
		case "mu":
			m[key] = p.Mu
		case "sigma":
			m[key] = p.Sigma
		case "a":
			m[key] = p.A
		case "b":
			m[key] = p.B
		}
	}
	if len(p.When) > 0 {
		when := make(map[string][]any, len(p.When))
		for _, c := range p.When {
			when[c.Param] = c.Values
		}
		m["when"] = when
	}
	return json.Marshal(m)
}

// MarshalJSON writes the space as an object, sorted by name.
func (s Space) MarshalJSON() ([]byte, error) {
	m := make(map[string]Param, len(s))
	for _, p := range s {
		m[p.Name] = p
	}
	return json.Marshal(m)
}

// Lookup returns the parameter of that name, or nil.
func (s Space) Lookup(name string) *Param {
	for i := range s {
		if s[i].Name == name {
			return &s[i]
		}
	}
	return nil
}

func asFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case int:
		return float64(v), true
	}
	return 0, false
}
