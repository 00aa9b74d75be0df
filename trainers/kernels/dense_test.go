package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tourney/trainers/kernels"
)

// naiveForward, naiveGradient and naiveGemm are the definitions, word for word.
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

func naiveGemm(c []float32, ldc int, a []float32, lda int, transA bool, b []float32, ldb, m, n, k int) {
	for i := range m {
		for j := range n {
			for s := range k {
				x := i*lda + s
				if transA {
					x = s*lda + i
				}
				c[i*ldc+j] = kernels.FMA(a[x], b[s*ldb+j], c[i*ldc+j])
			}
		}
	}
}

// values draws numbers of which some sums are ties, zeros, subnormal or not
// finite.
func values(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	scale := []float64{1, 1, 1, 1, 0x1p-70, 0x1p-24, 0x1p63}[rng.IntN(7)]
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
	if n > 0 && rng.IntN(8) == 0 {
		special := []float64{math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat32, 0x1p-149, math.Copysign(0, -1)}
		v[rng.IntN(n)] = float32(special[rng.IntN(len(special))])
	}
	return v
}

// sameBits reports whether numbers are the same, any NaN being like another.
func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool {
		return math.Float32bits(x) == math.Float32bits(y) || x != x && y != y
	})
}

// apart spreads rows over a longer stride. What lies between is a NaN that no
// kernel makes: read, it spoils a sum, and written, it is missed.
func apart(rows []float32, n, width, stride int) []float32 {
	if n == 0 {
		return nil
	}
	out := slices.Repeat([]float32{poison}, (n-1)*stride+width)
	for i := range n {
		copy(out[i*stride:], rows[i*width:(i+1)*width])
	}
	return out
}

var poison = math.Float32frombits(0x7fc5a5a5)

func poisonLeft(t *testing.T, c []float32, width, stride int) {
	t.Helper()
	for i, v := range c {
		if i%stride >= width && math.Float32bits(v) != math.Float32bits(poison) {
			t.Fatalf("element %d, beyond the %d columns of a row, became %x", i, width, v)
		}
	}
}

// checkDense compares Forward and Gradient of all classes with their
// definitions.
func checkDense(t *testing.T, rng *rand.Rand, n, d, k int) {
	t.Helper()
	x, w, r, g := values(rng, n*d), values(rng, (d+1)*k), values(rng, n*k), values(rng, (d+1)*k)
	wantZ, wantG := make([]float32, n*k), slices.Clone(g)
	naiveForward(wantZ, x, w, n, d, k)
	naiveGradient(wantG, x, r, n, d, k)
	inEachClass(t, func(class string) {
		z, g := make([]float32, n*k), slices.Clone(g)
		kernels.Forward(z, x, w, n, d, k)
		if !sameBits(z, wantZ) {
			t.Fatalf("%s: Forward n=%d d=%d k=%d: %v, want %v", class, n, d, k, z, wantZ)
		}
		kernels.Gradient(g, x, r, n, d, k)
		if !sameBits(g, wantG) {
			t.Fatalf("%s: Gradient n=%d d=%d k=%d: %v, want %v", class, n, d, k, g, wantG)
		}
	})
}

func TestDenseKernelsGiveTheBitsOfTheirDefinition(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 100
	}
	rng := rand.New(rand.NewPCG(9, 10))
	for n := range 7 {
		for d := range 6 {
			for k := 1; k < 11; k++ {
				checkDense(t, rng, n, d, k)
			}
		}
	}
	for range rounds {
		checkDense(t, rng, rng.IntN(70), rng.IntN(50), rng.IntN(40))
	}
	for k := range 5 { // lone models and a few
		for range 20 {
			checkDense(t, rng, rng.IntN(120), rng.IntN(120), k)
		}
	}
	// Beyond one block of rows, of steps and of columns.
	checkDense(t, rng, 270, 530, 3)
	checkDense(t, rng, 1100, 20, 17)
	checkDense(t, rng, 250, 10, 140)
	checkDense(t, rng, 40, 1100, 1)
	checkDense(t, rng, 40, 1500, 9)
}

