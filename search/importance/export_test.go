package importance

import (
	"math/rand/v2"

	"tourney/search/axis"
)

// Nth is nth.
var Nth = nth

// Tree is one tree of a forest, and its marginals.
type Tree struct {
	f *forest
	t tree
	w *walker
	m *marginals
}

// GrowTree grows the first tree of a forest; nil if the losses do not vary.
func GrowTree(axes []axis.Axis, points [][]float64, losses []float64, depth int, rng *rand.Rand) *Tree {
	f := newForest(axes, points, losses, len(points), rng)
	if !f.varies() {
		return nil
	}
	t := f.grow(depth, make([]float64, len(axes)), rng)
	w := &walker{forest: f, tree: t, marginals: &marginals{width: make([][]float64, len(axes))}, bounds: make([][]float64, len(axes)), hi: make([]int32, len(axes)), set: make([][]uint64, len(axes))}
	w.segment()
	return &Tree{f: f, t: t, w: w, m: f.marginals(&t)}
}

// Widths returns the segments of an axis; one if nothing splits it.
func (t *Tree) Widths(d int) []float64 {
	if t.w.width[d] == nil {
		return []float64{1}
	}
	return t.w.width[d]
}

// Predict goes down the tree with one segment of each axis.
func (t *Tree) Predict(segments []int) float64 {
	for n := &t.t[0]; ; {
		if n.axis < 0 {
			return n.value
		}
		s := segments[n.axis]
		left := n.set != nil && has(n.set, s)
		if n.set == nil {
			left = t.w.bounds[n.axis][s] < n.at
		}
		if left {
			n = &t.t[n.left]
		} else {
			n = &t.t[n.right]
		}
	}
}

// Variance is that of the whole tree.
func (t *Tree) Variance() float64 { return t.m.variance }

// Alone returns what each axis explains alone.
func (t *Tree) Alone() []float64 {
	v := make([]float64, len(t.f.axes))
	t.m.alone(v)
	return v
}

// Together returns what two axes explain; false if one of them has no splits.
func (t *Tree) Together(d, e int) (float64, bool) {
	if t.m.width[d] == nil || t.m.width[e] == nil {
		return 0, false
	}
	return t.m.together(d, e), true
}
