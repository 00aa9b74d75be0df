package search

import (
	"math"
	"math/rand/v2"
	"slices"

	"tourney"
	"tourney/search/gp"
)

// surrogate proposes by a Gaussian process.
//
// Where trials train in rungs it models the highest rung that has taught
// enough, and a quarter of the points are drawn at random, as in MOBSTER (Klein
// et al., arXiv:2003.10865) with a model for each rung: what is good after few
// steps is not always good after many. With several objectives each point is
// for one weighting of them, drawn anew (ParEGO, Knowles 2006).
type surrogate struct {
	model *gp.Model // of the last fit; it saves time alone
	rung  int       // that it is of
}

// randomShare is the share of random points where trials train in rungs.
const randomShare = 0.25

func newSurrogate(tourney.Spec) (Sampler, error) { return &surrogate{}, nil }

func (s *surrogate) Sample(rng *rand.Rand, h *History) (tourney.Params, bool) {
	if params, ok := h.warmPoint(rng, gp.Start(h.Axes())); ok {
		return params, true
	}
	rung, results := h.lesson()
	if h.rungs() > 1 && len(results) >= gp.Start(h.Axes()) && rng.Float64() < randomShare {
		return random{}.Sample(rng, h)
	}
	losses := scalarised(rng, results)
	obs := make([]gp.Observation, len(results))
	known := make(map[int]bool, len(results))
	for i, r := range results {
		obs[i] = gp.Observation{U: h.At(r.Trial), Loss: losses[i]}
		known[r.Trial] = true
	}
	var pending [][]float64
	for _, trial := range h.Pending() {
		if !known[trial] {
			pending = append(pending, h.At(trial))
		}
	}
	prior := s.model
	if rung != s.rung {
		prior = nil
	}
	space := gp.Space{Axes: h.Axes(), Seen: func(u []float64) bool { return !h.Open(h.Params(u)) }}
	if h.cube.space.Conditional() {
		space.Mask = func(u []float64) { h.cube.mask(h.views, u) }
	}
	points, model := gp.Propose(rng, space, obs, pending, 1, prior)
	s.model, s.rung = model, rung
	if len(points) > 0 {
		if params := h.Params(points[0]); h.Open(params) {
			return params, true
		}
	}
	return random{}.Sample(rng, h)
}

// lesson returns the results of the highest rung that has enough of them to
// learn from: two for each coordinate. If none has, those of the lowest.
func (h *History) lesson() (rung int, results []Result) {
	counts := make([]int, h.rungs())
	for _, r := range h.done {
		if !math.IsInf(r.Loss, 1) {
			counts[r.Rung]++
		}
	}
	for rung = len(counts) - 1; rung > 0 && counts[rung] < 2*h.Dim(); rung-- {
	}
	for _, r := range h.done {
		// A trial that failed below the rung would have failed on it.
		if r.Rung == rung || r.Rung < rung && math.IsInf(r.Loss, 1) {
			results = append(results, r)
		}
	}
	return rung, results
}

// rungs is one more than the highest rung of which there is a result.
func (h *History) rungs() int {
	rungs := 1
	for ; h.counted < len(h.done); h.counted++ {
		h.highest = max(h.highest, h.done[h.counted].Rung)
	}
	return max(rungs, h.highest+1)
}

// scalarised turns results into one loss each. A trial beyond a bound counts as
// one that failed.
func scalarised(rng *rand.Rand, results []Result) []float64 {
	losses := make([]float64, len(results))
	objectives := 0
	for i, r := range results {
		losses[i] = r.Loss
		if r.Violation > 0 {
			losses[i] = math.Inf(1)
		}
		objectives = max(objectives, len(r.Losses))
	}
	if objectives < 2 {
		return losses
	}
	weights := simplex(rng, objectives)
	lo, hi := slices.Repeat([]float64{math.Inf(1)}, objectives), slices.Repeat([]float64{math.Inf(-1)}, objectives)
	whole := func(i int) bool {
		return !math.IsInf(losses[i], 1) && len(results[i].Losses) == objectives && !slices.Contains(results[i].Losses, math.Inf(1))
	}
	for i, r := range results {
		if whole(i) {
			for j, l := range r.Losses {
				lo[j], hi[j] = min(lo[j], l), max(hi[j], l)
			}
		}
	}
	for i, r := range results {
		if !whole(i) {
			losses[i] = math.Inf(1)
			continue
		}
		worst, sum := 0.0, 0.0
		for j, l := range r.Losses {
			share := 0.0
			if hi[j] > lo[j] {
				share = weights[j] * (l - lo[j]) / (hi[j] - lo[j])
			}
			worst, sum = max(worst, share), sum+share
		}
		losses[i] = worst + 0.05*sum // the augmented Chebyshev function
	}
	return losses
}

// simplex draws weights that add up to 1, uniformly.
func simplex(rng *rand.Rand, n int) []float64 {
	weights := make([]float64, n)
	total := 0.0
	for i := range weights {
		weights[i] = rng.ExpFloat64()
		total += weights[i]
	}
	for i := range weights {
		weights[i] /= total
	}
	return weights
}

// warmPoint returns one of the best points of the past sweeps, as the point of
// one of the first trials: every second of them, while there are any. What the
// past sweep did not have is drawn.
func (h *History) warmPoint(rng *rand.Rand, start int) (tourney.Params, bool) {
	number := h.Sampled()
	if len(h.past) == 0 || number >= start || number%2 == 1 {
		return nil, false
	}
	if h.ranked == nil {
		h.ranked = make([]int, len(h.past))
		for i := range h.ranked {
			h.ranked[i] = i
		}
		slices.SortStableFunc(h.ranked, func(a, b int) int {
			switch la, lb := h.past[a].Loss, h.past[b].Loss; {
			case la < lb:
				return -1
			case la > lb:
				return 1
			}
			return 0
		})
	}
	if number/2 >= len(h.ranked) {
		return nil, false
	}
	past := h.past[h.ranked[number/2]]
	if math.IsInf(past.Loss, 1) {
		return nil, false
	}
	point := slices.Clone(past.Point)
	for i := range point {
		if math.IsNaN(point[i]) {
			point[i] = rng.Float64()
		}
	}
	params := h.Params(point)
	return params, h.Open(params)
}
