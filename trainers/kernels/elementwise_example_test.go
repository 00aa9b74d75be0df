package kernels_test

import (
	"fmt"

	"tourney/trainers/kernels"
)

// Two models side by side on three rows: their outputs become derivatives.
func ExampleHuberLoss() {
	z := []float32{1, 1, 2, 5, 3, 3} // [3×2] row-major
	y := []float32{0, 2, 3}
	delta := []float32{1, 2} // of the models
	loss := make([]float32, len(z))
	kernels.HuberLoss(z, loss, y, delta, 3, 2)
	fmt.Println(z)
	fmt.Println(loss)
	// Output:
	// [1 1 0 2 0 0]
	// [0.5 0.5 0 4 0 0]
}

// One step of gradient descent for two models with rates of their own; the
// second one's penalty makes a small weight 0.
func ExampleUpdateSGDColumns() {
	w := []float32{1, 1, 0.25, 0.25} // [2×2] row-major
	g := []float32{2, 2, 0, 0}
	kernels.UpdateSGDColumns(w, nil, g, 2, 2, kernels.SGDColumns{
		Rate: []float32{0.25, 0.125}, Scale: []float32{1, 1}, L2: []float32{0, 0}, L1: []float32{0, 4},
	})
	fmt.Println(w)
	// Output: [0.5 0.25 0.25 0]
}

// The rows of y are classes; what was probable becomes small.
func ExampleSoftmaxLoss() {
	z := []float32{0, 0, 0, 0} // one row, one model, four classes
	loss := make([]float32, 1)
	kernels.SoftmaxLoss(z, loss, []float32{2}, 1, 1, 4)
	fmt.Println(z)
	fmt.Printf("%.4f\n", loss[0]) // ln 4
	// Output:
	// [0.25 0.25 -0.75 0.25]
	// 1.3863
}
