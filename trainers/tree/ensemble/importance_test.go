package ensemble_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/tree/ensemble"
)

// threshold returns the tree that is 1 where a feature's bin is above one, and
// else -1.
func threshold(feature int32, bin uint8, gain float64) *ensemble.Tree {
	return &ensemble.Tree{
		Feature: []int32{feature}, Bin: []uint8{bin}, Cats: make([]*[4]uint64, 1), MissingLeft: []bool{true}, Left: []int32{^0}, Right: []int32{^1},
		Gain: []float64{gain}, Value: []float64{-1, 1}, Weight: make([]float64, 3), Count: []int32{4, 2, 2},
	}
}

func TestImportanceBySplits(t *testing.T) {
	e := &ensemble.Ensemble{
		Outputs: 1, PerRound: 1, Base: []float64{0}, Link: ensemble.Identity,
		Features: &dataset.Binning{Features: make([]dataset.BinnedFeature, 4)},
		Trees:    []*ensemble.Tree{threshold(2, 1, 5), threshold(0, 3, 0.5), threshold(2, 2, 1.25), {}},
	}
	if got, want := e.Gains(), []float64{0.5, 0, 6.25, 0}; !slices.Equal(got, want) {
		t.Errorf("gains are %v, want %v", got, want)
	}
	if got, want := e.Splits(), []int{1, 0, 2, 0}; !slices.Equal(got, want) {
		t.Errorf("splits are %v, want %v", got, want)
	}
}

// The score is ±1 by feature 0 and ±1/2 by feature 1, each way half the time;
// feature 2 is not asked for. Of the mean squared difference from the scores as
// they were, a feature dealt out anew flips half of its signs: 2²/2 and 1²/2.
func TestPermutation(t *testing.T) {
	number := func(name string) dataset.BinnedFeature {
		return dataset.BinnedFeature{Name: name, Kind: tourney.Number, Edges: []float64{0}}
	}
	e := &ensemble.Ensemble{
		Outputs: 1, PerRound: 1, Base: []float64{0}, Link: ensemble.Identity, Weights: []float64{1, 0.5},
		Features: &dataset.Binning{Features: []dataset.BinnedFeature{number("a"), number("b"), number("c")}},
		Trees:    []*ensemble.Tree{threshold(0, 1, 1), threshold(1, 1, 1)},
	}
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(22, 22))
	const n = 20_000
	bins := make([]uint8, 3*n)
	for i := range bins {
		bins[i] = uint8(1 + rng.IntN(2))
	}
	before := slices.Clone(bins)
	m, err := e.Matrix(bins)
	if err != nil {
		t.Fatal(err)
	}
	p := ensemble.NewPredictor(e)
	y := p.Scores(ensemble.Serial{}, m, 2)
	loss := func(scores []float64) float64 {
		sum := 0.0
		for i, v := range scores {
			sum += (v - y[i]) * (v - y[i])
		}
		return sum / n
	}
	got := p.Permutation(goroutines{}, m, 4, 1, loss)
	for i, want := range []float64{2, 0.5, 0} {
		// A flip's share has the standard deviation 1/(2√n) in a draw, 0.0035.
		if math.Abs(got[i].Mean-want) > want*0.03 || (got[i].SD > 0) != (want > 0) || got[i].SD > want*0.03 {
			t.Errorf("feature %d: %+v, want about %v", i, got[i], want)
		}
	}
	if !slices.Equal(got, p.Permutation(ensemble.Serial{}, m, 4, 1, loss)) {
		t.Error("the same seed gives another importance on another pool")
	}
	if slices.Equal(got, p.Permutation(ensemble.Serial{}, m, 4, 2, loss)) {
		t.Error("another seed gives the same importance")
	}
	if !slices.Equal(bins, before) {
		t.Error("the rows were changed")
	}
}
