package search

import (
	"math"
	"slices"

	"tourney"
	"tourney/search/axis"
)

// views returns the axes as models see them: with their kinds, and with cells
// that lie side by side.
func (c *cube) views() []axis.Axis {
	views := make([]axis.Axis, len(c.axes))
	for i := range c.axes {
		views[i] = c.axes[i].view()
		views[i].Gates = c.gates(&c.axes[i])
	}
	return views
}

// gates returns the axes that decide whether one has a part, sorted.
func (c *cube) gates(a *line) []int {
	var gates []int
	var walk func(p *tourney.Param)
	walk = func(p *tourney.Param) {
		for _, cond := range p.When {
			parent := c.space.Lookup(cond.Param)
			if at := slices.IndexFunc(c.axes, func(b line) bool { return b.param == parent }); at >= 0 {
				gates = append(gates, at)
			}
			walk(parent)
		}
	}
	walk(a.param)
	slices.Sort(gates)
	return slices.Compact(gates)
}

// view is an axis as models see it. A lattice too large for edges is ordered if
// its cells are equally wide, and continuous otherwise.
func (a *line) view() axis.Axis {
	switch {
	case a.choices != nil:
		kind := axis.Choice
		if a.param.Distribution == tourney.Ordinal {
			kind = axis.Ordered
		}
		v := axis.Axis{Kind: kind, Cells: a.cells}
		if a.param.Distribution == tourney.CategoricalProbs {
			v.Edges = make([]float64, a.cells+1)
			total := 0.0
			for i, ch := range a.choices {
				total += ch.width
				v.Edges[i+1] = total
			}
			for i := range v.Edges {
				v.Edges[i] /= total
			}
		}
		return v
	case a.cells == 0:
		return axis.Axis{}
	case a.param.Distribution == tourney.IntUniform:
		return axis.Axis{Kind: axis.Ordered, Cells: a.cells}
	case a.places == nil:
		return axis.Axis{}
	}
	edges := make([]float64, a.cells+1)
	for i, tick := range a.places {
		edges[i] = float64(tick) / ticks
	}
	edges[0], edges[a.cells] = 0, 1
	return axis.Axis{Kind: axis.Ordered, Cells: a.cells, Edges: edges}
}

// view turns coordinates of the cube into those of the views.
func (c *cube) view(views []axis.Axis, u []float64) []float64 {
	v := slices.Clone(u)
	for i := range views {
		if views[i].Kind != axis.Continuous && !math.IsNaN(u[i]) {
			v[i] = views[i].Middle(c.axes[i].cellOf(u[i]))
		}
	}
	return v
}

// unview is the reverse of view; NaN becomes 0.
func (c *cube) unview(views []axis.Axis, v []float64) []float64 {
	u := slices.Clone(v)
	for i := range views {
		switch {
		case math.IsNaN(v[i]):
			u[i] = 0
		case views[i].Kind != axis.Continuous:
			u[i] = c.axes[i].coordinate(views[i].Cell(v[i]))
		default:
			u[i] = min(max(v[i], 0), 1-1.0/ticks)
		}
	}
	return u
}

// mask sets the coordinates on the views to NaN whose parameter has no part in
// the point that the others make.
func (c *cube) mask(views []axis.Axis, v []float64) {
	if !c.space.Conditional() {
		return
	}
	params := c.decode(c.unview(views, v))
	for i := range c.axes {
		if _, ok := params[c.axes[i].param.Name]; !ok {
			v[i] = math.NaN()
		}
	}
}

// active reports whether the parameter of an axis has a part in the point of
// which the coordinates of its gates are set on the views.
func (c *cube) active(views []axis.Axis, v []float64, num int) bool {
	return c.holds(c.axes[num].param, views, v)
}

// holds reports whether the conditions of a parameter are met.
func (c *cube) holds(p *tourney.Param, views []axis.Axis, v []float64) bool {
	for _, cond := range p.When {
		parent := c.space.Lookup(cond.Param)
		if !c.holds(parent, views, v) {
			return false
		}
		value := parent.Value
		if !parent.Fixed() {
			at := slices.IndexFunc(c.axes, func(a line) bool { return a.param == parent })
			if math.IsNaN(v[at]) {
				return false
			}
			u := v[at]
			if views[at].Kind != axis.Continuous {
				u = c.axes[at].coordinate(views[at].Cell(u))
			}
			value = writable(parent, parent.Decode(u))
		}
		one := tourney.Param{When: []tourney.Condition{cond}}
		if !one.Active(tourney.Params{cond.Param: value}) {
			return false
		}
	}
	return true
}
