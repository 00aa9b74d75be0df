package dataset

import (
	"fmt"
	"math"
	"slices"

	"tourney"
)

// MaxFeatures bounds the features of a pipeline or binning that travels with a
// model: their names travel, too.
const MaxFeatures = 1 << 24

// Check returns what is wrong with a pipeline that was read from outside. What
// it lets pass can be applied to any table without a panic.
func (p *Pipeline) Check() error {
	asked := p.Preprocess
	if fields := asked.Normalise(); len(fields) > 0 {
		return fmt.Errorf("preprocess.%s: %s", fields[0].Path, fields[0].Message)
	}
	if len(p.Inputs) == 0 {
		return fmt.Errorf("inputs: there are none")
	}
	seen, width := map[string]bool{}, 0
	for i := range p.Inputs {
		in := &p.Inputs[i]
		if err := in.check(); err != nil {
			return fmt.Errorf("inputs[%d]: %w", i, err)
		}
		if seen[in.Name] {
			return fmt.Errorf("inputs[%d]: column %q is there twice", i, in.Name)
		}
		seen[in.Name] = true
		if width += in.width(); width > MaxFeatures {
			return fmt.Errorf("inputs: they are more than %d features", MaxFeatures)
		}
	}
	return nil
}

// has is which fields of an input are used.
type has struct{ numbers, levels, other, indicator, buckets, means, width bool }

func (in *Input) check() error {
	used := has{
		len(in.Numbers) > 0, in.Levels != nil, in.Other, in.Indicator, in.Buckets != 0,
		in.Means != nil || in.Absent != nil || in.Prior != nil, in.Width != 0,
	}
	var may has
	switch encode := in.Encode; {
	case in.Name == "":
		return fmt.Errorf("name: is empty")
	case in.Kind.Numeric() && encode == "":
		may = has{numbers: true, indicator: true}
	case in.Kind == tourney.Sparse && encode == "":
		may = has{width: true}
	case (in.Kind == tourney.Text || in.Kind == tourney.Category) && encode == encodeHash:
		may = has{buckets: true}
	case in.Kind == tourney.Category && encode == encodeOneHot:
		may = has{levels: true, other: true}
	case in.Kind == tourney.Category && encode == encodeOrdinal:
		may = has{numbers: true, levels: true, indicator: true}
	case in.Kind == tourney.Category && encode == encodeTarget:
		may = has{numbers: true, levels: true, means: true}
	default:
		return fmt.Errorf("kind: %q with the encoding %q is nothing", in.Kind, encode)
	}
	switch {
	case used.numbers != may.numbers:
		return fmt.Errorf("numbers: there are %d", len(in.Numbers))
	case used.levels && !may.levels, used.other && !may.other, used.indicator && !may.indicator, used.means && !may.means:
		return fmt.Errorf("levels, other, indicator, means: one of them does not go with a %s encoded as %q", in.Kind, in.Encode)
	case used.buckets != may.buckets || in.Buckets < 0 || in.Buckets > MaxFeatures:
		return fmt.Errorf("buckets: there are %d", in.Buckets)
	case used.width && !may.width || in.Width < 0 || in.Width > MaxFeatures:
		return fmt.Errorf("width: is %d", in.Width)
	case len(in.Levels) > MaxFeatures:
		return fmt.Errorf("levels: there are %d", len(in.Levels))
	case in.Encode == encodeTarget:
		if err := in.checkMeans(); err != nil {
			return err
		}
	case len(in.Numbers) > 1:
		return fmt.Errorf("numbers: there are %d", len(in.Numbers))
	}
	for i := range in.Numbers {
		if err := in.Numbers[i].check(); err != nil {
			return fmt.Errorf("numbers[%d]: %w", i, err)
		}
	}
	return distinct(in.Levels)
}

func (in *Input) checkMeans() error {
	outputs := len(in.Numbers)
	if len(in.Means) != len(in.Levels) || len(in.Absent) != outputs || len(in.Prior) != outputs {
		return fmt.Errorf("means: they do not fit %d levels and %d outputs", len(in.Levels), outputs)
	}
	for _, means := range append(slices.Clone(in.Means), in.Absent, in.Prior) {
		if len(means) != outputs || !finite(means...) {
			return fmt.Errorf("means: not %d finite numbers for each level", outputs)
		}
	}
	return nil
}

func (n *Number) check() error {
	switch {
	case !finite(n.Fill, n.Center, n.Scale, n.Clip) || !finite(n.Quantiles...):
		return fmt.Errorf("is not finite")
	case n.Quantiles != nil && len(n.Quantiles) == 0, !slices.IsSorted(n.Quantiles):
		return fmt.Errorf("quantiles: not one or more that rise")
	case n.Clip < 0:
		return fmt.Errorf("clip: is negative")
	}
	return nil
}

// Check returns what is wrong with a binning that was read from outside. What
// it lets pass can be applied to any table without a panic.
func (b *Binning) Check() error {
	if len(b.Features) == 0 || len(b.Features) > MaxFeatures {
		return fmt.Errorf("features: there are %d; want 1 to %d", len(b.Features), MaxFeatures)
	}
	seen := make(map[string]bool, len(b.Features))
	for k := 0; k < len(b.Features); k++ {
		f := &b.Features[k]
		if err := f.check(); err != nil {
			return fmt.Errorf("features[%d]: %w", k, err)
		}
		if name := f.column(); k == 0 || f.Of == "" || f.Of != b.Features[k-1].Of {
			if seen[name] {
				return fmt.Errorf("features[%d]: column %q is there twice", k, name)
			}
			seen[name] = true
		} else if f.Index <= b.Features[k-1].Index {
			return fmt.Errorf("features[%d]: the indices of column %q do not rise", k, f.Of)
		}
	}
	return nil
}

// column is the column of a table that the feature is made of.
func (f *BinnedFeature) column() string {
	if f.Of != "" {
		return f.Of
	}
	return f.Name
}

func (f *BinnedFeature) check() error {
	switch {
	case f.Name == "":
		return fmt.Errorf("name: is empty")
	case f.Of != "" && f.Kind != tourney.Number, f.Of == "" && f.Index != 0, f.Index < 0 || f.Index >= MaxFeatures:
		return fmt.Errorf("of, index: entry %d of %q is none of a sparse column", f.Index, f.Of)
	case !f.Kind.Numeric() && f.Kind != tourney.Category && f.Kind != tourney.Text:
		return fmt.Errorf("kind: %q has no bins", f.Kind)
	case len(f.Edges) > 0 && !f.Kind.Numeric(), (len(f.Levels) > 0 || f.Other) && f.Kind != tourney.Category:
		return fmt.Errorf("edges, levels, other: they do not go with a %s", f.Kind)
	case f.Bins() > maxBins+1:
		return fmt.Errorf("has %d bins; the most is %d", f.Bins(), maxBins+1)
	case !finite(f.Edges...) || !slices.IsSorted(f.Edges) || len(slices.Compact(slices.Clone(f.Edges))) != len(f.Edges):
		return fmt.Errorf("edges: they are not finite and rising")
	}
	return distinct(f.Levels)
}

func distinct(levels []string) error {
	seen := make(map[string]bool, len(levels))
	for _, level := range levels {
		if seen[level] {
			return fmt.Errorf("levels: %q is there twice", level)
		}
		seen[level] = true
	}
	return nil
}

func finite(values ...float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}
