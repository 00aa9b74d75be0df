package kernels_test

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"tourney/trainers/kernels"
)

// Sixteen sums, each in order, and then halves onto halves: as the comment has it.
func TestDotIsSummedAsItSays(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(81, 82))
		for n := range 200 {
			a, b := make([]float32, n), make([]float32, n)
			draw(rng, a, false)
			draw(rng, b, false)
			var s [16]float64
			for i := range a {
				product := float64(a[i]) * float64(b[i])
				s[i%16] += product
			}
			var e [8]float64
			for j := range e {
				e[j] = s[j] + s[j+8]
			}
			want := ((e[0] + e[4]) + (e[2] + e[6])) + ((e[1] + e[5]) + (e[3] + e[7]))
			if got := kernels.Dot(a, b); got != want {
				t.Fatalf("n=%d: %v, want %v", n, got, want)
			}
		}
	})
}

func TestAddColumnsTakesRowsInOrder(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(83, 84))
		for c := 1; c < 40; c++ {
			n := rng.IntN(60)
			v, sum, sum64 := make([]float32, n*c), make([]float32, c), make([]float64, c)
			draw(rng, v, false)
			draw(rng, sum, false)
			want, want64 := append([]float32(nil), sum...), make([]float64, c)
			for i := range n {
				for j := range c {
					want[j] += v[i*c+j]
					want64[j] += float64(v[i*c+j])
				}
			}
			kernels.AddColumns(sum, v, n, c)
			kernels.AddColumns64(sum64, v, n, c)
			for j := range c {
				if sum[j] != want[j] || sum64[j] != want64[j] {
					t.Fatalf("[%d×%d] column %d: %v and %v, want %v and %v", n, c, j, sum[j], sum64[j], want[j], want64[j])
				}
			}
		}
	})
}

func TestAllFiniteFindsTheOneThatIsNot(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		v := make([]float32, 75)
		for i := range v {
			v[i] = math.MaxFloat32
		}
		if !kernels.AllFinite(v) || !kernels.AllFinite(nil) {
			t.Error("the greatest numbers, and none, are finite")
		}
		for i := range v {
			for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
				v[i] = bad
				if kernels.AllFinite(v) {
					t.Errorf("%v at %d was not found", bad, i)
				}
			}
			v[i] = math.MaxFloat32
		}
	})
}

// Of n elements, binomially many are dropped: within five standard deviations.
func TestDropoutDropsItsRateAndKeepsTheMean(t *testing.T) {
	const n = 100_000
	ones, out := make([]float32, n), make([]float32, n)
	for i := range ones {
		ones[i] = 1
	}
	for _, rate := range []float64{0, 0.1, 0.5, 0.9} {
		for seed := range uint64(5) {
			kernels.Dropout(out, ones, float32(rate), kernels.Key(seed, 7), 0)
			dropped := 0
			for _, v := range out {
				switch v {
				case 0:
					dropped++
				case 1 / (1 - float32(rate)):
				default:
					t.Fatalf("rate %v: an element became %v", rate, v)
				}
			}
			if off := math.Abs(float64(dropped) - rate*n); off > 5*math.Sqrt(rate*(1-rate)*n) {
				t.Errorf("rate %v: %d of %d dropped", rate, dropped, n)
			}
		}
	}
}

// masks are the elements that a key keeps at rate 1/2, one bit each.
func masks(key uint64, words int) []uint64 {
	v := make([]float32, 64*words)
	for i := range v {
		v[i] = 1
	}
	kernels.Dropout(v, v, 0.5, key, 0)
	m := make([]uint64, words)
	for i, x := range v {
		if x != 0 {
			m[i/64] |= 1 << (i % 64)
		}
	}
	return m
}

// Masks of neighbouring steps, and a mask and itself moved on, agree in half of
// the elements: within five standard deviations.
func TestDropoutMasksAreIndependent(t *testing.T) {
	const words = 1000
	bound := 5 * math.Sqrt(64*words) / 2
	agree := func(a, b []uint64) (n int) {
		for i := range min(len(a), len(b)) {
			n += 64 - bits.OnesCount64(a[i]^b[i])
		}
		return n
	}
	first := masks(kernels.Key(1, 1), words)
	for _, key := range []uint64{kernels.Key(1, 2), kernels.Key(2, 1), kernels.Key(1, 1, 0), kernels.Key(1), kernels.Key(1, 1) + 1, kernels.Key(1, 1) ^ 1<<32} {
		if n := agree(first, masks(key, words)); math.Abs(float64(n)-32*words) > bound {
			t.Errorf("of %d elements %d agree", 64*words, n)
		}
	}
	for _, lag := range []int{1, 2, 4, 16, 64} {
		if n := agree(first, first[lag:]); math.Abs(float64(n)-32*float64(words-lag)) > bound {
			t.Errorf("moved on by %d words, %d of %d elements agree", lag, n, 64*(words-lag))
		}
	}
}

// A slice may be done in pieces.
func TestDropoutInPieces(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(85, 86))
		src, whole, pieces := make([]float32, 500), make([]float32, 500), make([]float32, 500)
		draw(rng, src, false)
		kernels.Dropout(whole, src, 0.3, 99, 1000)
		for lo := 0; lo < len(src); {
			hi := min(lo+rng.IntN(70), len(src))
			kernels.Dropout(pieces[lo:hi], src[lo:hi], 0.3, 99, 1000+lo)
			lo = hi
		}
		if !sameBits(whole, pieces) {
			t.Error("pieces are not the whole")
		}
	})
}

// The kernels run inside of passes and need no memory.
func TestElementwiseKernelsAllocateNothing(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(87, 88))
		for _, o := range append(operations(), softmaxLoss(3)) {
			for _, c := range []int{1, 6, 40} {
				n := 12
				if o.flat {
					n = 1
				}
				if o.name == "AddColumns64" {
					continue // the test's own sums
				}
				arrays := operands(rng, o.shapes, n, c, false)
				a := make([][]float32, len(arrays))
				for i, p := range arrays {
					a[i] = p.array
				}
				if got := testing.AllocsPerRun(5, func() { o.run(a, n, c) }); got != 0 {
					t.Errorf("%s [%d×%d]: %v allocations", o.name, n, c, got)
				}
			}
		}
	})
}
