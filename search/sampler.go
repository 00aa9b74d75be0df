package search

import (
	"math/rand/v2"

	"tourney"
)

// Sampler proposes points. It is pure: what it proposes depends on the space
// that it was made for, and on its arguments.
type Sampler interface {
	// Sample returns the parameters of trial h.Trials(), which no trial before
	// it has, or false if the space has no such point left. rng is seeded by
	// the sweep's seed and the number of the trial.
	Sample(rng *rand.Rand, h *History) (tourney.Params, bool)
}

// redraws is how often a sampler tries to draw a point that was not proposed
// before it walks to one.
const redraws = 100

// rareRedraws is how often it draws where there are no cells to walk to, before
// it gives the space up: constraints may leave little of it.
const rareRedraws = 100_000

// random draws each coordinate uniformly, in the order of the space, so that
// each parameter has the distribution that the spec gives it.
type random struct{}

// Sample draws again while the point was proposed before; in a finite space it
// then walks on from the last draw to the next cell that was not. A space too
// large to number its cells may still be so skewed that draws repeat: there it
// forgets the distributions rather than the rule.
func (random) Sample(rng *rand.Rand, h *History) (tourney.Params, bool) {
	u := make([]float64, h.Dim())
	for range redraws {
		for i := range u {
			u[i] = rng.Float64()
		}
		if params := h.Decode(u); h.Open(params) {
			return params, true
		}
	}
	if h.Cells() > 0 {
		return h.NextOpen(u)
	}
	for range rareRedraws {
		if params := h.Decode(h.Scatter(rng)); h.Open(params) {
			return params, true
		}
	}
	return nil, false
}

// grid takes the cells of the grid one after the other: in mixed radix over the
// parameters in the order of the space, the last of which varies fastest, those
// left out in which a parameter without a part is not in its first cell, or
// which break a constraint. So there is no record of what ran, and nothing to
// repeat.
type grid struct {
	space tourney.Space
	order []int
	radix []int64 // cells of each parameter
	plain bool    // trial n is cell n
	cells []int64 // of the first trials, unless plain
	end   bool    // there are no more
}

func newGrid(space tourney.Space, constraints int) (Sampler, error) {
	g := &grid{space: space, radix: make([]int64, len(space)), plain: !space.Conditional() && constraints == 0}
	g.order, _ = space.Order()
	for i := range space {
		p := &space[i]
		n, ok := p.GridCells()
		if !ok || n < 1 {
			return nil, tourney.Invalid("parameters."+p.Name, "a grid has no steps for distribution %s; give values, whole numbers, or q_uniform with q", p.Distribution)
		}
		g.radix[i] = n
	}
	return g, nil
}

// Sample draws nothing: the number of the trial, retries not counted, says the cell.
func (g *grid) Sample(_ *rand.Rand, h *History) (tourney.Params, bool) {
	number := h.Sampled()
	if g.plain {
		params, fits := g.at(int64(number))
		return params, fits
	}
	for len(g.cells) <= number {
		if !g.advance(h) {
			return nil, false
		}
	}
	params, _ := g.at(g.cells[number])
	return params, true
}

// advance finds the cell of one more trial.
func (g *grid) advance(h *History) bool {
	cell := int64(0)
	if n := len(g.cells); n > 0 {
		cell = g.cells[n-1] + 1
	}
	for ; !g.end; cell++ {
		params, fits := g.at(cell)
		if !fits {
			g.end = true
			break
		}
		if params != nil && h.cube.feasible(params) {
			g.cells = append(g.cells, cell)
			return true
		}
	}
	return false
}

// at returns the parameters of a cell, nil if one that has no part is not in
// its first cell, and whether the grid has such a cell.
func (g *grid) at(cell int64) (tourney.Params, bool) {
	digits := make([]int64, len(g.space))
	for i := len(g.space) - 1; i >= 0; i-- {
		digits[i] = cell % g.radix[i]
		cell /= g.radix[i]
	}
	params := make(tourney.Params, len(g.space))
	for _, i := range g.order {
		p := &g.space[i]
		if p.Active(params) {
			params[p.Name] = writable(p, p.GridValue(digits[i]))
		} else if digits[i] > 0 {
			return nil, cell == 0
		}
	}
	return params, cell == 0
}
