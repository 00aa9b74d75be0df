package tpe

import (
	"math"
	"math/rand/v2"
	"slices"

	"tourney"
	"tourney/search/axis"
)

// Options say how points are proposed. The zero value is the default.
type Options struct {
	// Optuna follows the rules of Optuna 5 alone: one split over all trials,
	// failed ones forgotten, parameters that some finished trial lacks drawn one
	// by one, duplicates not avoided.
	Optuna bool
	// Startup is how many trials must have ended before there is a model; 0
	// stands for 10.
	Startup int
	// Candidates is how many draws compete for each point; 0 stands for 24.
	Candidates int
	// Uniform is the share of points that are drawn uniformly.
	Uniform float64
	// Active says whether an axis has a part in a point whose coordinates before
	// that axis are set; nil if each has. It depends on the axis's Gates alone.
	Active func(u []float64, num int) bool
	// Start returns the point to begin with for trial n, as a Sobol sequence
	// does; nil stands for uniform draws.
	Start func(n int) []float64
}

// TPE proposes points. What it proposes depends on its options and arguments
// alone.
type TPE struct {
	axes     []axis.Axis
	o        Options
	gates    []int     // axes that decide about others, rising
	branches *branches // nil if there is nothing to choose, or too much
}

const (
	startup    = 10
	candidates = 24
	rounds     = 8   // of drawing from the models again, while all draws are known
	redraws    = 100 // likewise of uniform draws
)

// New returns a sampler for a space.
func New(axes []axis.Axis, o Options) (*TPE, error) {
	if o.Startup == 0 {
		o.Startup = startup
	}
	if o.Candidates == 0 {
		o.Candidates = candidates
	}
	switch {
	case o.Startup < 0:
		return nil, tourney.Invalid("startup", "must be at least 1, not %d", o.Startup)
	case o.Candidates < 0:
		return nil, tourney.Invalid("candidates", "must be at least 1, not %d", o.Candidates)
	case !(o.Uniform >= 0 && o.Uniform <= 1):
		return nil, tourney.Invalid("uniform", "must be a share from 0 to 1, not %v", o.Uniform)
	}
	t := &TPE{axes: axes, o: o}
	for i := range axes {
		for _, g := range axes[i].Gates {
			if g < 0 || g >= i {
				return nil, tourney.Invalid("axes", "axis %d has gate %d, which must come before it", i, g)
			}
			if !slices.Contains(t.gates, g) {
				t.gates = append(t.gates, g)
			}
		}
	}
	slices.Sort(t.gates)
	if !o.Optuna && len(t.gates) > 0 {
		t.branches = t.enumerate()
	}
	return t, nil
}

// Propose returns a point, given all trials so far in the order in which they
// were proposed. seen says that a point was proposed before (nil: none was).
// It returns nil if the space has no other point left.
func (t *TPE) Propose(rng *rand.Rand, trials []Trial, seen func(u []float64) bool) []float64 {
	return t.session(trials, seen).propose(rng)
}

// ProposeN returns k points, each aware of those before it, or fewer if the
// space has no more. They are those that k calls of Propose would give, with
// each point among the pending trials of the next (while fewer than a thousand
// are pending), but cost less.
func (t *TPE) ProposeN(rng *rand.Rand, trials []Trial, seen func(u []float64) bool, k int) [][]float64 {
	s := t.session(trials, seen)
	var points [][]float64
	for range k {
		u := s.propose(rng)
		if u == nil {
			break
		}
		points = append(points, u)
		s.pend(u)
	}
	return points
}

// active says whether an axis has a part in a point.
func (t *TPE) active(u []float64, num int) bool {
	return t.o.Active == nil || len(t.axes[num].Gates) == 0 || t.o.Active(u, num)
}

// decided says whether all gates of an axis are set.
func (t *TPE) decided(num int, done []bool) bool {
	return !slices.ContainsFunc(t.axes[num].Gates, func(g int) bool { return !done[g] })
}

// decidedAll says whether all gates of the space are set.
func (t *TPE) decidedAll(done []bool) bool {
	return !slices.ContainsFunc(t.gates, func(g int) bool { return !done[g] })
}

// unset returns a point without coordinates.
func (t *TPE) unset() []float64 {
	u := make([]float64, len(t.axes))
	for i := range u {
		u[i] = math.NaN()
	}
	return u
}

// uniform returns a point with the coordinates given (nil: none), and the
// others drawn by the probabilities of their axes.
func (t *TPE) uniform(rng *rand.Rand, given []float64) []float64 {
	u := t.unset()
	for i := range u {
		switch {
		case given != nil && !math.IsNaN(given[i]):
			u[i] = given[i]
		case t.active(u, i):
			u[i] = t.axes[i].Snap(rng.Float64())
		}
	}
	return u
}
