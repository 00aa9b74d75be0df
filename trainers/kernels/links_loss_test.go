package kernels_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tourney/trainers/kernels"
)

// losses are the losses of one output with their formulas in float64.
var losses = []struct {
	name    string
	binary  bool
	run     func(z, loss, y, p []float32, n, c int)
	formula func(z, y, p float64) float64
	bend    func(z, y, p float64) float64 // how far the loss is from where it has no slope
}{
	{
		"logistic", true,
		func(z, loss, y, _ []float32, n, c int) { kernels.LogisticLoss(z, loss, y, n, c) },
		func(z, y, _ float64) float64 { return math.Log1p(math.Exp(-math.Abs(z))) + max(z, 0) - y*z }, nil,
	},
	{
		"squared", false,
		func(z, loss, y, _ []float32, n, c int) { kernels.SquaredLoss(z, loss, y, n, c) },
		func(z, y, _ float64) float64 { return (z - y) * (z - y) / 2 }, nil,
	},
	{
		"huber", false, kernels.HuberLoss,
		func(z, y, p float64) float64 {
			if r := math.Abs(z - y); r > p {
				return p * (r - p/2)
			}
			return (z - y) * (z - y) / 2
		}, nil,
	},
	{
		"quantile", false, kernels.QuantileLoss,
		func(z, y, p float64) float64 { return max(p*(y-z), (p-1)*(y-z)) },
		func(z, y, _ float64) float64 { return z - y },
	},
	{
		"poisson", false,
		func(z, loss, y, _ []float32, n, c int) { kernels.PoissonLoss(z, loss, y, n, c) },
		func(z, y, _ float64) float64 { return math.Exp(z) - y*z }, nil,
	},
	{
		"hinge", true,
		func(z, loss, y, _ []float32, n, c int) { kernels.HingeLoss(z, loss, y, n, c) },
		func(z, y, _ float64) float64 { return max(0, 1-(2*y-1)*z) },
		func(z, y, _ float64) float64 { return 1 - (2*y-1)*z },
	},
	{
		"squared hinge", true,
		func(z, loss, y, _ []float32, n, c int) { kernels.SquaredHingeLoss(z, loss, y, n, c) },
		func(z, y, _ float64) float64 { h := max(0, 1-(2*y-1)*z); return h * h }, nil,
	},
}

func TestLossesAreTheirFormulasAndDerivativesTheirSlopes(t *testing.T) {
	const h = 1e-5
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(61, 62))
		for _, l := range losses {
			const n, c = 50, 5
			z, y, loss, p := make([]float32, n*c), make([]float32, n), make([]float32, n*c), make([]float32, c)
			draw(rng, z, false)
			for i := range z {
				z[i] = float32(math.Mod(float64(z[i]), 8)) // where differences are good
			}
			for i := range y {
				y[i] = float32(rng.IntN(2))
				if !l.binary {
					y[i] = float32(rng.IntN(9)) / 2
				}
			}
			for j := range p {
				p[j] = float32(1+j) / 8
			}
			in := append([]float32(nil), z...)
			l.run(z, loss, y, p, n, c)
			for i, x := range in {
				z0, y0, p0 := float64(x), float64(y[i/c]), float64(p[i%c])
				near(t, l.name+" loss", float64(loss[i]), l.formula(z0, y0, p0), 2e-6)
				if l.bend != nil && math.Abs(l.bend(z0, y0, p0)) < 2*h {
					continue
				}
				slope := (l.formula(z0+h, y0, p0) - l.formula(z0-h, y0, p0)) / (2 * h)
				if math.Abs(float64(z[i])-slope) > 2e-5*max(1, math.Abs(slope)) {
					t.Errorf("%s: z=%v y=%v p=%v: derivative %v, want %v", l.name, x, y0, p0, z[i], slope)
				}
			}
		}
	})
}

// Where there is no slope, the subgradients of the comments.
func TestLossesAtTheirBends(t *testing.T) {
	z := []float32{2}
	kernels.QuantileLoss(z, nil, []float32{2}, []float32{0.3}, 1, 1)
	if z[0] != 0 {
		t.Errorf("quantile: %v, want 0", z[0])
	}
	for y, at := range []float32{-1, 1} {
		z[0] = at
		kernels.HingeLoss(z, nil, []float32{float32(y)}, 1, 1)
		if z[0] != 0 {
			t.Errorf("hinge: %v, want 0", z[0])
		}
	}
}

// A diverged model does not pass for a good one.
func TestLossesOfNaNAreNaN(t *testing.T) {
	nan := float32(math.NaN())
	eachClass(t, func(t *testing.T) {
		for _, l := range losses {
			for y := range 2 {
				z, loss := []float32{nan, 0}, []float32{0, 0}
				l.run(z, loss, []float32{float32(y)}, []float32{0.5, 0.5}, 1, 2)
				if loss[0] == loss[0] {
					t.Errorf("%s of NaN: %v", l.name, loss[0])
				}
				if loss[1] != loss[1] || z[1] != z[1] {
					t.Errorf("%s: the neighbour of NaN is %v, %v", l.name, z[1], loss[1])
				}
			}
		}
	})
}

// Both tails of the logistic loss keep their digits.
func TestLogisticLossFarOut(t *testing.T) {
	for _, c := range []struct{ z, y, derivative, loss float32 }{
		{-80, 0, 1.8048513e-35, 1.8048513e-35}, // e^-80; log(1+e^-80) is rounded to 0
		{80, 1, -1.8048513e-35, 0},
		{80, 0, 1, 80},
		{-80, 1, -1, 80},
	} {
		z, loss := []float32{c.z}, []float32{0}
		kernels.LogisticLoss(z, loss, []float32{c.y}, 1, 1)
		if math.Abs(float64(z[0]-c.derivative)) > 1e-6*math.Abs(float64(c.derivative)) || math.Abs(float64(loss[0]-c.loss)) > 1e-6 {
			t.Errorf("z=%v y=%v: %v, %v; want %v, %v", c.z, c.y, z[0], loss[0], c.derivative, c.loss)
		}
	}
}
