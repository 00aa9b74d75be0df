package gp

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// objective returns the value at x and writes its gradient.
type objective func(x, gradient []float64) float64

// minimiser finds local minima in a box by projected L-BFGS: a limited-memory
// quasi-Newton step (Nocedal & Wright 2006, algorithm 7.4) in the coordinates
// that are not held at a bound, projected to the box, with backtracking until
// the value falls enough (Bertsekas 1982).
type minimiser struct {
	lo, hi     []float64
	iterations int
	tolerance  float64 // of the projected gradient, largest coordinate
	fall       float64 // ends when the value falls by less than this part of itself
}

const memory = 8 // pairs that the quasi-Newton matrix remembers

// pair is one step and how the gradient changed over it.
type pair struct {
	s, y []float64
	rho  float64
}

// minimise moves x to a local minimum and returns the value there. The value
// at x must be finite.
func (m minimiser) minimise(f objective, x []float64) float64 {
	d := len(x)
	g, next, gNext, dir := make([]float64, d), make([]float64, d), make([]float64, d), make([]float64, d)
	var pairs []pair
	value := f(x, g)
	for range m.iterations {
		if m.projected(x, g) <= m.tolerance {
			break
		}
		m.direction(pairs, x, g, dir)
		slope := floats.Dot(dir, g)
		if !(slope < 0) { // the memory is of no use here: steepest descent
			pairs = nil
			m.direction(nil, x, g, dir)
			slope = floats.Dot(dir, g)
		}
		step := 1.0
		if len(pairs) == 0 {
			step = min(1, 0.1/floats.Norm(dir, math.Inf(1)))
		}
		v, ok := m.search(f, x, dir, slope, step, value, next, gNext)
		if !ok {
			if len(pairs) == 0 {
				break
			}
			pairs = nil
			continue
		}
		p := pair{s: make([]float64, d), y: make([]float64, d)}
		floats.SubTo(p.s, next, x)
		floats.SubTo(p.y, gNext, g)
		if sy := floats.Dot(p.s, p.y); sy > 1e-12*floats.Dot(p.y, p.y) {
			p.rho = 1 / sy
			if len(pairs) == memory {
				pairs = pairs[1:]
			}
			pairs = append(pairs, p)
		}
		small := value-v <= m.fall*max(math.Abs(value), 1)
		copy(x, next)
		copy(g, gNext)
		value = v
		if small {
			break
		}
	}
	return value
}

// held says whether coordinate i is at a bound that the descent would leave.
func (m minimiser) held(x, g []float64, i int) bool {
	return x[i] <= m.lo[i] && g[i] > 0 || x[i] >= m.hi[i] && g[i] < 0
}

func (m minimiser) projected(x, g []float64) float64 {
	largest := 0.0
	for i := range x {
		if !m.held(x, g, i) {
			largest = max(largest, math.Abs(g[i]))
		}
	}
	return largest
}

// direction writes minus the quasi-Newton matrix times the gradient, among the
// coordinates that are not held.
func (m minimiser) direction(pairs []pair, x, g, dir []float64) {
	for i := range dir {
		dir[i] = -g[i]
		if m.held(x, g, i) {
			dir[i] = 0
		}
	}
	alpha := make([]float64, len(pairs))
	for k := len(pairs) - 1; k >= 0; k-- {
		p := &pairs[k]
		alpha[k] = p.rho * floats.Dot(p.s, dir)
		floats.AddScaled(dir, -alpha[k], p.y)
	}
	if n := len(pairs); n > 0 {
		p := &pairs[n-1]
		floats.Scale(1/(p.rho*floats.Dot(p.y, p.y)), dir)
	}
	for k := range pairs {
		p := &pairs[k]
		floats.AddScaled(dir, alpha[k]-p.rho*floats.Dot(p.y, dir), p.s)
	}
	for i := range dir {
		if m.held(x, g, i) {
			dir[i] = 0
		}
	}
}

// search halves the step until the value falls by a part of what the slope
// promises, at most 12 times.
func (m minimiser) search(f objective, x, dir []float64, slope, step, value float64, next, gNext []float64) (float64, bool) {
	for range 12 {
		for i := range x {
			next[i] = min(max(x[i]+step*dir[i], m.lo[i]), m.hi[i])
		}
		v := f(next, gNext)
		if v <= value+1e-4*step*slope {
			return v, true
		}
		// The minimum of the parabola through what is known, within reason.
		shrink := 0.5
		if !math.IsInf(v, 0) && !math.IsNaN(v) {
			shrink = min(max(-slope*step/(2*(v-value-slope*step)), 0.1), 0.5)
		}
		step *= shrink
	}
	return value, false
}
