package ensemble

// rule is points and weights by which polynomials are integrated.
type rule struct{ points, weights []float64 }

// gauss returns the Gauss-Legendre rules of 0 to n points on the range from 0 to
// 1. That of k points is exact for polynomials of a degree up to 2k-1.
func gauss(n int) []rule {
	rules := make([]rule, 1, n+1)
	var roots []float64 // of the Legendre polynomial of a degree, on (-1, 1)
	for degree := 1; degree <= n; degree++ {
		next, r := make([]float64, degree), rule{}
		for i := range next { // which lie between those of one degree less
			lo, hi := -1.0, 1.0
			if i > 0 {
				lo = roots[i-1]
			}
			if i < degree-1 {
				hi = roots[i]
			}
			x := root(degree, lo, hi)
			_, slope := legendre(degree, x)
			next[i] = x
			r.points = append(r.points, (1+x)/2)
			r.weights = append(r.weights, 1/((1-float64(x*x))*float64(slope*slope)))
		}
		roots, rules = next, append(rules, r)
	}
	return rules
}

// root returns the root of a Legendre polynomial between two bounds of which
// one's value is positive and the other's negative.
func root(degree int, lo, hi float64) float64 {
	at, _ := legendre(degree, hi)
	for range 200 {
		mid := lo + (hi-lo)/2
		if mid <= lo || mid >= hi {
			break
		}
		if v, _ := legendre(degree, mid); v > 0 == (at > 0) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return lo
}

// legendre returns the Legendre polynomial of a degree at x inside (-1, 1), and
// its slope, by Bonnet's recursion.
func legendre(degree int, x float64) (value, slope float64) {
	before, value := 1.0, x
	for k := 1; k < degree; k++ {
		before, value = value, (float64(float64(2*k+1)*x*value)-float64(float64(k)*before))/float64(k+1)
	}
	return value, float64(degree) * (before - float64(x*value)) / (1 - float64(x*x))
}
