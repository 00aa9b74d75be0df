package grow_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"tourney/trainers/tree/grow"
)

// world is a random small table, limits and gradients whose sums are exact.
type world struct {
	table *grow.Table
	rows  []int32
	c     grow.Config
	in    grow.Input
}

func randomWorld(rng *rand.Rand) world {
	chance := func(odds float64) bool { return rng.Float64() < odds }
	d := 1 + rng.IntN(5)
	if chance(0.1) {
		d = 8 + rng.IntN(10)
	}
	size := 1 + rng.IntN(60)
	if chance(0.3) {
		size = 130 + rng.IntN(200)
	}
	w := world{table: &grow.Table{D: d}}
	missing := make([]float64, d)
	for f := range d {
		in := grow.Feature{Bins: 2 + rng.IntN(20), Categorical: chance(0.3)}
		if chance(0.1) {
			in.Bins = 256
		}
		if chance(0.3) {
			in.Monotone = int8(rng.IntN(3) - 1)
		}
		if chance(0.4) {
			missing[f] = rng.Float64() * rng.Float64()
		}
		if chance(0.03) {
			missing[f] = 1
		}
		w.table.Features = append(w.table.Features, in)
	}
	noMonotone := chance(0.6)
	for f := range d {
		if noMonotone {
			w.table.Features[f].Monotone = 0
		}
	}
	for range size {
		for f := range d {
			b := 0
			if !chance(missing[f]) {
				b = 1 + rng.IntN(w.table.Features[f].Bins-1)
			}
			w.table.Bins = append(w.table.Bins, uint8(b))
		}
	}
	holes := chance(0.3)
	for r := range size {
		if !holes || chance(0.8) {
			w.rows = append(w.rows, int32(r))
		}
	}
	w.c = grow.Config{
		MaxLeaves: rng.IntN(12), MaxDepth: rng.IntN(6), MinRows: rng.IntN(8), LeafWise: chance(0.6),
		MaxCatThreshold: 1 + rng.IntN(8), MaxCatToOnehot: 4 * rng.IntN(3), MinRowsPerGroup: rng.IntN(6),
		CatSmooth: float64(rng.IntN(4)), CatL2: float64(rng.IntN(3)), NodeFeatures: 1,
	}
	for _, limit := range []*float64{&w.c.MinHessian, &w.c.MinGain, &w.c.L1, &w.c.L2, &w.c.MaxDeltaStep, &w.c.PathSmooth} {
		if chance(0.3) {
			*limit = float64(1+rng.IntN(16)) / 4
		}
	}
	w.c.ExtraTrees = chance(0.2)
	if chance(0.2) {
		w.c.NodeFeatures = 0.2 + 0.7*rng.Float64()
	}
	if chance(0.3) {
		w.c.HistogramBytes = 1
	}
	w.gradients(rng)
	return w
}

// gradients draws gradients and hessians of few bits.
func (w *world) gradients(rng *rand.Rand) {
	w.in = grow.Input{Shrink: 0.5, Seed: rng.Uint64(), Rounding: rng.Uint64()}
	effect, levels := rng.IntN(w.table.D), 1+rng.IntN(1000)
	if rng.IntN(2) == 0 {
		w.in.Hess = make([]float32, len(w.rows))
	}
	for p, r := range w.rows {
		g := float32(rng.IntN(2*levels+1)-levels) / 256
		g += float32(int(w.table.Bins[int(r)*w.table.D+effect])%5) / 4
		w.in.Grad = append(w.in.Grad, g)
		if w.in.Hess != nil {
			w.in.Hess[p] = float32(rng.IntN(levels+1)) / 256
		}
	}
	if w.in.Hess != nil && rng.IntN(3) == 0 { // rows without weight
		for p := range w.in.Hess {
			if rng.IntN(4) == 0 {
				w.in.Grad[p], w.in.Hess[p] = 0, 0
			}
		}
	}
	if rng.IntN(4) == 0 {
		w.in.Sample = []int32{}
		for p := range w.rows {
			if rng.IntN(3) > 0 {
				w.in.Sample = append(w.in.Sample, int32(p))
			}
		}
	}
	if rng.IntN(4) == 0 {
		w.in.Features = []int32{}
		for f := range w.table.D {
			if rng.IntN(3) > 0 {
				w.in.Features = append(w.in.Features, int32(f))
			}
		}
	}
}

func (w *world) String() string {
	return fmt.Sprintf("%d rows of %d, features %+v, %+v\nsample %v of features %v, hessians %v", len(w.rows), len(w.table.Bins)/w.table.D,
		w.table.Features, w.c, w.in.Sample != nil, w.in.Features, w.in.Hess != nil)
}

// The fast way finds the tree of the definition.
func TestGrowIsItsDefinition(t *testing.T) {
	inner, cats := 0, 0
	for seed := range uint64(4000) {
		w := randomWorld(rand.New(rand.NewPCG(seed, 1)))
		got := grow.New(w.table, w.rows, w.c).Grow(w.in, nil)
		want := (&definition{t: w.table, rows: w.rows, c: w.c, in: w.in}).grow()
		if len(w.rows) == 0 || w.in.Sample != nil && len(w.in.Sample) == 0 {
			want.Value[0] = 0
		}
		for i := range want.Value {
			if close(got.Value[min(i, len(got.Value)-1)], want.Value[i]) {
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
		inner += len(got.Feature)
		for _, set := range got.Cats {
			if set != nil {
				cats++
			}
		}
	}
	if inner < 6000 || cats < 1000 {
		t.Errorf("the worlds have only %d splits, %d of categories", inner, cats)
	}
}

func close(a, b float64) bool { return math.Abs(a-b) <= 1e-9*(1+math.Abs(b)) }

// differ says how two trees differ.
func differ(got, want any) string {
	a, b := reflect.ValueOf(got).Elem(), reflect.ValueOf(want).Elem()
	for i := range a.NumField() {
		x, y := a.Field(i), b.Field(i)
		if x.Len() == 0 && y.Len() == 0 {
			continue
		}
		if !reflect.DeepEqual(x.Interface(), y.Interface()) {
			return fmt.Sprintf("%s is %v, not %v", a.Type().Field(i).Name, x.Interface(), y.Interface())
		}
	}
	return ""
}
