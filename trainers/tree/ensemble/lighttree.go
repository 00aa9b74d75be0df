package ensemble

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"tourney"
	"tourney/dataset"
)

// The bits of LightGBM's decision_type.
const (
	lightCategory    = 1
	lightDefaultLeft = 2
	lightMissingNaN  = 8 // NaN is missing, 0 is not
)

// lightZero is what LightGBM takes for 0: values up to it in magnitude.
const lightZero = float64(float32(1e-35))

// single is a tree with one value a leaf.
type single struct {
	*Tree
	index  int // in the ensemble
	values []float64
}

// singles returns the trees with one value a leaf that add up to the scores
// alone: weights and base scores are in their values. There is a round at least.
func (e *Ensemble) singles() []single {
	var out []single
	for i, t := range e.Trees {
		first, n := e.output(i)
		for k := range n {
			s := single{Tree: t, index: i, values: make([]float64, t.Leaves())}
			for leaf := range s.values {
				v := float64(t.Value[leaf*n+k] * e.weight(i))
				if e.Average || i < e.PerRound {
					v = e.Base[first+k] + v
				}
				s.values[leaf] = v
			}
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		for _, v := range e.Base {
			out = append(out, single{Tree: &Tree{Weight: []float64{0}, Count: []int32{0}}, values: []float64{v}})
		}
	}
	return out
}

// lightNode is an inner node in LightGBM's terms. Its categories' codes are nil
// of a number.
type lightNode struct {
	left, right int32
	decision    int
	threshold   float64
	codes       []uint32
}

// tree writes a tree.
func (o LightGBM) tree(e *Ensemble, t single) (string, error) {
	inner := len(t.Feature)
	var left, right, decisions []int
	var thresholds []float64
	boundaries, words := []int{0}, []uint32{}
	for node := range inner {
		n, err := o.node(t.Tree, int32(node), &e.Features.Features[t.Feature[node]])
		if err != nil {
			return "", err
		}
		if n.codes != nil {
			n.threshold = float64(len(boundaries) - 1)
			words = append(words, n.codes...)
			boundaries = append(boundaries, len(words))
		}
		left, right = append(left, int(n.left)), append(right, int(n.right))
		decisions, thresholds = append(decisions, n.decision), append(thresholds, n.threshold)
	}
	cover := t.cover()
	var b strings.Builder
	fmt.Fprintf(&b, "num_leaves=%d\nnum_cat=%d\n", t.Leaves(), len(boundaries)-1)
	list(&b, "split_feature", t.Feature)
	list(&b, "split_gain", t.Gain)
	list(&b, "threshold", thresholds)
	list(&b, "decision_type", decisions)
	list(&b, "left_child", left)
	list(&b, "right_child", right)
	list(&b, "leaf_value", t.values)
	list(&b, "leaf_weight", t.Weight[inner:])
	list(&b, "leaf_count", t.Count[inner:])
	list(&b, "internal_value", t.means(t.values, cover))
	list(&b, "internal_weight", t.Weight[:inner])
	list(&b, "internal_count", cover[:inner])
	if len(boundaries) > 1 {
		list(&b, "cat_boundaries", boundaries)
		list(&b, "cat_threshold", words)
	}
	b.WriteString("is_linear=0\nshrinkage=1\n")
	return b.String(), nil
}

// node returns an inner node in LightGBM's terms.
func (o LightGBM) node(t *Tree, node int32, f *dataset.BinnedFeature) (lightNode, error) {
	out := lightNode{left: t.Left[node], right: t.Right[node]}
	switch f.Kind {
	case tourney.Text:
		return out, tourney.Invalid("column "+f.Name, "is text, of which trees know a hash: LightGBM has no form for it; drop the column and train again to export")
	case tourney.Category:
		return o.category(t.leftSet(node), out, f)
	}
	out.decision = lightMissingNaN
	last, missingLeft := int(t.Bin[node]), t.MissingLeft[node]
	switch {
	case last == 0: // no number goes left: let all go left, and exchange the children
		out.left, out.right, missingLeft = out.right, out.left, !missingLeft
		out.threshold = math.Inf(1)
	case last > len(f.Edges):
		out.threshold = math.Inf(1)
	default:
		out.threshold = f.Edges[last-1]
	}
	if missingLeft {
		out.decision |= lightDefaultLeft
	}
	if v := math.Abs(out.threshold); v > 0 && v <= lightZero {
		return out, tourney.Invalid("column "+f.Name, "is split at %v, which LightGBM takes for 0: scale the column and train again to export", out.threshold)
	}
	return out, nil
}

// category returns a node that sends the bins of a set left. LightGBM sends
// right what is missing and all codes it was not told of; where ours go left,
// the children are exchanged.
func (o LightGBM) category(left [4]uint64, out lightNode, f *dataset.BinnedFeature) (lightNode, error) {
	out.decision = lightCategory
	if left[0]&1 != 0 {
		out.left, out.right = out.right, out.left
		for i := range left {
			left[i] = ^left[i]
		}
	}
	other := len(f.Levels) + 1
	if f.Other && o.Other == "" && left[other>>6]>>(other&63)&1 != 0 {
		return out, tourney.Invalid("column "+f.Name, "has rare levels that a tree sends another way than missing ones: LightGBM sees no difference between them unless rare levels are given one name in its data; name it to export")
	}
	out.codes = make([]uint32, max(1, (f.Bins()-1+31)/32))
	for bin := 1; bin < f.Bins(); bin++ {
		if left[bin>>6]>>(bin&63)&1 != 0 {
			out.codes[(bin-1)/32] |= 1 << ((bin - 1) % 32)
		}
	}
	return out, nil
}

// means returns of each inner node the mean of the values below it.
func (t *Tree) means(values, cover []float64) []float64 {
	inner := len(t.Feature)
	out := make([]float64, inner)
	var order []int32
	t.walk(func(node int32, _ int) { order = append(order, node) })
	of := func(child int32) float64 {
		if child < 0 {
			return values[^child]
		}
		return out[child]
	}
	for i := len(order) - 1; i >= 0; i-- {
		node := order[i]
		l, r := t.Left[node], t.Right[node]
		share := 0.5
		if cover[node] > 0 {
			share = cover[t.at(l)] / cover[node]
		}
		out[node] = float64(share*of(l)) + float64((1-share)*of(r))
	}
	return out
}

// list writes a line of numbers.
func list[T int | int32 | uint32 | float64](b *strings.Builder, key string, values []T) {
	b.WriteString(key + "=")
	for i, v := range values {
		if i > 0 {
			b.WriteByte(' ')
		}
		if v := float64(v); v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			b.WriteString(strconv.FormatFloat(v, 'f', -1, 64)) // where a count must be, no exponent
		} else {
			b.WriteString(number(v))
		}
	}
	b.WriteByte('\n')
}
