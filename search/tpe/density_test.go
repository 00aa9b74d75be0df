package tpe_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tourney/search/axis"
	"tourney/search/tpe"
)

// Values made with 60 digits: a continued fraction in the tail, a series inside.
func TestLogMass(t *testing.T) {
	for _, tt := range []struct{ a, b, want float64 }{
		{-1, 1, -0.381715146302126072274},
		{0, 0.5, -1.653063514255567628750},
		{-0.25, 3, -0.515241312500084096605},
		{2, 2.1, -5.321440377608290691785},
		{7, 9, -27.38430758699496288361},
		{-12, -11.5, -69.49640612790510887676},
		{30, 30.2, -454.3236604880821717027},
		{36.5, 37.5, -670.6420000003137014539},
		{-41, -40, -804.6084420137537881691},
		{60, 60.05, -1805.064520865664198695},
		{90, 99, -4055.418871622244300561},
	} {
		if got := tpe.LogMass(tt.a, tt.b); !(math.Abs(got/tt.want-1) < 1e-12) {
			t.Errorf("ln(Φ(%v) − Φ(%v)) = %.15g, want %.15g", tt.b, tt.a, got, tt.want)
		}
	}
}

// The fast sort is the stable one; the reference's sorts, whatever it does with
// equals.
func TestOrders(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		v := make([]float64, rng.IntN(60))
		for i := range v {
			switch rng.IntN(3) {
			case 0:
				v[i] = rng.Float64()
			case 1:
				v[i] = float64(rng.IntN(5)) / 5
			case 2: // apart by a rounding error
				v[i] = 0.3 + float64(rng.IntN(3))*1e-16
			}
		}
		want := make([]int32, len(v))
		for i := range want {
			want[i] = int32(i)
		}
		slices.SortStableFunc(want, func(i, j int32) int { return cmp.Compare(v[i], v[j]) })
		got := make([]int32, len(v))
		if tpe.ByValue(v, got); !slices.Equal(got, want) {
			t.Fatalf("ByValue(%v) = %v, want %v", v, got, want)
		}
		tpe.AsNumpy(v, got)
		if !slices.IsSortedFunc(got, func(i, j int32) int { return cmp.Compare(v[i], v[j]) }) {
			t.Fatalf("AsNumpy(%v) = %v, which is not in order", v, got)
		}
		slices.Sort(got)
		for i := range got {
			if got[i] != int32(i) {
				t.Fatalf("AsNumpy of %d values is no permutation", len(v))
			}
		}
	}
}

// uneven are the axes of a finite space with cells of all kinds.
func uneven() []axis.Axis {
	return []axis.Axis{
		{Kind: axis.Ordered, Cells: 7},
		{Kind: axis.Choice, Cells: 3, Edges: []float64{0, 0.1, 0.3, 1}},
		{Kind: axis.Ordered, Cells: 4, Edges: []float64{0, 0.02, 0.5, 0.52, 1}},
	}
}

// cells yields a point of each cell of a finite space.
func cells(axes []axis.Axis) [][]float64 {
	points := [][]float64{nil}
	for i := range axes {
		var longer [][]float64
		for _, u := range points {
			for c := range axes[i].Cells {
				longer = append(longer, append(slices.Clone(u), axes[i].Middle(c)))
			}
		}
		points = longer
	}
	return points
}

// randomTrials returns trials of all states at random points.
func randomTrials(rng *rand.Rand, axes []axis.Axis, n int) []tpe.Trial {
	trials := make([]tpe.Trial, n)
	for i := range trials {
		u := make([]float64, len(axes))
		for j := range u {
			u[j] = axes[j].Snap(rng.Float64())
		}
		trials[i] = tpe.Trial{U: u, State: tpe.State(rng.IntN(4)), Loss: rng.NormFloat64(), Step: rng.IntN(3) - 1}
	}
	return trials
}

