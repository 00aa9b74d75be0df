package kernels_test

import (
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"unsafe"

	"tourney/trainers/kernels"
)

// guarded copies numbers to where memory that may not be touched begins right
// after them, or ends right before them.
func guarded(t *testing.T, v []float32, before bool) []float32 {
	t.Helper()
	page := syscall.Getpagesize()
	size := (4*len(v) + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(mem) })
	for _, forbidden := range [][]byte{mem[:page], mem[page+size:]} {
		if err := syscall.Mprotect(forbidden, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	at := page
	if !before {
		at += size - 4*len(v)
	}
	if len(v) == 0 {
		return nil
	}
	out := unsafe.Slice((*float32)(unsafe.Pointer(&mem[at])), len(v))
	copy(out, v)
	return out
}

// No kernel reads or writes beyond its operands: at the end of a mapping that
// would end the process.
func TestKernelsStayWithinTheirOperands(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(27, 28))
		for round := range 150 {
			before := round%2 == 0
			fence := func(v []float32) []float32 { return guarded(t, v, before) }
			n, d, k := rng.IntN(40), rng.IntN(40), 1+rng.IntN(36)
			if round%3 == 0 {
				n, d, k = rng.IntN(100), rng.IntN(100), 1+rng.IntN(3)
			}
			x, w, r := fence(finite(rng, n*d)), fence(finite(rng, (d+1)*k)), fence(finite(rng, n*k))
			z, g := fence(make([]float32, n*k)), fence(make([]float32, (d+1)*k))
			kernels.Forward(z, x, w, n, d, k)
			kernels.Gradient(g, x, r, n, d, k)
			want := make([]float32, n*k)
			if naiveForward(want, x, w, n, d, k); !slices.Equal(z, want) {
				t.Fatalf("n=%d d=%d k=%d: at the edge of memory it differs", n, d, k)
			}
			kernels.Gram(fence(make([]float32, d*d)), x, n, d)
			kernels.Transpose(fence(make([]float32, n*d)), x, n, d)
			kernels.Add(fence(make([]float32, n*d)), x)
			kernels.Gemm(fence(make([]float32, n*k)), k, x, max(d, 1), false, w, k, n, k, d)
			ptr, col, val, _ := csr(rng, n, d, 0.3)
			val = fence(val[:ptr[n]])
			kernels.ForwardCSR(z, ptr, col, val, w, n, d, k)
			kernels.GradientCSR(g, ptr, col, val, r, n, d, k)
		}
	})
}
