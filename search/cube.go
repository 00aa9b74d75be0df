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

// decode returns the parameters at u, with those that are fixed and without
// those that have no part.
func (c *cube) decode(u []float64) tourney.Params { return c.complete(nil, u) }

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
