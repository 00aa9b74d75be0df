package optuna

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"tourney"
)

// Kind is one of Optuna's three kinds of distribution.
type Kind int

// The kinds.
const (
	Float Kind = iota + 1
	Int
	Categorical
)

// Distribution is what a parameter is drawn from. Both ends of a range belong
// to it. Inside, Optuna counts numbers: a choice is its place in the list.
type Distribution struct {
	Kind      Kind
	Low, High float64
	Step      float64 // 0: none, as in a continuous range
	Log       bool
	Choices   []any // nil, bool, int64, float64 or string
}

// wire is a distribution as Optuna writes it. Its classes of before 3.0 are
// read too.
type wire struct {
	Name       string `json:"name"`
	Attributes struct {
		Step    *float64 `json:"step"`
		Q       *float64 `json:"q"`
		Low     *float64 `json:"low"`
		High    *float64 `json:"high"`
		Log     bool     `json:"log"`
		Choices []any    `json:"choices"`
	} `json:"attributes"`
}

// ParseDistribution reads the JSON that Optuna keeps of a distribution, also
// of the classes that it had before version 3.
func ParseDistribution(text string) (Distribution, error) {
	var w wire
	dec := json.NewDecoder(bytes.NewReader(plainJSON([]byte(text))))
	dec.UseNumber()
	if err := dec.Decode(&w); err != nil {
		return Distribution{}, fmt.Errorf("read distribution %.100s: %w", text, err)
	}
	a := &w.Attributes
	d := Distribution{Log: a.Log}
	if a.Low != nil && a.High != nil {
		d.Low, d.High = *a.Low, *a.High
	}
	if a.Step != nil {
		d.Step = *a.Step
	}
	switch w.Name {
	case "FloatDistribution", "UniformDistribution":
		d.Kind = Float
	case "LogUniformDistribution":
		d.Kind, d.Log = Float, true
	case "DiscreteUniformDistribution":
		d.Kind = Float
		if a.Q != nil {
			d.Step = *a.Q
		}
	case "IntDistribution", "IntUniformDistribution":
		d.Kind = Int
	case "IntLogUniformDistribution":
		d.Kind, d.Log = Int, true
	case "CategoricalDistribution":
		d.Kind, d.Choices = Categorical, make([]any, len(a.Choices))
		for i, c := range a.Choices {
			v, err := scalar(c)
			if err != nil {
				return d, fmt.Errorf("read distribution %.100s: choice %d: %w", text, i, err)
			}
			d.Choices[i] = v
		}
	default:
		return d, fmt.Errorf("%w: there is no distribution %q", tourney.ErrInvalid, w.Name)
	}
	if d.Kind == Int && d.Step == 0 {
		d.Step = 1
	}
	return d, d.check(a.Low != nil && a.High != nil)
}

func (d *Distribution) check(ends bool) error {
	bad := func(what string) error {
		return fmt.Errorf("%w: a distribution %s", tourney.ErrInvalid, what)
	}
	switch {
	case d.Kind == Categorical && len(d.Choices) == 0:
		return bad("of choices has none")
	case d.Kind == Categorical:
		return nil
	case !ends:
		return bad("of numbers has no low or no high")
	case !(d.Low <= d.High) || math.IsInf(d.High-d.Low, 0):
		return bad(fmt.Sprintf("goes from %v to %v", d.Low, d.High))
	case d.Log && d.Low <= 0:
		return bad(fmt.Sprintf("on a log scale begins at %v", d.Low))
	case d.Step < 0 || d.Kind == Int && (d.Step != math.Trunc(d.Step) || d.Low != math.Trunc(d.Low) || d.High != math.Trunc(d.High)):
		return bad(fmt.Sprintf("of whole numbers from %v to %v has the step %v", d.Low, d.High, d.Step))
	}
	return nil
}

