package search

import (
	"cmp"
	"slices"
	"sort"

	"tourney/search/pareto"
)

// fronts is the ranking by several objectives: what keeps the bounds comes
// first, by front of non-domination, inside a front the less crowded first
// (Deb et al. 2002), then in the order of folding. What breaks a bound follows,
// by violation. What has no value of some objective comes last.
//
// A new trial enters the first front no member of which dominates it, which
// bisection finds; those of the front that it dominates move on to the next,
// where they do the same (Li et al., "Efficient Nondomination Level Update
// Method", IEEE Trans. Cybernetics 2017). So a report costs what it changes,
// not a new sort.
type fronts struct {
	eta    int
	n      int
	levels [][]*entry // of those that keep the bounds
	broken []*entry   // those that have every value and break one, sorted
}

func newFronts(eta int) *fronts { return &fronts{eta: eta} }

func (f *fronts) size() int { return f.n }

func (f *fronts) insert(e *entry) {
	e.seq = f.n
	f.n++
	switch {
	case !e.finite():
	case e.violation > 0:
		at, _ := slices.BinarySearchFunc(f.broken, e, func(a, b *entry) int { return cmp.Compare(a.violation, b.violation)*2 + cmp.Compare(a.seq, b.seq) })
		f.broken = slices.Insert(f.broken, at, e)
	default:
		f.settle(e)
	}
}

// settle puts an entry into its front, and moves what it dominates.
func (f *fronts) settle(e *entry) {
	k := sort.Search(len(f.levels), func(k int) bool {
		return !slices.ContainsFunc(f.levels[k], func(o *entry) bool { return pareto.Dominates(o.losses, e.losses) })
	})
	moving := []*entry{e}
	for ; len(moving) > 0; k++ {
		if k == len(f.levels) {
			f.levels = append(f.levels, moving)
			return
		}
		var next []*entry
		stay := f.levels[k][:0]
		for _, o := range f.levels[k] {
			if slices.ContainsFunc(moving, func(m *entry) bool { return pareto.Dominates(m.losses, o.losses) }) {
				next = append(next, o)
			} else {
				stay = append(stay, o)
			}
		}
		f.levels[k] = append(stay, moving...)
		moving = next
	}
}

// best looks front by front. Inside one that is among the best as a whole the
// order still says who goes first.
func (f *fronts) best() *entry {
	left := f.n / f.eta
	for _, level := range f.levels {
		if left <= 0 {
			return nil
		}
		if slices.ContainsFunc(level, func(e *entry) bool { return !e.promoted }) {
			for _, e := range spread(level)[:min(left, len(level))] {
				if !e.promoted {
					return e
				}
			}
		}
		left -= len(level)
	}
	for _, e := range f.broken[:min(max(left, 0), len(f.broken))] {
		if !e.promoted {
			return e
		}
	}
	return nil
}

func (f *fronts) holds(e *entry) bool {
	left := f.n / f.eta
	for _, level := range f.levels {
		if left <= 0 {
			return false
		}
		if slices.Contains(level, e) {
			return len(level) <= left || slices.Contains(spread(level)[:left], e)
		}
		left -= len(level)
	}
	return slices.Contains(f.broken[:min(max(left, 0), len(f.broken))], e)
}

// spread returns the entries of a front, the less crowded first.
func spread(level []*entry) []*entry {
	bySeq := slices.SortedFunc(slices.Values(level), func(a, b *entry) int { return cmp.Compare(a.seq, b.seq) })
	losses := make([][]float64, len(bySeq))
	for i, e := range bySeq {
		losses[i] = e.losses
	}
	distance := pareto.Crowding(losses)
	order := make([]int, len(bySeq))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(distance[j], distance[i]) })
	out := make([]*entry, len(order))
	for i, j := range order {
		out[i] = bySeq[j]
	}
	return out
}
