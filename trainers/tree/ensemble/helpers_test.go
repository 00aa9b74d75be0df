package ensemble_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/dataset/table"
	"tourney/trainers/tree/ensemble"
)

// shape says what a random ensemble is like.
type shape struct {
	outputs, perRound, rounds, leaves int
	average, weights                  bool
	link                              ensemble.Link
	numbersOnly                       bool
	parted                            bool // rare levels may go another way than missing ones
}

// features are the bins of columns of all kinds that LightGBM knows.
func features(rng *rand.Rand, numbersOnly bool) *dataset.Binning {
	b := &dataset.Binning{}
	for i := range 5 {
		f := dataset.BinnedFeature{Name: fmt.Sprintf("number %d", i), Kind: tourney.Number}
		at := -3.0
		for range 1 + rng.IntN(40) {
			at += rng.ExpFloat64() / 4
			f.Edges = append(f.Edges, at)
		}
		if i == 0 {
			f.Edges = []float64{-1.5, 0, 1e-300 + 0.1, 1.0 / 3, 2}
		}
		b.Features = append(b.Features, f)
	}
	b.Features = append(b.Features, dataset.BinnedFeature{Name: "flag", Kind: tourney.Boolean, Edges: []float64{0.5}})
	if numbersOnly {
		return b
	}
	many := make([]string, 70)
	for i := range many {
		many[i] = fmt.Sprintf("l%02d", i)
	}
	return &dataset.Binning{Features: append(b.Features,
		dataset.BinnedFeature{Name: "when", Kind: tourney.Date, Edges: []float64{0, 1.6e9, 1.7e9 + 0.5}},
		dataset.BinnedFeature{Name: "city, of birth", Kind: tourney.Category, Levels: []string{"Ä", "b \"c\"", "", "d<e>"}},
		dataset.BinnedFeature{Name: "street", Kind: tourney.Category, Levels: many, Other: true},
	)}
}

// random returns a random valid ensemble.
func random(rng *rand.Rand, s shape) *ensemble.Ensemble {
	e := &ensemble.Ensemble{
		Outputs: s.outputs, PerRound: s.perRound, Average: s.average, Link: s.link,
		Features: features(rng, s.numbersOnly),
	}
	for range s.outputs {
		e.Base = append(e.Base, rng.NormFloat64())
	}
	for range s.rounds * s.perRound {
		e.Trees = append(e.Trees, randomTree(rng, e, s))
		if s.weights {
			e.Weights = append(e.Weights, rng.Float64())
		}
	}
	return e
}

func randomTree(rng *rand.Rand, e *ensemble.Ensemble, s shape) *ensemble.Tree {
	inner := s.leaves - 1
	if s.leaves > 2 && rng.IntN(8) == 0 {
		inner = rng.IntN(inner)
	}
	t := &ensemble.Tree{Weight: make([]float64, 2*inner+1), Count: make([]int32, 2*inner+1)}
	for range inner {
		f := rng.IntN(len(e.Features.Features))
		in := &e.Features.Features[f]
		t.Feature = append(t.Feature, int32(f))
		t.Bin = append(t.Bin, uint8(rng.IntN(in.Bins())))
		t.MissingLeft = append(t.MissingLeft, rng.IntN(2) == 0)
		t.Cats = append(t.Cats, randomSet(rng, in, s.parted))
		t.Gain = append(t.Gain, rng.ExpFloat64())
		t.Left, t.Right = append(t.Left, 0), append(t.Right, 0)
	}
	// Hang nodes and leaves: each node but the root in place of a random leaf.
	var slots []*int32 // where a child is missing
	for node := range int32(inner) {
		if node > 0 {
			at := rng.IntN(len(slots))
			*slots[at] = node
			slots = append(slots[:at], slots[at+1:]...)
		}
		slots = append(slots, &t.Left[node], &t.Right[node])
	}
	rng.Shuffle(len(slots), func(i, j int) { slots[i], slots[j] = slots[j], slots[i] })
	for leaf, slot := range slots {
		*slot = ^int32(leaf)
	}
	values := e.Outputs
	if e.PerRound > 1 {
		values = 1
	}
	for range (inner + 1) * values {
		t.Value = append(t.Value, rng.NormFloat64())
	}
	count(rng, t, 0)
	return t
}

// count deals rows out to leaves and adds them up.
func count(rng *rand.Rand, t *ensemble.Tree, child int32) (int32, float64) {
	inner := len(t.Feature)
	if inner > 0 && child >= 0 {
		l, lw := count(rng, t, t.Left[child])
		r, rw := count(rng, t, t.Right[child])
		t.Count[child], t.Weight[child] = l+r, lw+rw
		return l + r, lw + rw
	}
	at := inner
	if inner > 0 {
		at += int(^child)
	}
	n := int32(1 + rng.IntN(30))
	w := float64(n) / 4
	t.Count[at], t.Weight[at] = n, w
	return n, w
}

