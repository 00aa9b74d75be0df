package suite

import (
	"math"
	"math/rand/v2"
	"slices"

	"tourney/search/axis"
)

// Problem is one objective over points of the unit cube.
type Problem struct {
	Name    string
	Axes    []axis.Axis
	Optimum float64 // the least value of Truth
	Scale   float64 // median of Truth over random points, less Optimum
	Noise   float64 // standard deviation of what Eval adds to Truth
	// Mask sets the coordinates to NaN that have no part in the point; nil if
	// all always have one.
	Mask func(u []float64)
	// Truth returns the value at a masked point, NaN where the training crashes.
	Truth func(u []float64) float64
}

// Eval returns what a training at u reports, or false if it crashes. rng is
// drawn from only where there is noise.
func (p *Problem) Eval(u []float64, rng *rand.Rand) (loss float64, ok bool) {
	loss = p.Truth(u)
	if p.Noise > 0 {
		loss += p.Noise * rng.NormFloat64()
	}
	return loss, !math.IsNaN(loss)
}

// Regret returns how much worse u is than the optimum, without noise.
func (p *Problem) Regret(u []float64) float64 { return p.Truth(u) - p.Optimum }

// Random returns a point drawn uniformly.
func (p *Problem) Random(rng *rand.Rand) []float64 {
	u := make([]float64, len(p.Axes))
	for i := range u {
		u[i] = rng.Float64()
	}
	if p.Mask != nil {
		p.Mask(u)
	}
	return u
}

// Cell returns the number of the point of a finite problem that u stands for,
// and false if the problem is not finite.
func (p *Problem) Cell(u []float64) (int64, bool) {
	n := int64(0)
	for i := range p.Axes {
		a := &p.Axes[i]
		if a.Kind == axis.Continuous {
			return 0, false
		}
		n *= a.Cells + 1
		if !math.IsNaN(u[i]) {
			n += a.Cell(u[i]) + 1
		}
	}
	return n, true
}

// Observation is a finished trial: its point, and its loss, +Inf if it failed.
type Observation struct {
	U    []float64
	Loss float64
}

// Asker proposes k points, given the finished trials in the order in which they
// finished. seen says whether a point of a finite problem was proposed before.
type Asker func(rng *rand.Rand, done []Observation, k int, seen func(u []float64) bool) [][]float64

// Outcome is what an asker did on a problem.
type Outcome struct {
	Regret  []float64 // after each trial: of the best observed so far, +Inf if none
	Failed  int       // trials that crashed
	Repeats int       // trials of a finite problem that another had been before
}

// Play lets an asker run n trials in batches of that size: it is asked for a
// batch, and all of it finishes. Sequential is a batch of 1.
func Play(p *Problem, ask Asker, n, batch int, seed uint64) Outcome {
	rng := rand.New(rand.NewPCG(seed, 1))
	noise := rand.New(rand.NewPCG(seed, 2))
	var out Outcome
	var done []Observation
	cells := map[int64]bool{}
	seen := func(u []float64) bool {
		cell, finite := p.Cell(u)
		return finite && cells[cell]
	}
	best, regret := math.Inf(1), math.Inf(1)
	for len(done) < n {
		for _, u := range ask(rng, done, min(batch, n-len(done)), seen) {
			if cell, finite := p.Cell(u); finite {
				if cells[cell] {
					out.Repeats++
				}
				cells[cell] = true
			}
			loss, ok := p.Eval(u, noise)
			if !ok {
				out.Failed++
				loss = math.Inf(1)
			} else if loss < best {
				best, regret = loss, p.Regret(u)
			}
			done = append(done, Observation{U: u, Loss: loss})
			out.Regret = append(out.Regret, regret)
		}
	}
	return out
}

// floor is the part of the scale below which regrets count as equal.
const floor = 1e-3

// Score returns log10(max(regret/scale, 1e-3)) of the median of the regrets.
func (p *Problem) Score(regrets []float64) float64 {
	r := min(Median(regrets), 1e3*p.Scale)
	return math.Log10(max(r/p.Scale, floor))
}

// S3 returns the mean of the scores of problems; regrets has those of each
// problem's runs, in the same order.
func S3(problems []Problem, regrets [][]float64) float64 {
	sum := 0.0
	for i := range problems {
		sum += problems[i].Score(regrets[i])
	}
	return sum / float64(len(problems))
}

// Median returns the middle of the values, or the mean of the two in the middle.
func Median(values []float64) float64 {
	v := slices.Clone(values)
	slices.Sort(v)
	m := len(v) / 2
	if len(v)%2 == 1 {
		return v[m]
	}
	return (v[m-1] + v[m]) / 2
}
