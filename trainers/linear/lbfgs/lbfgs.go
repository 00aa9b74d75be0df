package lbfgs

import "math"

// Notation:
//
//	x   the present point, the last one accepted
//	f   the function there, penalties included
//	g   its gradient, with that of the squares, without that of absolute values
//	v   the pseudo-gradient (Andrew and Gao, equation 4); g without l1
//	p   the direction of search
//	t   how far along p the point is that is to be evaluated
const (
	memory   = 10   // pairs of steps and differences of gradients that are kept
	maxTries = 20   // points on a line
	decrease = 1e-4 // share of the decrease that the slope promises which is enough (Armijo)

	// A value that is larger than f by this share of it may be equal but for
	// rounding, since values are sums of float32.
	noise = 2e-8
	// A pair with so small a curvature says nothing (Nocedal and Wright,
	// Numerical Optimization, 2nd ed., section 7.2: skipping).
	leastCurvature = 1e-12
)

// Options is what is minimised besides the function, and how far.
type Options struct {
	L1, L2 float64 // adds l1·Σ|x| + l2/2·Σx² over all variables but the last Free
	Free   int
	Tol    float64 // no pseudo-derivative is larger at the end
}

// Minimiser is a minimisation on its way. It belongs to one goroutine.
type Minimiser struct {
	Options

	x     []float32
	f     float64
	g     []float64
	pairs []pair // oldest first

	begun bool // f and g are known
	state State

	point   []float32 // to be evaluated
	v, p    []float64 // at x
	slope   float64   // of f along p at x
	t       float64
	tries   int
	steep   bool      // p is steepest descent
	scratch []float64 // what penalties add to a gradient
}

// State says whether a minimisation goes on.
type State uint8

// The states.
const (
	Going     State = iota
	Converged       // the gradient is within the tolerance
	Stalled         // no point is better, as far as float32 goes, or the start has no value
)

// pair is a step and what it changed.
type pair struct {
	s, y []float64
	rho  float64 // 1/(s·y)
}

// New begins at a point, which it copies.
func New(x []float32, o Options) *Minimiser {
	n := len(x)
	m := &Minimiser{Options: o, x: append([]float32(nil), x...), g: make([]float64, n), f: math.Inf(1)}
	m.allocate()
	copy(m.point, x)
	return m
}

func (m *Minimiser) allocate() {
	n := len(m.x)
	m.point, m.v, m.p, m.scratch = make([]float32, n), make([]float64, n), make([]float64, n), make([]float64, n)
}

// X returns the present point, which changes with Take.
func (m *Minimiser) X() []float32 { return m.x }

// F returns the function at X with its penalties. It is +Inf before the first
// Take.
func (m *Minimiser) F() float64 { return m.f }

// State returns whether there is more to do.
func (m *Minimiser) State() State { return m.state }

// Norm returns the largest pseudo-derivative at X.
func (m *Minimiser) Norm() float64 {
	top := 0.0
	for _, v := range m.v {
		if a := math.Abs(v); a > top || a != a {
			top = a
		}
	}
	return top
}

// Length returns the length of the pseudo-gradient at X.
func (m *Minimiser) Length() float64 { return math.Sqrt(dot(m.v, m.v)) }

// Point returns where the function is to be evaluated next. It is no use once
// the minimisation does not go on.
func (m *Minimiser) Point() []float32 { return m.point }

// Take takes the function and its gradient at Point, without penalties. It
// returns true if that closes an iteration: X is a better point, or there is
// none. The gradient is copied.
func (m *Minimiser) Take(f float64, gradient []float64) bool {
	g := m.scratch
	copy(g, gradient)
	f = m.penalise(f, g, m.point)
	if !m.begun {
		m.begun = true
		m.f = f
		copy(m.g, g)
		m.aim()
		return false
	}
	if m.accept(f, g) {
		m.move(f, g)
		m.aim()
		return true
	}
	if m.tries++; m.tries < maxTries && m.shrink(f) {
		return false
	}
	if !m.steep { // what is remembered may be wrong; without it the slope is surely downwards
		m.pairs = nil
		m.aim()
		return m.state != Going
	}
	m.state = Stalled
	return true
}

// Renew goes on from X with another function that is much like the one so far,
// whose curvature is kept: the same mean over more rows, say.
func (m *Minimiser) Renew() {
	m.begun, m.state, m.f = false, Going, math.Inf(1)
	copy(m.point, m.x)
}

// penalise adds the penalties to a value and the smooth one to its gradient.
func (m *Minimiser) penalise(f float64, g []float64, x []float32) float64 {
	squares, absolute := 0.0, 0.0
	for i, xi := range x[:len(x)-m.Free] {
		v := float64(xi)
		squares += float64(v * v)
		absolute += math.Abs(v)
		g[i] += float64(m.L2 * v)
	}
	return f + float64(m.L2/2*squares) + float64(m.L1*absolute)
}

