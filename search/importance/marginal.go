package importance

import (
	"slices"

	"tourney/search/axis"
)

// Notation of the marginals of one tree, a function f that is constant on boxes
// (Hutter and others 2014, Algorithm 1; here summed leaf by leaf, with
// differences, in place of looking for the leaves of each value):
//
//	segments  parts of an axis that no split of the tree parts; of a choice
//	          its levels. width [segments] is their share of the space
//	leaf      its box, as runs of segments along each axis that it is limited
//	          along; mass, its share of the space; value, its mean less that of
//	          the tree
//	f_d       Σ value·mass/mass_d over the leaves at a place along axis d:
//	          the mean of f there; the axis explains the variance of f_d

// marginals are the leaves of one tree.
type marginals struct {
	width    [][]float64 // [d][segment]; nil where nothing splits
	leaves   []leaf
	limits   []limit
	runs     []run
	variance float64   // of the tree
	field    []float64 // the differences of f_d, or of f_de [segments of d × of e]
}

type leaf struct {
	value, mass float64
	from, to    int32 // limits
}

// limit is the extent of a leaf along one axis.
type limit struct {
	axis     int32
	from, to int32 // runs
	mass     float64
}

// run is the segments [lo, hi).
type run struct{ lo, hi int32 }

// walker goes down a tree with the box of where it is.
type walker struct {
	*forest
	*marginals
	tree   tree
	bounds [][]float64 // [d] the ends of the segments of an axis with an order
	lo, hi []int32     // [d] the box
	set    [][]uint64  // [d] the box along choices
	splits []int       // [d] that limit the box
	axes   []int       // those with splits, in the order of the first
}

// marginals returns the leaves of a tree.
func (f *forest) marginals(t *tree) *marginals {
	n := len(f.axes)
	w := &walker{
		forest: f, tree: *t,
		marginals: &marginals{width: make([][]float64, n)},
		bounds:    make([][]float64, n), lo: make([]int32, n), hi: make([]int32, n),
		set: make([][]uint64, n), splits: make([]int, n),
	}
	w.segment()
	w.visit(0, 1)
	w.centre()
	return w.marginals
}

// segment finds the segments of each axis. The box is the whole space.
func (w *walker) segment() {
	for _, n := range w.tree {
		if n.axis < 0 {
			continue
		}
		if d := n.axis; n.set == nil {
			w.bounds[d] = append(w.bounds[d], n.at)
		} else if w.width[d] == nil {
			w.width[d] = w.levels[d].mass
			w.set[d] = make([]uint64, len(n.set))
			complement(w.set[d], len(w.width[d]))
		}
	}
	for d, b := range w.bounds {
		if b == nil {
			continue
		}
		b = append(b, 0, 1)
		slices.Sort(b)
		b = slices.Compact(b)
		w.bounds[d] = b
		w.hi[d] = int32(len(b) - 1)
		w.width[d] = make([]float64, len(b)-1)
		for i := range w.width[d] {
			w.width[d][i] = b[i+1] - b[i]
		}
	}
}

// visit goes down from a node whose box has this mass.
func (w *walker) visit(id int32, mass float64) {
	n := &w.tree[id]
	if n.axis < 0 {
		w.leaf(n.value, mass)
		return
	}
	d := n.axis
	if w.splits[d] == 0 {
		w.axes = append(w.axes, int(d))
	}
	w.splits[d]++
	whole := w.extent(int(d))
	if n.set == nil {
		at, _ := slices.BinarySearch(w.bounds[d], n.at)
		lo, hi := w.lo[d], w.hi[d]
		w.hi[d] = int32(at)
		w.visit(n.left, mass/whole*w.extent(int(d)))
		w.lo[d], w.hi[d] = int32(at), hi
		w.visit(n.right, mass/whole*w.extent(int(d)))
		w.lo[d] = lo
	} else {
		box := w.set[d]
		part := make([]uint64, len(box))
		for i := range part {
			part[i] = box[i] & n.set[i]
		}
		w.set[d] = part
		w.visit(n.left, mass/whole*w.extent(int(d)))
		for i := range part {
			part[i] = box[i] &^ n.set[i]
		}
		w.visit(n.right, mass/whole*w.extent(int(d)))
		w.set[d] = box
	}
	w.splits[d]--
	if w.splits[d] == 0 {
		w.axes = w.axes[:len(w.axes)-1]
	}
}

