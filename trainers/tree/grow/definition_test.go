package grow_test

import (
	"math"
	"slices"

	"tourney/trainers/tree/ensemble"
	"tourney/trainers/tree/grow"
)

// The definition of a tree, as slow and as plain as it can be said: every split
// of every leaf is tried on the rows themselves. It is exact where all sums of
// gradients are, which the tests see to by their choice of gradients.

type defLeaf struct {
	rows         []int32 // positions
	depth        int
	id           uint64
	node         int
	left         bool
	l2           float64
	output       float64
	lower, upper float64
	exact        bool // counts of rows are not estimated
	best         defSplit
}

type defSplit struct {
	found       bool
	feature     int
	bin         int
	cats        *[4]uint64
	missingLeft bool
	gain        float64 // of both sides
	l2          float64
}

type definition struct {
	t    *grow.Table
	rows []int32
	c    grow.Config
	in   grow.Input
}

func (d *definition) bin(p int32, f int) int { return int(d.t.Bins[int(d.rows[p])*d.t.D+f]) }

func (d *definition) sums(rows []int32) (g, h float64) {
	for _, p := range rows {
		g += float64(d.in.Grad[p])
		if d.in.Hess == nil {
			h++
		} else {
			h += float64(d.in.Hess[p])
		}
	}
	return g, h
}

func threshold(g, l1 float64) float64 {
	if math.Abs(g) <= l1 {
		return 0
	}
	return math.Copysign(math.Abs(g)-l1, g)
}

func (d *definition) output(g, h float64, n int, l2, parent, lower, upper float64) float64 {
	out := 0.0
	if t := threshold(g, d.c.L1); t != 0 && h+l2 > 0 {
		out = -t / (h + l2)
	}
	if m := d.c.MaxDeltaStep; m > 0 && math.Abs(out) > m {
		out = math.Copysign(m, out)
	}
	if d.c.PathSmooth > 0 {
		k := float64(n) / d.c.PathSmooth
		out = out*k/(k+1) + parent/(k+1)
	}
	return math.Min(math.Max(out, lower), upper)
}

func (d *definition) constrained() bool {
	for _, f := range d.t.Features {
		if f.Monotone != 0 && !f.Categorical {
			return true
		}
	}
	return d.c.PathSmooth > 0
}

func (d *definition) gainOf(g, h float64, n int, l2, parent, lower, upper float64) (gain, out float64) {
	t := threshold(g, d.c.L1)
	out = d.output(g, h, n, l2, parent, lower, upper)
	if !d.constrained() && d.c.MaxDeltaStep <= 0 {
		return t * t / (h + l2), out
	}
	return -(2*t*out + (h+l2)*out*out), out
}

// try tries to send the rows to the left that goes says, and keeps the split if
// it is better than the best.
func (d *definition) try(l *defLeaf, s defSplit, monotone int8, noMissing bool, goes func(p int32) bool) {
	var left []int32
	for _, p := range l.rows {
		if goes(p) {
			left = append(left, p)
		}
	}
	n := len(l.rows)
	g, h := d.sums(l.rows)
	gl, hl := d.sums(left)
	gr, hr := g-gl, h-hl
	nl := d.count(l, left)
	if nl < d.c.MinRows || n-nl < d.c.MinRows || hl < d.c.MinHessian || hr < d.c.MinHessian {
		return
	}
	if d.c.L2 <= 0 && (hl <= 0 || hr <= 0) {
		return
	}
	a, outL := d.gainOf(gl, hl, nl, s.l2, l.output, l.lower, l.upper)
	b, outR := d.gainOf(gr, hr, n-nl, s.l2, l.output, l.lower, l.upper)
	if monotone > 0 && outL > outR || monotone < 0 && outL < outR {
		return
	}
	shift := d.shift(l)
	if a+b <= shift+math.Max(d.c.MinGain, math.Abs(shift)*1e-12) || l.best.found && a+b <= l.best.gain {
		return
	}
	s.found, s.gain = true, a+b
	if s.cats == nil && noMissing {
		s.missingLeft = 2*nl >= n
	}
	l.best = s
}

func (d *definition) shift(l *defLeaf) float64 {
	g, h := d.sums(l.rows)
	if h+d.c.L2 <= 0 {
		return 0
	}
	gain, _ := d.gainOf(g, h, len(l.rows), d.c.L2, l.output, math.Inf(-1), math.Inf(1))
	return gain
}

// direct reports whether rows of a leaf are counted and not estimated.
func (d *definition) direct(l *defLeaf) bool {
	_, h := d.sums(l.rows)
	return l.exact || len(l.rows) <= 128 || h == 0
}

func (d *definition) count(l *defLeaf, rows []int32) int {
	if d.direct(l) {
		return len(rows)
	}
	_, all := d.sums(l.rows)
	_, h := d.sums(rows)
	return int(h*(float64(len(l.rows))/all) + 0.5)
}

