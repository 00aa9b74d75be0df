package kernels_test

import (
	"math/rand/v2"
	"testing"

	"tourney/trainers/kernels"
)

// expTies are arguments of which some step of Exp falls, in float64, halfway
// between two float32: found by a walk over all float32.
var expTies = []float32{0x1p-24, 0x1p-7, 0x1p-2, 0.36111593, 0.38064718, 0.6032729, 0.69313973, 0.8103347, 0.92426395}

// onExpRange calls f with slices of arguments whose exp is a number: neighbours,
// with a tie among them now and then, or, in others, what is none.
func onExpRange(rng *rand.Rand, f func(x []float32)) {
	x := make([]float32, 0, 1000)
	add := func(v float32) {
		if x = append(x, v); len(x) < cap(x) {
			return
		}
		switch rng.IntN(4) {
		case 0:
			x[rng.IntN(len(x))] = expTies[rng.IntN(len(expTies))]
			x[rng.IntN(len(x))] = -expTies[rng.IntN(len(expTies))]
		case 1:
			draw(rng, x[:1+rng.IntN(100)], true)
		}
		f(x[rng.IntN(64):])
		x = x[:0]
	}
	everyFloat(0, 88.72283, add)
	everyFloat(0, 103.98, func(v float32) { add(-v) })
}

// Whole slices have the bits of one value after the other.
func TestExpAndSigmoidOfSlicesAreThoseOfEachElement(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(71, 72))
		onExpRange(rng, func(x []float32) {
			exp, sigmoid := make([]float32, len(x)), make([]float32, len(x))
			kernels.ExpAll(exp, x)
			kernels.SigmoidAll(sigmoid, x)
			for i, v := range x {
				if !alike(exp[i], kernels.Exp(v)) || !alike(sigmoid[i], kernels.Sigmoid(v)) {
					t.Fatalf("exp and sigmoid of %v are %v and %v, not %v and %v", v, exp[i], sigmoid[i], kernels.Exp(v), kernels.Sigmoid(v))
				}
			}
		})
	})
}

// A column of one output a row has the derivatives and losses of Logistic.
func TestLogisticLossOfOneColumnIsThatOfLogistic(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(73, 74))
		onExpRange(rng, func(x []float32) {
			y, loss := make([]float32, len(x)), make([]float32, len(x))
			for i := range y {
				y[i] = float32(rng.IntN(2))
			}
			z, without := append([]float32(nil), x...), append([]float32(nil), x...)
			kernels.LogisticLoss(z, loss, y, len(z), 1)
			kernels.LogisticLoss(without, nil, y, len(z), 1)
			for i, v := range x {
				p0, p1, loss0, loss1 := kernels.Logistic(v)
				derivative, l := p1, float32(loss0)
				if y[i] == 1 {
					derivative, l = -p0, float32(loss1)
				}
				if !alike(z[i], derivative) || !alike(without[i], derivative) || !alike(loss[i], l) {
					t.Fatalf("z=%v y=%v: %v (without loss %v) and %v, want %v and %v", v, y[i], z[i], without[i], loss[i], derivative, l)
				}
			}
		})
	})
}