// extent returns the share of an axis that the box covers.
func (w *walker) extent(d int) float64 {
	if w.forest.axes[d].Kind != axis.Choice {
		return w.bounds[d][w.hi[d]] - w.bounds[d][w.lo[d]]
	}
	var sum float64
	for level, m := range w.width[d] {
		if has(w.set[d], level) {
			sum += m
		}
	}
	return sum
}

// leaf records the box. One without mass, of choices that the space never
// takes, has no part in any mean.
func (w *walker) leaf(value, mass float64) {
	if !(mass > 0) {
		return
	}
	from := int32(len(w.limits))
	for _, d := range w.axes {
		first := int32(len(w.runs))
		if w.forest.axes[d].Kind == axis.Choice {
			eachRun(w.set[d], len(w.width[d]), func(lo, hi int32) { w.runs = append(w.runs, run{lo, hi}) })
		} else {
			w.runs = append(w.runs, run{w.lo[d], w.hi[d]})
		}
		w.limits = append(w.limits, limit{axis: int32(d), from: first, to: int32(len(w.runs)), mass: w.extent(d)})
	}
	w.leaves = append(w.leaves, leaf{value: value, mass: mass, from: from, to: int32(len(w.limits))})
}

// centre takes the mean of the tree from its leaves, and finds its variance.
func (m *marginals) centre() {
	var mass, mean float64
	for i := range m.leaves {
		mass += m.leaves[i].mass
		mean += m.leaves[i].mass * m.leaves[i].value
	}
	mean /= mass
	for i := range m.leaves {
		l := &m.leaves[i]
		l.value -= mean
		m.variance += l.mass * l.value * l.value
	}
}

// alone sets the variance that each axis explains alone.
func (m *marginals) alone(variance []float64) {
	start := make([]int, len(m.width)+1) // of each axis in the field
	for d, width := range m.width {
		start[d+1] = start[d]
		if width != nil {
			start[d+1] += len(width) + 1
		}
	}
	field := m.zeroed(start[len(m.width)])
	elsewhere := make([]float64, len(m.width)) // less what leaves not limited along d add to f_d
	for i := range m.leaves {
		l := &m.leaves[i]
		for _, lim := range m.limits[l.from:l.to] {
			c := l.value * (l.mass / lim.mass)
			elsewhere[lim.axis] += l.value * l.mass
			at := field[start[lim.axis]:start[lim.axis+1]]
			for _, r := range m.runs[lim.from:lim.to] {
				at[r.lo] += c
				at[r.hi] -= c
			}
		}
	}
	for d, width := range m.width {
		variance[d] = 0
		f := -elsewhere[d] // all leaves together add up to 0
		for s, share := range width {
			f += field[start[d]+s]
			variance[d] += share * f * f
		}
	}
}

// zeroed returns the field with n zeros.
func (m *marginals) zeroed(n int) []float64 {
	m.field = slices.Grow(m.field[:0], n)[:n]
	clear(m.field)
	return m.field
}

// together returns the variance that two axes explain together, what each
// explains alone included. Both have splits.
func (m *marginals) together(d, e int) float64 {
	nd, ne := len(m.width[d]), len(m.width[e])
	stride := ne + 1
	field := m.zeroed((nd + 1) * stride)
	allD, allE := []run{{0, int32(nd)}}, []run{{0, int32(ne)}}
	var elsewhere float64
	for i := range m.leaves {
		l := &m.leaves[i]
		runsD, runsE, mass := allD, allE, l.mass
		for _, lim := range m.limits[l.from:l.to] {
			switch int(lim.axis) {
			case d:
				runsD, mass = m.runs[lim.from:lim.to], mass/lim.mass
			case e:
				runsE, mass = m.runs[lim.from:lim.to], mass/lim.mass
			}
		}
		if len(runsD) == 1 && len(runsE) == 1 && runsD[0] == allD[0] && runsE[0] == allE[0] {
			elsewhere += l.value * l.mass
			continue
		}
		c := l.value * mass
		for _, a := range runsD {
			top, bottom := field[int(a.lo)*stride:], field[int(a.hi)*stride:]
			for _, b := range runsE {
				top[b.lo] += c
				top[b.hi] -= c
				bottom[b.lo] -= c
				bottom[b.hi] += c
			}
		}
	}
	var variance float64
	for s, wide := range m.width[d] {
		row := field[s*stride : (s+1)*stride]
		if s > 0 {
			above := field[(s-1)*stride : s*stride]
			for k := range row {
				row[k] += above[k]
			}
		}
		f := elsewhere
		var sum float64
		for k, high := range m.width[e] {
			f += row[k]
			sum += high * f * f
		}
		variance += wide * sum
	}
	return variance
}
