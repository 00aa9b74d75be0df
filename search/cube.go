package search

import (
	"math"
	"math/rand/v2"

	"tourney"
)

// cube is the unit cube that samplers see: one axis for each parameter that
// has more than one value, in the order of the space but each after those that
// its conditions name.
//
//	u       coordinates, len(axes), each in [0, 1); one of a parameter that has
//	        no part in the point means nothing
//	cell    number of a point of a finite space, in mixed radix over the axes,
//	        the last one varying fastest; an axis without a part in the point
//	        counts as in its first cell
//
// Values become coordinates by bisection on Param.Decode, which never falls as
// u grows. So kinds of parameter are known to package tourney alone, and a
// coordinate that came from a value decodes to that value, bit for bit.
type cube struct {
	space       tourney.Space
	order       []int // of the parameters, each after those that its conditions name
	axes        []line
	constraints []constraint
	cells       int64 // of the whole cube; 0 if it is not finite or has more than 2^62
}

// absent stands for the value of a parameter that has no part in a point.
type absent struct{}

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

func newCube(space tourney.Space, constraints []string) (*cube, error) {
	c := &cube{space: space, cells: 1}
	var ok bool
	if c.order, ok = space.Order(); !ok {
		return nil, tourney.Invalid("parameters", "conditions go round or name parameters that are not there")
	}
	for _, i := range c.order {
		p := &space[i]
		if p.Fixed() {
			if err := checkValue("parameters."+p.Name+".value", p.Value); err != nil {
				return nil, err
			}
			continue
		}
		a, err := newAxis(p)
		if err != nil {
			return nil, err
		}
		c.axes = append(c.axes, a)
		if a.cells == 0 || c.cells > (1<<62)/a.cells {
			c.cells = 0
		} else {
			c.cells *= a.cells
		}
	}
	var err error
	c.constraints, err = newConstraints(constraints, space)
	return c, err
}

// fewCells is the size up to which a space is looked through for a point that
// fulfils the constraints.
const fewCells = 100_000

// checkFeasible makes sure that some point fulfils the constraints: any of a
// small space, or one of so many drawn at random.
func (c *cube) checkFeasible(seed uint64) error {
	if len(c.constraints) == 0 {
		return nil
	}
	if c.cells > 0 && c.cells <= fewCells {
		for cell := c.proper(0); cell < c.cells; cell = c.proper(cell + 1) {
			if c.feasible(c.decode(c.coordinates(cell))) {
				return nil
			}
		}
		return tourney.Invalid("constraints", "no point of the space fulfils all of them; loosen one, or widen the parameters that it names")
	}
	rng := rand.New(rand.NewPCG(seed, math.MaxUint64))
	u := make([]float64, len(c.axes))
	for range fewCells {
		for i := range u {
			u[i] = rng.Float64()
		}
		if c.feasible(c.decode(u)) {
			return nil
		}
	}
	return tourney.Invalid("constraints", "no point of %d drawn at random fulfils all of them; loosen one, or narrow the parameters to where they can hold", fewCells)
}

// feasible reports whether a point fulfils all constraints.
func (c *cube) feasible(point tourney.Params) bool {
	for i := range c.constraints {
		if !c.constraints[i].holds(point) {
			return false
		}
	}
	return true
}

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

// decode returns the parameters at u, with those that are fixed and without
// those that have no part.
func (c *cube) decode(u []float64) tourney.Params {
	params := make(tourney.Params, len(c.space))
	axis := -1
	for _, i := range c.order {
		p := &c.space[i]
		if !p.Fixed() {
			axis++
		}
		switch {
		case !p.Active(params):
		case p.Fixed():
			params[p.Name] = writable(p, p.Value)
		default:
			params[p.Name] = writable(p, p.Decode(u[axis]))
		}
	}
	return params
}

// writable turns a number that JSON cannot carry, or not there and back, into
// the nearest that it can: the tail of a log_normal may be infinite, and minus
// zero comes back as zero.
func writable(p *tourney.Param, v any) any {
	f, ok := v.(float64)
	switch {
	case !ok:
		return v
	case f == 0:
		return 0.0
	case math.IsNaN(f):
		return p.Min
	}
	return min(max(f, -math.MaxFloat64), math.MaxFloat64)
}

// encode returns coordinates of the point with these values, one for each
// parameter of the space; NaN for those that are absent. A value outside the
// space is moved into it.
func (c *cube) encode(values []any) []float64 {
	u := make([]float64, 0, len(c.axes))
	for _, i := range c.order {
		if c.space[i].Fixed() {
			continue
		}
		if values[i] == (absent{}) {
			u = append(u, math.NaN())
			continue
		}
		u = append(u, c.axes[len(u)].encode(values[i]))
	}
	return u
}

// values returns the values of a point, one for each parameter of the space.
func (c *cube) values(params tourney.Params) []any {
	values := make([]any, len(c.space))
	for i := range c.space {
		v, ok := params[c.space[i].Name]
		if !ok {
			v = absent{}
		}
		values[i] = v
	}
	return values
}

// cellOf returns the number of the cell that holds u.
func (c *cube) cellOf(u []float64) int64 {
	cell := int64(0)
	params := c.decode(u)
	for i := range c.axes {
		a := &c.axes[i]
		cell *= a.cells
		if _, ok := params[a.param.Name]; ok {
			cell += a.cellOf(u[i])
		}
	}
	return cell
}

// coordinates returns a point inside a cell.
func (c *cube) coordinates(cell int64) []float64 {
	u := make([]float64, len(c.axes))
	for i := len(c.axes) - 1; i >= 0; i-- {
		a := &c.axes[i]
		u[i] = a.coordinate(cell % a.cells)
		cell /= a.cells
	}
	return u
}

// proper returns the first cell from the given one on whose axes without a
// part are in their first cell, so that each point has one such cell; cells if
// there is none.
func (c *cube) proper(cell int64) int64 {
	if !c.space.Conditional() {
		return cell
	}
	for cell < c.cells {
		params := c.decode(c.coordinates(cell))
		width := c.cells // of one step of the axis before the one looked at
		rest := cell
		next := cell
		for i := range c.axes {
			a := &c.axes[i]
			step := width / a.cells
			_, active := params[a.param.Name]
			if digit := rest / step; !active && digit > 0 {
				next = cell - rest + width // carry into the axis before
				break
			}
			rest %= step
			width = step
		}
		if next == cell {
			return cell
		}
		cell = next
	}
	return c.cells
}

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

// checkValues returns what is wrong with the parameters of a trial from a log.
// The values are not held against the distributions: that is Replay's part.
func (c *cube) checkValues(params tourney.Params) error {
	active := 0
	for i := range c.space {
		p := &c.space[i]
		v, ok := params[p.Name]
		switch {
		case !p.Active(params):
			if ok {
				return tourney.Invalid("params."+p.Name, "has no part in a point whose values are such")
			}
			continue
		case !ok:
			return tourney.Invalid("params."+p.Name, "is missing")
		}
		active++
		if err := checkValue("params."+p.Name, v); err != nil {
			return err
		}
	}
	if len(params) != active {
		return tourney.Invalid("params", "has %d entries; the point has %d", len(params), active)
	}
	return nil
}

func checkValue(path string, v any) error {
	switch v := v.(type) {
	case nil, bool, int, int64, string:
		return nil
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return nil
		}
	}
	return tourney.Invalid(path, "must be a finite number, a text, a truth value or null, not %v", v)
}
