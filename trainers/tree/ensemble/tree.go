package ensemble

// Missing is the bin of missing values, of every feature.
const Missing = 0

// Tree is a binary tree over binned features. Node 0 is the root; a child that
// is at least 0 is an inner node, and one below 0 is the leaf ^child. A tree
// without inner nodes has one leaf.
//
// Slices that end in "inner" below have one entry an inner node; those that end
// in "leaves" have one a leaf, which is always one more.
type Tree struct {
	Feature     []int32      // [inner] the feature that is asked for
	Bin         []uint8      // [inner] of a number: a row goes left if its bin is at most this one
	Cats        []*[4]uint64 // [inner] of a category: the bins that go left, bit b of word b/64; nil for a number
	MissingLeft []bool       // [inner] where a row goes whose number is missing; of a category its set says
	Left, Right []int32      // [inner] children
	Gain        []float64    // [inner] by how much the split lowers the objective
	Value       []float64    // [leaves×outputs] row-major; what a leaf adds to a row's outputs, shrinkage included
	Weight      []float64    // [inner] then [leaves]: the sum of hessians, or of weights, of its training rows
	Count       []int32      // [inner] then [leaves]: its training rows
}

// Leaves is the number of leaves.
func (t *Tree) Leaves() int { return len(t.Feature) + 1 }

// Leaf returns the leaf of a row, given the bins of all features.
func (t *Tree) Leaf(bins []uint8) int {
	if len(t.Feature) == 0 {
		return 0
	}
	for node := int32(0); ; {
		if t.goesLeft(node, bins[t.Feature[node]]) {
			node = t.Left[node]
		} else {
			node = t.Right[node]
		}
		if node < 0 {
			return int(^node)
		}
	}
}

// goesLeft reports whether a row with that bin goes to the left of a node.
func (t *Tree) goesLeft(node int32, bin uint8) bool {
	if set := t.Cats[node]; set != nil {
		return set[bin>>6]>>(bin&63)&1 != 0
	}
	if bin == Missing {
		return t.MissingLeft[node]
	}
	return bin <= t.Bin[node]
}
