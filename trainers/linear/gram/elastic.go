package gram

import "math"

const (
	// A sweep is the last when no weight changes the outputs by more than this
	// share of the target's deviation.
	tolerance = 1e-9
	maxSweeps = 100_000
	// pathRatio is by what l1 falls from one point of a path to the next.
	pathRatio = 0.25
)

// elastic minimises with l1 > 0 by coordinate descent. The path of a solution
// is its own: from the least l1 that leaves no weight down to the one asked
// for, each point starting from the one before.
func (s *Statistics) elastic(l1, l2 float64) []float64 {
	d := s.D
	w := make([]float64, d)
	top := 0.0
	for _, v := range s.B {
		top = max(top, math.Abs(v))
	}
	if !(top > l1) {
		return w
	}
	c := &coordinates{s: s, w: w, left: append([]float64(nil), s.B...), least: tolerance * math.Sqrt(s.C)}
	for at := top * pathRatio; at > l1; at = float64(at * pathRatio) {
		c.descend(at, l2, 1e3*c.least)
	}
	c.descend(l1, l2, c.least)
	return w
}

// coordinates is a descent on its way.
type coordinates struct {
	s     *Statistics
	w     []float64
	left  []float64 // b - Aw
	least float64
	on    []int // the weights that are not 0
}

// descend sweeps over all weights, then over those that are not 0 until they
// change no more, until a sweep over all changes nothing.
func (c *coordinates) descend(l1, l2, least float64) {
	for range maxSweeps {
		c.on = c.on[:0]
		change := 0.0
		for j := range c.w {
			change = max(change, c.move(j, l1, l2))
			if c.w[j] != 0 {
				c.on = append(c.on, j)
			}
		}
		if change <= least {
			return
		}
		for range maxSweeps {
			change = 0
			for _, j := range c.on {
				change = max(change, c.move(j, l1, l2))
			}
			if change <= least {
				break
			}
		}
	}
}

// move sets a weight to the best with the others as they are, and returns by
// how much that changes the outputs: their deviation.
func (c *coordinates) move(j int, l1, l2 float64) float64 {
	d := c.s.D
	row := c.s.A[j*d : (j+1)*d]
	curve := row[j]
	if !(curve > 0) {
		return 0
	}
	old := c.w[j]
	pull := c.left[j] + float64(curve*old)
	w := 0.0
	switch {
	case pull > l1:
		w = (pull - l1) / (curve + l2)
	case pull < -l1:
		w = (pull + l1) / (curve + l2)
	}
	step := w - old
	if step == 0 {
		return 0
	}
	c.w[j] = w
	for i, a := range row {
		c.left[i] -= float64(a * step)
	}
	return math.Abs(step) * math.Sqrt(curve)
}
