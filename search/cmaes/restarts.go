package cmaes

import (
	"math"
	"math/rand/v2"
	"slices"
)

// restarts is BIPOP (Hansen, Benchmarking a BI-population CMA-ES on the BBOB-2009
// function testbed, 2009): a run that has come to its end is followed by one
// with a larger population, twice that of the last such run, or by one with a
// small population and step size, whichever sort has had fewer results.
//
//	large, small          results that the runs of either sort have had
//	lambda                population of the last large run
//	budget                results that the current small run may have
//	run                   results that the current run has had
//	inSmall               whether the current run is a small one
//	count                 runs before the current one
//	bests, medians        losses of each population of the current run
//
// When a run is over depends on the order of losses alone, as all of the search.
type restarts struct {
	large, small   int
	lambda, budget int
	run            int
	inSmall        bool
	count          uint64
	bests, medians []float64
}

func newRestarts(lambda int) restarts {
	return restarts{lambda: lambda}
}

// over takes in the losses of a population, best first, and reports whether the
// run has come to its end (Hansen's tutorial, B.3, and Hansen 2009).
func (r *restarts) over(c *CMA, losses []float64) bool {
	s := &c.strategy
	r.run += len(losses)
	r.bests = append(r.bests, losses[0])
	r.medians = append(r.medians, losses[len(losses)/2])
	switch {
	case r.inSmall && r.run >= r.budget:
		return true
	case r.flat(s, losses):
		return true
	case r.stale(s):
		return true
	}
	return c.narrow()
}

// flat reports whether the best losses of the last populations, and all of this
// one, are one number.
func (r *restarts) flat(s *strategy, losses []float64) bool {
	if len(r.bests) <= s.historyLen {
		return false
	}
	recent := r.bests[len(r.bests)-s.historyLen:]
	return losses[len(losses)-1] == losses[0] && slices.Min(recent) == losses[0] && slices.Max(recent) == losses[0]
}

// stale reports whether neither the bests nor the medians of the last fifth of
// the run, or of the least number of populations that can say so, have fallen.
func (r *restarts) stale(s *strategy) bool {
	n := max(len(r.bests)/5, s.staleLen)
	if len(r.bests) < n {
		return false
	}
	risen := func(history []float64) bool {
		last := history[len(history)-n:]
		part := n * 3 / 10
		return median(last[n-part:]) >= median(last[:part])
	}
	return risen(r.bests) && risen(r.medians)
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// tooNarrow is the width, as a share of an axis, below which nothing is left to
// find.
const tooNarrow = 1e-10

// narrow reports whether the distribution has become too narrow, or too
// stretched, for floats, on the axes that are not lattices.
func (c *CMA) narrow() bool {
	g := c.gaussian
	if g.n == 0 {
		return false
	}
	if slices.Max(g.scales) > 1e7*slices.Min(g.scales) {
		return true
	}
	continuous := false
	for i := range g.n {
		if c.margin.stepped(i) {
			continue
		}
		continuous = true
		if g.deviation(i) >= tooNarrow || math.Abs(g.sigma*g.pathC[i]) >= tooNarrow {
			return false
		}
	}
	return continuous
}

// restart begins the next run, somewhere else.
func (c *CMA) restart() {
	r := &c.restarts
	if r.inSmall {
		r.small += r.run
	} else {
		r.large += r.run
		r.budget = r.run / 2
	}
	r.count++
	rng := rand.New(rand.NewPCG(c.options.Seed, ^r.count))
	lambda, sigma := 2*r.lambda, c.options.Sigma
	r.inSmall = r.small < r.large
	if r.inSmall {
		ratio := float64(r.lambda) / float64(c.options.Population) / 2
		shrink := math.Pow(ratio, square(rng.Float64()))
		lambda = max(int(float64(c.options.Population)*shrink), 4)
		sigma *= math.Pow(10, -2*rng.Float64())
	} else {
		r.lambda = lambda
	}
	mean := make([]float64, len(c.numeric))
	for i := range mean {
		mean[i] = rng.Float64()
	}
	r.run, r.bests, r.medians = 0, nil, nil
	c.begin(lambda, mean, sigma, nil)
}

func square(x float64) float64 { return x * x }
