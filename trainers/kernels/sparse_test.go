package kernels_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tourney/trainers/kernels"
)

// csr draws a sparse matrix, whose entries lie in longer slices from some place
// on, and the same matrix as a dense one.
func csr(rng *rand.Rand, n, d int, density float64) (ptr []int64, col []uint32, val, dense []float32) {
	front := rng.IntN(5)
	col, val = make([]uint32, front), slices.Repeat([]float32{poison}, front)
	for i := range col {
		col[i] = math.MaxUint32
	}
	ptr, dense = []int64{int64(front)}, make([]float32, n*d)
	for i := range n {
		for j := range d {
			if rng.Float64() < density {
				v := float32(rng.NormFloat64())
				col, val = append(col, uint32(j)), append(val, v)
				dense[i*d+j] = v
			}
		}
		ptr = append(ptr, int64(len(col)))
	}
	return ptr, append(col, math.MaxUint32), append(val, poison), dense
}

func finite(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

// naiveForwardCSR and naiveGradientCSR are the definitions.
func naiveForwardCSR(z []float32, ptr []int64, col []uint32, val, w []float32, n, d, k int) {
	for i := range n {
		for c := range k {
			acc := w[d*k+c]
			for p := ptr[i]; p < ptr[i+1]; p++ {
				acc = kernels.FMA(val[p], w[int(col[p])*k+c], acc)
			}
			z[i*k+c] = acc
		}
	}
}

func naiveGradientCSR(g []float32, ptr []int64, col []uint32, val, r []float32, n, d, k int) {
	for i := range n {
		for c := range k {
			for p := ptr[i]; p < ptr[i+1]; p++ {
				at := int(col[p])*k + c
				g[at] = kernels.FMA(val[p], r[i*k+c], g[at])
			}
			g[d*k+c] += r[i*k+c]
		}
	}
}

func checkCSR(t *testing.T, rng *rand.Rand, n, d, k int, density float64) {
	t.Helper()
	ptr, col, val, x := csr(rng, n, d, density)
	w, r, start := finite(rng, (d+1)*k), finite(rng, n*k), finite(rng, (d+1)*k)
	wantZ, wantG := make([]float32, n*k), slices.Clone(start)
	naiveForwardCSR(wantZ, ptr, col, val, w, n, d, k)
	naiveGradientCSR(wantG, ptr, col, val, r, n, d, k)
	inEachClass(t, func(class string) {
		z, g := make([]float32, n*k), slices.Clone(start)
		kernels.ForwardCSR(z, ptr, col, val, w, n, d, k)
		if !sameBits(z, wantZ) {
			t.Fatalf("%s: ForwardCSR n=%d d=%d k=%d: %v, want %v", class, n, d, k, z, wantZ)
		}
		kernels.GradientCSR(g, ptr, col, val, r, n, d, k)
		if !sameBits(g, wantG) {
			t.Fatalf("%s: GradientCSR n=%d d=%d k=%d: %v, want %v", class, n, d, k, g, wantG)
		}
	})
	// The dense kernels add zeros: the same but for the sign of a zero.
	z, g := make([]float32, n*k), slices.Clone(start)
	kernels.Forward(z, x, w, n, d, k)
	if !slices.Equal(z, wantZ) {
		t.Fatalf("ForwardCSR n=%d d=%d k=%d: %v, dense %v", n, d, k, wantZ, z)
	}
	kernels.Gradient(g, x, r, n, d, k)
	if !slices.Equal(g, wantG) {
		t.Fatalf("GradientCSR n=%d d=%d k=%d: %v, dense %v", n, d, k, wantG, g)
	}
}

func TestSparseKernelsGiveTheBitsOfTheirDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(25, 26))
	for k := range 80 {
		checkCSR(t, rng, rng.IntN(12), rng.IntN(30), k, 0.3)
	}
	for range 60 {
		checkCSR(t, rng, rng.IntN(60), rng.IntN(60), 1+rng.IntN(5), rng.Float64())
	}
	checkCSR(t, rng, 3000, 20, 1, 0.5)     // more entries than one call takes in,
	checkCSR(t, rng, 2, 40_000, 1, 0.9)    // in one row,
	checkCSR(t, rng, 2, 20_000, 18, 0.95)  // of several columns,
	checkCSR(t, rng, 20_000, 1, 3, 0.0001) // and rows of none
}

// A column outside the matrix stops the kernel before it touches other memory.
func TestSparseKernelsRefuseEntriesOutside(t *testing.T) {
	refused := func(t *testing.T, what string, f func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s is taken", what)
			}
		}()
		f()
	}
	eachClass(t, func(t *testing.T) {
		const d = 4
		for _, k := range []int{1, 2, 4, 8, 20, 40, 70} {
			z, w := make([]float32, 2*k), make([]float32, (d+1)*k)
			val := []float32{1, 1, 1}
			for _, bad := range []uint32{d, d + 1, math.MaxUint32} {
				col := []uint32{0, 3, bad}
				refused(t, "ForwardCSR of a column outside", func() { kernels.ForwardCSR(z, []int64{0, 1, 3}, col, val, w, 2, d, k) })
				refused(t, "GradientCSR of a column outside", func() { kernels.GradientCSR(w, []int64{0, 1, 3}, col, val, z, 2, d, k) })
			}
			col := []uint32{0, 1, 2}
			refused(t, "a row that goes back", func() { kernels.ForwardCSR(z, []int64{1, 0, 3}, col, val, w, 2, d, k) })
			refused(t, "a row beyond the entries", func() { kernels.ForwardCSR(z, []int64{0, 1, 9}, col, val, w, 2, d, k) })
			refused(t, "a row before the entries", func() { kernels.GradientCSR(w, []int64{-1, 1, 3}, col, val, z, 2, d, k) })
		}
	})
}
