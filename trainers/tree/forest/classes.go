package forest

import (
	"math"
	"math/bits"
	"slices"

	"tourney/trainers/kernels"
	"tourney/trainers/tree/ensemble"
	"tourney/trainers/tree/grow"
)

// Notation: K classes; a count is a sum of weights in units of 1/unit. A row's
// weight and class are packed into one number: weight<<8 | class.

// counter grows classification trees by counts of classes. Its memory is kept
// from tree to tree. It belongs to one goroutine.
type counter struct {
	table   *grow.Table
	k       int
	c       limits
	entropy bool
	unit    float64 // what a weight of 1 is in the integer sums: a power of 2
	columns []uint8 // the table's bins by columns; nil if it is too large
	seed    uint64

	rows     []int32 // of the table, by leaf
	packed   []int64 // likewise, their weights and classes
	rest     []int32 // scratch
	restOf   []int64
	features []int32 // [D] 0 to D-1, between two nodes

	hist        []int64    // [256×K] counts of a feature, zero between two uses
	inBin       [256]int32 // likewise, rows
	order       []uint8    // the bins that a feature has in a leaf, rising
	left, right []int64    // [K]
	leaves      []countLeaf
}

// limits are those of a tree.
type limits struct {
	maxLeaves, maxDepth int // 0: none
	minRows             int
	minGain             float64 // in units of the impurity times the weight
	features            int     // tried at a node
	extra               bool
}

// countLeaf is a leaf of the tree that grows.
type countLeaf struct {
	lo, hi int
	depth  int
	id     uint64
	node   int32
	onLeft bool
	counts []int64 // [K]
	best   countSplit
}

type countSplit struct {
	gain        float64 // 0: there is none
	feature     int32
	bin         uint8
	missingLeft bool
	set         *[4]uint64
}

func newCounter(t *grow.Table, k int, entropy bool, unit float64, c limits) *counter {
	g := &counter{
		table: t, k: k, c: c, entropy: entropy, unit: unit, columns: t.Columns(), order: make([]uint8, 0, 256),
		features: make([]int32, t.D), hist: make([]int64, 256*k), left: make([]int64, k), right: make([]int64, k),
	}
	for f := range g.features {
		g.features[f] = int32(f)
	}
	return g
}

// empty forgets the rows of the last tree.
func (g *counter) empty() { g.rows, g.packed = g.rows[:0], g.packed[:0] }

// add adds a row of the table to those of the next tree. Rows rise.
func (g *counter) add(row int32, weight float64, class uint8) {
	g.rows = append(g.rows, row)
	g.packed = append(g.packed, int64(math.Round(weight*g.unit))<<8|int64(class))
}

// grow grows a tree on the rows that were added. Leaves hold the shares of the
// classes.
func (g *counter) grow(seed uint64) *ensemble.Tree {
	g.seed = seed
	g.rest, g.restOf = slices.Grow(g.rest[:0], len(g.rows)), slices.Grow(g.restOf[:0], len(g.rows))
	root := countLeaf{hi: len(g.rows), node: -1, counts: make([]int64, g.k)}
	for _, p := range g.packed {
		root.counts[p&255] += p >> 8
	}
	g.leaves = append(g.leaves[:0], root)
	tree := &ensemble.Tree{}
	g.search(0)
	for {
		at := g.next()
		if at < 0 || g.c.maxLeaves > 0 && len(g.leaves) >= g.c.maxLeaves {
			break
		}
		g.split(tree, at)
	}
	g.finish(tree)
	return tree
}

// next is the leaf to be split next, -1 if none is: the one with the highest
// gain if leaves are limited, else the last one, whose rows are in the cache.
func (g *counter) next() int {
	if g.c.maxLeaves == 0 {
		for i := len(g.leaves) - 1; i >= 0; i-- {
			if g.leaves[i].best.gain > 0 {
				return i
			}
		}
		return -1
	}
	at := -1
	for i := range g.leaves {
		if gain := g.leaves[i].best.gain; gain > 0 && (at < 0 || gain > g.leaves[at].best.gain) {
			at = i
		}
	}
	return at
}

