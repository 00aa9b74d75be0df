package gbdt

import (
	"math"

	"tourney/trainers/heat"
	"tourney/trainers/kernels"
	"tourney/trainers/tree/ensemble"
)

// dart is dropout for boosting: in each round some of the trees so far are left
// out, a tree is grown on what is left, and both are scaled so that they do not
// overshoot together (Vinayak and Gilad-Bachrach, "DART: dropouts meet multiple
// additive regression trees", AISTATS 2015). The rules are LightGBM's.
//
// A round's trees are grown as if the learning rate were 1, and the round has a
// weight, which changes whenever it is dropped. Weights are a function of the
// parameters and the seed alone, so those of any round can be had again.
type dart struct {
	rate, skip, learning float64
	most                 int
	uniform, xgboost     bool
	seed                 uint64

	weights []float64 // [rounds]
}

func newDart(v heat.Values, seed uint64) *dart {
	return &dart{
		rate: v.Float("drop_rate"), skip: v.Float("skip_drop"), learning: v.Float("learning_rate"), most: v.Int("max_drop"),
		uniform: v.Bool("uniform_drop"), xgboost: v.Bool("xgboost_dart_mode"), seed: seed,
	}
}

// fresh returns the same before the first round.
func (d *dart) fresh() *dart {
	out := *d
	out.weights = nil
	return &out
}

// drops returns the rounds that the next round leaves out, rising.
func (d *dart) drops() []int {
	n := len(d.weights)
	key := kernels.Key(d.seed, drawDrops, uint64(n))
	if n == 0 || drawn(hash(key, 0), d.skip) {
		return nil
	}
	rate, mean := d.rate, 1.0
	if !d.uniform {
		sum := 0.0
		for _, w := range d.weights {
			sum += w
		}
		mean = sum / float64(n)
		if d.most > 0 {
			rate = min(rate, float64(d.most)/mean/sum)
		}
	} else if d.most > 0 {
		rate = min(rate, float64(d.most)/float64(n))
	}
	var out []int
	for i, w := range d.weights {
		p := rate
		if !d.uniform {
			p = rate * (w / mean)
		}
		if drawn(hash(key, i+1), min(p, 1)) {
			out = append(out, i)
			if d.most > 0 && len(out) >= d.most {
				break
			}
		}
	}
	return out
}

// advance gives the next round its weight, and those that it has dropped
// theirs.
func (d *dart) advance(dropped []int) {
	k := float64(len(dropped))
	beside := 1.0
	if d.xgboost {
		beside = d.learning
	}
	weight := d.learning / (k + beside)
	if k == 0 {
		weight = d.learning
	}
	for _, i := range dropped {
		d.weights[i] *= k / (k + beside)
	}
	d.weights = append(d.weights, weight)
}

// replay brings weights to those after so many rounds.
func (d *dart) replay(rounds int) {
	d.weights = d.weights[:0]
	for len(d.weights) < rounds {
		d.advance(d.drops())
	}
}

// Scores under dart are sums of multiples of a unit, a power of two that is so
// small that rounding to it does not matter and so large that float64 adds
// multiples exactly. So trees may be taken out and put back in any order, and
// what is left does not depend on it.
const (
	unitBits  = 30 // the unit, below the scale of scores
	limitBits = 12 // the largest value of a leaf, above it; 2^(53-30-12) leaves are exact
)

// unitOf returns the unit for scores of about that scale.
func unitOf(scale float64) float64 {
	_, e := math.Frexp(scale)
	return math.Ldexp(1, e-unitBits)
}

// weighed returns a tree with values times weight, in units.
func weighed(t *ensemble.Tree, weight, unit float64) *ensemble.Tree {
	out := *t
	out.Value = make([]float64, len(t.Value))
	limit := math.Ldexp(unit, unitBits+limitBits)
	for i, v := range t.Value {
		out.Value[i] = inUnits(min(max(v*weight, -limit), limit), unit)
	}
	return &out
}

// inUnits rounds to a multiple of a unit.
func inUnits(v, unit float64) float64 { return math.RoundToEven(v/unit) * unit }

// change returns a tree whose values are the difference between those of a tree
// with two weights.
func change(t *ensemble.Tree, from, to, unit float64) *ensemble.Tree {
	out, old := weighed(t, to, unit), weighed(t, from, unit)
	for i, v := range old.Value {
		out.Value[i] -= v
	}
	return out
}
