package linear

import (
	"math"

	"tourney/trainers/kernels"
)

// schedule says by what the learning rate is multiplied. It is a function of
// how many epochs have been trained, fractions included, and of the longest
// trial of the sweep, never of the trial's own budget.
type schedule struct {
	kind   string
	power  float64
	warmup float64 // epochs
	epochs int     // of the longest trial
}

// varies reports whether the factor is ever other than 1.
func (s *schedule) varies() bool { return s.kind != scheduleConstant || s.warmup > 0 }

// factor returns the factor of a batch: done and all are the batches of the
// trial so far, and of an epoch.
func (s *schedule) factor(done, all int) float64 {
	x := float64(done) / float64(all)
	left := max(0, 1-x/float64(s.epochs))
	f := 1.0
	switch s.kind {
	case scheduleInvScaling:
		f = float64(kernels.Exp(float32(-s.power * kernels.Log64(1+x))))
	case scheduleLinear:
		f = left
	case scheduleCosine:
		f = (1 - cosPi(left)) / 2
	}
	if s.warmup > 0 {
		f *= min(1, float64(done+1)/(s.warmup*float64(all)))
	}
	return max(f, leastFactor)
}

// leastFactor keeps optimisers that divide by the rate alive at the very end.
const leastFactor = 1e-6

// cosPi returns cos(πx) for x from 0 to 1, by the Taylor series of the sine on
// a quarter of a turn: cos πx = sin π(1/2-x).
func cosPi(x float64) float64 {
	a := math.Pi * (0.5 - x)
	z := float64(a * a)
	sum := 1.0
	for k := 21.0; k > 1; k -= 2 {
		sum = 1 - float64(z/(k*(k-1))*sum)
	}
	return float64(a * sum)
}
