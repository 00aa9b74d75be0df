package cmaes_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"tourney/search/axis"
	"tourney/search/cmaes"
)

// mixed is a space of each sort of axis, one with a condition.
func mixed() []axis.Axis {
	return []axis.Axis{
		{Kind: axis.Choice, Cells: 3, Edges: []float64{0, 0.6, 0.9, 1}},
		{},
		{Kind: axis.Ordered, Cells: 5},
		{Gates: []int{0}},
		{Kind: axis.Ordered, Cells: 1 << 40},
		{Kind: axis.Choice, Cells: 7, Gates: []int{0}},
		{Kind: axis.Ordered, Cells: 1},
		{Kind: axis.Choice, Cells: 1},
	}
}

// masked takes the conditional axes of mixed out unless the first is in cell 0.
func masked(axes []axis.Axis, u []float64) {
	if axes[0].Cell(u[0]) != 0 {
		u[3], u[5] = math.NaN(), math.NaN()
	}
}

// history is a random sequence of results, from points of all kinds: asked for
// now or long ago, and from elsewhere; some failed.
func history(axes []axis.Axis, seed uint64, n int, each func(c *cmaes.CMA, u []float64)) []cmaes.Observation {
	rng := rand.New(rand.NewPCG(seed, 99))
	c := cmaes.New(axes, cmaes.Options{Seed: seed})
	var pending [][]float64
	var log []cmaes.Observation
	for i := range n {
		for range rng.IntN(4) {
			u := make([]float64, len(axes))
			c.Ask(rand.New(rand.NewPCG(seed, uint64(i))), u)
			each(c, u)
			pending = append(pending, u)
		}
		u := make([]float64, len(axes))
		if k := len(pending); k > 0 && rng.IntN(10) > 0 {
			k = rng.IntN(k)
			u = pending[k]
			pending = slices.Delete(pending, k, k+1)
		} else {
			for j := range u {
				u[j] = rng.Float64()
			}
		}
		if len(axes) == len(mixed()) {
			masked(axes, u)
		}
		loss := 0.0
		for j, x := range u {
			if !math.IsNaN(x) {
				loss += (x - 0.3) * (x - 0.3) * float64(j+1)
			}
		}
		switch rng.IntN(12) {
		case 0:
			loss = math.Inf(1)
		case 1:
			loss = math.NaN()
		case 2:
			loss = 1
		}
		c.Tell(u, loss)
		log = append(log, cmaes.Observation{U: u, Loss: loss})
	}
	return log
}

func TestAskStaysInTheCubeAndInTheMiddles(t *testing.T) {
	axes := mixed()
	for seed := range uint64(30) {
		history(axes, seed, 200, func(_ *cmaes.CMA, u []float64) {
			for i, x := range u {
				if !(x >= 0 && x < 1) {
					t.Fatalf("axis %d: %v", i, x)
				}
				if axes[i].Snap(x) != x {
					t.Fatalf("axis %d: %v is not the middle of a cell", i, x)
				}
			}
		})
	}
}

// Asking changes nothing, and the state is a function of the results in order:
// a search that is told the log goes on as the one that wrote it.
func TestReplayGoesOnTheSame(t *testing.T) {
	axes := mixed()
	for seed := range uint64(10) {
		log := history(axes, seed, 150, func(*cmaes.CMA, []float64) {})
		a, b := cmaes.New(axes, cmaes.Options{Seed: seed}), cmaes.New(axes, cmaes.Options{Seed: seed})
		u, v := make([]float64, len(axes)), make([]float64, len(axes))
		for i, o := range log {
			a.Tell(o.U, o.Loss)
			b.Tell(o.U, o.Loss)
			for range i % 3 { // these are for nothing
				b.Ask(rand.New(rand.NewPCG(5, 5)), v)
			}
			a.Ask(rand.New(rand.NewPCG(seed, uint64(i))), u)
			b.Ask(rand.New(rand.NewPCG(seed, uint64(i))), v)
			if !slices.Equal(u, v) {
				t.Fatalf("after %d results: %v and %v", i, u, v)
			}
		}
		if !reflect.DeepEqual(a.State(), b.State()) {
			t.Error("the states differ")
		}
	}
}

