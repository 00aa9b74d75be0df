package kernels_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"tourney/trainers/kernels"
)

// benchClasses runs a benchmark with each class; flops are those of one call,
// and bytes what it reads at least.
func benchClasses(b *testing.B, name string, flops, bytes int, call func()) {
	for _, class := range kernels.Classes() {
		b.Run(name+"/"+class, func(b *testing.B) {
			restore, err := kernels.Use(class)
			if err != nil {
				b.Fatal(err)
			}
			defer restore()
			for b.Loop() {
				call()
			}
			b.ReportMetric(float64(flops)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
			b.ReportMetric(float64(bytes)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GB/s")
		})
	}
}

// BenchmarkDense has blocks of rows that fit the second-level cache.
func BenchmarkDense(b *testing.B) {
	rng := rand.New(rand.NewPCG(15, 16))
	for _, d := range []int{30, 100, 1000} {
		for _, k := range []int{1, 2, 4, 8, 32} {
			n := 64 << 10 / d
			x, w, r, g := finite(rng, n*d), finite(rng, (d+1)*k), finite(rng, n*k), make([]float32, (d+1)*k)
			z := make([]float32, n*k)
			name := fmt.Sprintf("d=%d/k=%d", d, k)
			benchClasses(b, "forward/"+name, 2*n*d*k, 4*n*d, func() { kernels.Forward(z, x, w, n, d, k) })
			benchClasses(b, "gradient/"+name, 2*n*d*k, 4*n*d, func() { kernels.Gradient(g, x, r, n, d, k) })
		}
	}
}

// BenchmarkStream has a lone model pass over rows that fit no cache, in blocks
// of which the gradient finds the rows in the cache.
func BenchmarkStream(b *testing.B) {
	rng := rand.New(rand.NewPCG(17, 18))
	const elements = 64 << 20
	x := make([]float32, elements)
	for i := range x {
		x[i] = float32(rng.IntN(100))
	}
	for _, d := range []int{30, 100, 1000} {
		n := elements / d
		w, r, g := finite(rng, d+1), finite(rng, n), make([]float32, d+1)
		benchClasses(b, fmt.Sprintf("d=%d", d), 4*n*d, 4*n*d, func() {
			block := 64 << 10 / d
			for lo := 0; lo < n; lo += block {
				m := min(block, n-lo)
				kernels.Forward(r[lo:lo+m], x[lo*d:(lo+m)*d], w, m, d, 1)
				kernels.Gradient(g, x[lo*d:(lo+m)*d], r[lo:lo+m], m, d, 1)
			}
		})
	}
}

func BenchmarkGemm(b *testing.B) {
	rng := rand.New(rand.NewPCG(19, 20))
	for _, s := range [][3]int{{1024, 1024, 1024}, {256, 256, 784}, {64, 64, 30}} {
		m, n, k := s[0], s[1], s[2]
		x, y, c := finite(rng, m*k), finite(rng, k*n), make([]float32, m*n)
		name := fmt.Sprintf("%dx%dx%d", m, k, n)
		benchClasses(b, name, 2*m*n*k, 4*(m*k+k*n+m*n), func() { kernels.Gemm(c, n, x, k, false, y, n, m, n, k) })
		benchClasses(b, name+"T", 2*m*n*k, 4*(m*k+k*n+m*n), func() { kernels.Gemm(c, n, x, m, true, y, n, m, n, k) })
	}
}

func BenchmarkGram(b *testing.B) {
	rng := rand.New(rand.NewPCG(21, 22))
	for _, d := range []int{30, 100, 1000} {
		n := 1 << 20 / d
		x, g := finite(rng, n*d), make([]float32, d*d)
		benchClasses(b, fmt.Sprintf("d=%d", d), n*d*(d+1), 4*n*d, func() { kernels.Gram(g, x, n, d) })
	}
}

func BenchmarkTranspose(b *testing.B) {
	rng := rand.New(rand.NewPCG(23, 24))
	const rows, cols = 784, 256
	src, dst := finite(rng, rows*cols), make([]float32, rows*cols)
	benchClasses(b, "784x256", 0, 4*rows*cols, func() { kernels.Transpose(dst, src, rows, cols) })
}

func BenchmarkCSR(b *testing.B) {
	rng := rand.New(rand.NewPCG(25, 26))
	const n, d = 2000, 2000
	ptr, col, val, _ := csr(rng, n, d, 0.02)
	entries := int(ptr[n] - ptr[0])
	for _, k := range []int{1, 8, 32} {
		w, r, g, z := finite(rng, (d+1)*k), finite(rng, n*k), make([]float32, (d+1)*k), make([]float32, n*k)
		name := fmt.Sprintf("k=%d", k)
		benchClasses(b, "forward/"+name, 2*entries*k, 8*entries, func() { kernels.ForwardCSR(z, ptr, col, val, w, n, d, k) })
		benchClasses(b, "gradient/"+name, 2*entries*k, 8*entries, func() { kernels.GradientCSR(g, ptr, col, val, r, n, d, k) })
	}
}
