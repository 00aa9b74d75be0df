package pareto_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tourney/search/pareto"
)

func TestDominates(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, tt := range []struct {
		a, b []float64
		want bool
	}{
		{[]float64{1, 2}, []float64{1, 3}, true},
		{[]float64{1, 3}, []float64{1, 2}, false},
		{[]float64{1, 2}, []float64{1, 2}, false},
		{[]float64{1, 3}, []float64{2, 2}, false},
		{[]float64{1, 2}, []float64{inf, inf}, true},
		{[]float64{1, 2}, []float64{nan, 2}, true},
		{[]float64{nan, 1}, []float64{2, 2}, false},
		{[]float64{inf, 1}, []float64{nan, 1}, false},
	} {
		if got := pareto.Dominates(tt.a, tt.b); got != tt.want {
			t.Errorf("Dominates(%v, %v) = %v", tt.a, tt.b, got)
		}
	}
}

// better is definition 1 of Deb et al. 2002, word by word.
func better(losses [][]float64, violations []float64, i, j int) bool {
	if violations != nil {
		feasibleI, feasibleJ := violations[i] <= 0, violations[j] <= 0
		if feasibleI != feasibleJ {
			return feasibleI
		}
		if !feasibleI {
			return violations[i] < violations[j]
		}
	}
	return pareto.Dominates(losses[i], losses[j])
}

// peel ranks by taking away what nothing left is better than, again and again.
func peel(losses [][]float64, violations []float64) []int {
	ranks := make([]int, len(losses))
	for i := range ranks {
		ranks[i] = -1
	}
	for rank, left := 0, len(losses); left > 0; rank++ {
		var front []int
		for i := range losses {
			if ranks[i] >= 0 {
				continue
			}
			if !slices.ContainsFunc(indices(len(losses)), func(j int) bool { return ranks[j] < 0 && better(losses, violations, j, i) }) {
				front = append(front, i)
			}
		}
		for _, i := range front {
			ranks[i] = rank
		}
		left -= len(front)
	}
	return ranks
}

func indices(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// lattice draws vectors of few values, so that many tie.
func lattice(rng *rand.Rand, n, m, values int) [][]float64 {
	out := make([][]float64, n)
	for i := range out {
		out[i] = make([]float64, m)
		for j := range out[i] {
			out[i][j] = float64(rng.IntN(values))
		}
	}
	return out
}

func TestRanksArePeeledFronts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for run := range 2000 {
		n, m := rng.IntN(30), 1+rng.IntN(4)
		losses := lattice(rng, n, m, 2+rng.IntN(12))
		var violations []float64
		for i := range losses {
			if rng.IntN(8) == 0 {
				losses[i][rng.IntN(m)] = []float64{math.Inf(1), math.NaN()}[rng.IntN(2)]
			}
			if run%2 == 0 {
				violations = append(violations, float64(rng.IntN(5)-2))
			}
		}
		if run%2 == 0 && n == 0 {
			violations = []float64{}
		}
		if got, want := pareto.Ranks(losses, violations), peel(losses, violations); !slices.Equal(got, want) {
			t.Fatalf("Ranks(%v, %v) = %v, want %v", losses, violations, got, want)
		}
	}
}

func TestBrokenConstraintsComeLast(t *testing.T) {
	losses := [][]float64{{0, 0}, {5, 5}, {1, 1}, {9, 9}, {2, 2}}
	violations := []float64{3, 0, 0.5, -1, math.NaN()}
	if got, want := pareto.Ranks(losses, violations), []int{3, 0, 2, 1, 4}; !slices.Equal(got, want) {
		t.Errorf("Ranks = %v, want %v", got, want)
	}
	if got, want := pareto.Front(losses, violations), []int{1}; !slices.Equal(got, want) {
		t.Errorf("Front = %v, want %v", got, want)
	}
}

