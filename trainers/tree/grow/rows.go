package grow

import (
	"slices"

	"tourney/trainers/kernels"
	"tourney/trainers/tree/ensemble"
)

// sample puts the rows to grow on into g.rows, and the others into g.rest.
func (g *Grower) sample() {
	g.rest = g.rest[:0]
	if g.in.Sample == nil {
		g.rows = g.rows[:g.n]
		if g.at != nil {
			copy(g.rows, g.at)
			return
		}
		for i := range g.rows {
			g.rows[i] = int32(i)
		}
		return
	}
	g.rows = append(g.rows[:0], g.in.Sample...)
	next := int32(0)
	for _, p := range g.rows {
		for ; next < p; next++ {
			g.rest = append(g.rest, next)
		}
		next = p + 1
	}
	for ; next < int32(g.n); next++ {
		g.rest = append(g.rest, next)
	}
	if g.at != nil {
		for _, list := range [][]int32{g.rows, g.rest} {
			for i, p := range list {
				list[i] = g.at[p]
			}
		}
	}
}

// partitionPart is from how many rows on, and in what pieces, a leaf is
// partitioned side by side.
const partitionPart = 1 << 16

// partition brings the rows of a leaf that go left before those that go right,
// and returns how many there are. Both keep their order.
func (g *Grower) partition(l *leaf, s *split) int {
	rows, scratch := g.rows[l.lo:l.hi], g.scratch[l.lo:l.hi]
	bins, d, f := g.bins, g.table.D, int(s.feature)
	if g.columns != nil {
		f = f*(len(g.columns)/d) + int(g.first)
		bins, d = g.columns, 1
	}
	if g.pool.Slots() == 1 || len(rows) < 2*partitionPart {
		left := kernels.Partition(rows, scratch, bins, d, f, &s.set)
		copy(rows[left:], scratch)
		return left
	}
	parts := (len(rows) + partitionPart - 1) / partitionPart
	lefts := make([]int, parts)
	g.pool.Do(parts, func(i int) {
		lo, hi := i*partitionPart, min((i+1)*partitionPart, len(rows))
		lefts[i] = kernels.Partition(rows[lo:hi], scratch[lo:hi], bins, d, f, &s.set)
	})
	left := 0
	for i, n := range lefts {
		copy(rows[left:], rows[i*partitionPart:i*partitionPart+n])
		left += n
	}
	to := make([]int, parts)
	for i, at := 0, left; i < parts; i++ {
		to[i] = at
		at += min((i+1)*partitionPart, len(rows)) - i*partitionPart - lefts[i]
	}
	g.pool.Do(parts, func(i int) {
		lo, hi := i*partitionPart, min((i+1)*partitionPart, len(rows))
		copy(rows[to[i]:], scratch[lo:hi-lefts[i]])
	})
	return left
}

// merge undoes partition.
func (g *Grower) merge(l *leaf) {
	rows := g.rows[l.lo:l.hi]
	out := append(g.scratch[l.lo:l.lo], rows...)
	slices.Sort(out)
	copy(rows, out)
}

// piece is rows of one leaf.
type piece struct{ leaf, lo, hi int }

// pieces cuts the rows of all leaves into pieces of bounded size, so that
// pieces of neighbouring rows of the table come after each other: what is kept
// by position is then read and written while it is in the cache.
func (g *Grower) pieces() []piece {
	blocks := 1
	if n := len(g.rows); n > 0 {
		blocks = max(1, min(len(g.gh)>>15, n/(256*len(g.leaves))))
	}
	next := make([]int, len(g.leaves))
	for i := range g.leaves {
		next[i] = g.leaves[i].lo
	}
	var out []piece
	for b := range blocks {
		end := int32(len(g.gh) * (b + 1) / blocks)
		for i := range g.leaves {
			l := &g.leaves[i]
			n, _ := slices.BinarySearch(g.rows[next[i]:l.hi], end)
			for lo, hi := next[i], next[i]+n; lo < hi; lo += partRows {
				out = append(out, piece{i, lo, min(lo+partRows, hi)})
			}
			next[i] += n
		}
	}
	return out
}

// LeafRows returns the sampled positions in a leaf of the last grown tree,
// rising. They are valid until the next call of LeafRows or Grow, and are not
// written to.
func (g *Grower) LeafRows(leaf int) []int32 {
	l := &g.leaves[leaf]
	rows := g.rows[l.lo:l.hi]
	if g.position == nil {
		return rows
	}
	out := g.scratch[:len(rows)]
	for i, r := range rows {
		out[i] = g.position[r]
	}
	return out
}

// AddTo adds the values of the leaves of t, the last grown tree, to the scores
// of all positions, sampled or not: position i has scores[i*stride+offset].
// Values may have been changed since Grow. A value is rounded to float32 before
// it is added. pool may be nil.
func (g *Grower) AddTo(scores []float32, stride, offset int, t *ensemble.Tree, pool Pool) {
	if pool == nil {
		pool = serial{}
	}
	pieces := g.pieces()
	pool.Do(len(pieces), func(i int) {
		p := pieces[i]
		v, rows := float32(t.Value[p.leaf]), g.rows[p.lo:p.hi]
		switch {
		case g.position != nil:
			for _, r := range rows {
				scores[int(g.position[r])*stride+offset] += v
			}
		case stride == 1 && offset == 0:
			for _, r := range rows {
				scores[r] += v
			}
		default:
			for _, r := range rows {
				scores[int(r)*stride+offset] += v
			}
		}
	})
	if len(g.rest) == 0 {
		return
	}
	w := newWalker(t)
	pool.Do((len(g.rest)+partRows-1)/partRows, func(i int) {
		for _, r := range g.rest[i*partRows : min((i+1)*partRows, len(g.rest))] {
			p := r
			if g.position != nil {
				p = g.position[r]
			}
			scores[int(p)*stride+offset] += w.value(g.bins[int(r)*g.table.D:])
		}
	})
}
