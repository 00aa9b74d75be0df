package grow_test

import (
	"math/rand/v2"
	"testing"

	"tourney/trainers/tree/ensemble"
	"tourney/trainers/tree/grow"
)

// gappyWorld has numbers of which no row has the lowest bins: in the whole table
// or, where the lowest bins are what a first split takes away, below it. What a
// split gains most from is the missing values, alone or with the lowest bin that
// there is. Its leaves have more rows than are searched without a histogram.
func gappyWorld(rng *rand.Rand) world {
	d := 1 + rng.IntN(3)
	w := world{table: &grow.Table{D: d}, c: grow.Config{
		MaxLeaves: 2 + rng.IntN(4), MinRows: 1 + rng.IntN(3), LeafWise: rng.IntN(2) == 0, NodeFeatures: 1,
	}}
	type shape struct{ lowest, lead int }
	shapes := make([]shape, d)
	for f := range d {
		shapes[f] = shape{lowest: 1 + rng.IntN(8), lead: rng.IntN(2) * rng.IntN(60)}
		w.table.Features = append(w.table.Features, grow.Feature{Bins: shapes[f].lowest + 2 + rng.IntN(12)})
	}
	effect, withLowest := rng.IntN(d), rng.IntN(2) == 0
	hess := rng.IntN(2) == 0
	w.in = grow.Input{Shrink: 1, Rounding: rng.Uint64()}
	for r := range 300 + rng.IntN(200) {
		w.rows = append(w.rows, int32(r))
		g := float32(rng.IntN(9)-4) / 64
		for f := range d {
			s, bins := shapes[f], w.table.Features[f].Bins
			b := s.lowest + rng.IntN(bins-s.lowest)
			switch k := rng.IntN(100); {
			case k < 25:
				b = ensemble.Missing
			case k < 25+s.lead:
				b = 1
			}
			w.table.Bins = append(w.table.Bins, uint8(b))
			if f != effect {
				continue
			}
			switch {
			case b == ensemble.Missing || withLowest && b == s.lowest && s.lowest > 1:
				g++
			case b == 1:
				g -= 4
			}
		}
		w.in.Grad = append(w.in.Grad, g)
		if hess {
			w.in.Hess = append(w.in.Hess, float32(32+rng.IntN(64))/64)
		}
	}
	return w
}

// Bins that no row of a leaf has are no place for a split, though missing values
// go left: a split there would part missing values from all others, which is a
// split behind the last bin. The tree is that of the definition.
func TestEmptyLowBinsAreNoThresholds(t *testing.T) {
	alone, together := 0, 0
	for seed := range uint64(1500) {
		w := gappyWorld(rand.New(rand.NewPCG(seed, 2)))
		got := grow.New(w.table, w.rows, w.c).Grow(w.in, nil)
		want := (&definition{t: w.table, rows: w.rows, c: w.c, in: w.in}).grow()
		for i := range want.Value {
			if i < len(got.Value) && close(got.Value[i], want.Value[i]) {
				want.Value[i] = got.Value[i]
			}
		}
		for i := range want.Gain {
			if i < len(got.Gain) && close(got.Gain[i], want.Gain[i]) {
				want.Gain[i] = got.Gain[i]
			}
		}
		if d := differ(got, want); d != "" {
			t.Fatalf("seed %d: %s\n%s", seed, d, &w)
		}
		for i, f := range want.Feature {
			switch {
			case int(want.Bin[i]) == w.table.Features[f].Bins-1:
				alone++
			case want.MissingLeft[i]:
				together++
			}
		}
	}
	if alone < 500 || together < 500 {
		t.Errorf("%d splits part missing values from the others, and %d send them left with some: the worlds test too little", alone, together)
	}
}