// By hand: the ranges are 4 and 7; (2, 4) lies between (1, 6) and (4, 1), and
// (1, 6) between (0, 8) and (2, 4).
func TestCrowding(t *testing.T) {
	front := [][]float64{{4, 1}, {0, 8}, {2, 4}, {1, 6}}
	inf := math.Inf(1)
	want := []float64{inf, inf, 3.0/4 + 5.0/7, 2.0/4 + 4.0/7}
	got := pareto.Crowding(front)
	for i := range want {
		if got[i] != want[i] && !(math.Abs(got[i]-want[i]) < 1e-15) {
			t.Errorf("Crowding = %v, want %v", got, want)
		}
	}
	if got := pareto.Order(append(front, []float64{5, 9}), nil); !slices.Equal(got, []int{0, 1, 2, 3, 4}) {
		t.Errorf("Order = %v", got)
	}
	same := pareto.Crowding([][]float64{{1, 1}, {1, 1}, {1, 1}})
	if !slices.Equal(same, []float64{inf, 0, inf}) {
		t.Errorf("Crowding of one vector, three times = %v", same)
	}
	for _, d := range pareto.Crowding([][]float64{{1, inf}, {2, 3}, {inf, 2}, {3, 2}}) {
		if math.IsNaN(d) {
			t.Error("a crowding distance is no number")
		}
	}
}

func TestHypervolumeByHand(t *testing.T) {
	for _, tt := range []struct {
		losses    [][]float64
		reference []float64
		want      float64
	}{
		{nil, []float64{1, 1}, 0},
		{[][]float64{{2}, {5}, {3}}, []float64{10}, 8},
		{[][]float64{{1, 3}, {2, 2}, {3, 1}}, []float64{4, 4}, 6},
		{[][]float64{{1, 3}, {2, 2}, {2, 3}, {5, 0}, {0, 4}, {math.Inf(1), 0}, {math.NaN(), 0}}, []float64{4, 4}, 5},
		{[][]float64{{1, 2, 3}, {3, 2, 1}}, []float64{4, 4, 4}, 6 + 6 - 2},
		{[][]float64{{0, 1, 1, 1}, {1, 0, 1, 1}}, []float64{2, 2, 2, 2}, 2 + 2 - 1},
	} {
		if got := pareto.Hypervolume(tt.losses, tt.reference); got != tt.want {
			t.Errorf("Hypervolume(%v, %v) = %v, want %v", tt.losses, tt.reference, got, tt.want)
		}
	}
}

// cells counts the unit cubes of the lattice that a vector dominates.
func cells(losses [][]float64, m, side int) float64 {
	count := 0
	corner := make([]float64, m)
	for c := range int(math.Pow(float64(side), float64(m))) {
		for j := range corner {
			corner[j] = float64(c % side)
			c /= side
		}
		if slices.ContainsFunc(losses, func(y []float64) bool {
			for j := range y {
				if y[j] > corner[j] {
					return false
				}
			}
			return true
		}) {
			count++
		}
	}
	return float64(count)
}

// On whole numbers every volume is a count, so the equality is exact.
func TestHypervolumeCountsCells(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	for range 1500 {
		m, side := 1+rng.IntN(5), 4
		losses := lattice(rng, rng.IntN(12), m, side+1)
		reference := make([]float64, m)
		for j := range reference {
			reference[j] = float64(side)
		}
		before := fmt.Sprint(losses)
		want := cells(losses, m, side)
		if got := pareto.Hypervolume(losses, reference); got != want {
			t.Fatalf("Hypervolume(%v) = %v, want %v", losses, got, want)
		}
		for i, got := range pareto.Contributions(losses, reference) {
			rest := slices.Concat(losses[:i], losses[i+1:])
			if exclusive := want - cells(rest, m, side); got != exclusive {
				t.Fatalf("contribution of %d of %v = %v, want %v", i, losses, got, exclusive)
			}
		}
		if fmt.Sprint(losses) != before {
			t.Fatal("the argument was changed")
		}
	}
}

// A share of random points that the vectors dominate is the volume, within
// five standard errors.
func TestHypervolumeAgainstMonteCarlo(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	for _, m := range []int{2, 3, 4, 6} {
		losses := make([][]float64, 25)
		reference := make([]float64, m)
		for j := range reference {
			reference[j] = 1
		}
		for i := range losses { // near the unit sphere, so that most are in the front
			losses[i] = make([]float64, m)
			norm := 0.0
			for j := range losses[i] {
				losses[i][j] = math.Abs(rng.NormFloat64())
				norm += losses[i][j] * losses[i][j]
			}
			for j := range losses[i] {
				losses[i][j] /= math.Sqrt(norm)
			}
		}
		const n = 20000
		hit := 0.0
		u := make([]float64, m)
		for range n {
			for j := range u {
				u[j] = rng.Float64()
			}
			if slices.ContainsFunc(losses, func(y []float64) bool { return pareto.Dominates(y, u) }) {
				hit++
			}
		}
		got, p := pareto.Hypervolume(losses, reference), hit/n
		if math.Abs(got-p) > 5*math.Sqrt(p*(1-p)/n)+1e-3 {
			t.Errorf("%d losses: %v, by %d points %v", m, got, n, p)
		}
	}
}

