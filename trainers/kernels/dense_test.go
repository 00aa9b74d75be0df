package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tourney/trainers/kernels"
)

// naiveForward and naiveGradient are the definition, word for word.
func naiveForward(z, x, w []float32, n, d, k int) {
	for i := range n {
		for c := range k {
			acc := w[d*k+c]
			for j := range d {
				acc = kernels.FMA(x[i*d+j], w[j*k+c], acc)
			}
			z[i*k+c] = acc
		}
	}
}

func naiveGradient(g, x, r []float32, n, d, k int) {
	for c := range k {
		for j := range d {
			for i := range n {
				g[j*k+c] = kernels.FMA(x[i*d+j], r[i*k+c], g[j*k+c])
			}
		}
		for i := range n {
			g[d*k+c] += r[i*k+c]
		}
	}
}

// values draws numbers of which some sums are ties, zeros or subnormal.
func values(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	scale := []float64{1, 1, 1, 0x1p-70, 0x1p-24}[rng.IntN(5)]
	for i := range v {
		switch rng.IntN(4) {
		case 0:
			v[i] = float32(float64(rng.IntN(5)-2) * scale)
		case 1:
			v[i] = float32(float64(1+0x1p-23*float64(rng.IntN(3)-1)) * scale)
		default:
			v[i] = float32(rng.NormFloat64() * scale)
		}
	}
	return v
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

func TestDenseKernelsGiveTheBitsOfTheirDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for n := range 7 {
		for d := range 6 {
			for k := 1; k < 11; k++ {
				for range 4 {
					x, w, r, g := values(rng, n*d), values(rng, (d+1)*k), values(rng, n*k), values(rng, (d+1)*k)
					z, zWant := make([]float32, n*k), make([]float32, n*k)
					kernels.Forward(z, x, w, n, d, k)
					naiveForward(zWant, x, w, n, d, k)
					if !sameBits(z, zWant) {
						t.Fatalf("Forward n=%d d=%d k=%d: %v, want %v", n, d, k, z, zWant)
					}
					gWant := slices.Clone(g)
					kernels.Gradient(g, x, r, n, d, k)
					naiveGradient(gWant, x, r, n, d, k)
					if !sameBits(g, gWant) {
						t.Fatalf("Gradient n=%d d=%d k=%d: %v, want %v", n, d, k, g, gWant)
					}
				}
			}
		}
	}
}

// A model's bits do not depend on which models lie beside it.
func TestColumnsAreIndependent(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	const n, d, k = 9, 5, 13
	x, w := values(rng, n*d), values(rng, (d+1)*k)
	z := make([]float32, n*k)
	kernels.Forward(z, x, w, n, d, k)
	for c := range k {
		lone, one := make([]float32, d+1), make([]float32, n)
		for j := range lone {
			lone[j] = w[j*k+c]
		}
		kernels.Forward(one, x, lone, n, d, 1)
		for i := range n {
			if math.Float32bits(one[i]) != math.Float32bits(z[i*k+c]) {
				t.Fatalf("row %d column %d: alone %x, in company %x", i, c, one[i], z[i*k+c])
			}
		}
	}
}

// Rows taken in by several calls give the bits of one call.
func TestGradientGoesOnFromBlockToBlock(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	const n, d, k = 23, 4, 6
	x, r := values(rng, n*d), values(rng, n*k)
	whole, pieces := make([]float32, (d+1)*k), make([]float32, (d+1)*k)
	kernels.Gradient(whole, x, r, n, d, k)
	for lo := 0; lo < n; lo += 5 {
		hi := min(lo+5, n)
		kernels.Gradient(pieces, x[lo*d:hi*d], r[lo*k:hi*k], hi-lo, d, k)
	}
	if !sameBits(whole, pieces) {
		t.Errorf("in pieces %v, whole %v", pieces, whole)
	}
}

func BenchmarkDense(b *testing.B) {
	rng := rand.New(rand.NewPCG(15, 16))
	for _, s := range []struct{ n, d, k int }{{128, 64, 10}, {128, 64, 32}, {128, 30, 1}} {
		x, w, r, g := make([]float32, s.n*s.d), make([]float32, (s.d+1)*s.k), make([]float32, s.n*s.k), make([]float32, (s.d+1)*s.k)
		for _, v := range [][]float32{x, w, r} {
			for i := range v {
				v[i] = float32(rng.NormFloat64())
			}
		}
		z := make([]float32, s.n*s.k)
		name := fmt.Sprintf("n=%d d=%d k=%d", s.n, s.d, s.k)
		perFMA := func(b *testing.B) {
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*s.n*s.d*s.k), "ns/fma")
		}
		b.Run("forward "+name, func(b *testing.B) {
			for b.Loop() {
				kernels.Forward(z, x, w, s.n, s.d, s.k)
			}
			perFMA(b)
		})
		b.Run("gradient "+name, func(b *testing.B) {
			for b.Loop() {
				clear(g)
				kernels.Gradient(g, x, r, s.n, s.d, s.k)
			}
			perFMA(b)
		})
	}
}
