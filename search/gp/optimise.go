package gp

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"tourney/search/axis"
	"tourney/search/sobol"
)

// candidate is a point under consideration. full has a coordinate for every
// axis; u has those without a part masked; z are its features.
type candidate struct {
	full, u, z []float64
	value      float64
}

// hunt looks for the point of a space with the largest acquisition.
type hunt struct {
	Space
	geometry
	rng *rand.Rand
	acq *acquisition
}

const (
	uniform      = 160 // points spread over the space that are weighed
	near         = 100 // perturbations of the best observed points
	climbs       = 5   // of the best of them that are improved
	relaxedCells = 12  // lattices with more cells are climbed as if continuous
	sweepCells   = 24  // at most as many cells of an axis are tried in a sweep
	below1       = 1 - 1.0/(1<<53)
)

// best returns the most promising point that was not seen, and false if it
// found none. around are points near which to look.
func (h *hunt) best(around [][]float64) (candidate, bool) {
	found := h.screen(around)
	byValue := func(a, b *candidate) int { return cmp.Compare(b.value, a.value) }
	slices.SortStableFunc(found, byValue)
	for i := range min(climbs, len(found)) {
		c := h.climb(*found[i])
		found = append(found, &c)
	}
	slices.SortStableFunc(found, byValue)
	for _, c := range found {
		if !h.seen(c.u) {
			return *c, true
		}
	}
	return candidate{}, false
}

func (h *hunt) seen(u []float64) bool { return h.Seen != nil && h.Seen(u) }

// weigh completes a candidate from its full coordinates, which it snaps.
func (h *hunt) weigh(full []float64) candidate {
	for i := range full {
		full[i] = h.Axes[i].Snap(min(max(full[i], 0), below1))
	}
	c := candidate{full: full, u: full}
	if h.Mask != nil {
		c.u = slices.Clone(full)
		h.Mask(c.u)
	}
	c.z = h.features(c.u)
	c.value = h.acq.value(c.z, nil)
	return c
}

// screen weighs points spread over the space and perturbations of good ones.
func (h *hunt) screen(around [][]float64) []*candidate {
	pool := make([]*candidate, 0, uniform+near+climbs)
	spread := sobol.New(len(h.Axes), h.rng.Uint64())
	for i := range uniform {
		full := make([]float64, len(h.Axes))
		spread.At(i, full)
		c := h.weigh(full)
		pool = append(pool, &c)
	}
	if len(around) == 0 {
		return pool
	}
	widths := [...]float64{0.1, 0.03, 0.01}
	for i := range near {
		full := slices.Clone(around[i%len(around)])
		for j, v := range full {
			if math.IsNaN(v) {
				full[j] = h.rng.Float64()
			}
		}
		h.perturb(full, widths[i/len(around)%len(widths)])
		c := h.weigh(full)
		pool = append(pool, &c)
	}
	return pool
}

// perturb moves some coordinates, at least one: of numbers all in a small
// space, about twelve in a large one, and of choices about one or two.
func (h *hunt) perturb(full []float64, width float64) {
	d := float64(len(full))
	must := h.rng.IntN(len(full))
	for i := range full {
		a := &h.Axes[i]
		odds := 12 / d
		if a.Kind == axis.Choice {
			odds = min(0.5, 2/d)
		}
		switch {
		case i != must && h.rng.Float64() >= odds:
		case a.Kind == axis.Choice:
			full[i] = h.rng.Float64()
		case a.Kind == axis.Ordered:
			full[i] += max(width, 1/float64(a.Cells)) * h.rng.NormFloat64()
		default:
			full[i] += width * h.rng.NormFloat64()
		}
	}
}

// climb improves a candidate by turns of gradient steps in the numbers and
// sweeps over the cells of the others.
func (h *hunt) climb(c candidate) candidate {
	for range 3 {
		before := c.value
		c = h.sweep(h.slide(c))
		if c.value <= before+1e-3 {
			break
		}
	}
	return c
}

// slide climbs in the coordinates that are, or are taken for, continuous.
func (h *hunt) slide(c candidate) candidate {
	var moving []int
	for i := range h.Axes {
		if !math.IsNaN(c.u[i]) && fine(h.Axes[i]) {
			moving = append(moving, i)
		}
	}
	if len(moving) == 0 {
		return c
	}
	m := minimiser{
		lo: make([]float64, len(moving)), hi: make([]float64, len(moving)),
		iterations: 30, tolerance: 1e-3, fall: 1e-5,
	}
	x, z, g := make([]float64, len(moving)), slices.Clone(c.z), make([]float64, len(c.z))
	for j, i := range moving {
		x[j], m.hi[j] = c.z[i], below1
	}
	m.minimise(func(x, gradient []float64) float64 {
		for j, i := range moving {
			z[i] = x[j]
		}
		v := h.acq.value(z, g)
		for j, i := range moving {
			gradient[j] = -g[i]
		}
		return -v
	}, x)
	full := slices.Clone(c.full)
	for j, i := range moving {
		full[i] = x[j]
	}
	if next := h.weigh(full); next.value > c.value {
		return next
	}
	return c
}

// sweep tries the cells of each axis that has some, one axis after the other.
// It may leave a seen point for a worse one: that is what it is for in a small
// space.
func (h *hunt) sweep(c candidate) candidate {
	stuck := h.seen(c.u)
	for i := range h.Axes {
		a := &h.Axes[i]
		if a.Kind == axis.Continuous || math.IsNaN(c.u[i]) {
			continue
		}
		for _, cell := range h.cells(a, a.Cell(c.u[i])) {
			full := slices.Clone(c.full)
			full[i] = a.Middle(cell)
			if next := h.weigh(full); (stuck || next.value > c.value) && !h.seen(next.u) {
				c, stuck = next, false
			}
		}
	}
	return c
}

// cells returns the cells to try from one: all of a small axis, otherwise the
// neighbours in a lattice, or some of a choice.
func (h *hunt) cells(a *axis.Axis, here int64) []int64 {
	var out []int64
	switch {
	case a.Cells <= sweepCells:
		for cell := range a.Cells {
			if cell != here {
				out = append(out, cell)
			}
		}
	case a.Kind == axis.Ordered:
		for _, step := range [...]int64{-8, -4, -2, -1, 1, 2, 4, 8} {
			if cell := here + step; cell >= 0 && cell < a.Cells {
				out = append(out, cell)
			}
		}
	default:
		for range sweepCells {
			out = append(out, h.rng.Int64N(a.Cells))
		}
	}
	return out
}
