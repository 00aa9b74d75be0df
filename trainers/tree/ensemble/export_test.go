package ensemble

// Gauss returns the points and weights of the rule of n points.
func Gauss(n int) (points, weights []float64) {
	r := gauss(n)[n]
	return r.points, r.weights
}
