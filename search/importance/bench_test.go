package importance_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"tourney/search/axis"
	"tourney/search/importance"
)

func benchTrials(n, d int) (axes []axis.Axis, points [][]float64, losses []float64) {
	rng := rand.New(rand.NewPCG(1, 1))
	axes = make([]axis.Axis, d)
	for i := range axes {
		switch i % 4 {
		case 1:
			axes[i] = axis.Axis{Kind: axis.Ordered, Cells: 100}
		case 2:
			axes[i] = axis.Axis{Kind: axis.Choice, Cells: 4}
		}
	}
	points = uniform(rng, n, d)
	return axes, points, lossesOf(points, func(u []float64) float64 { return 4*u[0] + u[1] + u[2]*u[3] })
}

func BenchmarkPEDAnova(b *testing.B) {
	for _, size := range [][2]int{{1000, 10}, {100_000, 10}, {100_000, 100}, {1000, 1000}} {
		b.Run(fmt.Sprintf("n=%d/d=%d", size[0], size[1]), func(b *testing.B) {
			axes, points, losses := benchTrials(size[0], size[1])
			for b.Loop() {
				if _, err := importance.PEDAnova(axes, points, losses, importance.PEDOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFanova(b *testing.B) {
	for _, size := range [][3]int{{200, 5, 0}, {1000, 10, 0}, {100_000, 10, 0}, {100_000, 10, 10}, {100_000, 2, 2}, {2000, 100, 10}} {
		b.Run(fmt.Sprintf("n=%d/d=%d/pairs=%d", size[0], size[1], size[2]), func(b *testing.B) {
			axes, points, losses := benchTrials(size[0], max(size[1], 4))
			axes = axes[:size[1]]
			for i := range points {
				points[i] = points[i][:size[1]]
			}
			for b.Loop() {
				o := importance.FanovaOptions{Pairs: size[2]}
				if _, err := importance.Fanova(axes, points, losses, o, rand.New(rand.NewPCG(1, 1))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
