package search

import (
	"math"

	"tourney"
)

// line is the axis of one parameter. It is a list of choices, or a lattice of numbers with
// cells > 0, or continuous.
type line struct {
	param   *tourney.Param
	choices []choice
	lo      float64 // the least number of the lattice
	step    float64 // from one number of the lattice to the next
	cells   int64   // how many values it has; 0 if it is continuous
	places  []int64 // where the cells of a small lattice begin, as firstAt gives it
}

// choice is one value of a categorical parameter.
type choice struct {
	value any
	u     float64 // the middle of its share of the axis
	width float64 // of all its shares
}

// ticks is how many coordinates a uniform random float can take.
const ticks = 1 << 53

// maxLattice is the size above which a lattice is taken as continuous: the
// middle between two of its numbers would not be a float any more.
const maxLattice = ticks / 2

// smallLattice is the size up to which the places of a lattice are kept.
const smallLattice = 1024

func newAxis(p *tourney.Param) (line, error) {
	a := line{param: p}
	switch p.Distribution {
	case tourney.Categorical, tourney.CategoricalProbs, tourney.Ordinal:
		return newChoiceAxis(p)
	case tourney.IntUniform:
		a.step = 1
	case tourney.QUniform, tourney.QLogUniformValues, tourney.QNormal, tourney.QLogNormal, tourney.QBeta:
		a.step = p.Q
	case tourney.Uniform, tourney.LogUniformValues, tourney.InvLogUniformValues, tourney.Normal, tourney.LogNormal, tourney.Beta:
		return a, nil
	default:
		return a, tourney.Invalid("parameters."+p.Name+".distribution", "no distribution %q", p.Distribution)
	}
	// What Decode reaches counts, not what the range would hold: a normal has
	// no ends, but a float has.
	a.lo = a.number(0)
	if n := math.Round((a.number(ticks-1)-a.lo)/a.step) + 1; n >= 1 && n <= maxLattice {
		a.cells = int64(n)
	}
	if a.cells <= smallLattice {
		for i := range a.cells {
			a.places = append(a.places, a.firstAt(a.lo+(float64(i)-0.5)*a.step))
		}
	}
	return a, nil
}

func newChoiceAxis(p *tourney.Param) (line, error) {
	for _, v := range p.Values {
		if err := checkValue("parameters."+p.Name+".values", v); err != nil {
			return line{}, err
		}
	}
	if p.Distribution == tourney.CategoricalProbs && len(p.Probabilities) != len(p.Values) {
		return line{}, tourney.Invalid("parameters."+p.Name+".probabilities", "has %d entries for %d values; give one for each", len(p.Probabilities), len(p.Values))
	}
	a := line{param: p, choices: choices(p)}
	a.cells = int64(len(a.choices))
	if a.cells == 0 {
		return a, tourney.Invalid("parameters."+p.Name+".values", "holds nothing that can be drawn")
	}
	return a, nil
}

// choices returns the values of a categorical parameter that can be drawn, each
// once.
func choices(p *tourney.Param) []choice {
	var out []choice
	known := map[string]int{}
	from := 0.0
	for i, v := range p.Values {
		width := 1 / float64(len(p.Values))
		if p.Distribution == tourney.CategoricalProbs {
			width = p.Probabilities[i]
		}
		if key := valueKey(writable(p, v)); width > 0 {
			at, ok := known[key]
			if !ok {
				at = len(out)
				known[key] = at
				out = append(out, choice{value: writable(p, v), u: min(from+width/2, 1-1.0/ticks)})
			}
			out[at].width += width
		}
		from += width
	}
	return out
}

// valueKey is a text that two values share if a log cannot tell them apart.
func valueKey(v any) string { return tourney.Params{"": v}.Key() }

// number returns the value of a numeric axis at u = tick/ticks.
func (a *line) number(tick int64) float64 {
	return asFloat(writable(a.param, a.param.Decode(float64(tick)/ticks)))
}

// asFloat returns a number as it is, and 0 for anything else.
func asFloat(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case int64:
		return float64(v)
	case int:
		return float64(v)
	}
	return 0
}

// firstAt returns the first tick whose number is x or more, ticks if none is.
func (a *line) firstAt(x float64) int64 {
	lo, hi := int64(0), int64(ticks)
	for lo < hi {
		mid := lo + (hi-lo)/2
		if a.number(mid) >= x {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

func (a *line) encode(v any) float64 {
	if a.choices != nil {
		return a.choices[a.choiceOf(v)].u
	}
	x := asFloat(v)
	first := a.firstAt(x)
	next := a.firstAt(math.Nextafter(x, math.Inf(1)))
	return float64(min((first+next)/2, ticks-1)) / ticks
}

// choiceOf returns the number of a choice, 0 if there is no such value.
func (a *line) choiceOf(v any) int {
	key := valueKey(writable(a.param, v))
	for i, c := range a.choices {
		if valueKey(c.value) == key {
			return i
		}
	}
	return 0
}

func (a *line) cellOf(u float64) int64 {
	if a.choices != nil {
		return int64(a.choiceOf(a.param.Decode(u)))
	}
	x := a.number(int64(u * ticks))
	return min(max(int64(math.Round((x-a.lo)/a.step)), 0), a.cells-1)
}

func (a *line) coordinate(cell int64) float64 {
	if a.choices != nil {
		return a.choices[cell].u
	}
	var first int64
	if a.places != nil {
		first = a.places[cell]
	} else {
		first = a.firstAt(a.lo + (float64(cell)-0.5)*a.step)
	}
	return float64(min(first, ticks-1)) / ticks
}
