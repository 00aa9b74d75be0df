package grow

import "tourney/trainers/tree/ensemble"

// walker is a tree in the form in which rows pass through it fast: no branch
// but for the end depends on a row.
type walker struct {
	steps  []step
	values []float32
}

// step is an inner node: a row goes to next[1] if its bin is in left, and to
// next[0] if not; one below 0 is a leaf.
type step struct {
	left    [4]uint64
	feature int32
	next    [2]int32
}

func newWalker(t *ensemble.Tree) walker {
	w := walker{steps: make([]step, len(t.Feature)), values: make([]float32, len(t.Value))}
	for i, v := range t.Value {
		w.values[i] = float32(v)
	}
	for i := range w.steps {
		s := &w.steps[i]
		s.feature, s.next = t.Feature[i], [2]int32{t.Right[i], t.Left[i]}
		if t.Cats[i] != nil {
			s.left = *t.Cats[i]
		} else {
			s.left = upTo(t.Bin[i], t.MissingLeft[i])
		}
	}
	return w
}

// upTo returns the set of the bins from 1 to last, and of 0 if missing.
func upTo(last uint8, missing bool) (set [4]uint64) {
	for word := range set {
		switch from := 64 * word; {
		case int(last) >= from+63:
			set[word] = ^uint64(0)
		case int(last) >= from:
			set[word] = 1<<(int(last)-from+1) - 1
		}
	}
	if !missing {
		set[0] &^= 1 << ensemble.Missing
	}
	return set
}

// value returns the value of the leaf of a row.
func (w *walker) value(bins []uint8) float32 {
	if len(w.steps) == 0 {
		return w.values[0]
	}
	at := int32(0)
	for at >= 0 {
		s := &w.steps[at]
		b := bins[s.feature]
		at = s.next[s.left[b>>6]>>(b&63)&1]
	}
	return w.values[^at]
}

// AddRows adds the values of the leaves of a tree to the scores of any rows of
// a table: row rows[i] has scores[i*stride+offset]. A value is rounded to
// float32 before it is added, as AddTo does. pool may be nil.
func AddRows(scores []float32, stride, offset int, tree *ensemble.Tree, t *Table, rows []int32, pool Pool) {
	if pool == nil {
		pool = serial{}
	}
	w := newWalker(tree)
	pool.Do((len(rows)+partRows-1)/partRows, func(part int) {
		for i := part * partRows; i < min((part+1)*partRows, len(rows)); i++ {
			scores[i*stride+offset] += w.value(t.Bins[int(rows[i])*t.D:])
		}
	})
}
