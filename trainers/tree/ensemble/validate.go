package ensemble

import (
	"fmt"
	"math"
	"slices"

	"tourney"
	"tourney/dataset"
)

// maxBins is how many bins a feature has at most, that of missing values
// included.
const maxBins = 256

// Validate returns what is wrong with an ensemble that was read from outside.
// What it lets pass can be asked, explained and written without a panic.
func (e *Ensemble) Validate() error {
	switch {
	case e.Outputs < 1:
		return fmt.Errorf("ensemble: %d outputs", e.Outputs)
	case e.PerRound != 1 && e.PerRound != e.Outputs:
		return fmt.Errorf("ensemble: rounds of %d trees for %d outputs", e.PerRound, e.Outputs)
	case len(e.Trees)%e.PerRound != 0:
		return fmt.Errorf("ensemble: %d trees are no whole rounds of %d", len(e.Trees), e.PerRound)
	case e.Weights != nil && len(e.Weights) != len(e.Trees):
		return fmt.Errorf("ensemble: %d weights for %d trees", len(e.Weights), len(e.Trees))
	case len(e.Base) != e.Outputs:
		return fmt.Errorf("ensemble: %d base scores for %d outputs", len(e.Base), e.Outputs)
	case !finite(e.Base) || !finite(e.Weights):
		return fmt.Errorf("ensemble: a base score or weight is not finite")
	case !slices.Contains([]Link{Identity, Logistic, Softmax, Exp}, e.Link):
		return fmt.Errorf("ensemble: there is no link %q", e.Link)
	case e.Link == Logistic && e.Outputs != 1:
		return fmt.Errorf("ensemble: a logistic link of %d outputs", e.Outputs)
	case e.Features == nil || len(e.Features.Features) == 0:
		return fmt.Errorf("ensemble: no features")
	case len(e.Features.Features) > maxFeatures:
		return fmt.Errorf("ensemble: %d features are more than %d", len(e.Features.Features), maxFeatures)
	}
	for i := range e.Features.Features {
		if err := validFeature(&e.Features.Features[i]); err != nil {
			return fmt.Errorf("ensemble: feature %d: %w", i, err)
		}
	}
	for i, t := range e.Trees {
		_, outputs := e.output(i)
		if err := t.validate(outputs, e.Features); err != nil {
			return fmt.Errorf("ensemble: tree %d: %w", i, err)
		}
	}
	return nil
}

func validFeature(f *dataset.BinnedFeature) error {
	switch {
	case f.Kind != tourney.Category && f.Kind != tourney.Text && !f.Kind.Numeric():
		return fmt.Errorf("%q is of kind %q", f.Name, f.Kind)
	case f.Kind.Numeric() && (len(f.Levels) > 0 || f.Other), !f.Kind.Numeric() && len(f.Edges) > 0,
		f.Kind == tourney.Text && (len(f.Levels) > 0 || f.Other):
		return fmt.Errorf("%q has the bins of another kind than %s", f.Name, f.Kind)
	case f.Bins() > maxBins:
		return fmt.Errorf("%q has %d bins", f.Name, f.Bins())
	}
	for i, v := range f.Edges {
		if math.IsNaN(v) || math.IsInf(v, 0) || i > 0 && v <= f.Edges[i-1] {
			return fmt.Errorf("%q has edges that are not finite and rising", f.Name)
		}
	}
	seen := make(map[string]bool, len(f.Levels))
	for _, level := range f.Levels {
		if seen[level] {
			return fmt.Errorf("%q has the level %q twice", f.Name, level)
		}
		seen[level] = true
	}
	return nil
}

// validate returns what is wrong with a tree with that many values a leaf.
func (t *Tree) validate(outputs int, features *dataset.Binning) error {
	if err := t.shape(outputs); err != nil {
		return err
	}
	for i, f := range t.Feature {
		switch {
		case f < 0 || int(f) >= len(features.Features):
			return fmt.Errorf("node %d asks for feature %d of %d", i, f, len(features.Features))
		case t.Cats[i] != nil && features.Features[f].Kind.Numeric():
			return fmt.Errorf("node %d has categories of the number %q", i, features.Features[f].Name)
		}
	}
	return nil
}

// shape returns what is wrong with a tree whatever its features are.
func (t *Tree) shape(outputs int) error {
	inner, leaves := len(t.Feature), t.Leaves()
	switch {
	case len(t.Bin) != inner, len(t.Cats) != inner, len(t.MissingLeft) != inner, len(t.Left) != inner, len(t.Right) != inner,
		len(t.Gain) != inner, len(t.Value) != leaves*outputs, len(t.Weight) != inner+leaves, len(t.Count) != inner+leaves:
		return fmt.Errorf("its slices are not those of %d leaves with %d values", leaves, outputs)
	case inner+leaves > maxNodes:
		return fmt.Errorf("%d leaves are more than %d", leaves, maxNodes/2)
	case !finite(t.Gain) || !finite(t.Value) || !finite(t.Weight):
		return fmt.Errorf("a gain, value or weight is not finite")
	case slices.ContainsFunc(t.Count, func(n int32) bool { return n < 0 }):
		return fmt.Errorf("a count is negative")
	}
	// Inner nodes but the root and leaves are as many as children. If each is
	// a child once, what is not below the root is a cycle.
	seen := make([]bool, inner+leaves)
	for i := range inner {
		for _, child := range []int32{t.Left[i], t.Right[i]} {
			k := t.at(child)
			if child == 0 || child > 0 && k >= inner || k >= len(seen) || seen[k] {
				return fmt.Errorf("node %d has the child %d, which is none or another's", i, child)
			}
			seen[k] = true
		}
	}
	reached := 0
	t.walk(func(int32, int) { reached++ })
	if reached != inner {
		return fmt.Errorf("%d of %d nodes are not below the root", inner-reached, inner)
	}
	return nil
}

// walk calls visit with each inner node from the root on, parents before
// children, left before right, and with its depth, that of the root being 0.
func (t *Tree) walk(visit func(node int32, depth int)) {
	if len(t.Feature) == 0 {
		return
	}
	type item struct {
		node  int32
		depth int
	}
	stack := []item{{}}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		visit(at.node, at.depth)
		for _, child := range []int32{t.Right[at.node], t.Left[at.node]} {
			if child >= 0 {
				stack = append(stack, item{child, at.depth + 1})
			}
		}
	}
}

// Depth is how many nodes are asked on the longest way to a leaf.
func (t *Tree) Depth() int {
	deepest := 0
	t.walk(func(_ int32, depth int) { deepest = max(deepest, depth+1) })
	return deepest
}

func finite(values []float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}
