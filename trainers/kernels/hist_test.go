package kernels_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tourney/trainers/kernels"
)

// Every class adds the same histograms as the definition, whatever the number
// of features, and touches nothing beside them.
func TestHistogramIsItsDefinition(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for range 300 {
			d := 1 + rng.IntN(40)
			from := rng.IntN(d)
			w := 1 + rng.IntN(d-from)
			rows := rng.IntN(200)
			bins, gh := randomBins(rng, rows*d), make([]int64, rows)
			for i := range gh {
				gh[i] = int64(rng.Uint64())
			}
			idx := make([]int32, rng.IntN(300))
			for i := range idx {
				idx[i] = int32(rng.IntN(max(1, rows)))
			}
			if rows == 0 {
				idx = nil
			}
			got, want := make([]int64, (w+1)*kernels.HistogramStride), make([]int64, (w+1)*kernels.HistogramStride)
			for i, g := range gh {
				for k := range w {
					want[k*kernels.HistogramStride+int(bins[i*d+from+k])] += g
				}
			}
			from = min(from, len(bins))
			kernels.Histogram(got, bins[from:], d, w, gh)
			if !slices.Equal(got, want) {
				t.Fatalf("d=%d w=%d rows=%d: the histogram differs", d, w, rows)
			}
			for _, i := range idx {
				for k := range w {
					want[k*kernels.HistogramStride+int(bins[int(i)*d+from+k])] += gh[i]
				}
			}
			kernels.HistogramOf(got, bins[from:], d, w, gh, idx)
			if !slices.Equal(got, want) {
				t.Fatalf("d=%d w=%d rows=%d idx=%d: the histogram of chosen rows differs", d, w, rows, len(idx))
			}
		}
	})
}

func TestPartitionKeepsOrder(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		for range 500 {
			d := 1 + rng.IntN(12)
			f, rows := rng.IntN(d), 1+rng.IntN(400)
			bins := randomBins(rng, rows*d)
			left := [4]uint64{rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64()}
			switch rng.IntN(8) {
			case 0:
				left = [4]uint64{}
			case 1:
				left = [4]uint64{1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1}
			}
			var idx, wantLeft, wantRight []int32
			for i := range rows {
				if rng.IntN(3) > 0 {
					idx = append(idx, int32(i))
				}
			}
			for _, i := range idx {
				if b := bins[int(i)*d+f]; left[b/64]>>(b%64)&1 == 1 {
					wantLeft = append(wantLeft, i)
				} else {
					wantRight = append(wantRight, i)
				}
			}
			guarded := append(slices.Clone(idx), -7)
			right := make([]int32, len(idx)+1)
			right[len(idx)] = -7
			n := kernels.Partition(guarded[:len(idx)], right[:len(idx)], bins, d, f, &left)
			if !slices.Equal(guarded[:n], wantLeft) || !slices.Equal(right[:len(idx)-n], wantRight) {
				t.Fatalf("d=%d feature %d, %d rows: wrong sides", d, f, len(idx))
			}
			if guarded[len(idx)] != -7 || right[len(idx)] != -7 {
				t.Fatal("writes behind the rows")
			}
		}
	})
}

func randomBins(rng *rand.Rand, n int) []uint8 {
	bins := make([]uint8, n)
	for i := range bins {
		bins[i] = uint8(rng.Uint32())
	}
	return bins
}

// Every class rounds as the definition of one number does.
func TestPackGradientsIsItsDefinition(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		for range 300 {
			n := rng.IntN(100)
			grad, hess := make([]float32, n), make([]float32, n)
			for i := range grad {
				grad[i], hess[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
			}
			seed, first := rng.Uint32(), rng.Uint32()
			got := make([]int64, n+1)
			got[n] = -7
			total := kernels.PackGradients(got[:n], grad, hess, 1<<30, 1<<25, seed, first)
			var want int64
			for i := range n {
				v := kernels.PackGradient(grad[i], hess[i], 1<<30, 1<<25, seed, first+uint32(i))
				if got[i] != v {
					t.Fatalf("%v and %v are packed as %x, not %x", grad[i], hess[i], got[i], v)
				}
				want += v
				g, h := v>>32, v&(1<<32-1)
				if math.Abs(float64(g)-float64(grad[i])*(1<<14)) > 1 || math.Abs(float64(h)-float64(max(0, hess[i]))*(1<<9)) > 1 {
					t.Fatalf("%v and %v are rounded to %d and %d", grad[i], hess[i], g, h)
				}
			}
			if total != want || got[n] != -7 {
				t.Fatalf("the total is %x, not %x; behind the end is %d", total, want, got[n])
			}
			total = kernels.PackGradients(got[:n], grad, nil, 1<<30, 1<<25, seed, first)
			want = 0
			for i := range n {
				v := kernels.PackGradient(grad[i], 0, 1<<30, 1<<25, seed, first+uint32(i)) + 1
				if got[i] != v {
					t.Fatalf("%v without a hessian is packed as %x, not %x", grad[i], got[i], v)
				}
				want += v
			}
			if total != want {
				t.Fatalf("the total is %x, not %x", total, want)
			}
		}
	})
}

func TestLargest(t *testing.T) {
	inf := float32(math.Inf(1))
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, 8))
		for n := range 100 {
			v := make([]float32, n)
			var abs, positive float32
			for i := range v {
				v[i] = float32(rng.NormFloat64() - 1)
				abs, positive = max(abs, v[i], -v[i]), max(positive, v[i])
			}
			if n > 0 && rng.IntN(3) == 0 {
				v[rng.IntN(n)] = -inf
				abs = inf
			}
			a, p := kernels.Largest(v)
			if math.Float32frombits(a) != abs && abs != inf || abs == inf && a != math.Float32bits(inf) {
				t.Fatalf("the largest of %v is %v", v, math.Float32frombits(a))
			}
			if abs != inf && math.Float32frombits(p) != positive {
				t.Fatalf("the largest positive one of %v is %v", v, math.Float32frombits(p))
			}
			if n > 0 {
				v[rng.IntN(n)] = float32(math.NaN())
				if a, _ := kernels.Largest(v); a <= math.Float32bits(inf) {
					t.Fatal("NaN is not above all others")
				}
			}
		}
	})
}