// checkGemm compares a product of all classes with its definition, with rows
// apart.
func checkGemm(t *testing.T, rng *rand.Rand, m, n, k, ldc, lda, ldb int, transA bool) {
	t.Helper()
	rowsA, wide := m, k
	if transA {
		rowsA, wide = k, m
	}
	ldc, lda, ldb = max(ldc, n), max(lda, wide), max(ldb, n)
	a := apart(values(rng, m*k), rowsA, wide, lda)
	b := apart(values(rng, k*n), k, n, ldb)
	start := apart(values(rng, m*n), m, n, ldc)
	want := slices.Clone(start)
	naiveGemm(want, ldc, a, lda, transA, b, ldb, m, n, k)
	inEachClass(t, func(class string) {
		c := slices.Clone(start)
		kernels.Gemm(c, ldc, a, lda, transA, b, ldb, m, n, k)
		if !sameBits(c, want) {
			t.Fatalf("%s: Gemm m=%d n=%d k=%d ldc=%d lda=%d ldb=%d transA=%v differs", class, m, n, k, ldc, lda, ldb, transA)
		}
		poisonLeft(t, c, n, ldc)
	})
}

func TestGemmGivesTheBitsOfItsDefinition(t *testing.T) {
	rounds := 400
	if testing.Short() {
		rounds = 100
	}
	rng := rand.New(rand.NewPCG(17, 18))
	for range rounds {
		m, n, k := rng.IntN(41), rng.IntN(41), rng.IntN(41)
		checkGemm(t, rng, m, n, k, n+rng.IntN(5), max(m, k)+rng.IntN(5), n+rng.IntN(5), rng.IntN(2) == 0)
	}
	// Beyond one block of rows, of steps and of columns; the second time with
	// rows that meet in the cache.
	for _, s := range [][3]int{{251, 67, 130}, {37, 261, 257}, {35, 131, 3}, {1, 300, 70}, {1, 9, 600}, {2, 140, 40}, {1000, 2, 66}} {
		for _, transA := range []bool{false, true} {
			if !transA || !testing.Short() {
				checkGemm(t, rng, s[0], s[1], s[2], s[1]+1, 0, s[1]+3, transA)
			}
			if transA || !testing.Short() {
				checkGemm(t, rng, s[0], s[1], s[2], 0, 1024, 512, transA)
			}
		}
	}
}

func TestGemmRefusesRowsThatOverlap(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("rows of 3 at a distance of 2 are taken")
		}
	}()
	kernels.Gemm(make([]float32, 9), 2, make([]float32, 9), 3, false, make([]float32, 9), 3, 3, 3, 3)
}

// A model's bits do not depend on which models lie beside it.
func TestColumnsAreIndependent(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(11, 12))
		const n, d, k = 90, 21, 35
		x, w, r := values(rng, n*d), values(rng, (d+1)*k), values(rng, n*k)
		z, g := make([]float32, n*k), make([]float32, (d+1)*k)
		kernels.Forward(z, x, w, n, d, k)
		kernels.Gradient(g, x, r, n, d, k)
		for c := range k {
			column := func(v []float32) []float32 {
				var out []float32
				for i := c; i < len(v); i += k {
					out = append(out, v[i])
				}
				return out
			}
			lone, one := make([]float32, d+1), make([]float32, n)
			kernels.Forward(one, x, column(w), n, d, 1)
			kernels.Gradient(lone, x, column(r), n, d, 1)
			if !sameBits(one, column(z)) || !sameBits(lone, column(g)) {
				t.Fatalf("column %d alone differs from the same in company", c)
			}
		}
	})
}

