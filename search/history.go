package search

import (
	"crypto/sha256"
	"math/rand/v2"

	"tourney"
	"tourney/search/axis"
)

// History is what a sampler may learn from. What it hands out is made when a
// sampler first asks and kept, so that one that does not ask costs nothing.
type History struct {
	cube    *cube
	views   []axis.Axis
	slots   *slots
	values  [][]any     // by trial: one for each parameter of the space
	retries int         // of the trials, those that try another's point again
	points  [][]float64 // by trial, as far as asked for
	done    []Result
	past    []Past
	ranked  []int // past, best first, once asked for

	highest int                   // rung of which there is a result
	counted int                   // results that are in highest
	seen    map[[16]byte]struct{} // keys of the first `keyed` trials
	keyed   int
	jump    map[int64]int64 // from a cell found proposed to one nearer the next that is not
}

// Result is what one job of a trial came to.
type Result struct {
	Trial  int
	Rung   int
	Budget int     // steps in all
	Whole  bool    // the rung is the highest of the trial's
	Loss   float64 // lower is better; +Inf if the trial diverged, failed or has no value
	// Of a sweep with several objectives or with bounds: the loss of each
	// objective, the first of which is Loss, and by how much the bounds are
	// violated in all.
	Losses    []float64
	Violation float64
}

// losses returns the losses of all objectives.
func (r *Result) losses() []float64 {
	if len(r.Losses) > 0 {
		return r.Losses
	}
	return []float64{r.Loss}
}

// Past is a finished trial of a past sweep, as far as this space has its
// parameters.
type Past struct {
	Sweep string
	Point []float64 // in the views' coordinates; NaN for what it did not have
	Loss  float64   // as Result's
}

func newHistory(c *cube, s *slots) *History {
	return &History{cube: c, views: c.views(), slots: s, seen: map[[16]byte]struct{}{}, jump: map[int64]int64{}}
}

// Trials returns how many trials were proposed, which is the number of the next.
func (h *History) Trials() int { return len(h.values) }

// Sampled returns how many trials were proposed at points of their own, those
// left out that try another's again.
func (h *History) Sampled() int { return len(h.values) - h.retries }

// Dim returns how many coordinates a point has.
func (h *History) Dim() int { return len(h.cube.axes) }

// Cells returns how many points the space has, or 0 if it is not finite or has
// more than 2^62.
func (h *History) Cells() int64 { return h.cube.cells }

// Scatter draws a point whose coordinates are uniform over the values of each
// parameter, whatever their probabilities.
func (h *History) Scatter(rng *rand.Rand) []float64 {
	u := make([]float64, len(h.cube.axes))
	for i := range u {
		if a := &h.cube.axes[i]; a.cells > 0 {
			u[i] = a.coordinate(rng.Int64N(a.cells))
		} else {
			u[i] = rng.Float64()
		}
	}
	return u
}

// Axes returns the axes as models see them. The caller does not change them.
func (h *History) Axes() []axis.Axis { return h.views }

// Outstanding returns how many jobs are outstanding.
func (h *History) Outstanding() int { return len(h.slots.jobs) }

// At returns the coordinates of a trial on Axes, NaN where a parameter has no
// part; a cell is at its middle. The caller does not change them.
func (h *History) At(trial int) []float64 {
	for len(h.points) < len(h.values) {
		h.points = append(h.points, nil)
	}
	if h.points[trial] == nil {
		h.points[trial] = h.cube.view(h.views, h.cube.encode(h.values[trial]))
	}
	return h.points[trial]
}

// Params returns the parameters at coordinates on Axes. Those of a parameter
// that has no part mean nothing.
func (h *History) Params(v []float64) tourney.Params { return h.cube.decode(h.cube.unview(h.views, v)) }

// Past returns what past sweeps have learnt. The caller does not change it.
func (h *History) Past() []Past { return h.past }

// Done returns the results so far in the order of folding. The caller does not
// change them.
func (h *History) Done() []Result { return h.done }

// Pending returns the trials that have an outstanding job, by number.
func (h *History) Pending() []int { return h.slots.trials() }

// Decode returns the parameters at a point of the cube.
func (h *History) Decode(u []float64) tourney.Params { return h.cube.decode(u) }

// Open reports whether a point may be proposed: it fulfils the constraints, and
// no trial with these parameters was proposed.
func (h *History) Open(params tourney.Params) bool {
	return h.cube.feasible(params) && !h.proposed(params)
}

func (h *History) proposed(params tourney.Params) bool {
	for ; h.keyed < len(h.values); h.keyed++ {
		h.seen[digest(h.paramsOf(h.keyed))] = struct{}{}
	}
	_, ok := h.seen[digest(params)]
	return ok
}

// paramsOf returns the parameters of a trial.
func (h *History) paramsOf(trial int) tourney.Params {
	params := make(tourney.Params, len(h.cube.space))
	for i, v := range h.values[trial] {
		if v != (absent{}) {
			params[h.cube.space[i].Name] = v
		}
	}
	return params
}

// maxWalk bounds how many cells are looked at for one that is open. Where
// constraints leave so few, a search may end before it has found all of them.
const maxWalk = 1_000_000

// NextOpen returns the first open point at or after the cell of u, going round.
// It returns false if there is none or the space is not finite.
func (h *History) NextOpen(u []float64) (tourney.Params, bool) {
	n := h.cube.cells
	if n == 0 {
		return nil, false
	}
	start := h.cube.cellOf(u)
	steps := 0
	if params, ok := h.openIn(start, n, &steps); ok {
		return params, true
	}
	return h.openIn(0, start, &steps)
}

func (h *History) openIn(from, to int64, steps *int) (tourney.Params, bool) {
	for cell := h.leap(from); cell < to && *steps < maxWalk; cell = h.leap(cell) {
		*steps++
		if next := h.cube.proper(cell); next != cell {
			h.jump[cell] = next
			continue
		}
		params := h.cube.decode(h.cube.coordinates(cell))
		if h.Open(params) {
			return params, true
		}
		h.jump[cell] = cell + 1
	}
	return nil, false
}

// leap follows the jumps from a cell and shortens them on the way, so that a
// sweep that exhausts its space looks at each proposed cell once, not once for
// each trial. Jumps save work and change no result.
func (h *History) leap(cell int64) int64 {
	end := cell
	for next, ok := h.jump[end]; ok; next, ok = h.jump[end] {
		end = next
	}
	for cell != end {
		cell, h.jump[cell] = h.jump[cell], end
	}
	return end
}

func (h *History) propose(params tourney.Params) {
	h.values = append(h.values, h.cube.values(params))
}

func (h *History) finish(r Result) { h.done = append(h.done, r) }

// digest stands for Params.Key in less memory. Half of a SHA-256 collides as
// often as not after 2^64 points.
func digest(params tourney.Params) [16]byte {
	sum := sha256.Sum256([]byte(params.Key()))
	return [16]byte(sum[:16])
}