func randomSet(rng *rand.Rand, f *dataset.BinnedFeature, parted bool) *[4]uint64 {
	if f.Kind.Numeric() || rng.IntN(10) == 0 && !f.Other {
		return nil
	}
	set := &[4]uint64{rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64()}
	if f.Other && !parted {
		other := len(f.Levels) + 1
		set[other>>6] = set[other>>6]&^(1<<(other&63)) | set[0]&1<<(other&63)
	}
	return set
}

// rows returns rows with values of all kinds of trouble: edges, zeros, missing
// values, and levels that nobody saw before.
func rows(rng *rand.Rand, b *dataset.Binning, n int) *table.Frame {
	frame := &table.Frame{Rows: n}
	for i := range b.Features {
		f := &b.Features[i]
		s := table.Series{Name: f.Name, Kind: f.Kind}
		if f.Kind == tourney.Category {
			s.Levels = append(append([]string{}, "unseen", "rare"), f.Levels...)
		}
		for range n {
			missing := rng.IntN(6) == 0
			switch {
			case f.Kind == tourney.Category && missing:
				s.Codes = append(s.Codes, table.NoCode)
			case f.Kind == tourney.Category:
				s.Codes = append(s.Codes, int32(rng.IntN(len(s.Levels))))
			case missing:
				s.Numbers = append(s.Numbers, math.NaN())
			default:
				s.Numbers = append(s.Numbers, randomNumber(rng, f))
			}
		}
		frame.Series = append(frame.Series, s)
	}
	return frame
}

func randomNumber(rng *rand.Rand, f *dataset.BinnedFeature) float64 {
	edge := f.Edges[rng.IntN(len(f.Edges))]
	switch rng.IntN(6) {
	case 0:
		return edge
	case 1, 2:
		if edge == 0 { // LightGBM takes what is nearer for 0
			return []float64{-2e-35, 2e-35}[rng.IntN(2)]
		}
		return math.Nextafter(edge, math.Inf(rng.IntN(2)*2-1))
	case 3:
		return []float64{0, math.Copysign(0, -1), 1e300, -1e300}[rng.IntN(4)]
	}
	return edge + rng.NormFloat64()
}

// binned returns rows as a matrix.
func binned(t testing.TB, e *ensemble.Ensemble, frame *table.Frame) *dataset.Matrix {
	t.Helper()
	bins, err := e.Features.Apply(frame)
	if err != nil {
		t.Fatal(err)
	}
	m, err := e.Matrix(bins)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// anyBins returns rows of random bins, also of more than features have.
func anyBins(rng *rand.Rand, d, n int) []uint8 {
	out := make([]uint8, n*d)
	for i := range out {
		out[i] = uint8(rng.IntN(256))
		if rng.IntN(4) == 0 {
			out[i] = ensemble.Missing
		}
	}
	return out
}

// shapes are ensembles of all kinds.
var shapes = map[string]shape{
	"one tree":               {outputs: 1, perRound: 1, rounds: 1, leaves: 6, link: ensemble.Identity},
	"stumps":                 {outputs: 1, perRound: 1, rounds: 40, leaves: 2, link: ensemble.Logistic},
	"boosted":                {outputs: 1, perRound: 1, rounds: 25, leaves: 31, link: ensemble.Logistic},
	"boosted numbers":        {outputs: 1, perRound: 1, rounds: 9, leaves: 31, link: ensemble.Exp, numbersOnly: true},
	"boosted classes":        {outputs: 3, perRound: 3, rounds: 7, leaves: 15, link: ensemble.Softmax},
	"dart":                   {outputs: 1, perRound: 1, rounds: 12, leaves: 8, link: ensemble.Identity, weights: true},
	"large trees":            {outputs: 1, perRound: 1, rounds: 3, leaves: 300, link: ensemble.Identity},
	"large trees of numbers": {outputs: 1, perRound: 1, rounds: 3, leaves: 300, link: ensemble.Identity, numbersOnly: true},
	"forest":                 {outputs: 3, perRound: 1, rounds: 10, leaves: 20, link: ensemble.Identity, average: true},
	"large forest":           {outputs: 2, perRound: 1, rounds: 4, leaves: 90, link: ensemble.Identity, average: true},
	"regression forest":      {outputs: 1, perRound: 1, rounds: 10, leaves: 40, link: ensemble.Identity, average: true, weights: true},
	"no tree":                {outputs: 2, perRound: 2, rounds: 0, leaves: 1, link: ensemble.Softmax},
	"constants":              {outputs: 1, perRound: 1, rounds: 3, leaves: 1, link: ensemble.Identity},
}
