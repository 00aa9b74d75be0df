package ensemble

import (
	"fmt"

	"tourney/dataset"
)

// What is computed here is that of Lundberg, Erion and Lee, "Consistent
// individualized feature attribution for tree ensembles", 2018: if the features
// of a row outside a set are unknown, the row goes both ways at their nodes, in
// proportion to the training rows that went them; what a tree then says is a
// game of the features in the set, and their credits are its Shapley values.
//
// It is computed otherwise than in their Algorithm 2. Say that feature j is
// asked for on the way to a leaf of value v, that a share z_j of training rows
// went on along it at those nodes, and that o_j is 1 if the row itself does, and
// 0 if not. By Owen, "Multilinear extensions of games", 1972, the leaf gives
// feature i the credit
//
//	v ∫ (o_i - z_i) Π_{j≠i} (t·o_j + (1-t)·z_j) dt    from 0 to 1.
//
// Under the integral is a polynomial of one degree less than there are such
// features, so Gauss's rule with half as many points is exact. At each of its
// points the products of all leaves are built on the way down the tree and
// summed on the way up, as in Yu et al., "Linear TreeShap", 2022. All factors
// are positive, so no digits are lost.

// Explainer tells what each feature of a row adds to its scores: exact Shapley
// values, given how many training rows went each way. It may be used by many
// goroutines at once.
type Explainer struct {
	ensemble *Ensemble
	covers   [][]float64 // [trees][inner+leaves] training rows
	expected [][]float64 // [trees][values] the mean of its leaves, times its weight
	rules    []rule      // of as many points as a tree needs
}

// NewExplainer prepares an ensemble, which has to be valid, for explanation. It
// returns an error if a tree does not say how many training rows its leaves
// had.
func NewExplainer(e *Ensemble) (*Explainer, error) {
	x := &Explainer{ensemble: e, covers: make([][]float64, len(e.Trees)), expected: make([][]float64, len(e.Trees))}
	longest := 0
	for i, t := range e.Trees {
		cover := t.cover()
		if cover[0] == 0 {
			return nil, fmt.Errorf("ensemble: tree %d does not say how many rows its leaves had", i)
		}
		_, n := e.output(i)
		mean := make([]float64, n)
		for leaf := range t.Leaves() {
			share := cover[len(t.Feature)+leaf] / cover[0] * e.weight(i)
			for k := range mean {
				mean[k] += float64(share * t.Value[leaf*n+k])
			}
		}
		x.covers[i], x.expected[i] = cover, mean
		if len(t.Feature) > 0 {
			longest = max(longest, (&shap{Tree: t}).number(cover))
		}
	}
	x.rules = gauss((longest + 1) / 2)
	return x, nil
}

// Explain returns what the features add to the scores of each row by the first
// rounds, [N×Outputs×(D+1)] row-major: the last is the score that is expected of
// a row of which nothing is known, and all of an output add up to the score.
func (x *Explainer) Explain(pool Pool, m *dataset.Matrix, rounds int) []float64 {
	e := x.ensemble
	rounds = min(max(0, rounds), e.Rounds())
	width := m.D + 1
	out := make([]float64, m.N*e.Outputs*width)
	scale := 1.0
	if e.Average {
		scale = 1 / float64(max(1, rounds))
	}
	blocks := cut(m, explainRows)
	pool.Do(len(blocks), func(i int) {
		b := blocks[i]
		own := out[b.at*e.Outputs*width : (b.at+b.to-b.from)*e.Outputs*width]
		for tree := range rounds * e.PerRound {
			first, _ := e.output(tree)
			s := x.prepare(tree)
			for row := b.from; row < b.to; row++ {
				at := ((row-b.from)*e.Outputs + first) * width
				s.explain(m.Bins[row*m.D:(row+1)*m.D], own[at:], width)
			}
		}
		for k := range own {
			own[k] *= scale
			if k%width == m.D {
				own[k] += e.Base[k/width%e.Outputs]
			}
		}
	})
	return out
}

// explainRows is for how many rows a tree is prepared at a time.
const explainRows = 256

// cover is how many training rows each inner node and leaf had, added up from
// the leaves. A tree of one leaf needs none.
func (t *Tree) cover() []float64 {
	inner := len(t.Feature)
	if inner == 0 {
		return []float64{1}
	}
	out := make([]float64, inner+t.Leaves())
	for leaf := range t.Leaves() {
		out[inner+leaf] = float64(t.Count[inner+leaf])
	}
	var order []int32
	t.walk(func(node int32, _ int) { order = append(order, node) })
	for i := len(order) - 1; i >= 0; i-- {
		node := order[i]
		out[node] = out[t.at(t.Left[node])] + out[t.at(t.Right[node])]
	}
	return out
}

// at is where a child is in slices that have inner nodes and then leaves.
func (t *Tree) at(child int32) int {
	if child < 0 {
		return len(t.Feature) + int(^child)
	}
	return int(child)
}

// shapNode is the root or a child in a tree that is being explained.
type shapNode struct {
	child   int32   // in the tree
	parent  int32   // among shapNodes, before this one
	left    bool    // of its parent
	feature int32   // that its parent asks for
	before  int32   // the nearest node above of the same feature; -1: none
	share   float64 // of the parent's training rows
}

