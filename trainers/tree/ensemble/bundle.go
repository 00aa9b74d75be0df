package ensemble

import "math/bits"

// wordLeaves is how many leaves one word has room for.
const wordLeaves = 64

// bundle is trees whose leaves together have room in one word, a bit each, laid
// out for many rows at once, after Lucchese et al., "QuickScorer: a fast
// algorithm to rank documents with additive ensembles of regression trees",
// SIGIR 2015.
//
// Each node forbids leaves: to a row that it sends right those on its left. The
// leaf at which a row ends is the first one of its tree that no node forbids. As
// bins are few, what all nodes of a feature together forbid is looked up by the
// bin. So a row takes one look-up for each feature that the trees ask for, in
// loops that neither branch nor wait.
type bundle struct {
	from      int               // its first tree in the ensemble
	trees     []packed          // of which there are none if the first has no room
	columns   []int32           // that the trees ask for, the last repeated up to a multiple of four
	forbidden [][maxBins]uint64 // [columns] by bin
}

// packed is one tree of a bundle.
type packed struct {
	shift  int       // its first leaf's bit
	values []float64 // [wordLeaves×values] in the order of bits, times the tree's weight
	first  int       // output that its values begin with
}

// packing is an ensemble's trees in bundles.
type packing struct {
	bundles []*bundle // in the order of trees
	columns []int32   // features that bundles ask for
}

// pack packs trees into bundles, in order. A tree that has no room in a word is
// in a bundle without trees.
func (e *Ensemble) pack() *packing {
	p := &packing{}
	column := map[int32]int32{} // of a feature
	for i := 0; i < len(e.Trees); {
		from, room := i, wordLeaves
		for i < len(e.Trees) && e.Trees[i].Leaves() <= room {
			room -= e.Trees[i].Leaves()
			i++
		}
		if i == from {
			p.bundles = append(p.bundles, &bundle{from: from})
			i++
			continue
		}
		b := e.bundle(from, i)
		for k, f := range b.columns {
			if _, ok := column[f]; !ok {
				column[f] = int32(len(p.columns))
				p.columns = append(p.columns, f)
			}
			b.columns[k] = column[f]
		}
		p.bundles = append(p.bundles, b)
	}
	return p
}

// bundle packs the trees from one on and below another. Its columns are
// features yet.
func (e *Ensemble) bundle(from, to int) *bundle {
	b := &bundle{from: from}
	place := map[int32]int{} // of a feature in the bundle
	shift := 0
	for i := from; i < to; i++ {
		t, weight := e.Trees[i], e.weight(i)
		first, n := e.output(i)
		p := packed{shift: shift, first: first, values: make([]float64, 0, wordLeaves*n)}
		parts := t.inOrder(func(leaf int) {
			for _, v := range t.Value[leaf*n : (leaf+1)*n] {
				p.values = append(p.values, float64(v*weight))
			}
		})
		p.values = p.values[:wordLeaves*n]
		for _, part := range parts {
			f := t.Feature[part.node]
			at, ok := place[f]
			if !ok {
				at = len(b.columns)
				place[f] = at
				b.columns = append(b.columns, f)
				b.forbidden = append(b.forbidden, [maxBins]uint64{})
			}
			left := (uint64(1)<<part.leaves - 1) << (shift + part.from)
			for bin := range maxBins {
				if !t.goesLeft(part.node, uint8(bin)) {
					b.forbidden[at][bin] |= left
				}
			}
		}
		b.trees = append(b.trees, p)
		shift += t.Leaves()
	}
	for len(b.columns)%4 != 0 {
		last := len(b.columns) - 1
		b.columns = append(b.columns, b.columns[last])
		b.forbidden = append(b.forbidden, b.forbidden[last])
	}
	return b
}

// leftPart is the leaves on the left of a node: how many there are, and how
// many are before them.
type leftPart struct {
	node         int32
	from, leaves int
}

// inOrder calls visit with all leaves from left to right, and returns the left
// part of each inner node. The tree must not be deep.
func (t *Tree) inOrder(visit func(leaf int)) []leftPart {
	var parts []leftPart
	next := 0
	var below func(child int32)
	below = func(child int32) {
		if child < 0 {
			visit(int(^child))
			next++
			return
		}
		from := next
		below(t.Left[child])
		parts = append(parts, leftPart{child, from, next - from})
		below(t.Right[child])
	}
	if len(t.Feature) == 0 {
		visit(0)
		return nil
	}
	below(0)
	return parts
}

// add adds to the scores of rows what those trees add that are from one on and
// below another. columns are the bins of the rows, forbidden is scratch of as
// many words as there are rows.
func (b *bundle) add(from, to int, columns [][]uint8, forbidden []uint64, scores []float64, outputs int) {
	clear(forbidden)
	for i := 0; i < len(b.columns); i += 4 {
		f, t := b.columns[i:i+4], b.forbidden[i:i+4]
		or(forbidden, columns[f[0]], columns[f[1]], columns[f[2]], columns[f[3]], &t[0], &t[1], &t[2], &t[3])
	}
	for i := max(0, from-b.from); i < min(len(b.trees), to-b.from); i++ {
		t := &b.trees[i]
		switch {
		case outputs == 1:
			t.addOne(forbidden, scores)
		case len(t.values) == wordLeaves:
			for row, word := range forbidden {
				scores[row*outputs+t.first] += t.values[t.leaf(word)]
			}
		default:
			for row, word := range forbidden {
				leaf := t.leaf(word)
				to := scores[row*outputs : (row+1)*outputs]
				for k, v := range t.values[leaf*outputs : (leaf+1)*outputs] {
					to[k] += v
				}
			}
		}
	}
}

// leaf returns the leaf, from left to right, at which a row ends.
func (t *packed) leaf(forbidden uint64) int {
	return bits.TrailingZeros64(^forbidden>>(t.shift&63)) & 63
}

func (t *packed) addOne(forbidden []uint64, scores []float64) {
	values := (*[wordLeaves]float64)(t.values)
	scores = scores[:len(forbidden)]
	for row, word := range forbidden {
		scores[row] += values[t.leaf(word)]
	}
}

// or adds to each row's word what four features forbid.
func or(words []uint64, a, b, c, d []uint8, s, t, u, v *[maxBins]uint64) {
	a, b, c, d = a[:len(words)], b[:len(words)], c[:len(words)], d[:len(words)]
	for i := range words {
		words[i] |= s[a[i]] | t[b[i]] | u[c[i]] | v[d[i]]
	}
}