// Rows taken in by several calls give the bits of one call.
func TestGradientGoesOnFromBlockToBlock(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(13, 14))
		for _, k := range []int{1, 6, 33} {
			const n, d, block = 203, 40, 37
			x, r := values(rng, n*d), values(rng, n*k)
			whole, pieces := make([]float32, (d+1)*k), make([]float32, (d+1)*k)
			kernels.Gradient(whole, x, r, n, d, k)
			gram, inPieces := make([]float32, d*d), make([]float32, d*d)
			kernels.Gram(gram, x, n, d)
			for lo := 0; lo < n; lo += block {
				hi := min(lo+block, n)
				kernels.Gradient(pieces, x[lo*d:hi*d], r[lo*k:hi*k], hi-lo, d, k)
				kernels.Gram(inPieces, x[lo*d:hi*d], hi-lo, d)
			}
			if !sameBits(whole, pieces) || !sameBits(gram, inPieces) {
				t.Errorf("k=%d: in pieces it differs", k)
			}
		}
	})
}

func TestGramIsTheProductWithItself(t *testing.T) {
	rng := rand.New(rand.NewPCG(19, 20))
	// Some beyond a block of rows, and some of panels beyond the first.
	shapes := [][2]int{{0, 3}, {5, 0}, {1, 1}, {3300, 20}, {30, 101}, {9, 300}}
	for range 40 {
		shapes = append(shapes, [2]int{rng.IntN(50), rng.IntN(50)})
	}
	for _, s := range shapes {
		n, d := s[0], s[1]
		x, start := values(rng, n*d), values(rng, d*d)
		for i := range d {
			for j := range i {
				start[i*d+j] = poison // what lies below the diagonal does not count
			}
		}
		want := slices.Clone(start)
		naiveGemm(want, d, x, d, true, x, d, d, d, n)
		for i := range d {
			for j := range i {
				want[i*d+j] = want[j*d+i]
			}
		}
		inEachClass(t, func(class string) {
			g := slices.Clone(start)
			kernels.Gram(g, x, n, d)
			if !sameBits(g, want) {
				t.Fatalf("%s: n=%d d=%d differs", class, n, d)
			}
		})
	}
}

func TestAddAndTranspose(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(21, 22))
		for n := range 100 {
			a, b := values(rng, n+3), values(rng, n)
			want := slices.Clone(a)
			for i, v := range b {
				want[i] += v
			}
			kernels.Add(a, b)
			if !sameBits(a, want) {
				t.Fatalf("Add of %d elements: %v, want %v", n, a, want)
			}
		}
		shapes := [][2]int{{300, 70}, {17, 1000}}
		for range 200 {
			shapes = append(shapes, [2]int{rng.IntN(50), rng.IntN(50)})
		}
		for _, s := range shapes {
			rows, cols := s[0], s[1]
			src, dst := values(rng, rows*cols), make([]float32, rows*cols+1)
			dst[rows*cols] = poison
			kernels.Transpose(dst, src, rows, cols)
			for i := range rows {
				for j := range cols {
					if !sameBits(dst[j*rows+i:j*rows+i+1], src[i*cols+j:i*cols+j+1]) {
						t.Fatalf("%d×%d: element %d, %d is %x, want %x", rows, cols, i, j, dst[j*rows+i], src[i*cols+j])
					}
				}
			}
			poisonLeft(t, dst[rows*cols:], 0, 1)
		}
	})
}

// Many goroutines may call kernels at the same time.
func TestKernelsShareNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 24))
	const m, n, k = 70, 133, 300
	a, b := values(rng, m*k), values(rng, k*n)
	want := make([]float32, m*n)
	naiveGemm(want, n, a, k, false, b, n, m, n, k)
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for range 5 {
				c := make([]float32, m*n)
				kernels.Gemm(c, n, a, k, false, b, n, m, n, k)
				if !sameBits(c, want) {
					t.Fatal("beside others it differs")
				}
			}
		})
	}
}
