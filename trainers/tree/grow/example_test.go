package grow_test

import (
	"fmt"

	"tourney/trainers/tree/grow"
)

// Six rows have one feature, whose value is missing for the last two. The
// squared error has residuals with their sign turned round as gradients, and
// hessians of 1, so a leaf's output is the mean residual of its rows.
func Example() {
	table := &grow.Table{
		D: 1, Features: []grow.Feature{{Bins: 5}},
		Bins: []uint8{1, 2, 3, 4, 0, 0},
	}
	limits := grow.Default()
	limits.MinRows = 1
	limits.MaxLeaves = 3

	g := grow.New(table, []int32{0, 1, 2, 3, 4, 5}, limits)
	tree := g.Grow(grow.Input{Grad: []float32{-1, -1, 3, 5, -1, -1}, Shrink: 0.5}, nil)
	for i := range tree.Feature {
		fmt.Printf("bin at most %d, or missing %v: gain %.2f\n", tree.Bin[i], tree.MissingLeft[i], tree.Gain[i])
	}
	for leaf, v := range tree.Value {
		fmt.Println("leaf", leaf, "has rows", g.LeafRows(leaf), "and adds", v)
	}
	scores := make([]float32, 6)
	g.AddTo(scores, 1, 0, tree, nil)
	fmt.Println(scores)

	// Output:
	// bin at most 2, or missing true: gain 33.33
	// bin at most 3, or missing true: gain 2.00
	// leaf 0 has rows [0 1 4 5] and adds 0.5
	// leaf 1 has rows [2] and adds -1.5
	// leaf 2 has rows [3] and adds -2.5
	// [0.5 0.5 -1.5 -2.5 0.5 0.5]
}
