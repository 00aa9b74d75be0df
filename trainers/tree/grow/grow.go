package grow

import (
	"math"

	"tourney/trainers/kernels"
	"tourney/trainers/tree/ensemble"
)

// Grower grows one tree after the other over the same training rows. Its
// memory is kept from tree to tree. It belongs to one goroutine.
//
// The number of a row, below, counts the rows of the table from the first
// training row on. It is the position of the row where training rows are
// neighbours.
type Grower struct {
	table    *Table
	bins     []uint8 // of the table, from row number 0 on
	columns  []uint8 // of the table, [features×rows] column-major; nil if it is too large
	c        Config
	n        int     // training rows
	at       []int32 // [n] the number of each position; nil where the two are one
	position []int32 // [numbers] the position of each number; nil where the two are one
	first    int32   // the row of the table whose number is 0
	monotone bool    // some feature is
	all      []int32 // all features

	in      Input
	pool    Pool
	gh      []int64 // [numbers] gradient and hessian of each row, packed
	scale   scale
	rows    []int32 // [sampled rows] their numbers by leaf, rising within a leaf
	scratch []int32 // as many
	rest    []int32 // the rows that are not sampled, rising
	leaves  []leaf
	open    queue
	hists   histograms
	seekers []seeker // one a slot
	spans   []span   // which features histograms are made of
	early   bool     // outputs of leaves are wanted before the end
	finite  bool     // all gradients and hessians of the last tree were
}

// leaf is a leaf of the tree that grows.
type leaf struct {
	lo, hi int     // its rows
	sum    int64   // of gh over them
	hist   []int64 // sums by feature and bin; nil: to be made from the rows
	depth  int
	id     uint64 // of the node, for draws
	node   int32  // the inner node above it, -1 for the root
	left   bool   // it is on the left of that
	l2     float64
	exact  sums    // of its rows; early
	output float64 // early
	bounds bounds  // what monotone features let the output be
	best   split
}

func (l *leaf) count() int { return l.hi - l.lo }

// New returns a grower for rows of a table, which rise.
func New(t *Table, rows []int32, c Config) *Grower {
	c.MinRows = max(1, c.MinRows)
	c.MaxCatThreshold = max(1, c.MaxCatThreshold)
	if c.MaxLeaves <= 0 {
		c.MaxLeaves = math.MaxInt
	}
	if c.MaxDepth <= 0 {
		c.MaxDepth = math.MaxInt
	}
	if c.NodeFeatures <= 0 || c.NodeFeatures > 1 {
		c.NodeFeatures = 1
	}
	if c.HistogramBytes <= 0 {
		c.HistogramBytes = 256 << 20
	}
	g := &Grower{table: t, c: c, n: len(rows), pool: serial{}, all: make([]int32, t.D)}
	for f := range g.all {
		g.all[f] = int32(f)
		g.monotone = g.monotone || t.Features[f].Monotone != 0 && !t.Features[f].Categorical
	}
	g.early = g.monotone || c.PathSmooth > 0
	g.hists.size = t.D * kernels.HistogramStride
	g.hists.limit = max(3, int(min(c.HistogramBytes/int64(8*max(1, g.hists.size)), math.MaxInt32)))
	if g.n == 0 {
		return g
	}
	g.columns = t.transpose()
	g.first = rows[0]
	g.bins = t.Bins[int(g.first)*t.D:]
	numbers := int(rows[g.n-1]-g.first) + 1
	g.gh = make([]int64, numbers)
	g.rows, g.scratch = make([]int32, 0, g.n), make([]int32, g.n)
	if numbers > g.n {
		g.at, g.position = make([]int32, g.n), make([]int32, numbers)
		for p, r := range rows {
			g.at[p] = r - g.first
			g.position[r-g.first] = int32(p)
		}
	}
	return g
}

// Bytes is about how much memory a grower over so many training rows has at
// most, if they are neighbours in the table. If not it is 8 bytes more for each
// of them and 12 for each row between.
func Bytes(t *Table, rows int, c Config) int64 {
	size := int64(8 * t.D * kernels.HistogramStride)
	limit := c.HistogramBytes
	if limit <= 0 {
		limit = 256 << 20
	}
	if c.MaxLeaves > 0 {
		limit = min(limit, int64(c.MaxLeaves+1)*size)
	}
	return 16*int64(rows) + max(limit, 3*size)
}

// Grow grows a tree. pool may be nil. A tree has one leaf if nothing can be
// gained by a split; if a gradient or hessian is not finite, that leaf is 0.
func (g *Grower) Grow(in Input, pool Pool) *ensemble.Tree {
	if pool == nil {
		pool = serial{}
	}
	if in.Features == nil {
		in.Features = g.all
	}
	g.in, g.pool = in, pool
	g.leaves, g.open = g.leaves[:0], g.open[:0]
	for len(g.seekers) < pool.Slots() {
		g.seekers = append(g.seekers, seeker{})
	}
	g.spans = spansOf(in.Features, g.spans[:0])
	tree := &ensemble.Tree{}
	g.sample()
	total := g.pack()
	g.leaves = append(g.leaves, leaf{hi: len(g.rows), sum: total, node: -1, l2: g.c.L2, bounds: unbounded})
	if g.finite && len(g.rows) > 0 {
		g.grow(tree)
	}
	g.finish(tree)
	g.in, g.pool = Input{}, serial{}
	return tree
}