// Probabilities of all cells add up to 1, with any number of trials. By default
// the mass of narrow cells is a little off.
func TestDensitiesAddUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	axes := uneven()
	for _, optuna := range []bool{false, true} {
		s, err := tpe.New(axes, tpe.Options{Optuna: optuna})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, 2, 30, 400} {
			d := s.Densities(randomTrials(rng, axes, n))
			var l, g float64
			for _, u := range cells(axes) {
				a, b := d.Log(u)
				l, g = l+math.Exp(a), g+math.Exp(b)
			}
			off := 1e-4
			if optuna {
				off = 1e-9
			}
			if math.Abs(l-1) > off || math.Abs(g-1) > off {
				t.Errorf("optuna %v, %d trials: l adds up to %v, g to %v", optuna, n, l, g)
			}
		}
	}
}

// A lattice too fine for exact masses misses little by it.
func TestFineLatticeAddsUp(t *testing.T) {
	axes := []axis.Axis{{Kind: axis.Ordered, Cells: 1000}}
	s, err := tpe.New(axes, tpe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := s.Densities(randomTrials(rand.New(rand.NewPCG(2, 2)), axes, 300))
	sum := 0.0
	for _, u := range cells(axes) {
		_, g := d.Log(u)
		sum += math.Exp(g)
	}
	if math.Abs(sum-1) > 1e-4 {
		t.Errorf("g adds up to %v", sum)
	}
}

// The default takes cells that are narrow for their kernel by a shortcut; its
// densities are near the exact ones in the far tails too.
func TestNarrowCells(t *testing.T) {
	axes := []axis.Axis{{Kind: axis.Ordered, Cells: 300}}
	var trials []tpe.Trial // at the lower end, so that the upper is 50 σ away
	for i := range 60 {
		trials = append(trials, tpe.Trial{U: []float64{0.001 * float64(i)}, Loss: float64(i)})
	}
	exact, quick := build(t, axes, tpe.Options{Optuna: true}), build(t, axes, tpe.Options{})
	for _, u := range cells(axes) {
		_, want := exact.Densities(trials).Log(u)
		_, got := quick.Densities(trials).Log(u)
		if !(math.Abs(got-want) < 1e-4) {
			t.Fatalf("ln g(%v) = %v, want %v", u, got, want)
		}
	}
}

// Of continuous axes the density integrates to 1.
func TestDensityIntegrates(t *testing.T) {
	s, err := tpe.New(make([]axis.Axis, 2), tpe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := s.Densities(randomTrials(rand.New(rand.NewPCG(3, 1)), make([]axis.Axis, 2), 60))
	const n = 400
	var l, g float64
	for i := range n {
		for j := range n {
			a, b := d.Log([]float64{(float64(i) + 0.5) / n, (float64(j) + 0.5) / n})
			l, g = l+math.Exp(a)/(n*n), g+math.Exp(b)/(n*n)
		}
	}
	if math.Abs(l-1) > 1e-3 || math.Abs(g-1) > 1e-3 {
		t.Errorf("l integrates to %v, g to %v", l, g)
	}
}

// What is drawn from l has the frequencies that l says: chi-squared, with 83
// degrees of freedom, exceeds 138 once in 10,000 times.
func TestDrawsFollowTheDensity(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	axes := uneven()
	for _, optuna := range []bool{false, true} {
		s, err := tpe.New(axes, tpe.Options{Optuna: optuna})
		if err != nil {
			t.Fatal(err)
		}
		d := s.Densities(randomTrials(rng, axes, 60))
		const draws = 200_000
		count := map[[3]int64]int{}
		for range draws {
			count[cellOf(axes, d.DrawBelow(rng, s))]++
		}
		chi := 0.0
		for _, u := range cells(axes) {
			l, _ := d.Log(u)
			want := draws * math.Exp(l)
			off := float64(count[cellOf(axes, u)]) - want
			chi += off * off / want
		}
		if chi > 138 {
			t.Errorf("optuna %v: chi-squared %v", optuna, chi)
		}
	}
}

func cellOf(axes []axis.Axis, u []float64) (cell [3]int64) {
	for i := range axes {
		cell[i] = axes[i].Cell(u[i])
	}
	return cell
}
