package grow

// queue is the leaves that can be split, as a heap: the next one is first.
type queue []entry

type entry struct {
	level int // 0 if levels do not count
	gain  float64
	leaf  int
}

func (e entry) before(o entry) bool {
	if e.level != o.level {
		return e.level < o.level
	}
	if e.gain != o.gain {
		return e.gain > o.gain
	}
	return e.leaf < o.leaf
}

func (q *queue) push(e entry) {
	h := append(*q, e)
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h[i].before(h[up]) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
	*q = h
}

func (q *queue) pop() int {
	h := *q
	top := h[0].leaf
	last := len(h) - 1
	h[0] = h[last]
	h = h[:last]
	for i := 0; ; {
		first := i
		for _, child := range []int{2*i + 1, 2*i + 2} {
			if child < last && h[child].before(h[first]) {
				first = child
			}
		}
		if first == i {
			break
		}
		h[i], h[first] = h[first], h[i]
		i = first
	}
	*q = h
	return top
}

// enqueue keeps a leaf for a split, if it has one.
func (g *Grower) enqueue(at int) {
	l := &g.leaves[at]
	if !l.best.found {
		g.hists.release(l)
		return
	}
	e := entry{gain: l.best.gain, leaf: at}
	if !g.c.LeafWise {
		e.level = l.depth
	}
	g.open.push(e)
}
