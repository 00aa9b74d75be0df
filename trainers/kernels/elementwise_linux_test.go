package kernels_test

import (
	"math/rand/v2"
	"testing"
)

// No elementwise kernel reads or writes beyond its operands: at the end of a
// mapping that would end the process.
func TestElementwiseKernelsStayWithinTheirOperands(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(91, 92))
		for _, o := range append(operations(), softmaxLoss(3)) {
			for round := range 12 {
				n, c := 1+rng.IntN(5), 1+rng.IntN(40)
				if o.flat {
					n = 1
				}
				arrays := operands(rng, o.shapes, n, c, false)
				a := make([][]float32, len(arrays))
				for i, p := range arrays {
					a[i] = guarded(t, p.array, round%2 == 0)
				}
				o.run(a, n, c)
			}
		}
	})
}
