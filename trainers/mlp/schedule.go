package mlp

import "math"

// schedule is the rate as a function of the epochs trained, parts of an epoch
// among them, over the sweep's full budget.
type schedule struct {
	kind   string
	rate   float64
	budget float64 // epochs
	warmup float64 // epochs
	gamma  float64
	every  float64 // epochs
}

// at returns the rate of a batch: done of the epoch's batches come before it in
// the epoch, which comes after that many others.
//
// With t epochs done the rate rises by steps of a batch up to the end of the
// warm-up, and then, with u the share of the rest that is done, goes as
//
//	cosine  (1+cos πu)/2     (Loshchilov and Hutter 2017, equation 5, without restarts)
//	linear  1-u
//	step    gamma to the number of whole step_size in t
func (s *schedule) at(epoch, done, batches int) float32 {
	t := float64(epoch) + float64(done)/float64(batches)
	if t < s.warmup {
		return float32(s.rate * min(1, (t+1/float64(batches))/s.warmup))
	}
	rest := 0.0
	if s.budget > s.warmup {
		rest = min(1, (t-s.warmup)/(s.budget-s.warmup))
	}
	factor := 1.0
	switch s.kind {
	case cosine:
		factor = (1 + cosPi(rest)) / 2
	case linear:
		factor = 1 - rest
	case stepwise:
		for range int(math.Floor(t / s.every)) {
			factor *= s.gamma
			if factor == 0 {
				break
			}
		}
	}
	return float32(s.rate * factor)
}

// cosPi returns cos πu for u from 0 to 1, with the same bits everywhere: the
// Taylor series up to the 24th power, on 0 to π/2.
func cosPi(u float64) float64 {
	if u > 0.5 {
		return -cosPi(1 - u)
	}
	x := float64(math.Pi * u)
	square := float64(x * x)
	sum := 1.0
	for k := 24; k > 0; k -= 2 {
		sum = 1 - float64(square*sum)/float64(k*(k-1))
	}
	return sum
}
