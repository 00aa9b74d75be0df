package gp

import (
	"math"

	"tourney/search/axis"
)

// Notation of this package, after Rasmussen & Williams (2006):
//
//	n, d     observations, axes
//	z        features of a point, [d]: the coordinates of numbers (the middle of
//	         their cell if they have cells), the cells of choices; where an axis
//	         has no part in the point, 1/2 or cell -1
//	Δ        squared differences of two points, [d]; of choices 0 or 1
//	θ        inverse squared length-scales, [d]
//	s, σ²    variance of the signal and of the noise
//	b        variance of the unknown mean
//	r²       Σ θ·Δ
//	k        s·(1 + √5·r + 5/3·r²)·exp(-√5·r) + b   (Matérn 5/2, ARD)
//
// A choice is a corner of a simplex, and a missing number has a place on its
// axis, so r is a Euclidean distance of mixed points too, and k is positive
// definite.

// geometry says how the distance of two points is measured.
type geometry struct {
	axes   []axis.Axis
	choice []bool
}

func newGeometry(axes []axis.Axis) geometry {
	g := geometry{axes: axes, choice: make([]bool, len(axes))}
	for i := range axes {
		g.choice[i] = axes[i].Kind == axis.Choice
	}
	return g
}

// features returns the features of u.
func (g geometry) features(u []float64) []float64 {
	z := make([]float64, len(u))
	for i := range g.axes {
		a := &g.axes[i]
		switch {
		case math.IsNaN(u[i]) && g.choice[i]:
			z[i] = -1
		case math.IsNaN(u[i]):
			z[i] = 0.5
		case g.choice[i]:
			z[i] = float64(a.Cell(u[i]))
		default:
			z[i] = a.Snap(u[i])
		}
	}
	return z
}

// delta writes the squared differences of two points.
func (g geometry) delta(a, b, out []float64) {
	for i, c := range g.choice {
		switch {
		case !c:
			out[i] = (a[i] - b[i]) * (a[i] - b[i])
		case a[i] != b[i]:
			out[i] = 1
		default:
			out[i] = 0
		}
	}
}

// kernel has the hyperparameters of a process.
type kernel struct {
	theta []float64
	scale float64
	noise float64
	bias  float64
}

// prior returns the variance of the process at any point.
func (k *kernel) prior() float64 { return k.scale + k.bias }

// matern returns (1 + √5·r + 5/3·r²)·exp(-√5·r) and its derivative in r².
func matern(r2 float64) (value, slope float64) {
	t := math.Sqrt(5 * r2)
	e := decay(t)
	return (1 + t + 5.0/3*r2) * e, -5.0 / 6 * (1 + t) * e
}

// decay returns exp(-t) for t of 0 or more, to a few units in the last place, in
// about half the time of the general function: it is what most of a proposal's
// time goes into. exp(-t) = 2^-k · exp(-r), |r| at most ln 2 / 2.
func decay(t float64) float64 {
	if !(t < 700) {
		return 0
	}
	const ln2Hi, ln2Lo = 6.93147180369123816490e-01, 1.90821492927058770002e-10
	k := int64(t*math.Log2E + 0.5)
	r := float64(k)*ln2Hi - t + float64(k)*ln2Lo
	r2 := r * r
	r4 := r2 * r2
	// The Taylor series up to r¹², in pairs that do not wait for each other.
	low := (1 + r) + r2*(1.0/2+r*(1.0/6))
	mid := (1.0/24 + r*(1.0/120)) + r2*(1.0/720+r*(1.0/5040))
	high := (1.0/40320 + r*(1.0/362880)) + r2*(1.0/3628800+r*(1.0/39916800)) + r4*(1.0/479001600)
	return (low + r4*(mid+r4*high)) * math.Float64frombits(uint64(1023-k)<<52)
}

// cloud is a set of points that grows, kept axis by axis so that the distances
// from one point to all of them are sums over adjacent numbers.
//
//	columns   [d][n]
type cloud struct {
	geometry
	kernel
	n       int
	columns [][]float64
}

func newCloud(g geometry, k kernel, z [][]float64) cloud {
	c := cloud{geometry: g, kernel: k, columns: make([][]float64, len(g.axes))}
	for i := range c.columns {
		c.columns[i] = make([]float64, 0, len(z)+8)
	}
	for _, p := range z {
		c.add(p)
	}
	return c
}

func (c *cloud) add(z []float64) {
	for i, x := range z {
		c.columns[i] = append(c.columns[i], x)
	}
	c.n++
}

// clone returns a copy that grows on its own.
func (c *cloud) clone() cloud {
	out := *c
	out.columns = make([][]float64, len(c.columns))
	for i, column := range c.columns {
		out.columns[i] = append(make([]float64, 0, c.n+16), column...)
	}
	return out
}

// covariances writes k(z, p) for the first len(v) points p and, unless slopes is
// nil, its derivative in r².
func (c *cloud) covariances(z, v, slopes []float64) {
	for i := range v {
		v[i] = 0
	}
	for k, theta := range c.theta {
		at, column := z[k], c.columns[k][:len(v)]
		if c.choice[k] {
			for i := range v {
				if column[i] != at {
					v[i] += theta
				}
			}
			continue
		}
		for i := range v {
			x := column[i] - at
			v[i] += theta * x * x
		}
	}
	for i, r2 := range v {
		m, s := matern(r2)
		v[i] = c.scale*m + c.bias
		if slopes != nil {
			slopes[i] = c.scale * s
		}
	}
}

// addSlopes adds to the gradient in z of Σ w_i·r²(z, p_i). A choice has none.
func (c *cloud) addSlopes(gradient, z, w []float64) {
	for k, theta := range c.theta {
		if c.choice[k] {
			continue
		}
		sum, at := 0.0, z[k]
		for i, x := range c.columns[k][:len(w)] {
			sum += w[i] * (at - x)
		}
		gradient[k] += 2 * theta * sum
	}
}