// split splits a leaf: its left child takes its place, the right one comes last.
func (g *counter) split(tree *ensemble.Tree, at int) {
	l := g.leaves[at]
	s := l.best
	node := int32(len(tree.Feature))
	if l.node >= 0 {
		if l.onLeft {
			tree.Left[l.node] = node
		} else {
			tree.Right[l.node] = node
		}
	}
	tree.Feature, tree.Bin = append(tree.Feature, s.feature), append(tree.Bin, s.bin)
	tree.Cats, tree.MissingLeft = append(tree.Cats, s.set), append(tree.MissingLeft, s.missingLeft)
	tree.Left, tree.Right = append(tree.Left, ^int32(at)), append(tree.Right, ^int32(len(g.leaves)))
	tree.Gain = append(tree.Gain, s.gain/g.unit)

	a := countLeaf{lo: l.lo, depth: l.depth + 1, id: 2*l.id + 1, node: node, onLeft: true, counts: make([]int64, g.k)}
	b := countLeaf{hi: l.hi, depth: l.depth + 1, id: 2*l.id + 2, node: node, counts: l.counts}
	bins, stride := g.column(s.feature)
	set := s.leftSet()
	to, rest, restOf := l.lo, g.rest[:0], g.restOf[:0]
	for i, r := range g.rows[l.lo:l.hi] {
		p := g.packed[l.lo+i]
		if bin := bins[int(r)*stride]; set[bin>>6]>>(bin&63)&1 != 0 {
			g.rows[to], g.packed[to] = r, p
			to++
			a.counts[p&255] += p >> 8
		} else {
			rest, restOf = append(rest, r), append(restOf, p)
		}
	}
	copy(g.rows[to:l.hi], rest)
	copy(g.packed[to:l.hi], restOf)
	a.hi, b.lo = to, to
	for c, n := range a.counts {
		b.counts[c] -= n
	}
	g.leaves[at] = a
	g.leaves = append(g.leaves, b)
	g.search(at)
	g.search(len(g.leaves) - 1)
}

// leftSet is the bins that go left.
func (s *countSplit) leftSet() (set [4]uint64) {
	if s.set != nil {
		return *s.set
	}
	for bin := range int(s.bin) + 1 {
		set[bin>>6] |= 1 << (bin & 63)
	}
	if set[0] |= 1 << ensemble.Missing; !s.missingLeft {
		set[0] &^= 1 << ensemble.Missing
	}
	return set
}

// column returns where the bins of a feature are: that of row r at r·stride.
func (g *counter) column(feature int32) (bins []uint8, stride int) {
	if g.columns == nil {
		return g.table.Bins[feature:], g.table.D
	}
	rows := len(g.columns) / g.table.D
	return g.columns[int(feature)*rows : (int(feature)+1)*rows], 1
}

// search looks for the best split of a leaf. Features are tried in an order
// drawn for the node, until enough of them were not constant.
func (g *counter) search(at int) {
	l := &g.leaves[at]
	n := l.hi - l.lo
	pure := true
	seen := false
	for _, c := range l.counts {
		if c != 0 {
			pure, seen = pure && !seen, true
		}
	}
	if pure || n < 2*g.c.minRows || g.c.maxDepth > 0 && l.depth >= g.c.maxDepth {
		return
	}
	d, tried := len(g.features), 0
	type swap struct{ i, j int }
	var swaps []swap
	for i := 0; i < d && tried < g.c.features; i++ {
		if g.c.features < d {
			j := i + int(below(draw(g.seed, l.id, uint64(i)), uint64(d-i)))
			g.features[i], g.features[j] = g.features[j], g.features[i]
			swaps = append(swaps, swap{i, j})
		}
		if g.try(l, g.features[i]) {
			tried++
		}
	}
	for i := len(swaps) - 1; i >= 0; i-- {
		s := swaps[i]
		g.features[s.i], g.features[s.j] = g.features[s.j], g.features[s.i]
	}
	if l.best.gain/g.unit <= g.c.minGain {
		l.best = countSplit{}
	}
}

// few is up to how many rows a leaf has fewer bins than it is worth to look
// through all of them.
const few = 256

