package forest

import (
	"tourney/trainers/kernels"
	"tourney/trainers/tree/ensemble"
)

// prune returns the smallest of the subtrees with the root that have the least
// impurity + alpha·leaves (CART 1984, section 3.3, where it is shown that
// cutting the weakest link again and again leads there; scikit-learn's
// ccp_alpha). The impurity is of the whole sample: those of leaves, each
// weighted by its share. outputs is how many values a leaf has.
func prune(t *ensemble.Tree, outputs int, alpha float64, entropy bool) *ensemble.Tree {
	inner := len(t.Feature)
	if inner == 0 || alpha <= 0 {
		return t
	}
	p := &pruning{tree: t, k: outputs, entropy: entropy, mean: make([]float64, inner*outputs), cut: make([]bool, inner)}
	total := t.Weight[0]
	least := make([]float64, inner) // cost of the best subtree of a node, less what all have in common
	cost := func(child int32) float64 {
		values, weight := p.of(child)
		return alpha - p.purity(values, weight)/total
	}
	for node := inner - 1; node >= 0; node-- { // a child has a higher number
		p.average(int32(node))
		both := 0.0
		for _, child := range []int32{t.Left[node], t.Right[node]} {
			if child >= 0 {
				both += least[child]
			} else {
				both += cost(child)
			}
		}
		own := cost(int32(node))
		p.cut[node] = own <= both
		least[node] = min(own, both)
	}
	return p.rest()
}

// pruning is a tree with the nodes that have become leaves.
type pruning struct {
	tree    *ensemble.Tree
	k       int
	entropy bool
	mean    []float64 // [inner×k] the values that nodes would have as leaves
	cut     []bool    // [inner]
}

// of returns the values and the weight of a child.
func (p *pruning) of(child int32) (values []float64, weight float64) {
	if child >= 0 {
		return p.mean[int(child)*p.k : (int(child)+1)*p.k], p.tree.Weight[child]
	}
	leaf := int(^child)
	return p.tree.Value[leaf*p.k : (leaf+1)*p.k], p.tree.Weight[len(p.tree.Feature)+leaf]
}

func (p *pruning) average(node int32) {
	a, v := p.of(p.tree.Left[node])
	b, w := p.of(p.tree.Right[node])
	for i := range p.k {
		if v+w > 0 {
			p.mean[int(node)*p.k+i] = (float64(a[i]*v) + float64(b[i]*w)) / (v + w)
		}
	}
}

// purity is by how much less impure than the worst values with a weight are:
// differences of it are differences of impurity.
func (p *pruning) purity(values []float64, weight float64) float64 {
	sum := 0.0
	for _, v := range values {
		switch {
		case p.entropy && v > 0:
			sum += float64(v * kernels.Log64(v))
		case !p.entropy:
			sum += float64(v * v)
		}
	}
	return float64(weight * sum)
}

// rest returns the tree that is left, its nodes and leaves in the order of
// those that they were.
func (p *pruning) rest() *ensemble.Tree {
	t, out := p.tree, &ensemble.Tree{}
	inner := len(t.Feature)
	to := make([]int32, inner) // the number of each node that stays, or ^0
	for node := range to {
		to[node] = ^0
	}
	stays := int32(0)
	keep := func(child int32) bool { return child >= 0 && !p.cut[child] }
	if keep(0) {
		to[0], stays = 0, 1
	}
	for node := range inner { // a child has a higher number
		if to[node] < 0 {
			continue
		}
		for _, child := range []int32{t.Left[node], t.Right[node]} {
			if keep(child) {
				to[child] = stays
				stays++
			}
		}
	}
	var leafWeight []float64
	var leafCount []int32
	leaf := func(child int32) int32 {
		values, weight := p.of(child)
		at := child
		if child < 0 {
			at = int32(inner) + ^child
		}
		out.Value = append(out.Value, values...)
		leafWeight, leafCount = append(leafWeight, weight), append(leafCount, t.Count[at])
		return ^int32(len(leafWeight) - 1)
	}
	order := make([]int32, stays)
	for node, at := range to {
		if at >= 0 {
			order[at] = int32(node)
		}
	}
	for _, node := range order {
		out.Feature, out.Bin = append(out.Feature, t.Feature[node]), append(out.Bin, t.Bin[node])
		out.Cats, out.MissingLeft = append(out.Cats, t.Cats[node]), append(out.MissingLeft, t.MissingLeft[node])
		out.Gain = append(out.Gain, t.Gain[node])
		out.Weight, out.Count = append(out.Weight, t.Weight[node]), append(out.Count, t.Count[node])
		children := [2]int32{t.Left[node], t.Right[node]}
		for i, child := range children {
			if keep(child) {
				children[i] = to[child]
			} else {
				children[i] = leaf(child)
			}
		}
		out.Left, out.Right = append(out.Left, children[0]), append(out.Right, children[1])
	}
	if stays == 0 {
		leaf(0)
	}
	out.Weight, out.Count = append(out.Weight, leafWeight...), append(out.Count, leafCount...)
	return out
}
