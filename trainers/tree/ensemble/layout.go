package ensemble

// layout is one tree as rows walk through it fast.
//
// Nodes are numbered anew, breadth first, the two children of a node side by
// side, leaves among them. A node is one word: its feature, its left child, and
// what tells the way of a bin,
//
//	arrived<<63 | feature<<40 | left<<16 | shift<<8 | last
//
// A row goes left if bin-shift is at most last, in eight bits without sign. A
// shift of 1 makes the bin of missing values the largest, which goes right. At a
// leaf, which has arrived set, all go left, to the leaf itself: so that rows that
// walk side by side need not be told apart.
type layout struct {
	nodes  []uint64
	sets   [][4]uint64 // [nodes] the bins that go left, if the tree asks for a category anywhere; then shift and last are unused
	leaf   []int32     // [nodes] which leaf a node is, if leaves have several values; nil: values are by node
	values []float64   // [nodes], or [leaves×values]: times the tree's weight
	first  int         // output that its values begin with
}

// maxFeatures and maxNodes are how many features and nodes a word can name.
const (
	maxFeatures = 1 << 23
	maxNodes    = 1 << 24

	arrived  = 1 << 63
	features = maxFeatures - 1
	children = maxNodes - 1
)

// all is the set of all bins.
var all = [4]uint64{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}

// lay lays out a tree of an ensemble.
func (e *Ensemble) lay(tree int) *layout {
	t, weight := e.Trees[tree], e.weight(tree)
	first, n := e.output(tree)
	total := len(t.Feature) + t.Leaves()
	l := &layout{nodes: make([]uint64, total), first: first}
	if n > 1 {
		l.leaf, l.values = make([]int32, total), t.weighted(weight)
	} else {
		l.values = make([]float64, total)
	}
	if t.needsSets() {
		l.sets = make([][4]uint64, total)
	}
	from := make([]int32, 1, total) // [nodes] the node or leaf in the tree
	if len(t.Feature) == 0 {
		from[0] = ^int32(0)
	}
	for i := 0; i < len(from); i++ {
		node := from[i]
		if node < 0 {
			leaf := int(^node)
			l.nodes[i] = arrived | uint64(i)<<16 | 0xff
			if l.sets != nil {
				l.sets[i] = all
			}
			if n > 1 {
				l.leaf[i] = int32(leaf)
			} else {
				l.values[i] = t.Value[leaf] * weight
			}
			continue
		}
		word := uint64(t.Feature[node])<<40 | uint64(len(from))<<16
		if l.sets != nil {
			l.sets[i] = t.leftSet(node)
		} else {
			shift, last := uint64(0), uint64(t.Bin[node])
			if !t.MissingLeft[node] {
				shift, last = 1, last-1 // of a bin above 0, as there are no sets
			}
			word |= shift<<8 | last
		}
		l.nodes[i] = word
		from = append(from, t.Left[node], t.Right[node])
	}
	return l
}

// weighted returns the values of all leaves times a weight.
func (t *Tree) weighted(weight float64) []float64 {
	if weight == 1 {
		return t.Value
	}
	out := make([]float64, len(t.Value))
	for i, v := range t.Value {
		out[i] = v * weight
	}
	return out
}

// needsSets reports whether bins that go left are no range at some node.
func (t *Tree) needsSets() bool {
	for node, set := range t.Cats {
		if set != nil || t.Bin[node] == 0 && !t.MissingLeft[node] {
			return true
		}
	}
	return false
}

// leftSet returns the bins that go left at a node.
func (t *Tree) leftSet(node int32) (set [4]uint64) {
	if t.Cats[node] != nil {
		return *t.Cats[node]
	}
	for bin := range maxBins {
		if t.goesLeft(node, uint8(bin)) {
			set[bin>>6] |= 1 << (bin & 63)
		}
	}
	return set
}

// group is how many rows walk at once, so that one's waiting for memory is
// another's time to compute.
const group = 4

// walk takes group rows through the tree: x holds their bins, d a row, and the
// nodes that they end at are returned.
func (l *layout) walk(x []uint8, d int) (a, b, c, e uint32) {
	nodes := l.nodes
	d2, d3 := 2*d, 3*d
	if l.sets == nil {
		for {
			n, m, o, p := nodes[a], nodes[b], nodes[c], nodes[e]
			if n&m&o&p&arrived != 0 {
				return a, b, c, e
			}
			a = step(n, x[n>>40&features])
			b = step(m, x[d+int(m>>40&features)])
			c = step(o, x[d2+int(o>>40&features)])
			e = step(p, x[d3+int(p>>40&features)])
		}
	}
	sets := l.sets[:len(nodes)]
	for {
		n, m, o, p := nodes[a], nodes[b], nodes[c], nodes[e]
		if n&m&o&p&arrived != 0 {
			return a, b, c, e
		}
		s, t, u, v := &sets[a], &sets[b], &sets[c], &sets[e]
		a = uint32(n>>16)&children + right(s, x[n>>40&features])
		b = uint32(m>>16)&children + right(t, x[d+int(m>>40&features)])
		c = uint32(o>>16)&children + right(u, x[d2+int(o>>40&features)])
		e = uint32(p>>16)&children + right(v, x[d3+int(p>>40&features)])
	}
}

// node returns the node at which a row ends.
func (l *layout) node(row []uint8) (at uint32) {
	for {
		n := l.nodes[at]
		if n&arrived != 0 {
			return at
		}
		bin := row[n>>40&features]
		if l.sets != nil {
			at = uint32(n>>16)&children + right(&l.sets[at], bin)
		} else {
			at = step(n, bin)
		}
	}
}

// step returns the child of a node for a bin.
func step(node uint64, bin uint8) uint32 {
	over := uint32(uint8(node)) - uint32(bin-uint8(node>>8)) // negative: more than last
	return uint32(node>>16)&children + over>>31
}

// right returns 1 for a bin that goes right, and 0 for one that goes left.
func right(left *[4]uint64, bin uint8) uint32 {
	return 1 ^ uint32(left[bin>>6]>>(bin&63))&1
}