// bins returns the rows of a leaf by bin. The search does not know of a bin of
// which all sums are 0, unless it counts.
func (d *definition) bins(l *defLeaf, f int) map[int][]int32 {
	bins := map[int][]int32{}
	for _, p := range l.rows {
		bins[d.bin(p, f)] = append(bins[d.bin(p, f)], p)
	}
	direct := d.direct(l)
	for b, rows := range bins {
		if g, h := d.sums(rows); g == 0 && h == 0 && !direct {
			delete(bins, b)
		}
	}
	return bins
}

func (d *definition) search(l *defLeaf) {
	l.best = defSplit{}
	if d.c.MaxDepth > 0 && l.depth >= d.c.MaxDepth || len(l.rows) < 2*max(1, d.c.MinRows) {
		return
	}
	features := d.in.Features
	if features == nil {
		for f := range d.t.D {
			features = append(features, int32(f))
		}
	}
	if len(features) == 0 {
		return
	}
	for _, f := range grow.DrawFeatures(features, d.c.NodeFeatures, d.in.Seed, l.id) {
		bins := d.bins(l, int(f))
		if d.t.Features[f].Categorical {
			d.categories(l, int(f), bins)
		} else {
			d.numbers(l, int(f), bins)
		}
	}
}

func (d *definition) numbers(l *defLeaf, f int, bins map[int][]int32) {
	in := d.t.Features[f]
	lowest, highest := 256, 0
	for b := range bins {
		if b > 0 {
			lowest, highest = min(lowest, b), max(highest, b)
		}
	}
	from, to := lowest, highest
	if d.c.ExtraTrees && highest > 0 {
		from = highest
		if lowest < highest {
			from = lowest + grow.Draw(d.in.Seed, l.id, int32(f), highest-lowest)
		}
		to = from
	}
	for t := from; t <= to; t++ {
		if len(bins[t]) == 0 && t != to {
			continue // splits as the threshold before does
		}
		for _, missingLeft := range []bool{false, true} {
			if t == highest && missingLeft || len(bins[0]) == 0 && (missingLeft || t == highest) {
				continue
			}
			s := defSplit{feature: f, bin: t, missingLeft: missingLeft, l2: d.c.L2}
			if t == highest {
				s.bin = in.Bins - 1
			}
			d.try(l, s, in.Monotone, len(bins[0]) == 0, func(p int32) bool {
				if b := d.bin(p, f); b > 0 {
					return b <= t
				}
				return missingLeft
			})
		}
	}
}

func (d *definition) categories(l *defLeaf, f int, bins map[int][]int32) {
	var cats []int
	for b := range bins {
		if b > 0 {
			cats = append(cats, b)
		}
	}
	slices.Sort(cats)
	try := func(set []int, l2 float64) {
		s := defSplit{feature: f, cats: new([4]uint64), l2: l2}
		for _, b := range set {
			s.cats[b/64] |= 1 << (b % 64)
		}
		d.try(l, s, 0, true, func(p int32) bool { return slices.Contains(set, d.bin(p, f)) })
	}
	if d.t.Features[f].Bins <= d.c.MaxCatToOnehot {
		for i, b := range cats {
			if !d.c.ExtraTrees || i == grow.Draw(d.in.Seed, l.id, int32(f), len(cats)) {
				try([]int{b}, d.c.L2)
			}
		}
		return
	}
	cats = slices.DeleteFunc(cats, func(b int) bool { return float64(d.count(l, bins[b])) < d.c.CatSmooth })
	slices.SortStableFunc(cats, func(a, b int) int {
		var r [2]float64
		for i, b := range []int{a, b} {
			g, h := d.sums(bins[b])
			if r[i] = g / (h + d.c.CatSmooth); math.IsNaN(r[i]) || math.IsInf(r[i], 0) {
				r[i] = 0
			}
		}
		return int(math.Copysign(1, r[0]-r[1])) * map[bool]int{true: 0, false: 1}[r[0] == r[1]]
	})
	most := min(len(cats), max(1, d.c.MaxCatThreshold), (len(cats)+1)/2)
	for range 2 {
		group := 0
		for k := range most {
			set := cats[:k+1]
			group += d.count(l, bins[cats[k]])
			var left []int32
			for _, b := range set {
				left = append(left, bins[b]...)
			}
			n := d.count(l, left)
			_, h := d.sums(l.rows)
			_, hl := d.sums(left)
			tooSmall := n < d.c.MinRows || len(l.rows)-n < max(d.c.MinRows, d.c.MinRowsPerGroup) ||
				hl < d.c.MinHessian || h-hl < d.c.MinHessian || d.c.L2 <= 0 && (hl <= 0 || h-hl <= 0)
			if tooSmall || group < d.c.MinRowsPerGroup {
				continue
			}
			group = 0
			if !d.c.ExtraTrees || k == grow.Draw(d.in.Seed, l.id, int32(f), most) {
				try(slices.Clone(set), d.c.L2+d.c.CatL2)
			}
		}
		slices.Reverse(cats)
	}
}

