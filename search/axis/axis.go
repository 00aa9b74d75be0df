// Package axis hides nothing: it is how the space of a sweep looks to a
// sampler, and so what package search and the packages of its samplers share.
//
// A point is a vector of coordinates, one for each axis, each in [0, 1). A
// coordinate is NaN where the parameter has no part in the point, because a
// condition is not met.
package axis

// Kind says what the coordinates of an axis mean.
type Kind int

const (
	// Continuous coordinates are numbers on the scale of the parameter: a
	// log-uniform parameter is linear in the logarithm.
	Continuous Kind = iota
	// Ordered coordinates are the cells of a lattice, in order of the values.
	Ordered
	// Choice coordinates are cells without an order.
	Choice
)

// Axis is one searched parameter.
type Axis struct {
	Kind  Kind
	Cells int64 // of Ordered (at least 1) and Choice; 0 of Continuous
	// Edges, [cells+1] rising from 0 to 1, are where the cells of an Ordered
	// axis begin and end; nil means that all are equally wide. Only the cells of
	// small lattices (at most 1024) have edges. The cells of a Choice axis are
	// equally wide unless edges say otherwise: their widths are the choices'
	// probabilities.
	Edges []float64
	// Gates are the axes, by number and all before this one, whose coordinates
	// decide whether this one has a part in a point; nil if it always has.
	Gates []int
}

// Cell returns the number of the cell that holds u. The axis is not Continuous.
func (a *Axis) Cell(u float64) int64 {
	if a.Edges == nil {
		return min(max(int64(u*float64(a.Cells)), 0), a.Cells-1)
	}
	lo, hi := int64(0), a.Cells-1 // the last cell whose edge is not beyond u
	for lo < hi {
		mid := lo + (hi-lo+1)/2
		if a.Edges[mid] <= u {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return lo
}

// Bounds returns where a cell begins and ends.
func (a *Axis) Bounds(cell int64) (lo, hi float64) {
	if a.Edges != nil {
		return a.Edges[cell], a.Edges[cell+1]
	}
	n := float64(a.Cells)
	return float64(cell) / n, float64(cell+1) / n
}

// Middle returns the middle of a cell, which stands for it in models.
func (a *Axis) Middle(cell int64) float64 {
	lo, hi := a.Bounds(cell)
	return lo + (hi-lo)/2
}

// Snap returns u itself if the axis is Continuous, and otherwise the middle of
// its cell.
func (a *Axis) Snap(u float64) float64 {
	if a.Kind == Continuous {
		return u
	}
	return a.Middle(a.Cell(u))
}
