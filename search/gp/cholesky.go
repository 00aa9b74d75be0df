package gp

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// cholesky is the factor L of a positive definite matrix K = L·Lᵀ that grows by
// rows. Only the lower triangle is kept, row after row, so that each inner loop
// runs over adjacent numbers.
//
//	n    rows
//	l    [n·(n+1)/2], row i at i·(i+1)/2
type cholesky struct {
	n int
	l []float64
}

// row returns row i, [i+1], of a packed lower triangle.
func row(packed []float64, i int) []float64 {
	at := i * (i + 1) / 2
	return packed[at : at+i+1]
}

// factor takes over a packed lower triangle and returns its factor, or false
// if it is not positive definite.
func factor(packed []float64, n int) (cholesky, bool) {
	for i := range n {
		ri := row(packed, i)
		for j := range i {
			rj := row(packed, j)
			ri[j] = (ri[j] - floats.Dot(ri[:j], rj[:j])) / rj[j]
		}
		pivot := ri[i] - floats.Dot(ri[:i], ri[:i])
		if !(pivot > 0) {
			return cholesky{}, false
		}
		ri[i] = math.Sqrt(pivot)
	}
	return cholesky{n, packed}, true
}

// extend adds a row to K: its entries beside the rows that are there, and its
// diagonal. It returns false, and changes nothing, if K were not positive
// definite any more.
func (c *cholesky) extend(beside []float64, diagonal float64) bool {
	at := len(c.l)
	l := append(c.l, beside...)
	c.forward(l[at:])
	pivot := diagonal - floats.Dot(l[at:], l[at:])
	if !(pivot > 0) {
		return false
	}
	c.l = append(l, math.Sqrt(pivot))
	c.n++
	return true
}

// forward turns b, at most n long, into L⁻¹·b.
func (c *cholesky) forward(b []float64) {
	for i := range b {
		r := row(c.l, i)
		b[i] = (b[i] - floats.Dot(r[:i], b[:i])) / r[i]
	}
}

// backward turns b, [n], into L⁻ᵀ·b.
func (c *cholesky) backward(b []float64) {
	for i := len(b) - 1; i >= 0; i-- {
		r := row(c.l, i)
		b[i] /= r[i]
		floats.AddScaled(b[:i], -b[i], r[:i])
	}
}

// logDet returns the logarithm of the determinant of K.
func (c *cholesky) logDet() float64 {
	sum := 0.0
	for i := range c.n {
		sum += math.Log(row(c.l, i)[i])
	}
	return 2 * sum
}

// inverse returns the lower triangle of K⁻¹, packed. scratch is used if it is
// large enough: [n·n].
func (c *cholesky) inverse(scratch, out []float64) []float64 {
	n := c.n
	if len(scratch) < n*n {
		scratch = make([]float64, n*n)
	}
	if len(out) < len(c.l) {
		out = make([]float64, len(c.l))
	}
	out = out[:len(c.l)]
	// Column j of L⁻¹ is row j here, from its diagonal on.
	for j := range n {
		col := scratch[j*n : (j+1)*n]
		col[j] = 1 / row(c.l, j)[j]
		for i := j + 1; i < n; i++ {
			r := row(c.l, i)
			col[i] = -floats.Dot(r[j:i], col[j:i]) / r[i]
		}
	}
	for i := range n {
		r, ci := row(out, i), scratch[i*n:(i+1)*n]
		for j := range i + 1 {
			r[j] = floats.Dot(ci[i:], scratch[j*n+i:(j+1)*n])
		}
	}
	return out
}
