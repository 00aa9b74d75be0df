package gp

import (
	"math"
	"math/rand/v2"
	"slices"

	"tourney/search/axis"
)

// Space is what a sampler knows of a search.
type Space struct {
	Axes []axis.Axis
	// Mask sets the coordinates to NaN that have no part in the point; nil if all
	// always have one.
	Mask func(u []float64)
	// Seen says whether the point was proposed before; nil if that cannot happen.
	Seen func(u []float64) bool
}

// Start returns how many points of a space are spread over it before a model
// says where to look.
func Start(axes []axis.Axis) int { return max(5, min(10, 2*len(axes))) }

// Propose returns k points to try, fewer only if the space has no more: none
// that was seen, and none twice. obs are the finished trials in the order in
// which they came, pending the points of those that are not finished. prior is
// the model that an earlier call returned, or nil: it saves time, and changes
// no point. The model is nil as long as points are spread.
func Propose(rng *rand.Rand, s Space, obs []Observation, pending [][]float64, k int, prior *Model) ([][]float64, *Model) {
	p := proposal{Space: s, rng: rng, pending: slices.Clone(pending)}
	p.Seen = func(u []float64) bool {
		return s.Seen != nil && s.Seen(u) || p.made(u)
	}
	start := Start(s.Axes)
	for len(p.out) < k && (len(obs)+len(p.pending) < start || len(s.Axes) == 0) {
		if !p.take(p.spread(obs)) {
			return p.out, nil
		}
	}
	if len(p.out) == k {
		return p.out, nil
	}
	m := Fit(s.Axes, obs, prior)
	if m == nil { // hardly a trial has a loss yet
		for len(p.out) < k && p.take(p.spread(obs)) {
		}
		return p.out, nil
	}
	p.promising(obs, m, k)
	return p.out, m
}

// promising fills the proposal up to k points by what a model says.
func (p *proposal) promising(obs []Observation, m *Model, k int) {
	acq := newAcquisition(m.values, m.success, m.best)
	for _, u := range p.pending[max(0, len(p.pending)-mostPending):] {
		acq.extend(m.features(u), p.rng)
	}
	h := hunt{Space: p.Space, geometry: m.geometry, rng: p.rng, acq: acq}
	restless := m.failed <= bearable && slices.ContainsFunc(p.Axes, fine)
	for len(p.out) < k {
		acq.margin = 0
		if restless && (len(obs)+len(p.pending))%2 == 0 {
			acq.margin = ambition
		}
		c, ok := h.best(m.around)
		if !ok {
			c.u, ok = p.any()
		}
		if !ok || !p.take(c.u) {
			break
		}
		acq.extend(m.features(c.u), p.rng)
	}
}

// mostPending is how many pending points are weighed: of more, the newest.
const mostPending = 200

// fine says whether values of an axis can be told from each other ever finer.
func fine(a axis.Axis) bool {
	return a.Kind == axis.Continuous || a.Kind == axis.Ordered && a.Cells > relaxedCells
}

// ambition is by how much, in deviations of the values, every second point is
// to improve on the best at least. Such points leave a minimum that the others
// refine, and look for a better one. Where no axis is fine there is nothing to
// refine. Where many trials fail there are none either: once a minimum is
// refined, only the unknown could be so much better, and that is unknown because
// trainings fail there.
const (
	ambition = 0.1
	bearable = 0.2 // part of the trials that may fail
)

// proposal is one call of Propose.
type proposal struct {
	Space
	rng     *rand.Rand
	pending [][]float64 // and proposed
	out     [][]float64
}

func (p *proposal) take(u []float64) bool {
	if u == nil {
		return false
	}
	p.out, p.pending = append(p.out, u), append(p.pending, u)
	return true
}

// made says whether this call proposed the point already.
func (p *proposal) made(u []float64) bool {
	return slices.ContainsFunc(p.out, func(v []float64) bool { return p.same(u, v) })
}

func (p *proposal) same(u, v []float64) bool {
	for i := range u {
		a := &p.Axes[i]
		switch {
		case math.IsNaN(u[i]) != math.IsNaN(v[i]):
			return false
		case math.IsNaN(u[i]) || u[i] == v[i]:
		case a.Kind == axis.Continuous || a.Cell(u[i]) != a.Cell(v[i]):
			return false
		}
	}
	return true
}

func (p *proposal) random() []float64 {
	u := make([]float64, len(p.Axes))
	for i := range u {
		u[i] = p.Axes[i].Snap(p.rng.Float64())
	}
	if p.Mask != nil {
		p.Mask(u)
	}
	return u
}

// any returns an unseen point: a random one, or else the first from a random
// one on, in the order of the cells. A space with a continuous axis always has
// one; in a finite space it may be far to go.
func (p *proposal) any() ([]float64, bool) {
	for range 100 {
		if u := p.random(); !p.Seen(u) {
			return u, true
		}
	}
	size := int64(1)
	for i := range p.Axes {
		a := &p.Axes[i]
		if a.Kind == axis.Continuous || size > walk/a.Cells {
			return nil, false
		}
		size *= a.Cells
	}
	at := p.rng.Int64N(size)
	for range size {
		u, rest := make([]float64, len(p.Axes)), at
		for i := range u {
			a := &p.Axes[i]
			u[i] = a.Middle(rest % a.Cells)
			rest /= a.Cells
		}
		if p.Mask != nil {
			p.Mask(u)
		}
		if !p.Seen(u) {
			return u, true
		}
		at = (at + 1) % size
	}
	return nil, false
}

// walk is the largest space that is searched cell by cell for an unseen point.
const walk = 1 << 20

// spread returns an unseen point far from all others: of some random ones that
// whose nearest neighbour is farthest (Mitchell 1991). Distances are those on a
// torus, so that the borders are not preferred. It needs no memory of what was
// spread before, and fills the gaps that given points leave.
func (p *proposal) spread(obs []Observation) []float64 {
	var best []float64
	far := -1.0
	for range 100 {
		u := p.random()
		if p.Seen(u) {
			continue
		}
		near := math.Inf(1)
		for _, o := range obs {
			near = min(near, p.torus(u, o.U))
		}
		for _, v := range p.pending {
			near = min(near, p.torus(u, v))
		}
		if near > far {
			best, far = u, near
		}
	}
	if best == nil {
		best, _ = p.any()
	}
	return best
}

// torus returns the squared distance of two points. Different choices are as far
// apart as two random numbers are on average.
func (p *proposal) torus(u, v []float64) float64 {
	sum := 0.0
	for i := range p.Axes {
		a := &p.Axes[i]
		switch {
		case math.IsNaN(u[i]) || math.IsNaN(v[i]):
		case a.Kind == axis.Choice:
			if a.Cell(u[i]) != a.Cell(v[i]) {
				sum += 1.0 / 12
			}
		default:
			x := math.Abs(u[i] - v[i])
			x = min(x, 1-x)
			sum += x * x
		}
	}
	return sum
}
