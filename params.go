package tourney

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
)

// Params are the values of a trial by name: nil, bool, int64,
// float64, string or Structured.
type Params map[string]any

// MarshalJSON writes what encoding/json would write, without its detours.
func (p Params) MarshalJSON() ([]byte, error) { return appendObject(nil, p, appendParam) }

// UnmarshalJSON keeps integers apart from floats, as far as JSON tells them.
func (p *Params) UnmarshalJSON(data []byte) error {
	if f := (&flat{text: data}); len(data) > 0 && data[0] == '{' {
		if fast := f.params(); f.whole() {
			*p = fast
			return nil
		}
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var m map[string]any
	if err := dec.Decode(&m); err != nil {
		return err
	}
	for k, v := range m {
		n, ok := v.(json.Number)
		if !ok {
			switch v.(type) {
			case []any, map[string]any:
				text, err := structured(v)
				if err != nil {
					return fmt.Errorf("parameter %s: %w", k, err)
				}
				m[k] = text
			}
			continue
		}
		if i, err := n.Int64(); err == nil {
			m[k] = i
			continue
		}
		f, err := n.Float64()
		if err != nil {
			return fmt.Errorf("parameter %s: %w", k, err)
		}
		m[k] = f
	}
	*p = m
	return nil
}

// Float returns a number, or def if the parameter is absent. It is false if
// the parameter is not a number.
func (p Params) Float(name string, def float64) (float64, bool) {
	v, ok := p[name]
	if !ok {
		return def, true
	}
	return asFloat(v)
}

// Int returns a whole number, or def if the parameter is absent. It is false
// if the parameter is not a whole number.
func (p Params) Int(name string, def int) (int, bool) {
	f, ok := p.Float(name, float64(def))
	return int(f), ok && f == math.Trunc(f) && math.Abs(f) < 1<<53
}

// Key returns a text that two points share only if they are equal.
func (p Params) Key() string {
	b, err := p.MarshalJSON()
	if err != nil {
		panic("tourney: parameters that cannot be written: " + err.Error())
	}
	return string(b)
}
