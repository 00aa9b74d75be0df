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

// random draws each coordinate uniformly, in the order of the space, so that
// each parameter has the distribution that the spec gives it.
type random struct{}

func newRandom(tourney.Space) (Sampler, error) { return random{}, nil }

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
		if params := h.Decode(u); !h.Seen(params) {
			return params, true
		}
	}
	if h.Cells() > 0 {
		return h.NextUnseen(u)
	}
	for range redraws {
		if params := h.Decode(h.Scatter(rng)); !h.Seen(params) {
			return params, true
		}
	}
	return nil, false
}

// grid takes the cells of the grid one after the other: trial n is cell n in
// mixed radix over the parameters in the order of the space, the last of which
// varies fastest. So there is no record of what ran, and nothing to repeat.
type grid struct {
	space tourney.Space
	radix []int64 // cells of each parameter
}

func newGrid(space tourney.Space) (Sampler, error) {
	g := grid{space: space, radix: make([]int64, len(space))}
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

// Sample draws nothing: the number of the trial says the cell.
func (g grid) Sample(_ *rand.Rand, h *History) (tourney.Params, bool) {
	cell := int64(h.Trials())
	params := make(tourney.Params, len(g.space))
	for i := len(g.space) - 1; i >= 0; i-- {
		p := &g.space[i]
		params[p.Name] = writable(p, p.GridValue(cell%g.radix[i]))
		cell /= g.radix[i]
	}
	return params, cell == 0
}
