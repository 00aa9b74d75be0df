package importance

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"tourney/search/axis"
)

// grower grows one tree. Every order holds the trials of a node in the same
// range, so that a split is a stable partition of each.
type grower struct {
	*forest
	rng    *rand.Rand
	depth  int
	weight []float64   // [n] how often the bootstrap drew a trial
	cols   [][]float64 // the forest's, with values drawn for inactive coordinates
	orders [][]int32   // [d] drawn trials by coordinate; of choices all the same slice
	rows   []int32     // that slice: drawn trials by number
	goes   []uint8     // [n] 1 if left, else 0
	spare  []int32
	tries  []int // the axes that may split, in the order of the last try
	gains  []float64
	nodes  tree

	levelSum, levelWeight []float64 // [level], 0 between uses
	present               []int32
}

// grow grows a tree and adds to each axis' gain what its splits gained.
func (f *forest) grow(depth int, gains []float64, rng *rand.Rand) tree {
	g := &grower{
		forest: f, rng: rng, depth: depth, gains: gains,
		weight: make([]float64, len(f.y)), goes: make([]uint8, len(f.y)),
		cols: slices.Clone(f.cols), orders: make([][]int32, len(f.axes)),
	}
	for range f.y {
		g.weight[rng.IntN(len(f.y))]++
	}
	for i, w := range g.weight {
		if w > 0 {
			g.rows = append(g.rows, int32(i))
		}
	}
	g.spare = make([]int32, len(g.rows))
	most := 0
	for d := range f.axes {
		most = max(most, len(f.levels[d].mass))
		if !single(&f.axes[d]) {
			g.tries = append(g.tries, d)
			g.prepare(d)
		}
	}
	g.levelSum, g.levelWeight = make([]float64, most), make([]float64, most)
	g.split(0, len(g.rows), 0)
	return g.nodes
}

// prepare draws the inactive coordinates of an axis, and orders the drawn
// trials by it.
func (g *grower) prepare(d int) {
	a, choice := &g.axes[d], g.axes[d].Kind == axis.Choice
	order := g.forest.orders[d]
	if order == nil {
		col := slices.Clone(g.cols[d])
		for i, u := range col {
			if !math.IsNaN(u) {
				continue
			}
			u = g.rng.Float64()
			if choice {
				col[i] = float64(g.levels[d].level(a.Cell(u)))
			} else {
				col[i] = a.Snap(u)
			}
		}
		g.cols[d] = col
		if choice {
			return
		}
		order = sortedBy(col)
	}
	g.orders[d] = make([]int32, 0, len(g.rows))
	for _, i := range order {
		if g.weight[i] > 0 {
			g.orders[d] = append(g.orders[d], i)
		}
	}
}

// split grows the node of the trials [from, to) and returns its number.
func (g *grower) split(from, to, depth int) int32 {
	var w, sum float64
	pure := true
	for _, i := range g.rows[from:to] {
		w += g.weight[i]
		sum += g.weight[i] * g.y[i]
		pure = pure && g.y[i] == g.y[g.rows[from]]
	}
	id := int32(len(g.nodes))
	g.nodes = append(g.nodes, node{axis: -1, value: sum / w})
	if pure {
		g.nodes[id].value = g.y[g.rows[from]]
		return id
	}
	if depth == g.depth {
		return id
	}
	best := candidate{gain: -1}
	// In a new order each time: small nodes have many splits of equal gain, and
	// the first of them is taken.
	for i := len(g.tries) - 1; i >= 0; i-- {
		j := g.rng.IntN(i + 1)
		g.tries[i], g.tries[j] = g.tries[j], g.tries[i]
		if d := g.tries[i]; g.axes[d].Kind == axis.Choice {
			g.tryChoices(&best, d, from, to, w, sum/w)
		} else {
			g.tryOrdered(&best, d, from, to, w, sum/w)
		}
	}
	if best.gain < 0 {
		return id // the trials differ in their losses alone
	}
	g.gains[best.axis] += best.gain
	middle := g.partition(&best, from, to)
	n := node{axis: int32(best.axis), at: best.at, set: best.set}
	n.left = g.split(from, middle, depth+1)
	n.right = g.split(middle, to, depth+1)
	g.nodes[id] = n
	return id
}

// candidate is the best split found so far.
type candidate struct {
	gain float64
	axis int
	last float64 // ordered: the largest coordinate that goes left
	at   float64 // where the boxes part, beyond last
	set  []uint64
}

