package search

import (
	"crypto/sha256"
	"math/rand/v2"

	"tourney"
)

// History is what a sampler may learn from. What it hands out is made when a
// sampler first asks and kept, so that one that does not ask costs nothing.
type History struct {
	cube   *cube
	slots  *slots
	values [][]any     // by trial: one for each parameter of the space
	points [][]float64 // by trial, as far as asked for
	done   []Result
	seen   map[[16]byte]struct{} // keys of the first `keyed` trials
	keyed  int
	jump   map[int64]int64 // from a cell found proposed to one nearer the next that is not
}

// Result is what one job of a trial came to.
type Result struct {
	Trial  int
	Rung   int
	Budget int     // steps in all
	Loss   float64 // lower is better; +Inf if the trial diverged, failed or has no value
}

func newHistory(c *cube, s *slots) *History {
	return &History{cube: c, slots: s, seen: map[[16]byte]struct{}{}, jump: map[int64]int64{}}
}

// Trials returns how many trials were proposed, which is the number of the next.
func (h *History) Trials() int { return len(h.values) }

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

// Done returns the results so far in the order of folding. The caller does not
// change them.
func (h *History) Done() []Result { return h.done }

// Pending returns the trials that have an outstanding job, by number.
func (h *History) Pending() []int { return h.slots.trials() }

// Point returns the coordinates of a trial, each in [0, 1). They come from its
// parameters and are the same however the trial came into the history. The
// caller does not change them.
func (h *History) Point(trial int) []float64 {
	for len(h.points) < len(h.values) {
		h.points = append(h.points, nil)
	}
	if h.points[trial] == nil {
		h.points[trial] = h.cube.encode(h.values[trial])
	}
	return h.points[trial]
}

// Decode returns the parameters at a point of the cube.
func (h *History) Decode(u []float64) tourney.Params { return h.cube.decode(u) }

// Seen reports whether a trial with these parameters was proposed.
func (h *History) Seen(params tourney.Params) bool {
	scratch := tourney.Params{}
	for ; h.keyed < len(h.values); h.keyed++ {
		for i, v := range h.values[h.keyed] {
			scratch[h.cube.space[i].Name] = v
		}
		h.seen[digest(scratch)] = struct{}{}
	}
	_, ok := h.seen[digest(params)]
	return ok
}

// NextUnseen returns the first point at or after the cell of u that was not
// proposed yet, going round. It returns false if there is none or the space is
// not finite.
func (h *History) NextUnseen(u []float64) (tourney.Params, bool) {
	n := h.cube.cells
	if n == 0 {
		return nil, false
	}
	start := h.cube.cellOf(u)
	if params, ok := h.unseenIn(start, n); ok {
		return params, true
	}
	return h.unseenIn(0, start)
}

func (h *History) unseenIn(from, to int64) (tourney.Params, bool) {
	for cell := h.leap(from); cell < to; cell = h.leap(cell + 1) {
		params := h.cube.decode(h.cube.coordinates(cell))
		if !h.Seen(params) {
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
	values := make([]any, len(h.cube.space))
	for i := range h.cube.space {
		values[i] = params[h.cube.space[i].Name]
	}
	h.values = append(h.values, values)
}

func (h *History) finish(r Result) { h.done = append(h.done, r) }

// digest stands for Params.Key in less memory. Half of a SHA-256 collides as
// often as not after 2^64 points.
func digest(params tourney.Params) [16]byte {
	sum := sha256.Sum256([]byte(params.Key()))
	return [16]byte(sum[:16])
}