// shap explains rows by one tree. Slices of points have one entry a node and
// point of Gauss's rule.
type shap struct {
	*Tree
	expected []float64
	values   []float64 // [leaves×outputs] times the weight of the tree
	nodes    []shapNode
	points   int

	// Factors of the product if the row goes to the node: as it follows on its
	// parent's if it went to the node before, and if it does not go. If it did
	// not go to the node before, the factor is the share.
	here, away []float64
	credit     []float64 // what a product is multiplied by to be the credit of a feature whose nodes the row goes to
	negative   []float64 // [points] and of one whose nodes it does not go to

	hot      []bool    // [nodes] whether the row comes by all nodes of the feature so far
	products []float64 // with the weights of Gauss's rule
	sums     []float64 // of the products below, times the values of leaves
}

// prepare prepares a tree for rows.
func (x *Explainer) prepare(tree int) *shap {
	e := x.ensemble
	t := e.Trees[tree]
	s := &shap{Tree: t, expected: x.expected[tree], values: t.weighted(e.weight(tree))}
	if len(t.Feature) == 0 {
		return s
	}
	s.points = (s.number(x.covers[tree]) + 1) / 2
	at, weights := x.rules[s.points].points, x.rules[s.points].weights
	n, q := len(s.nodes), s.points
	s.here, s.away, s.credit = make([]float64, n*q), make([]float64, n*q), make([]float64, n*q)
	s.products, s.sums, s.hot = make([]float64, n*q), make([]float64, n*q), make([]bool, n)
	copy(s.products, weights)
	for _, t := range at {
		s.negative = append(s.negative, -1/(1-t))
	}
	zero := make([]float64, n)
	zero[0] = 1
	for i := 1; i < n; i++ {
		c, z0 := &s.nodes[i], 1.0
		if c.before >= 0 {
			z0 = zero[c.before]
		}
		z := z0 * c.share
		zero[i] = z
		for k, t := range at {
			factor, before := t+float64((1-t)*z), t+float64((1-t)*z0)
			s.here[i*q+k] = factor / before
			s.away[i*q+k] = (1 - t) * z / before
			s.credit[i*q+k] = (1 - z) / factor
		}
	}
	return s
}

// number lists the nodes, parents before children, and returns how many features
// are asked for at most on the way to a leaf.
func (s *shap) number(cover []float64) (longest int) {
	s.nodes = append(s.nodes, shapNode{parent: -1, feature: -1, before: -1})
	distinct := []int{0} // [nodes] features on the way
	for i := 0; i < len(s.nodes); i++ {
		node := s.nodes[i].child
		if node < 0 {
			longest = max(longest, distinct[i])
			continue
		}
		f, before := s.Feature[node], int32(i)
		for before > 0 && s.nodes[before].feature != f {
			before = s.nodes[before].parent
		}
		ways := distinct[i]
		if before == 0 {
			before = -1
			ways++
		}
		for _, child := range []int32{s.Left[node], s.Right[node]} {
			c := shapNode{child: child, parent: int32(i), left: child == s.Left[node], feature: f, before: before}
			if all := cover[s.at(node)]; all > 0 {
				c.share = cover[s.at(child)] / all
			}
			s.nodes = append(s.nodes, c)
			distinct = append(distinct, ways)
		}
	}
	return longest
}

// explain adds a row's credits to phi, the outputs of which are width apart.
func (s *shap) explain(bins []uint8, phi []float64, width int) {
	for k, v := range s.expected {
		phi[k*width+width-1] += v
	}
	if len(s.nodes) == 0 {
		return
	}
	s.down(bins)
	for k := range s.expected {
		s.up(k, phi[k*width:])
	}
}

// down builds the products of all nodes.
func (s *shap) down(bins []uint8) {
	q := s.points
	s.hot[0] = true
	goes := false // left, at the parent of this node and the one after it
	for i := 1; i < len(s.nodes); i++ {
		c := &s.nodes[i]
		if i&1 != 0 {
			goes = s.goesLeft(s.nodes[c.parent].child, bins[c.feature])
		}
		to := s.products[i*q : (i+1)*q]
		from := s.products[int(c.parent)*q:][:len(to)]
		wasHot := c.before < 0 || s.hot[c.before]
		s.hot[i] = wasHot && goes == c.left
		factors := s.away
		switch {
		case !wasHot:
			for k, p := range from {
				to[k] = p * c.share
			}
			continue
		case s.hot[i]:
			factors = s.here
		}
		factors = factors[i*q:][:len(to)]
		for k, p := range from {
			to[k] = p * factors[k]
		}
	}
}

// up sums the products, times the values of an output, and gives the features
// their credits. A feature that is asked for again below was given too much
// above, which is taken back.
func (s *shap) up(output int, phi []float64) {
	q, outputs := s.points, len(s.expected)
	clear(s.sums)
	for i := len(s.nodes) - 1; i > 0; i-- {
		c := &s.nodes[i]
		sums := s.sums[i*q : (i+1)*q]
		if c.child < 0 {
			v := s.values[int(^c.child)*outputs+output]
			for k, p := range s.products[i*q:][:len(sums)] {
				sums[k] = p * v
			}
		}
		above := s.sums[int(c.parent)*q:][:len(sums)]
		for k, v := range sums {
			above[k] += v
		}
		again := c.before >= 0
		if again && !s.hot[c.before] {
			continue // what is given is what is taken
		}
		phi[c.feature] += s.given(i, sums)
		if again {
			phi[c.feature] -= s.given(int(c.before), sums)
		}
	}
}

// given is the credit that sums make of the feature of a node.
func (s *shap) given(node int, sums []float64) (credit float64) {
	factors := s.negative
	if s.hot[node] {
		factors = s.credit[node*s.points:]
	}
	factors = factors[:len(sums)]
	for k, v := range sums {
		credit += float64(v * factors[k])
	}
	return credit
}
