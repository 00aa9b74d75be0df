package cmaes

import "math"

// eigen returns the eigenvalues of a symmetric matrix a [n×n] row-major, and
// its eigenvectors as the columns of a matrix of the same shape, by Jacobi's
// rotations in cyclic order (Golub and Van Loan, Matrix Computations, 8.5).
// Small matrices and graded ones, as are met here, keep their small
// eigenvalues to full accuracy by it.
func eigen(a []float64, n int) (values, vectors []float64) {
	w := make([]float64, n*n)
	copy(w, a)
	v := identity(n)
	const sweeps = 50 // it converges quadratically: about 8 are needed
	for range sweeps {
		turned := false
		for p := range n {
			for q := p + 1; q < n; q++ {
				if rotate(w, v, n, p, q) {
					turned = true
				}
			}
		}
		if !turned {
			break
		}
	}
	values = make([]float64, n)
	for i := range values {
		values[i] = w[i*n+i]
	}
	return values, v
}

// rotate makes w[p,q] zero, unless it is nothing beside the diagonal already.
func rotate(w, v []float64, n, p, q int) bool {
	apq, app, aqq := w[p*n+q], w[p*n+p], w[q*n+q]
	if !(math.Abs(apq) > 1e-15*math.Sqrt(math.Abs(app)*math.Abs(aqq))) || math.Abs(apq) < 1e-300 {
		return false
	}
	theta := (aqq - app) / (2 * apq)
	t := 1 / (math.Abs(theta) + math.Sqrt(theta*theta+1))
	if theta < 0 {
		t = -t
	}
	c := 1 / math.Sqrt(t*t+1)
	s := t * c
	rowP, rowQ := w[p*n:p*n+n], w[q*n:q*n+n]
	for k := range n {
		if k != p && k != q {
			x, y := rowP[k], rowQ[k]
			rowP[k], rowQ[k] = c*x-s*y, s*x+c*y
			w[k*n+p], w[k*n+q] = rowP[k], rowQ[k]
		}
		x, y := v[k*n+p], v[k*n+q]
		v[k*n+p], v[k*n+q] = c*x-s*y, s*x+c*y
	}
	rowP[p], rowQ[q] = app-t*apq, aqq+t*apq
	rowP[q], rowQ[p] = 0, 0
	return true
}

func identity(n int) []float64 {
	m := make([]float64, n*n)
	for i := range n {
		m[i*n+i] = 1
	}
	return m
}