// Only the order of losses counts.
func TestInvariantUnderRisingTransforms(t *testing.T) {
	axes := mixed()
	for seed := range uint64(10) {
		log := history(axes, seed, 200, func(*cmaes.CMA, []float64) {})
		a, b := cmaes.New(axes, cmaes.Options{Seed: seed}), cmaes.New(axes, cmaes.Options{Seed: seed})
		for _, o := range log {
			a.Tell(o.U, o.Loss)
			loss := o.Loss
			if !math.IsNaN(loss) && !math.IsInf(loss, 0) {
				loss = math.Exp(2*loss) - 40
			}
			b.Tell(o.U, loss)
		}
		if !reflect.DeepEqual(a.State(), b.State()) {
			t.Fatalf("seed %d: the states differ", seed)
		}
	}
}

// Whatever is told, the covariance stays symmetric and positive definite, the
// probabilities stay a distribution above the margin, and all is finite.
func TestStaysADistribution(t *testing.T) {
	for _, axes := range [][]axis.Axis{mixed(), continuous(2), continuous(9), continuous(1), {{Kind: axis.Choice, Cells: 4}}, {{Kind: axis.Ordered, Cells: 2}}, nil} {
		for seed := range uint64(15) {
			history(axes, seed, 300, func(c *cmaes.CMA, _ []float64) {
				s := c.State()
				n := len(s.Mean)
				for _, v := range c.Eigenvalues() {
					if !(v > 0) || math.IsInf(v, 0) {
						t.Fatalf("eigenvalues %v", c.Eigenvalues())
					}
				}
				for i := range n {
					for j := range n {
						if s.Cov[i*n+j] != s.Cov[j*n+i] {
							t.Fatalf("covariance %v", s.Cov)
						}
					}
					if math.IsNaN(s.Mean[i]) || math.IsInf(s.Mean[i], 0) {
						t.Fatalf("mean %v", s.Mean)
					}
				}
				if !(s.Sigma > 0) || math.IsInf(s.Sigma, 0) {
					t.Fatalf("sigma %v", s.Sigma)
				}
				for _, q := range s.Q {
					sum := 0.0
					for _, p := range q {
						sum += p
						if !(p > 0.001) {
							t.Fatalf("probabilities %v", q)
						}
					}
					if math.Abs(sum-1) > 1e-9 {
						t.Fatalf("probabilities %v", q)
					}
				}
			})
		}
	}
}

// Each cell next to the mean's keeps a probability, so that over many asks all
// sides are seen, even after all results said the same.
func TestMarginKeepsNeighboursInPlay(t *testing.T) {
	axes := []axis.Axis{{Kind: axis.Ordered, Cells: 9}, {Kind: axis.Ordered, Cells: 2}, {Kind: axis.Choice, Cells: 4}, {}}
	c := cmaes.New(axes, cmaes.Options{})
	u := make([]float64, len(axes))
	for n := range 1000 {
		c.Ask(rand.New(rand.NewPCG(1, uint64(n))), u)
		c.Tell(u, math.Abs(float64(axes[0].Cell(u[0])-6))+float64(axes[1].Cell(u[1]))+float64(axes[2].Cell(u[2]))+math.Abs(u[3]-0.4))
	}
	const asks = 20000
	var count [3][9]int
	for n := range asks {
		c.Ask(rand.New(rand.NewPCG(2, uint64(n))), u)
		for i := range count {
			count[i][axes[i].Cell(u[i])]++
		}
	}
	// Margin 1/(3·8) for the two lattices, half of it on either side; and
	// (1-0.73)/3 for each choice.
	for _, tt := range []struct {
		axis, cell int
		least      float64
	}{{0, 5, 1.0 / 48}, {0, 7, 1.0 / 48}, {1, 1, 1.0 / 24}, {2, 3, 0.09}} {
		if share := float64(count[tt.axis][tt.cell]) / asks; share < 0.85*tt.least {
			t.Errorf("axis %d, cell %d: share %v, want %v at least", tt.axis, tt.cell, share, tt.least)
		}
	}
	for i, best := range []int{6, 0, 0} {
		if most := slices.Max(count[i][:]); count[i][best] != most {
			t.Errorf("axis %d: counts %v", i, count[i])
		}
	}
}