// String returns the JSON that Optuna keeps of the distribution.
func (d Distribution) String() string {
	var step any
	if d.Step > 0 {
		step = d.Step
	}
	var name string
	var attributes any
	switch d.Kind {
	case Float:
		name = "FloatDistribution"
		attributes = struct {
			Step any     `json:"step"`
			Low  float64 `json:"low"`
			High float64 `json:"high"`
			Log  bool    `json:"log"`
		}{step, d.Low, d.High, d.Log}
	case Int:
		name = "IntDistribution"
		attributes = struct {
			Log  bool  `json:"log"`
			Step int64 `json:"step"`
			Low  int64 `json:"low"`
			High int64 `json:"high"`
		}{d.Log, int64(max(d.Step, 1)), int64(d.Low), int64(d.High)}
	default:
		name = "CategoricalDistribution"
		attributes = struct {
			Choices []any `json:"choices"`
		}{d.Choices}
	}
	data, err := json.Marshal(map[string]any{"name": name, "attributes": attributes})
	if err != nil { // the ends are finite and the choices are scalars
		panic("optuna: distribution that JSON has no words for: " + err.Error())
	}
	return string(data)
}

// internal is the number that Optuna keeps for a value.
func (d *Distribution) internal(v any) (float64, bool) {
	if d.Kind == Categorical {
		i := slices.IndexFunc(d.Choices, func(c any) bool { return same(c, v) })
		return float64(i), i >= 0
	}
	return float(v)
}

// same reports whether two values are one, whatever type a number has.
func same(a, b any) bool {
	x, okA := float(a)
	y, okB := float(b)
	if okA && okB {
		return x == y
	}
	return okA == okB && a == b
}

func float(v any) (float64, bool) {
	switch x := v.(type) {
	case int64:
		return float64(x), true
	case float64:
		return x, true
	}
	return 0, false
}

// external is the value of a number that Optuna keeps.
func (d *Distribution) external(x float64) (any, error) {
	switch d.Kind {
	case Categorical:
		if i := int(x); x == math.Trunc(x) && i >= 0 && i < len(d.Choices) {
			return d.Choices[i], nil
		}
		return nil, fmt.Errorf("%w: %v is no place in a list of %d choices", tourney.ErrInvalid, x, len(d.Choices))
	case Int:
		return int64(x), nil
	}
	return x, nil
}

// scalar turns a decoded JSON value into one that a parameter may have.
func scalar(v any) (any, error) {
	switch x := v.(type) {
	case nil, bool, string:
		return x, nil
	case json.Number:
		if i, err := x.Int64(); err == nil {
			return i, nil
		}
		return x.Float64()
	}
	return nil, fmt.Errorf("%w: it must be a number, a text, true, false or null, not %v", tourney.ErrInvalid, v)
}

// barewords are the numbers that Python writes and JSON does not know.
var barewords = [][]byte{[]byte("NaN"), []byte("Infinity"), []byte("-Infinity")}

// plainJSON puts quotes around the numbers that JSON does not know. Text in
// quotes stays as it is.
func plainJSON(data []byte) []byte {
	if !bytes.Contains(data, barewords[0]) && !bytes.Contains(data, barewords[1]) {
		return data
	}
	out := make([]byte, 0, len(data)+16)
	for quoted := false; len(data) > 0; {
		n := 1
		switch {
		case quoted && data[0] == '\\' && len(data) > 1:
			n = 2
		case data[0] == '"':
			quoted = !quoted
		case !quoted:
			i := slices.IndexFunc(barewords, func(w []byte) bool { return bytes.HasPrefix(data, w) })
			if i >= 0 {
				n = len(barewords[i])
				out = append(append(append(out, '"'), data[:n]...), '"')
				data = data[n:]
				continue
			}
		}
		out, data = append(out, data[:n]...), data[n:]
	}
	return out
}

// number is a number of Python's JSON after plainJSON.
type number float64

// UnmarshalJSON reads a number, or the name of one that is not finite.
func (n *number) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case `"NaN"`:
		*n = number(math.NaN())
	case `"Infinity"`:
		*n = number(math.Inf(1))
	case `"-Infinity"`:
		*n = number(math.Inf(-1))
	default:
		return json.Unmarshal(data, (*float64)(n))
	}
	return nil
}

// text is the number as Python reads it.
func (n number) text() []byte {
	switch x := float64(n); {
	case math.IsNaN(x):
		return []byte("NaN")
	case math.IsInf(x, 1):
		return []byte("Infinity")
	case math.IsInf(x, -1):
		return []byte("-Infinity")
	default:
		data, _ := json.Marshal(x) // finite
		return data
	}
}
