package gram

import "math"

// leastRidge is the least l2, as a share of the mean of the diagonal: with less,
// features that are sums of others, as those of a category with all its levels
// are, would have weights that rounding decides.
const leastRidge = 1e-8

// tridiagonal is A = QTQᵀ: T has the diagonal and beside it off[i], in the rows
// i and i+1. Q is the product of the reflections I - 2vvᵀ, of which the first
// has the vector v[0] of length d-1, for the variables from 1 on.
type tridiagonal struct {
	d         int
	diag, off []float64
	v         [][]float64
	least     float64
}

// newTridiagonal reduces a symmetric matrix, which it leaves as it is, by
// Householder's reflections (Golub and Van Loan, Matrix Computations, 4th ed.,
// algorithm 8.3.1).
func newTridiagonal(a []float64, d int) *tridiagonal {
	t := &tridiagonal{d: d, diag: make([]float64, d), off: make([]float64, max(0, d-1)), least: float64(leastRidge * diagonal(a, d))}
	a = append([]float64(nil), a...)
	p := make([]float64, d)
	for k := range max(0, d-1) {
		t.diag[k] = a[k*d+k]
		v := make([]float64, d-1-k)
		for i := range v {
			v[i] = a[(k+1+i)*d+k]
		}
		t.off[k] = reflector(v)
		t.v = append(t.v, v)
		rest(a[(k+1)*d+k+1:], d, v, p[:len(v)])
	}
	if d > 0 {
		t.diag[d-1] = a[d*d-1]
	}
	return t
}

// reflector turns x into the unit vector v for which I - 2vvᵀ takes x to a
// multiple of the first axis, which it returns. It is 0 if x is that already.
func reflector(x []float64) float64 {
	top := 0.0
	for _, v := range x {
		top = max(top, math.Abs(v))
	}
	first := x[0]
	if top == 0 || len(x) == 1 {
		clear(x)
		return first
	}
	norm := 0.0
	for i := range x {
		x[i] /= top
		norm += float64(x[i] * x[i])
	}
	norm = math.Sqrt(norm)
	if x[0] > 0 {
		norm = -norm
	}
	x[0] -= norm
	square := 0.0
	for _, v := range x {
		square += float64(v * v)
	}
	if square > 0 {
		scale := 1 / math.Sqrt(square)
		for i := range x {
			x[i] = float64(x[i] * scale)
		}
	}
	return norm * top
}

// rest applies I - 2vvᵀ from both sides to the rows and columns of a, which
// has rows of d: with p = 2Av and q = p - (pᵀv)v it takes off vqᵀ + qvᵀ.
func rest(a []float64, d int, v, p []float64) {
	n := len(v)
	clear(p)
	for i, vi := range v { // by rows, with the upper triangle alone
		row := a[i*d+i : i*d+n]
		sum := float64(row[0] * vi)
		tail, pt := v[i+1:], p[i+1:]
		for j, x := range row[1:] {
			sum += float64(x * tail[j])
			pt[j] += float64(x * vi)
		}
		p[i] += sum
	}
	along := 0.0
	for i := range p {
		p[i] = float64(2 * p[i])
		along += float64(p[i] * v[i])
	}
	for i, vi := range v {
		p[i] -= float64(along * vi)
	}
	for i, vi := range v {
		row, pi := a[i*d:i*d+n], p[i]
		for j := i; j < n; j++ {
			row[j] -= float64(vi*p[j]) + float64(pi*v[j])
		}
		for j := i + 1; j < n; j++ { // the column that the next reflection reads
			a[j*d+i] = row[j]
		}
	}
}

// solve returns (A + l2·I)⁻¹b.
func (t *tridiagonal) solve(b []float64, l2 float64) []float64 {
	l2 = max(l2, t.least)
	w := append([]float64(nil), b...)
	for k, v := range t.v {
		reflect(w[k+1:], v)
	}
	// T + l2·I = LDLᵀ, with l below the ones of L.
	d, l := make([]float64, t.d), make([]float64, t.d)
	for i := range t.d {
		d[i] = t.diag[i] + l2
		if i > 0 {
			l[i] = t.off[i-1] / d[i-1]
			d[i] -= float64(l[i] * t.off[i-1])
			w[i] -= float64(l[i] * w[i-1])
		}
		d[i] = max(d[i], t.least/2)
		if d[i] == 0 {
			d[i] = 1 // nothing varies
		}
	}
	for i := t.d - 1; i >= 0; i-- {
		w[i] /= d[i]
		if i+1 < t.d {
			w[i] -= float64(l[i+1] * w[i+1])
		}
	}
	for k := len(t.v) - 1; k >= 0; k-- {
		reflect(w[k+1:], t.v[k])
	}
	return w
}

// reflect computes x - 2v(vᵀx).
func reflect(x, v []float64) {
	x = x[:len(v)]
	sum := 0.0
	for i, vi := range v {
		sum += float64(vi * x[i])
	}
	sum = float64(2 * sum)
	for i, vi := range v {
		x[i] -= float64(sum * vi)
	}
}