// A point from far away counts, but does not tear the distribution apart.
func TestAFarPointIsTamed(t *testing.T) {
	c := cmaes.New(continuous(3), cmaes.Options{})
	search(c, 3, 1, 700, func(u []float64) float64 { return sphere(scaled(u)) }, func(float64) bool { return false })
	before := c.State()
	for range 7 {
		c.Tell([]float64{0.99, 0.01, 0.99}, -1) // better than all, and pending for long
	}
	after := c.State()
	if count, _ := c.Restarts(); count > 0 || after.Sigma > 10*before.Sigma {
		t.Errorf("restarts %d, sigma %v after %v", count, after.Sigma, before.Sigma)
	}
	if after.Mean[0] <= before.Mean[0] {
		t.Errorf("the mean did not move towards it: %v, then %v", before.Mean, after.Mean)
	}
}

// By hand: [[2,1],[1,2]] has the eigenvalues 1 and 3; and by its definition,
// for random matrices of widely different scales.
func TestEigen(t *testing.T) {
	values, _ := cmaes.Eigen([]float64{2, 1, 1, 2}, 2)
	slices.Sort(values)
	if math.Abs(values[0]-1) > 1e-15 || math.Abs(values[1]-3) > 1e-15 {
		t.Errorf("eigenvalues %v, want 1 and 3", values)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		n := 1 + rng.IntN(12)
		a := make([]float64, n*n)
		for i := range n {
			for j := range i + 1 {
				a[i*n+j] = rng.NormFloat64() * math.Pow(10, float64(rng.IntN(4)))
				a[j*n+i] = a[i*n+j]
			}
		}
		values, v := cmaes.Eigen(a, n)
		size := 0.0
		for _, x := range values {
			size = max(size, math.Abs(x))
		}
		for i := range n {
			for j := range n {
				av, vv := -values[j]*v[i*n+j], 0.0
				for k := range n {
					av += a[i*n+k] * v[k*n+j]
					vv += v[k*n+i] * v[k*n+j]
				}
				if i == j {
					vv--
				}
				if math.Abs(av) > 1e-12*size || math.Abs(vv) > 1e-12 {
					t.Fatalf("n=%d: A v - l v = %v, v'v - 1 = %v", n, av, vv)
				}
			}
		}
	}
}

func Example() {
	c := cmaes.New(make([]axis.Axis, 2), cmaes.Options{})
	u := make([]float64, 2)
	for n := range 400 {
		c.Ask(rand.New(rand.NewPCG(1, uint64(n))), u) // seeded by the trial's number
		x, y := u[0]-0.25, u[1]-0.75
		c.Tell(u, x*x+y*y)
	}
	c.Ask(rand.New(rand.NewPCG(1, 400)), u)
	fmt.Printf("%.3f %.3f\n", u[0], u[1])
	// Output: 0.250 0.750
}

func BenchmarkTellAndAsk(b *testing.B) {
	for _, dim := range []int{5, 10, 30, 100} {
		b.Run(fmt.Sprint(dim), func(b *testing.B) {
			c := cmaes.New(continuous(dim), cmaes.Options{})
			u := make([]float64, dim)
			rng := rand.New(rand.NewPCG(1, 1))
			for b.Loop() {
				c.Ask(rng, u)
				c.Tell(u, sphere(scaled(u)))
			}
		})
	}
}
