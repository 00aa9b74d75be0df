package main

import "math"

// value is a vector, or a mask of one, in the body of a kernel: what a node
// computes, or an invariant.
type value int

// What a value that is no node's result is.
const (
	fromNode  = iota
	constant  // the same 32 bits in each lane
	laneIndex // 0, 1, 2, …
	scalar    // word number index of the table of scalars, in each lane
	rowScalar // the row's element of array index, in each lane
)

// invariant is where a value comes from that no node computes.
type invariant struct {
	kind  int
	bits  uint32
	index int
}

// node is one operation of a body. All nodes have one result, but for stores.
type node struct {
	op      string
	sources []value
	shift   int // of shifts
	index   int // of arrays and columns
	result  value
}

func (n *node) stores() bool {
	return n.op == "store" || n.op == "storeColumn" || n.op == "storeRoom"
}

// body is what a kernel does to one vector of elements: nodes in order, without
// branches. Operands are arrays, which go along with the elements; columns,
// which start anew with each row; and invariants.
type body struct {
	scaled  bool // the instruction set has p·2^n as one instruction
	nodes   []node
	from    []invariant // of each value
	masks   map[value]bool
	columns bool // hyperparameters are columns; else scalars
	rows    bool // arrays that are read by row hold one element a row
}

func (b *body) newValue(i invariant) value {
	b.from = append(b.from, i)
	return value(len(b.from) - 1)
}

// invariant returns the value of i, the same each time.
func (b *body) invariant(i invariant) value {
	for v, known := range b.from {
		if known == i {
			return value(v)
		}
	}
	return b.newValue(i)
}

func (b *body) node(op string, sources ...value) value {
	v := b.newValue(invariant{})
	b.nodes = append(b.nodes, node{op: op, sources: sources, result: v})
	return v
}

func (b *body) compare(op string, x, y value) value {
	v := b.node(op, x, y)
	b.masks[v] = true
	return v
}

func (b *body) shifted(op string, x value, by int) value {
	v := b.node(op, x)
	b.nodes[len(b.nodes)-1].shift = by
	return v
}

func (b *body) indexed(op string, index int, sources ...value) value {
	v := b.node(op, sources...)
	b.nodes[len(b.nodes)-1].index = index
	return v
}

// float is a constant as float32 has it, word one of 32 bits.
func (b *body) float(x float64) value  { return b.word(math.Float32bits(float32(x))) }
func (b *body) word(bits uint32) value { return b.invariant(invariant{kind: constant, bits: bits}) }
func (b *body) scalar(i int) value     { return b.invariant(invariant{kind: scalar, index: i}) }
func (b *body) lane() value            { return b.invariant(invariant{kind: laneIndex}) }

// load and store are of array i.
func (b *body) load(i int) value     { return b.indexed("load", i) }
func (b *body) store(i int, x value) { b.indexed("store", i, x) }

// byRow is the element of array i for the row.
func (b *body) byRow(i int) value {
	if b.rows {
		return b.invariant(invariant{kind: rowScalar, index: i})
	}
	return b.load(i)
}

// column and storeColumn are of column array i; hyper is hyperparameter i.
func (b *body) column(i int) value         { return b.indexed("column", i) }
func (b *body) storeColumn(i int, x value) { b.indexed("storeColumn", i, x) }

// room and storeRoom are of column array i too, but of whole vectors: the array
// has room beyond the columns. What is stored under a mask cannot be loaded
// again at once.
func (b *body) room(i int) value         { return b.indexed("room", i) }
func (b *body) storeRoom(i int, x value) { b.indexed("storeRoom", i, x) }

func (b *body) hyper(i int) value {
	if b.columns {
		return b.column(i)
	}
	return b.scalar(i)
}

// offset is the number of the vector's first element, in each lane.
func (b *body) offset() value { return b.node("offset") }

// Arithmetic of float32, rounded once each. fma is x·y + z, fnma z - x·y.
func (b *body) add(x, y value) value     { return b.node("add", x, y) }
func (b *body) sub(x, y value) value     { return b.node("sub", x, y) }
func (b *body) mul(x, y value) value     { return b.node("mul", x, y) }
func (b *body) div(x, y value) value     { return b.node("div", x, y) }
func (b *body) sqrt(x value) value       { return b.node("sqrt", x) }
func (b *body) fma(x, y, z value) value  { return b.node("fma", x, y, z) }
func (b *body) fnma(x, y, z value) value { return b.node("fnma", x, y, z) }

// Comparisons are false of NaN. choose is x where the mask is true, else y.
func (b *body) greater(x, y value) value      { return b.compare("greater", x, y) }
func (b *body) atMost(x, y value) value       { return b.compare("atMost", x, y) }
func (b *body) equal(x, y value) value        { return b.compare("equal", x, y) }
func (b *body) greaterInt(x, y value) value   { return b.compare("greaterInt", x, y) }
func (b *body) choose(mask, x, y value) value { return b.node("choose", mask, x, y) }

// Operations on bits and on integers, which wrap round.
func (b *body) and(x, y value) value            { return b.node("and", x, y) }
func (b *body) or(x, y value) value             { return b.node("or", x, y) }
func (b *body) xor(x, y value) value            { return b.node("xor", x, y) }
func (b *body) addInt(x, y value) value         { return b.node("addInt", x, y) }
func (b *body) subInt(x, y value) value         { return b.node("subInt", x, y) }
func (b *body) mulInt(x, y value) value         { return b.node("mulInt", x, y) }
func (b *body) left(x value, by int) value      { return b.shifted("left", x, by) }
func (b *body) right(x value, by int) value     { return b.shifted("right", x, by) }
func (b *body) rightSign(x value, by int) value { return b.shifted("rightSign", x, by) }
func (b *body) toFloat(x value) value           { return b.node("toFloat", x) }

// live drops the nodes whose results nobody stores.
func (b *body) live() {
	needed := map[value]bool{}
	kept := b.nodes
	for i := len(b.nodes) - 1; i >= 0; i-- {
		n := &b.nodes[i]
		if !n.stores() && !needed[n.result] {
			n.op = ""
			continue
		}
		for _, s := range n.sources {
			needed[s] = true
		}
	}
	b.nodes = b.nodes[:0]
	for _, n := range kept {
		if n.op != "" {
			b.nodes = append(b.nodes, n)
		}
	}
}

// lastUses returns the number of the last node that reads each value.
func (b *body) lastUses() map[value]int {
	last := map[value]int{}
	for i, n := range b.nodes {
		for _, s := range n.sources {
			last[s] = i
		}
	}
	return last
}

// invariants returns those that are read, in order of their first use.
func (b *body) invariants() []value {
	var found []value
	seen := map[value]bool{}
	for _, n := range b.nodes {
		for _, s := range n.sources {
			if b.from[s].kind != fromNode && !seen[s] {
				seen[s] = true
				found = append(found, s)
			}
		}
	}
	return found
}