// count counts the rows of a leaf by bin and class, and lists the bins that are
// there.
func (g *counter) count(l *countLeaf, feature int32) {
	rows, packed := g.rows[l.lo:l.hi], g.packed[l.lo:l.hi]
	bins, stride := g.column(feature)
	g.order = g.order[:0]
	if len(rows) >= few {
		for i, r := range rows {
			bin, p := bins[int(r)*stride], packed[i]
			g.hist[int(bin)*g.k+int(p&255)] += p >> 8
			g.inBin[bin]++
		}
		for bin, n := range g.inBin {
			if n > 0 {
				g.order = append(g.order, uint8(bin))
			}
		}
		return
	}
	var seen [4]uint64
	for i, r := range rows {
		bin, p := bins[int(r)*stride], packed[i]
		g.hist[int(bin)*g.k+int(p&255)] += p >> 8
		g.inBin[bin]++
		seen[bin>>6] |= 1 << (bin & 63)
	}
	for i, word := range seen {
		for ; word != 0; word &= word - 1 {
			g.order = append(g.order, uint8(64*i+bits.TrailingZeros64(word)))
		}
	}
}

// try looks for the best split by a feature, and reports whether it has two
// bins at least.
func (g *counter) try(l *countLeaf, feature int32) bool {
	g.count(l, feature)
	if len(g.order) > 1 {
		if g.table.Features[feature].Categorical {
			g.tryCategories(l, feature)
		} else {
			g.tryNumber(l, feature)
		}
	}
	for _, bin := range g.order {
		clear(g.hist[int(bin)*g.k : (int(bin)+1)*g.k])
		g.inBin[bin] = 0
	}
	return len(g.order) > 1
}

// tryNumber tries the thresholds of a number.
func (g *counter) tryNumber(l *countLeaf, feature int32) {
	parent := g.purity(l.counts)
	if g.order[0] != ensemble.Missing {
		g.tryBins(l, feature, g.order, parent, nowhere)
		return
	}
	g.tryBins(l, feature, g.order[1:], parent, right)
	g.tryBins(l, feature, g.order[1:], parent, left)
	if n := g.inBin[ensemble.Missing]; int(n) >= g.c.minRows && l.hi-l.lo-int(n) >= g.c.minRows {
		// Missing against the rest: all bins go right.
		copy(g.left, g.hist[:g.k])
		g.offer(l, countSplit{feature: feature, bin: 0, missingLeft: true}, parent)
	}
}

// side is where a leaf's missing values go.
type side int

const (
	nowhere side = iota // there are none; those to come go where more rows go
	left
	right
)

// tryBins tries the thresholds between bins, with missing values on one side.
func (g *counter) tryBins(l *countLeaf, feature int32, order []uint8, parent float64, missing side) {
	clear(g.left)
	n, all := 0, l.hi-l.lo
	if missing == left {
		copy(g.left, g.hist[:g.k])
		n = int(g.inBin[ensemble.Missing])
	}
	only := -1
	if g.c.extra && len(order) > 1 {
		span := uint64(order[len(order)-1] - order[0])
		threshold := order[0] + uint8(below(draw(g.seed, l.id, uint64(feature)|1<<32), span))
		for only+1 < len(order) && order[only+1] <= threshold {
			only++
		}
	}
	for i, bin := range order[:len(order)-1] {
		for c, v := range g.hist[int(bin)*g.k : (int(bin)+1)*g.k] {
			g.left[c] += v
		}
		n += int(g.inBin[bin])
		if only >= 0 && i != only || n < g.c.minRows || all-n < g.c.minRows {
			continue
		}
		g.offer(l, countSplit{feature: feature, bin: bin, missingLeft: missing == left || missing == nowhere && 2*n > all}, parent)
	}
}

