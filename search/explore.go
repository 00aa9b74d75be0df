package search

import (
	"math"
	"math/rand/v2"

	"tourney"
)

// explore returns parameters around those of a trial, as in Jaderberg et al.,
// arXiv:1711.09846, section 4: each is drawn anew with probability resample,
// and otherwise multiplied by 0.8 or 1.2 (see [line.perturb]). A parameter that
// had no part in the trial and has one now is drawn.
//
// Points that were proposed are avoided while that is easy, and allowed then:
// a state that is trained further is another trial even with equal parameters.
func (h *History) explore(rng *rand.Rand, trial int, resample float64) tourney.Params {
	params := h.paramsOf(trial)
	u := make([]float64, len(h.cube.axes))
	for range redraws {
		for i := range u {
			a := &h.cube.axes[i]
			chance, fresh, up := rng.Float64(), rng.Float64(), rng.IntN(2) == 1
			if v, has := params[a.param.Name]; has && chance >= resample {
				u[i] = a.perturb(v, up)
			} else {
				u[i] = fresh
			}
		}
		if point := h.cube.decode(u); h.Open(point) {
			return point
		}
	}
	if point := h.cube.decode(u); h.cube.feasible(point) {
		return point
	}
	return params
}

// perturb returns the coordinate of a value that is 1.2 times as large, or 0.8
// times: of a uniform parameter, as far from its least value; of any other,
// as far from 0. What leaves the range is moved to its end. A lattice is moved
// by one of its steps at least, an ordinal to the value beside it, and a choice
// without an order not at all.
func (a *line) perturb(v any, up bool) float64 {
	if a.choices != nil {
		if a.param.Distribution != tourney.Ordinal {
			return a.encode(v)
		}
		return a.coordinate(a.beside(int64(a.choiceOf(v)), up))
	}
	origin, factor := 0.0, 0.8
	switch a.param.Distribution {
	case tourney.Uniform, tourney.QUniform, tourney.IntUniform:
		origin = a.number(0)
	}
	if up {
		factor = 1.2
	}
	x := asFloat(v)
	y := origin + (x-origin)*factor
	if a.cells == 0 {
		return a.encode(y)
	}
	cell := func(x float64) int64 {
		return int64(min(max(math.Round((x-a.lo)/a.step), 0), float64(a.cells-1)))
	}
	if cell(y) == cell(x) {
		return a.coordinate(a.beside(cell(x), y > x || y == x && up))
	}
	return a.coordinate(cell(y))
}

// beside returns the cell next to one, or that itself at the end.
func (a *line) beside(cell int64, up bool) int64 {
	if up {
		return min(cell+1, a.cells-1)
	}
	return max(cell-1, 0)
}