// grow splits leaves until there are enough or none is worth it.
func (g *Grower) grow(tree *ensemble.Tree) {
	root := &g.leaves[0]
	if g.early {
		root.exact = g.sumRows(g.rows)
		root.output = g.rootOutput(root)
	}
	if g.c.MaxLeaves > 1 {
		g.searchFresh(0)
	}
	for len(g.open) > 0 && len(g.leaves) < g.c.MaxLeaves {
		if at := g.open.pop(); g.split(tree, at) {
			g.searchChildren(at, len(g.leaves)-1)
		} else {
			g.searchExactly(at)
		}
	}
	for i := range g.leaves {
		g.hists.release(&g.leaves[i])
	}
}

// split splits a leaf as its best split says: its left child takes its place,
// and the right one comes last. It reports false, and changes nothing but the
// order of scratch, if a child would have too few rows.
func (g *Grower) split(tree *ensemble.Tree, at int) bool {
	l := &g.leaves[at]
	s := &l.best
	left := g.partition(l, s)
	if min(left, l.count()-left) < g.c.MinRows {
		g.merge(l)
		return false
	}
	node := int32(len(tree.Feature))
	if l.node >= 0 {
		if l.left {
			tree.Left[l.node] = node
		} else {
			tree.Right[l.node] = node
		}
	}
	tree.Feature = append(tree.Feature, s.feature)
	tree.Bin = append(tree.Bin, s.bin)
	var cats *[4]uint64
	if s.categorical {
		cats = new([4]uint64)
		*cats = s.set
	}
	tree.Cats = append(tree.Cats, cats)
	tree.MissingLeft = append(tree.MissingLeft, s.set[0]&1 != 0)
	tree.Left, tree.Right = append(tree.Left, ^int32(at)), append(tree.Right, ^int32(len(g.leaves)))
	tree.Gain = append(tree.Gain, s.gain)

	parent := *l
	a := leaf{
		lo: l.lo, hi: l.lo + left, sum: s.sum, depth: l.depth + 1, id: 2*l.id + 1,
		node: node, left: true, l2: s.l2, bounds: l.bounds,
	}
	b := leaf{
		lo: a.hi, hi: l.hi, sum: l.sum - s.sum, depth: a.depth, id: 2*l.id + 2,
		node: node, l2: s.l2, bounds: l.bounds,
	}
	if g.early {
		g.outputs(&parent, &a, &b)
	}
	a.hist = l.hist // for searchChildren: the parent's
	g.leaves[at] = a
	g.leaves = append(g.leaves, b)
	return true
}

// searchable reports whether a leaf may have a split.
func (g *Grower) searchable(l *leaf) bool {
	return l.depth < g.c.MaxDepth && l.count()/2 >= g.c.MinRows && len(g.in.Features) > 0
}

// searchChildren looks for the best splits of the two children of a leaf. The
// left one has the parent's histogram. The smaller child's is made from its
// rows, and the other's is what is left of the parent's.
func (g *Grower) searchChildren(left, right int) {
	a, b := &g.leaves[left], &g.leaves[right]
	parent := a.hist
	a.hist = nil
	if b.count() < a.count() {
		a, b = b, a
		left, right = right, left
	}
	if !g.searchable(b) || len(g.leaves) == g.c.MaxLeaves {
		g.hists.put(parent)
		return
	}
	// From here on a has the fewer rows.
	switch {
	case g.small(b):
		g.hists.put(parent)
	case parent == nil:
		for _, at := range []int{left, right} {
			g.searchFresh(at)
		}
		return
	default:
		hist := g.hists.get(g.spans, g.leaves)
		g.build(hist, a)
		g.subtract(parent, hist)
		b.hist = parent
		if g.searchable(a) && !g.small(a) {
			a.hist = hist
		} else {
			g.hists.put(hist)
		}
	}
	if g.searchable(a) {
		g.search(left)
	}
	g.search(right)
}

// searchFresh looks for the best split of a leaf whose histogram, if it needs
// one, has to be made from all of its rows.
func (g *Grower) searchFresh(at int) {
	l := &g.leaves[at]
	if !g.searchable(l) {
		return
	}
	if !g.small(l) {
		hist := g.hists.get(g.spans, g.leaves)
		g.build(hist, l)
		l.hist = hist
	}
	g.search(at)
}

// finish fills in what a tree says of its nodes and leaves.
func (g *Grower) finish(tree *ensemble.Tree) {
	leaves, inner := len(g.leaves), len(tree.Feature)
	tree.Value = make([]float64, leaves)
	tree.Weight, tree.Count = make([]float64, inner+leaves), make([]int32, inner+leaves)
	if !g.finite {
		tree.Count[0] = int32(len(g.rows))
		return
	}
	if !g.early {
		g.sumLeaves()
	}
	weight := make([]int64, inner)
	for i := range g.leaves {
		l := &g.leaves[i]
		if !g.early {
			l.output = g.c.output(g.scale.gradient(l.exact), g.scale.hessian(l.exact), l.count(), l.l2, 0, unbounded)
		}
		tree.Value[i] = l.output * g.in.Shrink
		tree.Weight[inner+i] = g.scale.hessian(l.exact)
		tree.Count[inner+i] = int32(l.count())
		if l.node >= 0 {
			weight[l.node] += l.exact.h
			tree.Count[l.node] += int32(l.count())
		}
	}
	// A child has a higher number than its parent.
	for node := inner - 1; node >= 0; node-- {
		for _, child := range []int32{tree.Left[node], tree.Right[node]} {
			if child >= 0 {
				weight[node] += weight[child]
				tree.Count[node] += tree.Count[child]
			}
		}
		tree.Weight[node] = g.scale.hessian(sums{h: weight[node]})
	}
}

// serial is the pool of one slot.
type serial struct{}

func (serial) Slots() int { return 1 }

func (serial) Do(n int, f func(int)) {
	for i := range n {
		f(i)
	}
}
