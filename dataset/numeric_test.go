package dataset_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tourney/dataset"
)

// Expected values are mpmath's, with 40 digits, rounded.
func TestElementaryFunctions(t *testing.T) {
	near := func(name string, x, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 2e-15*math.Abs(want) {
			t.Errorf("%s(%v) = %v, want %v", name, x, got, want)
		}
	}
	for _, c := range [][2]float64{
		{0, 0},
		{1e-300, 1e-300},
		{1e-10, 9.999999999500001e-11},
		{0.001, 0.0009995003330835331},
		{0.3, 0.26236426446749106},
		{0.4142, 0.3465640001880034},
		{0.4143, 0.3466347090443171},
		{1, 0.6931471805599453},
		{2.5, 1.252762968495368},
		{1000, 6.90875477931522},
		{1e17, 39.14394658089878},
		{1e300, 690.7755278982137},
		{math.Inf(1), math.Inf(1)},
	} {
		if c[1] == math.Inf(1) {
			if got := dataset.Log1p(c[0]); got != c[1] {
				t.Errorf("log1p(%v) = %v", c[0], got)
			}
			continue
		}
		near("log1p", c[0], dataset.Log1p(c[0]), c[1])
	}
	for _, c := range [][2]float64{
		{1e-07, -5.1993375821928165},
		{0.001, -3.0902323061678136},
		{0.0749, -1.4402382675279637},
		{0.075, -1.439531470938456},
		{0.25, -0.6744897501960817},
		{0.5, 0},
		{0.6, 0.2533471031357997},
		{0.925, 1.4395314709384561},
		{0.9251, 1.440238267527964},
		{0.9999999, 5.199337582290661},
	} {
		near("the normal quantile of ", c[0], dataset.NormalQuantile(c[0]), c[1])
	}
}

func TestSortFloats(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{0, 1, 4095, 4096, 20_000} {
		for _, draw := range []func() float64{
			rng.NormFloat64,
			func() float64 { return float64(rng.IntN(5)) - 2 },
			func() float64 {
				for {
					if v := math.Float64frombits(rng.Uint64()); !math.IsNaN(v) {
						return v
					}
				}
			},
		} {
			values := make([]float64, n)
			for i := range values {
				values[i] = draw()
			}
			want := slices.Clone(values)
			slices.Sort(want)
			dataset.SortFloats(values)
			if !slices.Equal(values, want) {
				t.Errorf("%d values are out of order", n)
			}
		}
	}
}

func TestOrderByHand(t *testing.T) {
	// 1 1 3 7 and two missing ones that are filled in as 2: 1 1 2 2 3 7.
	for _, given := range []struct {
		values []float64
		ends   []int
	}{{[]float64{1, 1, 3, 7}, nil}, {[]float64{1, 3, 7}, []int{2, 3, 4}}} {
		at, quantile, median, mode := dataset.Order(given.values, given.ends, 2, 2)
		for i, want := range []float64{1, 1, 2, 2, 3, 7} {
			if got := at(i); got != want {
				t.Errorf("place %d is %v, want %v", i, got, want)
			}
		}
		if median != 2 || mode != 1 { // of the values present: (1+3)/2, and 1 twice
			t.Errorf("median %v, mode %v", median, mode)
		}
		for q, want := range map[float64]float64{0: 1, 1: 7, 0.5: 2, 0.75: 2.75, 0.9: 5} {
			if got := quantile(q); math.Abs(got-want) > 1e-15 {
				t.Errorf("quantile %v is %v, want %v", q, got, want)
			}
		}
	}
	if _, _, median, mode := dataset.Order([]float64{4, 4, 9, 9}, nil, 0, 0); mode != 4 || median != 6.5 {
		t.Errorf("median %v, mode %v; the least of several modes is 4", median, mode)
	}
	for n, want := range map[int]int{1: 1, 1 << 23: 1, 1<<23 + 1: 2, 1 << 24: 2, 1<<24 + 1: 3} {
		if got := dataset.Stride(n); got != want {
			t.Errorf("of %d rows every %d-th is taken, want %d", n, got, want)
		}
	}
}
