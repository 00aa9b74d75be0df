package main

import (
	"maps"
	"slices"
)

// target writes the instructions of one instruction set. Registers are numbers;
// masks have registers of their own if maskRegisters is not nil.
type target interface {
	registers() (vectors, masks []int)
	// bring puts an invariant into a register.
	bring(i invariant, register int)
	move(from, to int)
	// fused writes fma or fnma into one of the registers of its operands, or
	// into fresh if none of them may be lost, and returns which.
	fused(n *node, x, y, z int, lose [3]bool, fresh func() int) int
	// destroys reports whether the node's result takes the place of its first operand.
	destroys(op string) bool
	emit(n *node, result int, sources []int)
}

// assignment is a linear scan over a body: nodes in order, a register free
// again after the last node that reads its value.
type assignment struct {
	b         *body
	t         target
	held      map[value]int
	free      []int
	freeMasks []int // nil if masks lie in vectors
	short     bool  // a register was lacking
}

// kept chooses the invariants that stay in registers during the loop: as many
// as leave enough for the nodes. The others are brought anew for each use.
func kept(b *body, t func() target) map[value]int {
	all := b.invariants()
	// What is read once a row must stay; constants go first.
	slices.SortStableFunc(all, func(x, y value) int { return b.from[y].kind - b.from[x].kind })
	for count := len(all); ; count-- {
		a := newAssignment(b, t(), all[:count])
		held := maps.Clone(a.held)
		if a.run(); !a.short {
			return held
		}
		if count == 0 || b.from[all[count-1]].kind == rowScalar {
			panic("a body needs more registers than there are")
		}
	}
}

func newAssignment(b *body, t target, keep []value) *assignment {
	a := &assignment{b: b, t: t, held: map[value]int{}}
	vectors, masks := t.registers()
	a.free, a.freeMasks = slices.Clone(vectors), slices.Clone(masks)
	for _, v := range keep {
		a.held[v] = a.take(&a.free)
	}
	return a
}

// keepIn is an assignment with invariants in the registers that kept chose.
func keepIn(b *body, t target, keep map[value]int) *assignment {
	a := newAssignment(b, t, nil)
	a.held = maps.Clone(keep)
	a.free = slices.DeleteFunc(a.free, func(r int) bool {
		for _, used := range keep {
			if used == r {
				return true
			}
		}
		return false
	})
	return a
}

func (a *assignment) take(from *[]int) int {
	if len(*from) == 0 {
		a.short = true
		return 0
	}
	r := (*from)[0]
	*from = (*from)[1:]
	return r
}

// poolOf returns where the register of a value comes from.
func (a *assignment) poolOf(v value) *[]int {
	if a.b.masks[v] && a.freeMasks != nil {
		return &a.freeMasks
	}
	return &a.free
}

// run writes all nodes.
func (a *assignment) run() {
	last := a.b.lastUses()
	for i := range a.b.nodes {
		n := &a.b.nodes[i]
		registers := make([]int, len(n.sources))
		var dying []value
		for s, v := range n.sources {
			r, ok := a.held[v]
			if !ok {
				r = a.take(&a.free)
				a.t.bring(a.b.from[v], r)
				a.held[v] = r
				dying = append(dying, v)
			} else if a.b.from[v].kind == fromNode && last[v] == i && !slices.Contains(dying, v) {
				dying = append(dying, v)
			}
			registers[s] = r
		}
		a.write(n, registers, dying)
		if a.short {
			return
		}
	}
}

// write writes one node and keeps the books.
func (a *assignment) write(n *node, sources []int, dying []value) {
	release := func(except int) {
		for _, v := range dying {
			if r := a.held[v]; r != except || a.b.masks[v] && a.freeMasks != nil {
				pool := a.poolOf(v)
				*pool = append(*pool, r)
			}
			delete(a.held, v)
		}
	}
	switch {
	case n.op == "fma" || n.op == "fnma":
		var lose [3]bool
		for i, v := range n.sources {
			lose[i] = slices.Contains(dying, v)
		}
		r := a.t.fused(n, sources[0], sources[1], sources[2], lose, func() int { return a.take(&a.free) })
		release(r)
		a.held[n.result] = r
	case a.t.destroys(n.op):
		r := sources[0]
		if !slices.Contains(dying, n.sources[0]) {
			r = a.take(&a.free)
			a.t.move(sources[0], r)
		}
		a.t.emit(n, r, sources)
		release(r)
		a.held[n.result] = r
	default:
		release(-1)
		r := -1
		if !n.stores() {
			r = a.take(a.poolOf(n.result))
			a.held[n.result] = r
		}
		a.t.emit(n, r, sources)
	}
}
