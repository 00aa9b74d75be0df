package kernels_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tourney/trainers/kernels"
)

// onRows draws outputs and targets of two classes.
func onRows(rng *rand.Rand, n, c int, wild bool) (z, y []float32) {
	z, y = make([]float32, n*c), make([]float32, n)
	draw(rng, z, wild)
	for i := range y {
		y[i] = float32(rng.IntN(2))
	}
	return z, y
}

// Derivatives are those of LogisticLoss, and the sums what the comment says: of
// all rows, whether or not the last sum is of fewer, and of all widths.
func TestLogisticLossSumsAreAsTheComment(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(63, 64))
		shapes := [][2]int{{0, 3}, {1, 1}, {1, 600}, {18, 1100}, {1500, 1}, {530, 2}, {300, 33}}
		for c := 1; c <= 40; c++ {
			shapes = append(shapes, [2]int{1 + rng.IntN(100), c})
		}
		for _, s := range shapes {
			n, c := s[0], s[1]
			z, y := onRows(rng, n, c, rng.IntN(2) == 0)
			in, sums := append([]float32(nil), z...), make([]float32, (n+15)/16*c)
			want := append([]float32(nil), z...)
			kernels.LogisticLoss(want, nil, y, n, c)
			kernels.LogisticLossSums(z, sums, y, n, c)
			if !sameBits(z, want) {
				t.Fatalf("[%d×%d]: the derivatives are not those of LogisticLoss", n, c)
			}
			for at, got := range sums {
				sum, product := float32(0), float32(1)
				for i := at / c * 16; i < min(at/c*16+16, n); i++ {
					v := in[i*c+at%c]
					if (v > 0) != (y[i] > 0) {
						sum += float32(math.Abs(float64(v)))
					}
					product *= 1 + kernels.Exp(-float32(math.Abs(float64(v))))
				}
				if want := sum + kernels.Log(product); !alike(got, want) {
					t.Fatalf("[%d×%d]: sum %d is %v, want %v", n, c, at, got, want)
				}
			}
		}
	})
}

// A sum of 16 losses has an error of some 16 roundings of numbers of its size,
// and of the product, whose logarithm it is.
func TestLogisticLossSumsAgainstFloat64(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(65, 66))
		for _, scale := range []float64{0.01, 1, 10, 1000} {
			for _, c := range []int{1, 5, 32} {
				const n = 200
				z, y := onRows(rng, n, c, false)
				want := make([]float64, (n+15)/16*c)
				for i := range z {
					z[i] = float32(rng.NormFloat64() * scale)
					v := float64(z[i])
					want[i/c/16*c+i%c] += math.Log1p(math.Exp(-math.Abs(v))) + max(v, 0) - float64(y[i/c])*v
				}
				sums := make([]float32, len(want))
				kernels.LogisticLossSums(z, sums, y, n, c)
				for i, got := range sums {
					near(t, "sum", float64(got), want[i], 2e-6)
				}
			}
		}
	})
}

// What is not finite spoils its own sum, as it should, and no other. Far out on
// the right side there is no loss.
func TestLogisticLossSumsOfTheInfinite(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	eachClass(t, func(t *testing.T) {
		for _, c := range []int{1, 3, 32, 600} {
			for _, row := range []int{0, 15, 20} {
				for _, x := range []struct{ z, y, extra float32 }{
					{nan, 0, nan},
					{nan, 1, nan},
					{inf, 0, inf},
					{-inf, 1, inf},
					{inf, 1, 0},
					{-inf, 0, 0},
					{math.MaxFloat32, 0, math.MaxFloat32},
					{-math.MaxFloat32, 0, 0},
					{math.SmallestNonzeroFloat32, 1, math.Ln2},
				} {
					const n = 21
					z, y, sums := make([]float32, n*c), make([]float32, n), make([]float32, 2*c)
					at := row*c + c/2
					z[at], y[row] = x.z, x.y
					kernels.LogisticLossSums(z, sums, y, n, c)
					for i, got := range sums {
						rows := float64([]int{16, 5}[i/c])
						want := float32(rows * math.Ln2)
						if i == row/16*c+c/2 {
							want = float32((rows-1)*math.Ln2) + x.extra
						}
						if !alike(got, want) && !(math.Abs(float64(got-want)) < 3e-6) {
							t.Fatalf("z=%v y=%v in row %d of %d columns: sum %d is %v, want %v", x.z, x.y, row, c, i, got, want)
						}
					}
				}
			}
		}
	})
}