// Greedy: each step takes what adds most; and at least 1-1/e of the best set.
func TestSelectIsGreedy(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	for range 300 {
		m := 2 + rng.IntN(3)
		losses := lattice(rng, 1+rng.IntN(8), m, 8)
		reference := slices.Repeat([]float64{7}, m)
		k := rng.IntN(len(losses) + 2)
		got := pareto.Select(losses, reference, k)
		if len(got) != min(k, len(losses)) {
			t.Fatalf("Select took %d of %d", len(got), k)
		}
		var taken [][]float64
		for n, i := range got {
			if slices.Contains(got[:n], i) {
				t.Fatalf("Select = %v takes one twice", got)
			}
			gain := pareto.Hypervolume(append(slices.Clone(taken), losses[i]), reference)
			for j := range losses {
				if other := pareto.Hypervolume(append(slices.Clone(taken), losses[j]), reference); other > gain {
					t.Fatalf("Select(%v) = %v: at step %d, %d reaches %v and %d %v", losses, got, n, i, gain, j, other)
				}
			}
			taken = append(taken, losses[i])
		}
		best := 0.0
		for set := range 1 << len(losses) {
			var some [][]float64
			for i := range losses {
				if set>>i&1 == 1 {
					some = append(some, losses[i])
				}
			}
			if len(some) <= k {
				best = max(best, pareto.Hypervolume(some, reference))
			}
		}
		if v := pareto.Hypervolume(taken, reference); v < (1-1/math.E)*best {
			t.Fatalf("Select reaches %v of %v", v, best)
		}
	}
	if got := pareto.Select(nil, []float64{1}, -3); len(got) != 0 {
		t.Errorf("Select of nothing = %v", got)
	}
}

func TestReference(t *testing.T) {
	inf := math.Inf(1)
	for _, tt := range []struct {
		losses [][]float64
		want   []float64
	}{
		{[][]float64{{0, -4, 3}, {10, -4, 0}, {inf, inf, inf}}, []float64{11, -3.6, 3.3}},
		{[][]float64{{0}}, []float64{1}},
		{[][]float64{{inf}}, nil},
	} {
		got := pareto.Reference(tt.losses)
		if len(got) != len(tt.want) {
			t.Fatalf("Reference(%v) = %v, want %v", tt.losses, got, tt.want)
		}
		for m := range got {
			if math.Abs(got[m]-tt.want[m]) > 1e-12 {
				t.Errorf("Reference(%v) = %v, want %v", tt.losses, got, tt.want)
			}
		}
	}
}

// Two losses sort in O(n log n): hundred thousand trials, each front of one.
func TestManyFrontsOfTwoLosses(t *testing.T) {
	losses := make([][]float64, 100_000)
	for i := range losses {
		x := float64((i * 31337) % len(losses))
		losses[i] = []float64{x, x}
	}
	for i, rank := range pareto.Ranks(losses, nil) {
		if float64(rank) != losses[i][0] {
			t.Fatalf("trial %d, %v, is in front %d", i, losses[i], rank)
		}
	}
}

func ExampleHypervolume() {
	losses := [][]float64{{1, 3}, {2, 2}, {3, 1}}
	fmt.Println(pareto.Hypervolume(losses, []float64{4, 4}), pareto.Contributions(losses, []float64{4, 4}))
	// Output: 6 [1 1 1]
}

func ExampleFront() {
	losses := [][]float64{{1, 3}, {2, 4}, {3, 1}, {0, 0}}
	violations := []float64{0, 0, 0, 0.5} // the last breaks a constraint
	fmt.Println(pareto.Front(losses, violations))
	// Output: [0 2]
}

func BenchmarkHypervolume(b *testing.B) {
	for _, m := range []int{2, 3, 4, 5} {
		b.Run(fmt.Sprint(m, " losses"), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, uint64(m)))
			losses := make([][]float64, 100)
			for i := range losses {
				losses[i] = make([]float64, m)
				sum := 0.0
				for j := range m {
					losses[i][j] = rng.ExpFloat64()
					sum += losses[i][j]
				}
				for j := range m {
					losses[i][j] /= sum
				}
			}
			for b.Loop() {
				pareto.Hypervolume(losses, slices.Repeat([]float64{1.1}, m))
			}
		})
	}
}
