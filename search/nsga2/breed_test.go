package nsga2

import (
	"math"
	"math/rand/v2"
	"testing"

	"tourney/search/axis"
)

// Simulated binary crossover keeps the middle of its parents on average where
// no limit is near, and its spread factor has the density of Deb and Agrawal
// 1995: half of the children lie between the parents.
func TestBlend(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n = 40000
	sum, between := 0.0, 0.0
	for range n {
		x := blend(rng, 0.52, 0.48)
		if !(x >= 0 && x < 1) {
			t.Fatal(x)
		}
		sum += x
		if x > 0.48 && x < 0.52 {
			between++
		}
	}
	if math.Abs(sum/n-0.5) > 0.001 || math.Abs(between/n-0.5) > 0.015 {
		t.Errorf("mean %v, share between the parents %v", sum/n, between/n)
	}
	for range n {
		if x := blend(rng, 0, below1); !(x >= 0 && x < 1) {
			t.Fatal(x)
		}
	}
}

// Polynomial mutation of index 5 moves up and down as often, by
// 1 - E[(2u)^(1/6)] = 1 - 6/7 of the range on average (u uniform up to 1/2)
// without limits. In the middle of the range they take part: up to 1/2 of the
// range, the mean size is 1 - E[(v + (1-v) 2^-6)^(1/6)], v uniform, which is
// 1 - (6/7) (1 - 2^-7) / (1 - 2^-6).
func TestPerturb(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	const n = 40000
	up, size := 0.0, 0.0
	want := 1 - 6.0/7*(1-1.0/128)/(1-1.0/64)
	for range n {
		x := perturb(rng, 0.5)
		if x > 0.5 {
			up++
		}
		size += math.Abs(x - 0.5)
		for _, end := range []float64{0, below1} {
			if x := perturb(rng, end); !(x >= 0 && x < 1) {
				t.Fatal(x)
			}
		}
	}
	if math.Abs(up/n-0.5) > 0.015 || math.Abs(size/n-want) > 0.003 {
		t.Errorf("share up %v, mean size %v, want 0.5 and %v", up/n, size/n, want)
	}
}

// A mutated lattice or choice has another cell, and each other choice is as
// likely.
func TestMutateChangesTheCell(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	for _, a := range []axis.Axis{{Kind: axis.Ordered, Cells: 2}, {Kind: axis.Ordered, Cells: 7}, {Kind: axis.Choice, Cells: 5}} {
		for from := range a.Cells {
			count := make([]int, a.Cells)
			const n = 5000
			for range n {
				count[a.Cell(mutate(rng, &a, a.Middle(from)))]++
			}
			if count[from] > 0 {
				t.Errorf("%v: cell %d stayed %d times", a, from, count[from])
			}
			for cell, c := range count {
				if want := n / 4; a.Kind == axis.Choice && int64(cell) != from && (c < want-200 || c > want+200) {
					t.Errorf("choice %d of %d: %d times, want about %d", cell, from, c, want)
				}
			}
		}
	}
}
