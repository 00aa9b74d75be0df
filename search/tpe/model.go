package tpe

import (
	"math"
	"slices"
)

// model is what is known of some axes, taken together: l and g.
type model struct {
	nums         []int
	below, above *parzen
}

const (
	newest  = 1000       // of the ended, and likewise of the pending, trials that are modelled beside the best
	crowded = 3 * newest // kernels at which those of pending trials are thinned again
	most    = 25         // trials that are good at most
	sharper = 0.4        // the least width of a kernel of l, of what Optuna takes
)

// modelOf returns the model of some axes, made of the trials that have them.
func (s *session) modelOf(nums []int) *model {
	for _, m := range s.models {
		if slices.Equal(m.nums, nums) {
			return m
		}
	}
	good, rest := s.split(nums)
	l, g := rules{numpy: s.t.o.Optuna, floor: 1}, rules{numpy: s.t.o.Optuna, floor: 1}
	var weights []float64
	if !s.t.o.Optuna {
		l.floor = sharper
		if !s.multi {
			weights = byRank(good)
		}
	}
	rest, shares := s.thin(rest)
	m := &model{nums: nums, below: s.parzen(nums, good, weights, l), above: s.parzen(nums, rest, shares, g)}
	s.models = append(s.models, m)
	return m
}

// parzen returns the mixture of some trials, which it brings into the order in
// which they were proposed.
func (s *session) parzen(nums, members []int, share []float64, r rules) *parzen {
	order := make([]int, len(members))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return members[i] - members[j] })
	points, shares := make([][]float64, len(members)), make([]float64, len(members))
	for i, at := range order {
		points[i], shares[i] = s.trials[members[at]].U, 1
		if share != nil {
			shares[i] = share[at]
		}
	}
	return newParzen(s.t.axes, nums, points, shares, r)
}

// byRank returns a weight for each of the best trials, best first: those of the
// CMA evolution strategy (Hansen 2016, equation 49), whose mean is 1 here.
func byRank(good []int) []float64 {
	weights := make([]float64, len(good))
	sum := 0.0
	for i := range weights {
		weights[i] = math.Log(float64(len(good))+0.5) - math.Log(float64(i)+0.5)
		sum += weights[i]
	}
	for i := range weights {
		weights[i] *= float64(len(good)) / sum
	}
	return weights
}

// split returns the numbers of the trials that stand for good points of some
// axes, best first, and of those that stand for the others.
//
// Optuna splits all trials, and then looks which have the axes. So where one
// branch holds all the best trials the others have no good ones, and are
// sampled at random. Otherwise the split is among the trials that have the axes.
func (s *session) split(nums []int) (good, rest []int) {
	optuna := s.t.o.Optuna
	in := make([]int, 0, len(s.trials))
	ended := 0
	for i := range s.trials {
		r := &s.trials[i]
		standing := r.standing()
		if optuna && standing == Failed || !optuna && !s.has(r.U, nums) {
			continue
		}
		in = append(in, i)
		if standing != Pending {
			ended++
		}
	}
	good = best(s.trials, in, s.quota(ended))
	rising := slices.Sorted(slices.Values(good))
	rest = slices.DeleteFunc(in, func(i int) bool {
		if len(rising) > 0 && rising[0] == i {
			rising = rising[1:]
			return true
		}
		return optuna && !s.has(s.trials[i].U, nums)
	})
	if optuna {
		good = slices.DeleteFunc(good, func(i int) bool { return !has(s.trials[i].U, nums) })
	}
	return good, rest
}

// quota returns how many of n ended trials are good.
func (s *session) quota(n int) int {
	tenth := (n + 9) / 10
	if s.multi && s.t.o.Optuna {
		return tenth
	}
	return min(tenth, most)
}

// thin keeps the newest of the ended trials. Of many pending ones it keeps some
// that stand for the others too.
func (s *session) thin(nums []int) (kept []int, share []float64) {
	if s.t.o.Optuna {
		return nums, nil
	}
	pending := 0
	for _, i := range nums {
		if s.trials[i].State == Pending {
			pending++
		}
	}
	drop, each := len(nums)-pending-newest, float64(max(pending, newest))/newest
	at, next := 0, 0.0
	for _, i := range nums {
		switch {
		case s.trials[i].State != Pending:
			if drop--; drop < 0 {
				kept, share = append(kept, i), append(share, 1)
			}
			continue
		case float64(at) >= next:
			kept, share = append(kept, i), append(share, each)
			next += each
		}
		at++
	}
	return kept, share
}

// together returns the axes that are drawn with axis i, and those of the model
// that they are drawn from, among them axes that are set already.
func (s *session) together(i int, u []float64, done []bool) (free, nums []int) {
	t := s.t
	if t.o.Optuna {
		if free = s.always(); !slices.Contains(free, i) {
			free = []int{i}
		}
		return free, free
	}
	for j := i; j < len(u); j++ {
		if !done[j] && t.decided(j, done) && t.active(u, j) {
			free = append(free, j)
		}
	}
	if len(t.gates) == 0 {
		return free, free
	}
	if t.branches != nil && t.decidedAll(done) {
		for j := range u {
			if slices.Contains(free, j) || !math.IsNaN(u[j]) {
				nums = append(nums, j)
			}
		}
		if s.ever(nums) {
			return free, nums
		}
	}
	if s.groups == nil {
		s.groups = t.partition(s.trials)
	}
	free = slices.DeleteFunc(free, func(j int) bool { return s.groups[j] != s.groups[i] })
	return free, free
}

// always returns the axes that have a part in each finished trial.
func (s *session) always() []int {
	var nums []int
	for i := range s.t.axes {
		if !slices.ContainsFunc(s.trials, func(r Trial) bool {
			return (r.State == Complete || r.State == Pruned) && math.IsNaN(r.U[i])
		}) {
			nums = append(nums, i)
		}
	}
	return nums
}

// ever says whether some ended trial has all axes listed.
func (s *session) ever(nums []int) bool {
	return slices.ContainsFunc(s.trials, func(r Trial) bool { return r.State != Pending && has(r.U, nums) })
}

// has says whether all axes listed have a part in a point; without conditions
// each has.
func (s *session) has(u []float64, nums []int) bool {
	return len(s.t.gates) == 0 || has(u, nums)
}

// has says whether all axes listed have a part in a point.
func has(u []float64, nums []int) bool {
	for _, num := range nums {
		if math.IsNaN(u[num]) {
			return false
		}
	}
	return true
}

// partition returns, for each axis, the first axis that has a part in exactly
// the trials in which it has one.
func (t *TPE) partition(trials []Trial) []int {
	group := make([]int, len(t.axes))
	for i := range trials {
		u := trials[i].U
		for j := range group {
			first := group[j]
			if math.IsNaN(u[first]) == math.IsNaN(u[j]) {
				continue
			}
			for k := j; k < len(group); k++ { // all that are like this one leave together
				if group[k] == first && math.IsNaN(u[k]) == math.IsNaN(u[j]) {
					group[k] = j
				}
			}
		}
	}
	return group
}
