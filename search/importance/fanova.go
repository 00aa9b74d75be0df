package importance

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"tourney"
	"tourney/search/axis"
)

// FanovaOptions bound what Fanova computes. A zero means the default.
type FanovaOptions struct {
	Trees int // 64
	Depth int // 64: splits between the root and a leaf
	// Trials is how many trials the forest is grown from, at most. Where there
	// are more, a sample of them is drawn. The default is 2000 and, of a space
	// of more than 100 axes, 200,000 by the number of axes, but 500 at least: a
	// few seconds.
	Trials int
	// Pairs is among how many axes pairs are looked at; 0 means none at all.
	// Of more axes, those are taken that the trees gain most from, alone or with
	// others.
	Pairs int
}

// Pair is how much two axes matter together, beyond what each does alone.
type Pair struct {
	Axes [2]int // the lower number first
	// Value is on the scale of the axes' values: 1 is what all axes explain
	// alone.
	Value  float64
	Raw    float64 // the part of the variance
	StdErr float64 // of Value
}

// FanovaResult is the result of Fanova.
type FanovaResult struct {
	Axes   []Importance // most important first
	Pairs  []Pair       // most important first
	Trials int          // that the forest was grown from
}

// bounds of the options; beyond them nobody waits.
const (
	maxTrees  = 4096
	maxDepth  = 1024
	maxTrials = 1 << 20
)

// Fanova returns the part of the variance of the loss that each axis explains
// alone, and each pair of axes together, by functional analysis of variance
// over a random forest: each tree is grown on a bootstrap sample of the trials,
// and its marginals are exact sums over the boxes of its leaves.
//
// Failed trials are left out, having no loss to vary. Where a parameter has no
// part in a trial, the loss is that for any of its values: each tree sees a
// value drawn for it. So a conditional parameter explains what it does where it
// is active, scaled down by how seldom that is, and its pair with the parameter
// that decides explains the rest.
//
// The marginals are over the space as the distributions of the parameters
// weigh it, not over where the trials are. Grown trees see trials of a random
// or Sobol sampler best.
func Fanova(axes []axis.Axis, points [][]float64, losses []float64, o FanovaOptions, rng *rand.Rand) (FanovaResult, error) {
	if err := check(axes, points, len(losses)); err != nil {
		return FanovaResult{}, err
	}
	for _, opt := range []struct {
		path            string
		value           *int
		def, least, max int
	}{
		{"trees", &o.Trees, 64, 1, maxTrees},
		{"depth", &o.Depth, 64, 1, maxDepth},
		{"trials", &o.Trials, min(max(200_000/max(len(axes), 1), 500), 2000), 2, maxTrials},
		{"pairs", &o.Pairs, 0, 0, math.MaxInt},
	} {
		if *opt.value == 0 {
			*opt.value = opt.def
		}
		if *opt.value < opt.least || *opt.value > opt.max {
			return FanovaResult{}, tourney.Invalid(opt.path, "must be between %d and %d, not %d", opt.least, opt.max, *opt.value)
		}
	}
	f := newForest(axes, points, losses, o.Trials, rng)
	res := FanovaResult{Axes: none(axes), Trials: len(f.y)}
	if !f.varies() {
		return res, nil
	}
	trees := make([]tree, o.Trees)
	gains := make([]float64, len(axes))
	for i := range trees {
		trees[i] = f.grow(o.Depth, gains, rng)
	}
	f.explain(&res, trees, f.chosen(gains, o.Pairs))
	return res, nil
}

// chosen returns the axes among which pairs are looked at, in order.
func (f *forest) chosen(gains []float64, n int) []int {
	var chosen []int
	for d, gain := range gains {
		if gain > 0 {
			chosen = append(chosen, d)
		}
	}
	if len(chosen) > n {
		slices.SortStableFunc(chosen, func(a, b int) int { return cmp.Compare(gains[b], gains[a]) })
		chosen = chosen[:n]
		slices.Sort(chosen)
	}
	return chosen
}

// explain fills in the mean over the trees of the parts of the variance, and
// from their spread the errors: each tree's trials are a bootstrap sample.
func (f *forest) explain(res *FanovaResult, trees []tree, chosen []int) {
	firsts := make([]moments, len(f.axes))
	pairs := make([]moments, len(chosen)*(len(chosen)-1)/2)
	alone := make([]float64, len(f.axes)) // variances in one tree
	for i := range trees {
		m := f.marginals(&trees[i])
		if !(m.variance > 0) {
			continue
		}
		m.alone(alone)
		for d, v := range alone {
			firsts[d].add(v / m.variance)
		}
		k := 0
		for i, d := range chosen {
			for _, e := range chosen[i+1:] {
				var more float64
				if m.width[d] != nil && m.width[e] != nil {
					more = max(m.together(d, e)-alone[d]-alone[e], 0)
				}
				pairs[k].add(more / m.variance)
				k++
			}
		}
	}
	var sum float64
	for d := range firsts {
		res.Axes[d].Raw, res.Axes[d].StdErr = firsts[d].mean, firsts[d].deviation()
		sum += firsts[d].mean
	}
	res.Axes = shares(res.Axes)
	if sum == 0 {
		sum = 1 // pure interaction: pairs are parts of the variance
	}
	k := 0
	for i, d := range chosen {
		for _, e := range chosen[i+1:] {
			p := &pairs[k]
			res.Pairs = append(res.Pairs, Pair{
				Axes: [2]int{d, e}, Value: p.mean / sum, Raw: p.mean, StdErr: p.deviation() / sum,
			})
			k++
		}
	}
	slices.SortStableFunc(res.Pairs, func(a, b Pair) int { return cmp.Compare(b.Raw, a.Raw) })
}

// moments are the running mean and spread of some numbers (Welford 1962).
type moments struct {
	n, mean, squares float64
}

func (m *moments) add(x float64) {
	m.n++
	d := x - m.mean
	m.mean += d / m.n
	m.squares += d * (x - m.mean)
}

// deviation is the standard deviation of the numbers.
func (m *moments) deviation() float64 {
	if m.n < 2 {
		return 0
	}
	return math.Sqrt(m.squares / (m.n - 1))
}
