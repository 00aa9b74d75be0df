package fm

import (
	"tourney/dataset"
	"tourney/trainers/kernels"
)

// Score returns an output of each row of m by weights in the order of machine,
// and the gradient of the sum of outputs by the weights.
func Score(field []int, outputs, factors int, w []float32, x *dataset.Matrix, o int) (z []float32, g []float32) {
	m := machine{features: x.D, outputs: outputs, factors: factors, fields: 1, field: field}
	for _, f := range field {
		m.fields = max(m.fields, f+1)
	}
	g = make([]float32, m.size())
	sums, buf := make([]float32, factors), &entries{}
	for row := range x.N {
		e := entriesOf(x, row, buf)
		z = append(z, m.output(w, e, o, sums))
		m.gradient(g, w, e, o, sums, 1)
	}
	return z, g
}

// Size is the number of weights.
func Size(d, outputs, factors, fields int) int {
	m := machine{features: d, outputs: outputs, factors: factors, fields: fields}
	return m.size()
}

// Logistic is the probability of class 1.
func Logistic(z float32) float32 {
	_, p, _, _ := kernels.Logistic(z)
	return p
}
