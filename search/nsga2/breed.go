package nsga2

import (
	"math"
	"math/rand/v2"

	"tourney/search/axis"
)

// The probability that two parents are crossed, and the indices of the two
// distributions: a larger index keeps children nearer to their parents. The
// first two are those of Deb et al. 2002. Their third is 20 as well, for tens
// of thousands of trials; sweeps have hundreds, and must take wider steps.
const (
	crossProbability = 0.9
	crossIndex       = 20
	mutateIndex      = 5
)

// below1 is the largest coordinate.
const below1 = 1 - 1.0/(1<<53)

// child writes a child of two members. extra is how many mutations it gets
// beyond those that chance gives it.
func (s *Search) child(rng *rand.Rand, dst []float64, extra int) {
	a := s.parent(rng, -1)
	b := s.parent(rng, a)
	if rng.IntN(2) == 0 {
		a, b = b, a
	}
	s.cross(rng, dst, s.population[a].u, s.population[b].u)
	active := 0
	for _, x := range s.population[a].u {
		if !math.IsNaN(x) {
			active++
		}
	}
	for i := range s.axes {
		if rng.Float64()*float64(max(active, 1)) < 1 {
			dst[i] = mutate(rng, &s.axes[i], dst[i])
		}
	}
	for range extra {
		i := rng.IntN(len(s.axes))
		dst[i] = mutate(rng, &s.axes[i], dst[i])
	}
}

// parent returns the better of two members drawn at random, by its number, but
// not the one to leave out.
func (s *Search) parent(rng *rand.Rand, without int) int {
	n := len(s.population)
	draw := func() int {
		k := rng.IntN(n)
		for k == without {
			k = rng.IntN(n)
		}
		return k
	}
	return min(draw(), draw()) // they are in order, best first
}

// cross writes a child of a and b; where they are not crossed, of a. What
// neither has, because its condition was met in neither, is drawn.
func (s *Search) cross(rng *rand.Rand, dst, a, b []float64) {
	crossed := rng.Float64() < crossProbability
	for i := range s.axes {
		x, y := a[i], b[i]
		heir := crossed
		switch s.lineage(i, dst, a, b) {
		case 0:
			heir = false
		case 1:
			x, y, heir = b[i], a[i], false
		}
		switch {
		case math.IsNaN(x) && math.IsNaN(y):
			dst[i] = rng.Float64()
		case math.IsNaN(x):
			dst[i] = y
		case math.IsNaN(y) || !heir:
			dst[i] = x
		case s.axes[i].Kind == axis.Choice:
			dst[i] = []float64{x, y}[rng.IntN(2)]
		case rng.IntN(2) == 0: // Deb's program crosses half of the numbers
			dst[i] = blend(rng, x, y)
		default:
			dst[i] = x
		}
	}
}

// lineage returns which of the parents the gates of an axis came from, 0 for a
// and 1 for b, or -1 if they might have come from both.
func (s *Search) lineage(i int, dst, a, b []float64) int {
	from := -1
	for _, g := range s.axes[i].Gates {
		if s.axes[g].Kind == axis.Continuous || math.IsNaN(a[g]) || math.IsNaN(b[g]) {
			continue
		}
		cell := s.axes[g].Cell(dst[g])
		isA, isB := cell == s.axes[g].Cell(a[g]), cell == s.axes[g].Cell(b[g])
		if isA && !isB {
			from = 0
		} else if isB && !isA {
			from = 1
		}
	}
	return from
}

// blend draws one of the two children of simulated binary crossover inside
// [0, 1), whose limits shape the distribution (Deb and Agrawal 1995; the form
// with limits, Deb 2000).
func blend(rng *rand.Rand, x, y float64) float64 {
	lo, hi := min(x, y), max(x, y)
	u, upper := rng.Float64(), rng.IntN(2) == 1
	if hi-lo < 1e-14 {
		return x
	}
	room := lo // between the pair and the limit on the child's side
	if upper {
		room = 1 - hi
	}
	alpha := 2 - math.Pow(1+2*room/(hi-lo), -(crossIndex+1))
	var beta float64
	if u <= 1/alpha {
		beta = math.Pow(u*alpha, 1.0/(crossIndex+1))
	} else {
		beta = math.Pow(1/(2-u*alpha), 1.0/(crossIndex+1))
	}
	if !upper {
		beta = -beta
	}
	return min(max((lo+hi+beta*(hi-lo))/2, 0), below1)
}

// mutate moves a coordinate: to another choice, each being as likely, or by
// polynomial mutation, on a lattice to the next cell at least.
func mutate(rng *rand.Rand, a *axis.Axis, x float64) float64 {
	switch {
	case a.Kind == axis.Continuous:
		return perturb(rng, x)
	case a.Cells < 2:
		return x
	case a.Kind == axis.Choice:
		cell := rng.Int64N(a.Cells - 1)
		if cell >= a.Cell(x) {
			cell++
		}
		return a.Middle(cell)
	}
	was := a.Cell(x)
	moved := perturb(rng, x)
	cell := a.Cell(moved)
	switch {
	case cell != was:
	case was == 0:
		cell = 1
	case was == a.Cells-1 || moved < x:
		cell = was - 1
	default:
		cell = was + 1
	}
	return a.Middle(cell)
}

// perturb is polynomial mutation inside [0, 1) (Deb and Goyal 1996; the form
// with limits of Deb's program).
func perturb(rng *rand.Rand, x float64) float64 {
	u := rng.Float64()
	const power = 1.0 / (mutateIndex + 1)
	var delta float64
	if u < 0.5 {
		delta = math.Pow(2*u+(1-2*u)*math.Pow(1-x, mutateIndex+1), power) - 1
	} else {
		delta = 1 - math.Pow(2*(1-u)+(2*u-1)*math.Pow(x, mutateIndex+1), power)
	}
	return min(max(x+delta, 0), below1)
}