// gain is how much the sum of squares falls when a node of this weight and mean
// falls apart, one part having the weight wl and the sum sl.
func gain(wl, sl, w, mean float64) float64 {
	d := sl - mean*wl
	return d * d * w / (wl * (w - wl))
}

func (g *grower) tryOrdered(best *candidate, d, from, to int, w, mean float64) {
	order, col := g.orders[d][from:to], g.cols[d]
	var wl, sl float64
	for k, i := range order[:len(order)-1] {
		wl += g.weight[i]
		sl += g.weight[i] * g.y[i]
		lo, hi := col[i], col[order[k+1]]
		if hi-lo <= tied {
			continue
		}
		if found := gain(wl, sl, w, mean); found > best.gain {
			*best = candidate{gain: found, axis: d, last: lo, at: boundary(&g.axes[d], lo, hi)}
		}
	}
}

// boundary returns where two coordinates are parted: in the middle, of ordered
// cells at the edge next to it.
func boundary(a *axis.Axis, lo, hi float64) float64 {
	if a.Kind == axis.Continuous {
		return lo + (hi-lo)/2
	}
	first, last := a.Cell(lo), a.Cell(hi)
	_, edge := a.Bounds(first + (last-first-1)/2)
	return edge
}

// sparse is how many trials a level must have, on average, for levels to be
// split by their means: with fewer the means are noise, and a choice of a
// thousand values would explain everything. Then one level is parted from all
// others.
const sparse = 4

// tryChoices looks at the splits of the levels sorted by their means: the best
// of all partitions is among them (Fisher 1958). Levels that the node has no
// trial of go with the heavier side.
func (g *grower) tryChoices(best *candidate, d, from, to int, w, mean float64) {
	g.countLevels(d, from, to)
	one := float64(len(g.present))*sparse > w
	var wl, sl, weight float64 // weight: of the best split's levels
	first, last := 0, 0        // them
	for k, level := range g.present {
		if one {
			wl, sl = 0, 0
		}
		wl += g.levelWeight[level]
		sl += g.levelSum[level]
		if len(g.present) == 1 || !one && k == len(g.present)-1 {
			break
		}
		if found := gain(wl, sl, w, mean); found > best.gain {
			*best = candidate{gain: found, axis: d}
			first, last, weight = 0, k+1, wl
			if one {
				first = k
			}
		}
	}
	if last > 0 {
		best.set = make([]uint64, words(len(g.levels[d].mass)))
		for k, level := range g.present {
			if (k >= first && k < last) == (2*weight < w) { // the lighter side
				best.set[level/64] |= 1 << (level % 64)
			}
		}
		if 2*weight >= w {
			complement(best.set, len(g.levels[d].mass))
		}
	}
	for _, level := range g.present {
		g.levelSum[level], g.levelWeight[level] = 0, 0
	}
}

// countLevels sums up a node's trials by level, and sorts the levels by mean.
func (g *grower) countLevels(d, from, to int) {
	col := g.cols[d]
	g.present = g.present[:0]
	for _, i := range g.rows[from:to] {
		level := int32(col[i])
		if g.levelWeight[level] == 0 {
			g.present = append(g.present, level)
		}
		g.levelWeight[level] += g.weight[i]
		g.levelSum[level] += g.weight[i] * g.y[i]
	}
	slices.SortFunc(g.present, func(a, b int32) int {
		return cmp.Or(cmp.Compare(g.levelSum[a]/g.levelWeight[a], g.levelSum[b]/g.levelWeight[b]), cmp.Compare(a, b))
	})
}

// partition moves the trials that go left to the front of each order, and
// returns where the others begin.
func (g *grower) partition(c *candidate, from, to int) int {
	col := g.cols[c.axis]
	for _, i := range g.rows[from:to] {
		g.goes[i] = 0
		if c.set != nil && has(c.set, int(col[i])) || c.set == nil && col[i] <= c.last {
			g.goes[i] = 1
		}
	}
	middle := g.partitionOne(g.rows, from, to)
	for _, d := range g.tries {
		if g.orders[d] != nil {
			g.partitionOne(g.orders[d], from, to)
		}
	}
	return middle
}

// partitionOne writes each trial to both sides and moves on along its own, since
// a processor cannot foresee which one that is.
func (g *grower) partitionOne(order []int32, from, to int) int {
	order = order[from:to]
	spare := g.spare[:len(order)]
	left, right := 0, 0
	for _, i := range order {
		goes := int(g.goes[i])
		order[left], spare[right] = i, i
		left, right = left+goes, right+1-goes
	}
	copy(order[left:], spare[:right])
	return from + left
}
