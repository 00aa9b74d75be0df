package grow

import (
	"cmp"
	"math"
	"slices"
)

// categories searches the splits of a feature whose bins are categories. A
// missing one goes right, always.
//
// Of few categories each is tried alone on the left. Of many, those that have at
// least CatSmooth rows are ordered by gradient for each hessian, which for a
// convex loss puts the best split of all between two neighbours (Fisher 1958,
// "On grouping for maximum homogeneity"), and the first and the last
// MaxCatThreshold are tried on the left, in groups of MinRowsPerGroup rows.
func (s *seeker) categories(nd *node, f int32) {
	if nd.g.table.Features[f].Bins <= nd.g.c.MaxCatToOnehot {
		s.oneCategory(nd, f)
		return
	}
	s.manyCategories(nd, f)
}

func (s *seeker) oneCategory(nd *node, f int32) {
	c, only := &s.column, -1
	if nd.g.c.ExtraTrees {
		only = draw(nd.g.in.Seed, nd.leaf.id, f, c.len)
	}
	for i := range c.len {
		n := s.rows(nd, i)
		if only >= 0 && i != only || !nd.allowed(c.sum[i], n) {
			continue
		}
		if q, ok := nd.gain(c.sum[i], n, nd.g.c.L2, 0); ok && q > s.least {
			s.keepSet(f, q, c.sum[i], nd.g.c.L2)
			s.best.set[c.bin[i]>>6] |= 1 << (c.bin[i] & 63)
		}
	}
}

func (s *seeker) manyCategories(nd *node, f int32) {
	c, cfg := &s.column, &nd.g.c
	order := s.order[:0]
	for i := range c.len {
		if float64(s.rows(nd, i)) < cfg.CatSmooth {
			continue
		}
		grad, hess := nd.real(c.sum[i])
		if s.ratio[i] = grad / (hess + cfg.CatSmooth); math.IsNaN(s.ratio[i]) || math.IsInf(s.ratio[i], 0) {
			s.ratio[i] = 0
		}
		order = append(order, i)
	}
	s.order = order
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.ratio[a], s.ratio[b]) })
	most := min(cfg.MaxCatThreshold, (len(order)+1)/2, len(order))
	only := -1
	if cfg.ExtraTrees && most > 0 {
		only = draw(nd.g.in.Seed, nd.leaf.id, f, most)
	}
	s.prefixes(nd, f, order, most, only)
	slices.Reverse(order)
	s.prefixes(nd, f, order, most, only)
}

// prefixes tries the first categories of an order on the left, up to most, or
// only so many and one.
func (s *seeker) prefixes(nd *node, f int32, order []int, most, only int) {
	c, cfg := &s.column, &nd.g.c
	l2 := cfg.L2 + cfg.CatL2
	var left int64
	rows, group := 0, 0
	for k, i := range order[:most] {
		left += c.sum[i]
		n := s.rows(nd, i)
		rows += n
		group += n
		count := rows
		if !nd.direct {
			count = nd.estimate(left)
		}
		if nd.n-count < cfg.MinRowsPerGroup {
			return
		}
		if !nd.allowed(left, count) || group < cfg.MinRowsPerGroup {
			continue
		}
		group = 0
		if only >= 0 && k != only {
			continue
		}
		if q, ok := nd.gain(left, count, l2, 0); ok && q > s.least {
			s.keepSet(f, q, left, l2)
			for _, j := range order[:k+1] {
				s.best.set[c.bin[j]>>6] |= 1 << (c.bin[j] & 63)
			}
		}
	}
}

// keepSet makes a split by categories, whose set is still empty, the best so far.
func (s *seeker) keepSet(f int32, gain float64, left int64, l2 float64) {
	s.least = gain
	s.best = split{found: true, categorical: true, feature: f, gain: gain, sum: left, l2: l2}
}