// accept reports whether the point is good enough.
func (m *Minimiser) accept(f float64, g []float64) bool {
	if !(f-f == 0) {
		return false
	}
	slack := float64(noise * math.Abs(m.f))
	if m.L1 > 0 {
		gain := 0.0
		for i, v := range m.v {
			gain += float64(v * (float64(m.point[i]) - float64(m.x[i])))
		}
		return f <= m.f+float64(decrease*gain)+slack
	}
	if f <= m.f+float64(decrease*m.t*m.slope) {
		return true
	}
	// Near the minimum the values are all alike, but slopes are not: the
	// approximate condition of Hager and Zhang, "A new conjugate gradient
	// method with guaranteed descent", SIAM J. Optim. 16, 2005, (4.1).
	return f <= m.f+slack && dot(g, m.p) <= (2*decrease-1)*m.slope
}

// move makes the point the present one.
func (m *Minimiser) move(f float64, g []float64) {
	n := len(m.x)
	q := pair{s: make([]float64, n), y: make([]float64, n)}
	if len(m.pairs) == memory {
		q = m.pairs[0]
		m.pairs = append(m.pairs[:0], m.pairs[1:]...)
	}
	for i := range n {
		q.s[i] = float64(m.point[i]) - float64(m.x[i])
		q.y[i] = g[i] - m.g[i]
	}
	if sy := dot(q.s, q.y); sy > leastCurvature*dot(q.y, q.y) {
		q.rho = 1 / sy
		m.pairs = append(m.pairs, q)
	}
	m.f = f
	copy(m.g, g)
	copy(m.x, m.point)
}

// aim finds the direction from the present point, and the first point on it.
func (m *Minimiser) aim() {
	m.pseudo()
	norm := m.Norm()
	switch {
	case m.f-m.f != 0 || norm-norm != 0: // at the start alone
		m.state = Stalled
		return
	case norm <= m.Tol || norm == 0:
		m.state = Converged
		return
	}
	m.direction()
	m.slope = dot(m.v, m.p)
	if !(m.slope < 0) {
		m.pairs = nil
		m.direction()
		m.slope = dot(m.v, m.p)
	}
	m.t, m.tries, m.steep = 1, 0, len(m.pairs) == 0
	if m.steep {
		m.t = min(1, 1/math.Sqrt(dot(m.p, m.p)))
	}
	if !m.place() {
		m.state = Stalled
	}
}

// pseudo sets v: the gradient where there is one, and at 0 the derivative to
// the side on which the function falls, if it does.
func (m *Minimiser) pseudo() {
	copy(m.v, m.g)
	if m.L1 == 0 {
		return
	}
	for i, x := range m.x[:len(m.x)-m.Free] {
		g := m.g[i]
		switch {
		case x > 0:
			g += m.L1
		case x < 0:
			g -= m.L1
		case g < -m.L1:
			g += m.L1
		case g > m.L1:
			g -= m.L1
		default:
			g = 0
		}
		m.v[i] = g
	}
}

// direction sets p = -H·v by the two loops over the pairs (Nocedal and Wright,
// algorithm 7.4), without the parts that rise.
func (m *Minimiser) direction() {
	p := m.p
	for i, v := range m.v {
		p[i] = -v
	}
	var alpha [memory]float64
	for i := len(m.pairs) - 1; i >= 0; i-- {
		q := &m.pairs[i]
		alpha[i] = float64(q.rho * dot(q.s, p))
		addScaled(p, -alpha[i], q.y)
	}
	if k := len(m.pairs); k > 0 {
		last := &m.pairs[k-1]
		gamma := 1 / (last.rho * dot(last.y, last.y))
		for i := range p {
			p[i] = float64(p[i] * gamma)
		}
	}
	for i := range m.pairs {
		q := &m.pairs[i]
		addScaled(p, alpha[i]-float64(q.rho*dot(q.y, p)), q.s)
	}
	if m.L1 > 0 {
		for i := range p[:len(p)-m.Free] {
			if float64(p[i]*m.v[i]) >= 0 {
				p[i] = 0
			}
		}
	}
}

// place sets the point at t along p; with l1 a variable that would change its
// sign becomes 0. It returns false if that is the present point.
func (m *Minimiser) place() bool {
	moved := false
	for i, x := range m.x {
		y := float32(float64(x) + float64(m.t*m.p[i]))
		if m.L1 > 0 && i < len(m.x)-m.Free {
			side := float64(x)
			if x == 0 {
				side = -m.v[i]
			}
			if side >= 0 && y < 0 || side <= 0 && y > 0 {
				y = 0
			}
		}
		moved = moved || y != x
		m.point[i] = y
	}
	return moved
}

// shrink shortens t to where the parabola through what is known has its
// minimum, within bounds. It returns false if no shorter one is left.
func (m *Minimiser) shrink(f float64) bool {
	to := m.t / 10
	if f-f == 0 {
		fall := float64(m.slope * m.t)
		if bend := f - m.f - fall; bend > 0 {
			to = float64(-fall / (2 * bend) * m.t)
		}
		to = min(max(to, m.t/10), m.t/2)
	}
	m.t = to
	return m.place()
}

func dot(a, b []float64) float64 {
	sum := 0.0
	b = b[:len(a)]
	for i, v := range a {
		sum += float64(v * b[i])
	}
	return sum
}

// addScaled adds scale·b to a.
func addScaled(a []float64, scale float64, b []float64) {
	b = b[:len(a)]
	for i := range a {
		a[i] += float64(scale * b[i])
	}
}

// Loss returns the function at X without its penalties.
func (m *Minimiser) Loss() float64 {
	return m.f - m.penalise(0, m.scratch, m.x)
}
