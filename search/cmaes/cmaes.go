package cmaes

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"tourney/search/axis"
)

// Observation is a finished trial.
type Observation struct {
	U    []float64 // one coordinate for each axis, NaN where it has no part
	Loss float64   // lower is better; +Inf, or NaN, is a failure
}

// Options are what a CMA may be given beside its axes. The zero value is the
// default of each.
type Options struct {
	// Seed is what restarts, and the guesses at what results do not tell, are
	// drawn from.
	Seed uint64
	// Population is how many results make one update, at least 4; 0 means
	// 4 + ⌊3 ln d⌋.
	Population int
	// Sigma is the first standard deviation along each axis; 0 means 1/6.
	Sigma float64
	// Start are results, perhaps of another sweep, from the best tenth of which
	// the first distribution is estimated. Fewer than ten are not used.
	Start []Observation
}

// CMA is the state of a search. It belongs to one goroutine.
type CMA struct {
	axes            []axis.Axis
	numeric, choice []int // the numbers of the axes of either sort
	options         Options

	strategy    strategy
	gaussian    *gaussian
	margin      *margin
	categorical *categorical
	pending     []result // of the population that is being gathered
	restarts    restarts
	told        uint64
}

// result is an observation as the distribution sees it.
type result struct {
	step  []float64 // of the numeric axes
	cells []int     // of the choices
	loss  float64
}

// New returns the search before the first result.
func New(axes []axis.Axis, options Options) *CMA {
	c := &CMA{axes: axes, options: options}
	if c.options.Population <= 0 {
		c.options.Population = population(len(axes))
	}
	c.options.Population = max(c.options.Population, 4)
	if !(c.options.Sigma > 0) {
		c.options.Sigma = 1.0 / 6
	}
	for i := range axes {
		if axes[i].Kind == axis.Choice {
			c.choice = append(c.choice, i)
		} else {
			c.numeric = append(c.numeric, i)
		}
	}
	mean := make([]float64, len(c.numeric))
	for i := range mean {
		mean[i] = 0.5
	}
	c.begin(c.options.Population, mean, c.options.Sigma, nil)
	c.restarts = newRestarts(c.options.Population)
	if best := bestTenth(options.Start); len(best) > 0 {
		c.warm(best)
	}
	return c
}

// begin starts a run: the state as it is before the first result of a
// population of lambda.
func (c *CMA) begin(lambda int, mean []float64, sigma float64, cov []float64) {
	pick := func(numbers []int) []*axis.Axis {
		out := make([]*axis.Axis, len(numbers))
		for i, n := range numbers {
			out[i] = &c.axes[n]
		}
		return out
	}
	c.strategy = newStrategy(len(c.numeric), lambda)
	c.gaussian = newGaussian(mean, sigma, cov)
	c.margin = newMargin(pick(c.numeric), lambda)
	c.margin.correct(c.gaussian)
	c.categorical = newCategorical(pick(c.choice))
	c.pending = nil
}

// Ask writes a point to dst, which has room for all axes: its coordinates on
// lattices and choices are the middles of their cells. Parameters whose
// condition is not met have coordinates too; they mean nothing. Ask may be
// called again for another point, if this one is not wanted.
func (c *CMA) Ask(rng *rand.Rand, dst []float64) {
	// A draw outside the box is thrown away, as long as that does not take too
	// long; what the last draw has outside is moved to the border.
	const draws = 100
	for range draws {
		if c.draw(rng, dst) {
			break
		}
	}
	for i, n := range c.choice {
		dst[n] = c.axes[n].Middle(int64(c.categorical.draw(i, rng)))
	}
}

// below1 is the largest coordinate.
const below1 = 1 - 1.0/(1<<53)

// draw writes the numeric coordinates, and reports whether all were in the box.
func (c *CMA) draw(rng *rand.Rand, dst []float64) bool {
	g := c.gaussian
	z := make([]float64, g.n)
	for i := range z {
		z[i] = rng.NormFloat64()
	}
	in := true
	for i, y := range g.colour(z) {
		x := g.mean[i] + g.sigma*y
		n := c.numeric[i]
		if c.axes[n].Kind == axis.Ordered {
			dst[n] = c.margin.rounded(i, x, g.mean[i])
			continue
		}
		dst[n] = min(max(x, 0), below1)
		in = in && dst[n] == x
	}
	return in
}

// Tell takes in a result, after those that were told before it.
func (c *CMA) Tell(u []float64, loss float64) {
	if math.IsNaN(loss) {
		loss = math.Inf(1)
	}
	rng := rand.New(rand.NewPCG(c.options.Seed, c.told))
	c.told++
	r := result{step: c.gaussian.step(c.position(u, rng)), cells: make([]int, len(c.choice)), loss: loss}
	c.shorten(r.step)
	for i, n := range c.choice {
		if math.IsNaN(u[n]) {
			r.cells[i] = c.categorical.draw(i, rng)
		} else {
			r.cells[i] = int(c.axes[n].Cell(u[n]))
		}
	}
	c.pending = append(c.pending, r)
	if len(c.pending) == c.strategy.lambda {
		c.update()
	}
}

// position returns a point on the numeric axes that u may come from.
func (c *CMA) position(u []float64, rng *rand.Rand) []float64 {
	x := make([]float64, len(c.numeric))
	for i, n := range c.numeric {
		x[i] = u[n]
		if math.IsNaN(u[n]) || c.axes[n].Kind == axis.Ordered {
			x[i] = c.margin.unrounded(i, u[n], c.gaussian, rng)
		}
	}
	return x
}

// shorten cuts a step to a length that the distribution's own draws hardly
// ever pass, so that a point from elsewhere cannot tear the distribution apart.
func (c *CMA) shorten(step []float64) {
	limit := math.Sqrt(float64(len(step))) + 4
	if length := norm(c.gaussian.whiten(step)); length > limit {
		for i := range step {
			step[i] *= limit / length
		}
	}
}

// update moves the distribution by a whole population, and starts a new run
// where there is nothing left to find.
func (c *CMA) update() {
	results := c.pending
	c.pending = nil
	slices.SortStableFunc(results, func(a, b result) int { return cmp.Compare(a.loss, b.loss) })
	steps, cells, losses := make([][]float64, len(results)), make([][]int, len(results)), make([]float64, len(results))
	for k, r := range results {
		steps[k], cells[k], losses[k] = r.step, r.cells, r.loss
	}
	c.gaussian.update(&c.strategy, steps)
	c.categorical.update(&c.strategy, cells)
	c.widen(losses)
	c.margin.correct(c.gaussian)
	if c.restarts.over(c, losses) {
		c.restart()
	}
}

// widen makes the step size grow where most losses are equal, for then their
// order says nothing and a plateau must be left (Hansen's tutorial, B.3), and
// keeps it from outgrowing the cube.
func (c *CMA) widen(losses []float64) {
	g, s := c.gaussian, &c.strategy
	if losses[0] == losses[int(0.7*float64(len(losses)))] {
		g.sigma *= math.Exp(0.2 + s.cSigma/s.dSigma)
	}
	widest := 0.0
	for i := range g.n {
		widest = max(widest, g.deviation(i))
	}
	if widest > 1 {
		g.sigma /= widest
	}
}