// tryCategories tries sets of categories: the first ones when they are sorted
// by their share of the leaf's most frequent class. Missing is one of them if it
// is there; if not, it goes where more rows go.
func (g *counter) tryCategories(l *countLeaf, feature int32) {
	top := 0
	for c, n := range l.counts {
		if n > l.counts[top] {
			top = c
		}
	}
	share := func(bin uint8) float64 {
		total := int64(0)
		h := g.hist[int(bin)*g.k : (int(bin)+1)*g.k]
		for _, v := range h {
			total += v
		}
		if total == 0 {
			return 0
		}
		return float64(h[top]) / float64(total)
	}
	sorted := slices.Clone(g.order)
	slices.SortStableFunc(sorted, func(a, b uint8) int {
		switch x, y := share(a), share(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	parent := g.purity(l.counts)
	clear(g.left)
	n := 0
	var set [4]uint64
	only := -1
	if g.c.extra {
		only = int(below(draw(g.seed, l.id, uint64(feature)|1<<32), uint64(len(sorted)-1)))
	}
	for i, bin := range sorted[:len(sorted)-1] {
		for c, v := range g.hist[int(bin)*g.k : (int(bin)+1)*g.k] {
			g.left[c] += v
		}
		n += int(g.inBin[bin])
		set[bin>>6] |= 1 << (bin & 63)
		if only >= 0 && i != only || n < g.c.minRows || l.hi-l.lo-n < g.c.minRows {
			continue
		}
		own := set
		if g.inBin[ensemble.Missing] == 0 && 2*n > l.hi-l.lo {
			own[0] |= 1 << ensemble.Missing
		}
		g.offer(l, countSplit{feature: feature, set: &own}, parent)
	}
}

// offer takes a split whose left side has the counts g.left if it is better
// than the best so far; of equal ones the lower feature stays, then the first.
func (g *counter) offer(l *countLeaf, s countSplit, parent float64) {
	for c, n := range l.counts {
		g.right[c] = n - g.left[c]
	}
	s.gain = g.purity(g.left) + g.purity(g.right) - parent
	if !(s.gain > 1e-12*parent) || s.gain < l.best.gain || s.gain == l.best.gain && s.feature >= l.best.feature {
		return
	}
	l.best = s
}

// purity is what the impurity of counts lacks to the worst: by it, gains of
// impurity are differences. It is Σ n²/N for Gini's, Σ n·log(n/N) + N·log K for
// entropy, in units of the counts.
func (g *counter) purity(counts []int64) float64 {
	total := int64(0)
	for _, n := range counts {
		total += n
	}
	if total == 0 {
		return 0
	}
	sum := 0.0
	if !g.entropy {
		for _, n := range counts {
			sum += float64(float64(n) * float64(n))
		}
		return sum / float64(total)
	}
	for _, n := range counts {
		if n != 0 {
			sum += float64(float64(n) * kernels.Log64(float64(n)/float64(total)))
		}
	}
	return sum + float64(float64(total)*kernels.Log64(float64(g.k)))
}

// finish fills in what a tree says of its nodes and leaves.
func (g *counter) finish(tree *ensemble.Tree) {
	inner, leaves := len(tree.Feature), len(g.leaves)
	tree.Value = make([]float64, leaves*g.k)
	tree.Weight, tree.Count = make([]float64, inner+leaves), make([]int32, inner+leaves)
	totals := make([]int64, inner)
	for i := range g.leaves {
		l := &g.leaves[i]
		total := int64(0)
		for _, n := range l.counts {
			total += n
		}
		for c, n := range l.counts {
			if total > 0 {
				tree.Value[i*g.k+c] = float64(n) / float64(total)
			} else {
				tree.Value[i*g.k+c] = 1 / float64(g.k)
			}
		}
		tree.Weight[inner+i] = float64(total) / g.unit
		tree.Count[inner+i] = int32(l.hi - l.lo)
		if l.node >= 0 {
			totals[l.node] += total
			tree.Count[l.node] += int32(l.hi - l.lo)
		}
	}
	for node := inner - 1; node >= 0; node-- { // a child has a higher number
		for _, child := range []int32{tree.Left[node], tree.Right[node]} {
			if child >= 0 {
				totals[node] += totals[child]
				tree.Count[node] += tree.Count[child]
			}
		}
		tree.Weight[node] = float64(totals[node]) / g.unit
	}
}

// draw is 64 random bits that are a function of its arguments, by the finalizer
// of SplitMix64 (Steele, Lea and Flood 2014).
func draw(seed, a, b uint64) uint64 { return mix(mix(mix(seed)+a) + b) }

func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// below is a number from 0 to n-1 out of random bits (Lemire 2019, without the
// rejection, which bends the odds by less than n/2⁶⁴).
func below(random, n uint64) uint64 {
	hi, _ := bits.Mul64(random, n)
	return hi
}
