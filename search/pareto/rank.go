package pareto

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// Dominates reports whether a is nowhere worse than b and somewhere better.
func Dominates(a, b []float64) bool {
	better := false
	for i := range a {
		switch x, y := number(a[i]), number(b[i]); {
		case x > y:
			return false
		case x < y:
			better = true
		}
	}
	return better
}

// number counts NaN as the worst there is.
func number(x float64) float64 {
	if math.IsNaN(x) {
		return math.Inf(1)
	}
	return x
}

// Ranks returns the front of each trial, from 0: no trial of a front is
// dominated by another of it or of a later one, and each is by one of the front
// before. Trials that break constraints come after all that do not, by
// violation alone. No violations (nil) means that all are kept.
func Ranks(losses [][]float64, violations []float64) []int {
	ranks := make([]int, len(losses))
	var feasible, broken []int
	for i := range losses {
		if violations != nil && !(violations[i] <= 0) {
			broken = append(broken, i)
		} else {
			feasible = append(feasible, i)
		}
	}
	next := rankFeasible(losses, feasible, ranks)
	slices.SortStableFunc(broken, func(i, j int) int { return cmp.Compare(number(violations[i]), number(violations[j])) })
	for n, i := range broken {
		if n > 0 && number(violations[i]) > number(violations[broken[n-1]]) {
			next++
		}
		ranks[i] = next
	}
	return ranks
}

// rankFeasible writes the fronts of the trials in order, and returns how many
// there are. A trial can only be dominated by one before it in lexicographic
// order, so each is held against what was ranked so far alone.
func rankFeasible(losses [][]float64, order, ranks []int) int {
	slices.SortStableFunc(order, func(i, j int) int { return compare(losses[i], losses[j]) })
	found := 0
	ranked := newFronts(losses, order)
	for n, i := range order {
		if n > 0 && compare(losses[i], losses[order[n-1]]) == 0 {
			ranks[i] = ranks[order[n-1]]
			continue
		}
		// A trial that no member of a front dominates is dominated by none of a
		// later front either, so the front is found by bisection.
		k := sort.Search(found, func(k int) bool { return !ranked.dominate(k, i) })
		ranked.add(k, i)
		found = max(found, k+1)
		ranks[i] = k
	}
	return found
}

// fronts are what was ranked so far.
type fronts interface {
	dominate(front, trial int) bool
	add(front, trial int)
}

func newFronts(losses [][]float64, order []int) fronts {
	if len(order) > 0 && len(losses[order[0]]) == 2 {
		return &tails{losses: losses}
	}
	return &members{losses: losses}
}

// tails are the fronts of two losses. The last member of a front has its least
// second loss, so it dominates what any member does: sorting is O(n log n)
// (Jensen 2003).
type tails struct {
	losses [][]float64
	second []float64 // of the last member of each front
}

func (f *tails) dominate(front, trial int) bool { return f.second[front] <= number(f.losses[trial][1]) }

func (f *tails) add(front, trial int) {
	x := number(f.losses[trial][1])
	if front == len(f.second) {
		f.second = append(f.second, x)
	}
	f.second[front] = x
}

// members are the fronts of any number of losses, looked through from the
// latest member on, as in ENS-BS (Zhang, Tian, Cheng and Jin 2015).
type members struct {
	losses [][]float64
	of     [][]int
}

func (f *members) dominate(front, trial int) bool {
	for _, i := range slices.Backward(f.of[front]) {
		if Dominates(f.losses[i], f.losses[trial]) {
			return true
		}
	}
	return false
}

func (f *members) add(front, trial int) {
	if front == len(f.of) {
		f.of = append(f.of, nil)
	}
	f.of[front] = append(f.of[front], trial)
}

// compare is the lexicographic order.
func compare(a, b []float64) int {
	for i := range a {
		if c := cmp.Compare(number(a[i]), number(b[i])); c != 0 {
			return c
		}
	}
	return 0
}

// Front returns the trials of the first front, in order of their index.
func Front(losses [][]float64, violations []float64) []int {
	var front []int
	for i, rank := range Ranks(losses, violations) {
		if rank == 0 {
			front = append(front, i)
		}
	}
	return front
}

// Crowding returns how far each vector of a front lies from its neighbours: the
// sum over the losses of the distance between the one before and the one after
// it, as a share of the front's range (Deb et al. 2002, section III-B). The
// ends of each loss are infinitely far.
func Crowding(front [][]float64) []float64 {
	distance := make([]float64, len(front))
	if len(front) == 0 {
		return distance
	}
	order := make([]int, len(front))
	for m := range front[0] {
		for i := range order {
			order[i] = i
		}
		at := func(n int) float64 { return number(front[order[n]][m]) }
		slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(number(front[i][m]), number(front[j][m])) })
		last := len(order) - 1
		width := at(last) - at(0)
		distance[order[0]], distance[order[last]] = math.Inf(1), math.Inf(1)
		if !(width > 0) || math.IsInf(width, 0) {
			continue
		}
		for n := 1; n < last; n++ {
			distance[order[n]] += (at(n+1) - at(n-1)) / width
		}
	}
	return distance
}

// Order returns the trials, best first: by front, inside a front the less
// crowded first, then by index.
func Order(losses [][]float64, violations []float64) []int {
	ranks := Ranks(losses, violations)
	byFront := make([][]int, len(losses))
	for i, rank := range ranks {
		byFront[rank] = append(byFront[rank], i)
	}
	order := make([]int, 0, len(losses))
	for _, front := range byFront {
		vectors := make([][]float64, len(front))
		for n, i := range front {
			vectors[n] = losses[i]
		}
		distance := Crowding(vectors)
		at := make([]int, len(front))
		for n := range at {
			at[n] = n
		}
		slices.SortStableFunc(at, func(a, b int) int { return cmp.Compare(distance[b], distance[a]) })
		for _, n := range at {
			order = append(order, front[n])
		}
	}
	return order
}
