package tpe_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"tourney/search/axis"
	"tourney/search/tpe"
)

// bowl returns n finished trials of a bowl.
func bowl(rng *rand.Rand, n int, axes []axis.Axis) []tpe.Trial {
	trials := make([]tpe.Trial, n)
	for i := range trials {
		u := make([]float64, len(axes))
		loss := 0.0
		for j := range u {
			u[j] = axes[j].Snap(rng.Float64())
			loss += (u[j] - 0.3) * (u[j] - 0.3)
		}
		trials[i] = tpe.Trial{U: u, Loss: loss}
	}
	return trials
}

// mixed returns d axes of all kinds.
func mixed(d int) []axis.Axis {
	kinds := []axis.Axis{{}, {Kind: axis.Ordered, Cells: 20}, {Kind: axis.Choice, Cells: 6}, {}, {Kind: axis.Ordered, Cells: 1000}}
	axes := make([]axis.Axis, d)
	for i := range axes {
		axes[i] = kinds[i%len(kinds)]
	}
	return axes
}

func BenchmarkPropose(b *testing.B) {
	for name, axes := range map[string][]axis.Axis{"continuous": make([]axis.Axis, 10), "mixed": mixed(10)} {
		for _, n := range []int{200, 1000, 10_000} {
			b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
				rng := rand.New(rand.NewPCG(1, 2))
				trials := bowl(rng, n, axes)
				t, err := tpe.New(axes, tpe.Options{})
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					t.Propose(rng, trials, nil)
				}
			})
		}
	}
}

// Many points asked for at once share the models.
func BenchmarkProposeN(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	axes := make([]axis.Axis, 10)
	trials := bowl(rng, 1000, axes)
	t, err := tpe.New(axes, tpe.Options{})
	if err != nil {
		b.Fatal(err)
	}
	const k = 1000
	for b.Loop() {
		t.ProposeN(rng, trials, nil, k)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/k, "µs/point")
}