func (d *definition) leafOutput(l *defLeaf, parent float64) float64 {
	g, h := d.sums(l.rows)
	return d.output(g, h, len(l.rows), l.l2, parent, l.lower, l.upper)
}

func (d *definition) grow() *ensemble.Tree {
	d.c.MinRows = max(1, d.c.MinRows)
	root := &defLeaf{node: -1, l2: d.c.L2, lower: math.Inf(-1), upper: math.Inf(1)}
	root.rows = slices.Clone(d.in.Sample)
	if d.in.Sample == nil {
		for p := range d.rows {
			root.rows = append(root.rows, int32(p))
		}
	}
	if d.constrained() {
		smooth := d.c.PathSmooth
		d.c.PathSmooth = 0 // the root has no parent
		root.output = d.leafOutput(root, 0)
		d.c.PathSmooth = smooth
	}
	t := &ensemble.Tree{}
	leaves := []*defLeaf{root}
	d.search(root)
	for d.c.MaxLeaves <= 0 || len(leaves) < d.c.MaxLeaves {
		at := -1
		for i, l := range leaves {
			if !l.best.found {
				continue
			}
			if at < 0 {
				at = i
				continue
			}
			b := leaves[at]
			if l.depth < b.depth && !d.c.LeafWise || (l.depth == b.depth || d.c.LeafWise) && l.best.gain-d.shift(l) > b.best.gain-d.shift(b) {
				at = i
			}
		}
		if at < 0 {
			break
		}
		if right := d.split(t, leaves, at); right != nil {
			leaves = append(leaves, right)
			d.search(leaves[at])
			d.search(right)
		} else {
			leaves[at].exact = true
			d.search(leaves[at])
		}
	}
	d.finish(t, leaves)
	return t
}

// split makes the leaf its left child and returns the right one.
func (d *definition) split(t *ensemble.Tree, leaves []*defLeaf, at int) *defLeaf {
	l := leaves[at]
	s := l.best
	a := &defLeaf{depth: l.depth + 1, id: 2*l.id + 1, node: len(t.Feature), left: true, l2: s.l2, lower: l.lower, upper: l.upper}
	b := &defLeaf{depth: l.depth + 1, id: 2*l.id + 2, node: len(t.Feature), l2: s.l2, lower: l.lower, upper: l.upper}
	for _, p := range l.rows {
		bin := d.bin(p, s.feature)
		left := bin <= s.bin
		switch {
		case s.cats != nil:
			left = s.cats[bin/64]>>(bin%64)&1 == 1
		case bin == 0:
			left = s.missingLeft
		}
		if left {
			a.rows = append(a.rows, p)
		} else {
			b.rows = append(b.rows, p)
		}
	}
	if min(len(a.rows), len(b.rows)) < d.c.MinRows {
		return nil
	}
	if d.constrained() {
		a.output, b.output = d.leafOutput(a, l.output), d.leafOutput(b, l.output)
		if m := d.t.Features[s.feature].Monotone; m != 0 && s.cats == nil {
			mean := (a.output + b.output) / 2
			lower, upper := a, b
			if m < 0 {
				lower, upper = b, a
			}
			lower.upper, upper.lower = math.Min(lower.upper, mean), math.Max(upper.lower, mean)
			a.output, b.output = d.leafOutput(a, l.output), d.leafOutput(b, l.output)
		}
	}
	if l.node >= 0 {
		if l.left {
			t.Left[l.node] = int32(len(t.Feature))
		} else {
			t.Right[l.node] = int32(len(t.Feature))
		}
	}
	bin := uint8(s.bin)
	if s.cats != nil {
		bin = 0
	}
	t.Feature, t.Bin = append(t.Feature, int32(s.feature)), append(t.Bin, bin)
	t.Cats, t.MissingLeft = append(t.Cats, s.cats), append(t.MissingLeft, s.missingLeft)
	t.Left, t.Right = append(t.Left, ^int32(at)), append(t.Right, ^int32(len(leaves)))
	t.Gain = append(t.Gain, s.gain-d.shift(l))
	leaves[at] = a
	return b
}

func (d *definition) finish(t *ensemble.Tree, leaves []*defLeaf) {
	inner := len(t.Feature)
	t.Weight, t.Count = make([]float64, inner+len(leaves)), make([]int32, inner+len(leaves))
	for i, l := range leaves {
		if !d.constrained() {
			l.output = d.leafOutput(l, 0)
		}
		t.Value = append(t.Value, l.output*d.in.Shrink)
		_, h := d.sums(l.rows)
		t.Weight[inner+i], t.Count[inner+i] = h, int32(len(l.rows))
		for node := l.node; node >= 0; {
			t.Weight[node] += h
			t.Count[node] += int32(len(l.rows))
			up := -1
			for k := range inner {
				if t.Left[k] == int32(node) || t.Right[k] == int32(node) {
					up = k
				}
			}
			node = up
		}
	}
}
