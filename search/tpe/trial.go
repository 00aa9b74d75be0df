package tpe

import (
	"cmp"
	"math"
	"slices"

	"tourney/search/pareto"
)

// State says what is known of a trial.
type State int

const (
	// Complete trials have a loss.
	Complete State = iota
	// Pruned trials were stopped early; their loss is that of their last step.
	Pruned
	// Failed trials have no loss and will get none.
	Failed
	// Pending trials are being evaluated.
	Pending
)

// Trial is one point that was proposed, and what came of it. Trials are given
// in the order in which they were proposed.
type Trial struct {
	// U are the coordinates, NaN where an axis has no part. On an Ordered axis
	// the kernel sits exactly there, anywhere within the cell.
	U     []float64
	State State
	Loss  float64 // lower is better; of a Pruned trial at its last step
	// Losses are used instead of Loss where the search has several objectives.
	Losses []float64
	// Step is the last step that a Pruned trial reported, -1 if it reported none.
	Step int
	// Violation is by how much a finished trial breaks its constraints; 0 if it
	// breaks none.
	Violation float64
}

// standing returns the state of a trial, Failed if a complete one's loss is no
// number or infinitely bad.
func (t *Trial) standing() State {
	if t.State == Complete && t.Losses == nil && !(t.Loss < math.Inf(1)) {
		return Failed
	}
	return t.State
}

// tier is what a trial can be, best first.
type tier int

const (
	whole      tier = iota // by loss
	part                   // pruned: further is better, then by loss
	infeasible             // by violation
	never                  // among the best
)

// rank is what trials are ordered by.
type rank struct {
	tier tier
	a, b float64
}

func (t *Trial) rank() rank {
	switch standing := t.standing(); {
	case standing == Pending || standing == Failed:
		return rank{tier: never}
	case t.Violation > 0:
		return rank{tier: infeasible, a: t.Violation}
	case standing == Complete:
		return rank{tier: whole, a: t.Loss}
	case t.Step < 0:
		return rank{tier: part, a: 1}
	case math.IsNaN(t.Loss):
		return rank{part, -float64(t.Step), math.Inf(1)}
	}
	return rank{part, -float64(t.Step), t.Loss}
}

func (r rank) compare(o rank) int {
	return cmp.Or(cmp.Compare(r.tier, o.tier), cmp.Compare(r.a, o.a), cmp.Compare(r.b, o.b))
}

// best returns the numbers of the n best of the trials listed, best first, the
// earlier one of two equals. Failed and Pending ones are not among them, even
// if that leaves fewer.
func best(trials []Trial, nums []int, n int) []int {
	if slices.ContainsFunc(nums, func(i int) bool { return trials[i].Losses != nil }) {
		return bestOfSeveral(trials, nums, n)
	}
	type entry struct {
		rank
		num int
	}
	top := make([]entry, 0, n+1) // sorted: n is small
	for _, num := range nums {
		e := entry{trials[num].rank(), num}
		if e.tier == never || n == 0 || len(top) == n && e.compare(top[n-1].rank) >= 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(top, e, func(have, e entry) int {
			return cmp.Or(have.compare(e.rank), -1) // behind its equals
		})
		top = slices.Insert(top, at, e)
		top = top[:min(len(top), n)]
	}
	out := make([]int, len(top))
	for i, e := range top {
		out[i] = e.num
	}
	return out
}

// bestOfSeveral is best for trials with several losses (Ozaki, Tanigaki,
// Watanabe, Nomura and Onishi 2022): front by front, and of the front that is
// too large those that dominate most together. Pruned trials have no place in
// a front, and are taken by how far they came.
func bestOfSeveral(trials []Trial, nums []int, n int) []int {
	var feasible, others []int
	var losses [][]float64
	for _, i := range nums {
		switch t := &trials[i]; {
		case t.rank().tier == never:
		case t.State == Complete && !(t.Violation > 0):
			feasible, losses = append(feasible, i), append(losses, t.Losses)
		default:
			others = append(others, i)
		}
	}
	var out []int
	ranks := pareto.Ranks(losses, nil)
	for front := 0; len(out) < min(n, len(feasible)); front++ {
		var members []int
		var values [][]float64
		for i, r := range ranks {
			if r == front {
				members, values = append(members, feasible[i]), append(values, losses[i])
			}
		}
		if room := n - len(out); room >= len(members) {
			out = append(out, members...)
		} else {
			for _, at := range pareto.Select(values, pareto.Reference(values), room) {
				out = append(out, members[at])
			}
		}
	}
	slices.SortStableFunc(others, func(i, j int) int { return trials[i].rank().compare(trials[j].rank()) })
	return append(out, others[:min(max(n-len(out), 0), len(others))]...)
}
