package forest_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tourney/trainers/tree/ensemble"
	"tourney/trainers/tree/forest"
)

// randomTree splits leaves at random. Leaves hold two shares of classes, or a
// value.
func randomTree(rng *rand.Rand, inner, outputs int) *ensemble.Tree {
	t := &ensemble.Tree{}
	type slot struct {
		node int
		left bool
	}
	open := []slot{{node: -1}}
	for node := range inner {
		i := rng.IntN(len(open))
		at := open[i]
		open = append(open[:i], open[i+1:]...)
		if at.node >= 0 {
			if at.left {
				t.Left[at.node] = int32(node)
			} else {
				t.Right[at.node] = int32(node)
			}
		}
		t.Feature, t.Bin, t.Gain = append(t.Feature, int32(node)), append(t.Bin, 1), append(t.Gain, 1)
		t.Cats, t.MissingLeft = append(t.Cats, nil), append(t.MissingLeft, false)
		t.Left, t.Right = append(t.Left, 0), append(t.Right, 0)
		open = append(open, slot{node, true}, slot{node, false})
	}
	weights, counts := make([]float64, inner+len(open)), make([]int32, inner+len(open))
	for leaf, at := range open {
		if at.node >= 0 {
			if at.left {
				t.Left[at.node] = ^int32(leaf)
			} else {
				t.Right[at.node] = ^int32(leaf)
			}
		}
		counts[inner+leaf] = 1 + rng.Int32N(9)
		weights[inner+leaf] = float64(counts[inner+leaf])
		v := rng.Float64()
		if t.Value = append(t.Value, v); outputs == 2 {
			t.Value = append(t.Value, 1-v)
		}
	}
	for node := inner - 1; node >= 0; node-- {
		for _, child := range []int32{t.Left[node], t.Right[node]} {
			at := child
			if child < 0 {
				at = int32(inner) + ^child
			}
			weights[node] += weights[at]
			counts[node] += counts[at]
		}
	}
	t.Weight, t.Count = weights, counts
	return t
}

// below lists the leaves below a child.
func below(t *ensemble.Tree, child int32) []int {
	if child < 0 {
		return []int{int(^child)}
	}
	return append(below(t, t.Left[child]), below(t, t.Right[child])...)
}

// merged is the value and the weighted impurity of leaves made one.
func merged(t *ensemble.Tree, leaves []int, outputs int, entropy bool) (values []float64, impurity float64) {
	values = make([]float64, outputs)
	total, squares := 0.0, 0.0
	for _, l := range leaves {
		w := t.Weight[len(t.Feature)+l]
		total += w
		for i := range values {
			values[i] += w * t.Value[l*outputs+i]
		}
		squares += w
	}
	for i := range values {
		values[i] /= total
	}
	for _, v := range values {
		if entropy {
			impurity -= total * v * math.Log(v)
		} else {
			impurity -= total * v * v
		}
	}
	return values, impurity
}

// least is the cost and the leaves of the best subtree below a child by trying
// all of them, the smallest of equal ones.
func least(t *ensemble.Tree, child int32, outputs int, alpha float64, entropy bool) (cost float64, leaves int) {
	_, impurity := merged(t, below(t, child), outputs, entropy)
	own := impurity/t.Weight[0] + alpha
	if child < 0 {
		return own, 1
	}
	a, n := least(t, t.Left[child], outputs, alpha, entropy)
	b, m := least(t, t.Right[child], outputs, alpha, entropy)
	if own <= a+b {
		return own, 1
	}
	return a + b, n + m
}

// A pruned tree is the smallest of the best ones, and says of each of the old
// leaves what those that were merged with it say together.
func TestPruning(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 7))
	changed := 0
	for range 3000 {
		outputs, entropy := 1+rng.IntN(2), false
		if outputs == 2 {
			entropy = rng.IntN(2) == 0
		}
		tree := randomTree(rng, 1+rng.IntN(9), outputs)
		alpha := math.Exp(-7 * rng.Float64())
		got := forest.Prune(tree, outputs, alpha, entropy)
		want, leaves := least(tree, 0, outputs, alpha, entropy)
		if got.Leaves() != leaves {
			t.Fatalf("%d leaves, want %d", got.Leaves(), leaves)
		}
		if leaves < tree.Leaves() {
			changed++
		}
		// Which new leaf each old one is in: a row that reaches the old one.
		groups := map[int][]int{}
		for old := range tree.Leaves() {
			groups[got.Leaf(rowOf(tree, old))] = append(groups[got.Leaf(rowOf(tree, old))], old)
		}
		cost := alpha * float64(leaves)
		for leaf, group := range groups {
			values, impurity := merged(tree, group, outputs, entropy)
			cost += impurity / tree.Weight[0]
			weight := 0.0
			for _, old := range group {
				weight += tree.Weight[len(tree.Feature)+old]
			}
			for i, v := range values {
				if math.Abs(got.Value[leaf*outputs+i]-v) > 1e-9 {
					t.Fatalf("leaf %d says %v, want %v", leaf, got.Value[leaf*outputs:(leaf+1)*outputs], values)
				}
			}
			if got.Weight[len(got.Feature)+leaf] != weight || got.Count[len(got.Feature)+leaf] != int32(weight) {
				t.Fatalf("leaf %d weighs %v, want %v", leaf, got.Weight[len(got.Feature)+leaf], weight)
			}
		}
		if math.Abs(cost-want) > 1e-9 || len(groups) != leaves {
			t.Fatalf("cost %v with %d leaves, want %v", cost, len(groups), want)
		}
	}
	if changed < 500 {
		t.Errorf("%d trees were pruned: the test has no force", changed)
	}
}

// rowOf is a row that reaches a leaf: node i asks for feature i.
func rowOf(t *ensemble.Tree, leaf int) []uint8 {
	row := make([]uint8, max(1, len(t.Feature)))
	child := ^int32(leaf)
	for node := len(t.Feature) - 1; node >= 0; node-- { // a child has a higher number
		switch child {
		case t.Left[node]:
			row[node], child = 1, int32(node)
		case t.Right[node]:
			row[node], child = 2, int32(node)
		}
	}
	return row
}

// Trees as deep as they have nodes are pruned on a bounded stack.
func TestPruningOfAChain(t *testing.T) {
	const inner = 120_000
	tree := &ensemble.Tree{
		Feature: make([]int32, inner), Bin: make([]uint8, inner), Cats: make([]*[4]uint64, inner), MissingLeft: make([]bool, inner),
		Left: make([]int32, inner), Right: make([]int32, inner), Gain: make([]float64, inner),
		Weight: make([]float64, 2*inner+1), Count: make([]int32, 2*inner+1), Value: make([]float64, inner+1),
	}
	for i := range inner {
		tree.Left[i], tree.Right[i] = ^int32(i), int32(i+1)
		tree.Value[i] = float64(i)
	}
	tree.Right[inner-1] = ^int32(inner)
	for i := range inner + 1 {
		tree.Weight[inner+i] = 1
	}
	for i := inner - 1; i >= 0; i-- {
		tree.Weight[i] = float64(inner + 1 - i)
	}
	if got := forest.Prune(tree, 1, 1e-12, false); got.Leaves() < inner/2 {
		t.Errorf("%d leaves", got.Leaves())
	}
	if got := forest.Prune(tree, 1, 1e12, false); got.Leaves() != 1 || math.Abs(got.Value[0]-(inner-1)/2.0) > 1 {
		t.Errorf("%d leaves", got.Leaves())
	}
}
