package gbdt

import (
	"math"
	"slices"

	"tourney"
	"tourney/trainers/heat"
	"tourney/trainers/kernels"
)

// What is drawn, as the second word of its key.
const (
	drawRows uint64 = 1 + iota
	drawSmall
	drawFeatures
	drawNodes
	drawDrops
	drawRounding
)

// hash mixes a key and an index by the finaliser of SplitMix64 (Steele, Lea and
// Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
func hash(key uint64, i int) uint64 {
	h := key + uint64(i)*0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// below returns the number that so large a share of all hashes>>11 is below.
func below(share float64) uint64 { return uint64(share * (1 << 53)) }

// drawn reports whether what has a hash is drawn with a probability.
func drawn(h uint64, probability float64) bool { return h>>11 < below(probability) }

// sampling says which rows and features a tree is grown from.
type sampling struct {
	freq      int // of bagging; 0: none
	fractions [2]float64
	byClass   bool // fractions are those of the two classes; else both are equal

	goss       bool
	top, other float64
	from       int // the first round in which goss draws

	features float64
}

func readSampling(v heat.Values, task tourney.Task, classes int) (sampling, error) {
	s := sampling{
		freq: v.Int("bagging_freq"), fractions: [2]float64{v.Float("bagging_fraction"), v.Float("bagging_fraction")},
		goss: v.Word("data_sample_strategy") == "goss" || v.Word("boosting") == "goss",
		top:  v.Float("top_rate"), other: v.Float("other_rate"), features: v.Float("feature_fraction"),
	}
	if v.Given("pos_bagging_fraction") || v.Given("neg_bagging_fraction") {
		if task != tourney.Classification || classes != 2 {
			return s, errorf("parameters pos_bagging_fraction and neg_bagging_fraction: are for 2 classes; use bagging_fraction")
		}
		s.byClass, s.fractions = true, [2]float64{v.Float("neg_bagging_fraction"), v.Float("pos_bagging_fraction")}
	}
	whole := s.fractions == [2]float64{1, 1}
	switch {
	case s.goss && (!whole || v.Given("bagging_freq") && s.freq > 0):
		return s, errorf("parameter data_sample_strategy: goss draws rows itself; leave bagging_fraction and bagging_freq out")
	case s.goss && s.top+s.other > 1:
		return s, errorf("parameters top_rate and other_rate: must be at most 1 together, not %v", s.top+s.other)
	case whole:
		s.freq = 0
	case !v.Given("bagging_freq"):
		s.freq = 1
	}
	if s.goss {
		// Without enough rounds behind, gradients tell little of a row.
		s.from = int(min(1/v.Float("learning_rate"), 1e9))
	}
	return s, nil
}

// random reports whether anything is drawn.
func (s *sampling) random() bool { return s.freq > 0 || s.goss || s.features < 1 }

// gossIn reports whether rows are drawn by their gradients in a round.
func (s *sampling) gossIn(round int) bool { return s.goss && round >= s.from }

// bag returns the rows that a round's trees are grown from, in place of rows. y
// tells classes.
func (s *sampling) bag(rows []int32, seed uint64, round int, y []float32) []int32 {
	key := kernels.Key(seed, drawRows, uint64(round/s.freq))
	limits := [2]uint64{below(s.fractions[0]), below(s.fractions[1])}
	limit := limits[0]
	rows = resize(rows, len(y))
	n := 0
	for i := range rows {
		if s.byClass {
			limit = limits[int(y[i])]
		}
		rows[n] = int32(i)
		n += int((hash(key, i)>>11 - limit) >> 63) // 1 if it is below the limit, without a branch
	}
	rows = rows[:n]
	if len(rows) == 0 {
		rows = append(rows, int32(key%uint64(len(y))))
	}
	return rows
}

// oneSided returns the rows that gradient-based one-side sampling takes, in
// place of rows, and multiplies the gradients and hessians of those with small
// gradients, so that they stand for the ones that are left out (Ke et al.,
// "LightGBM", NeurIPS 2017, algorithm 2). Gradients are [k×n] row-major; a row
// is as large as the sum of |gradient·hessian| over k. sizes is scratch.
func (s *sampling) oneSided(rows []int32, sizes []uint32, seed uint64, round int, grad, hess []float32, n int) ([]int32, []uint32) {
	sizes = resize(sizes, n)
	for i := range sizes {
		v := float32(0)
		for at := i; at < len(grad); at += n {
			v += float32(math.Abs(float64(grad[at] * hess[at])))
		}
		sizes[i] = math.Float32bits(v)
	}
	top := max(1, int(float64(n)*s.top))
	other := max(1, int(float64(n)*s.other))
	bound, above := largest(sizes, top)
	limit := below(min(1, float64(other)/float64(max(1, n-above))))
	factor := float32(n-top) / float32(other)
	key := kernels.Key(seed, drawSmall, uint64(round))
	rows = resize(rows, n)
	taken := 0
	for i, size := range sizes {
		rows[taken] = int32(i)
		if size >= bound {
			taken++
			continue
		}
		if hash(key, i)>>11 >= limit {
			continue
		}
		taken++
		for at := i; at < len(grad); at += n {
			grad[at] *= factor
			hess[at] *= factor
		}
	}
	return rows[:taken], sizes
}

// largest returns the size that has place k among the largest, and how many are
// at least so large. Floats that are not negative are ordered as their bits, so
// two counts of 16 bits each find it.
func largest(sizes []uint32, k int) (bound uint32, above int) {
	var counts [1 << 16]int32
	// find returns the highest value that, with those above it, reaches k.
	find := func() uint32 {
		for v := len(counts) - 1; ; v-- {
			if above+int(counts[v]) >= k {
				return uint32(v)
			}
			above += int(counts[v])
		}
	}
	for _, size := range sizes {
		counts[size>>16]++
	}
	high := find()
	clear(counts[:])
	for _, size := range sizes {
		if size>>16 == high {
			counts[size&0xffff]++
		}
	}
	low := find()
	return high<<16 | low, above + int(counts[low])
}

// featuresOf returns the features that a tree may be split by, rising; nil: all
// of d. Their number is exact, as in LightGBM.
func (s *sampling) featuresOf(d int, seed uint64, round, class int) []int32 {
	if s.features >= 1 || d == 0 {
		return nil
	}
	key := kernels.Key(seed, drawFeatures, uint64(round), uint64(class))
	all := make([]int32, d)
	for i := range all {
		all[i] = int32(i)
	}
	slices.SortFunc(all, func(a, b int32) int {
		if hash(key, int(a)) < hash(key, int(b)) {
			return -1
		}
		return 1
	})
	n := max(1, int(math.RoundToEven(float64(d)*s.features)))
	all = all[:n]
	slices.Sort(all)
	return all
}
