package sobol_test

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"tourney/search/sobol"
)

// The dimensions that testdata/vectors.py prints.
var shown = []int{0, 1, 2, 3, 4, 9, 99, 499, 999, 1110}

// Unscrambled, the points are SciPy's, in all dimensions of the table.
func TestPlainIsSciPys(t *testing.T) {
	data, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	s := sobol.New(sobol.MaxDim, 0)
	lines := 0
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		lines++
		want := make([]uint64, 2+len(shown))
		for i, f := range strings.Fields(line) {
			if want[i], err = strconv.ParseUint(f, 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		n, h := int(want[0]), fnv.New64a()
		for j := range sobol.MaxDim {
			h.Write(binary.LittleEndian.AppendUint32(nil, s.Plain(n, j)))
		}
		if h.Sum64() != want[1] {
			t.Errorf("point %d: hash of all coordinates %d, want %d", n, h.Sum64(), want[1])
		}
		for i, j := range shown {
			if got := uint64(s.Plain(n, j)); got != want[2+i] {
				t.Errorf("point %d, dimension %d: %d / 2^32, want %d", n, j, got, want[2+i])
			}
		}
	}
	if lines < 20 {
		t.Errorf("only %d vectors", lines)
	}
}

// Scrambled, each run of 2^k points has one coordinate in each of the 2^k
// equal parts of each axis: a (0,k,1)-net.
func TestEachAxisIsANet(t *testing.T) {
	const dim = sobol.MaxDim
	s := sobol.New(dim, 5)
	u := make([]float64, dim)
	for _, k := range []int{1, 4, 7} {
		for _, start := range []int{0, 1 << k, 5 << k} {
			seen := make([]bool, dim<<k)
			for i := range 1 << k {
				s.At(start+i, u)
				for j := range u {
					part := int(u[j] * float64(int(1)<<k))
					if seen[j<<k+part] {
						t.Fatalf("dimension %d: two of the points %d to %d lie in part %d of %d", j, start, start+1<<k-1, part, 1<<k)
					}
					seen[j<<k+part] = true
				}
			}
		}
	}
}

// Two dimensions whose polynomials have degrees e and f are a (t,k,2)-net with
// t <= (e-1)+(f-1) (Niederreiter 1988): each elementary interval of volume
// 2^(t-k) holds 2^t of 2^k points. The first two dimensions have t = 0.
func TestPairsAreNets(t *testing.T) {
	degrees := []int{1, 1, 2, 3, 3, 4} // the first stands for van der Corput's sequence, which has t = 0
	const k = 9
	for _, seed := range []uint64{0, 1, 77} {
		s := sobol.New(len(degrees), seed)
		points := make([][]float64, 1<<k)
		for i := range points {
			points[i] = make([]float64, len(degrees))
			s.At(i, points[i])
		}
		for a := range degrees {
			for b := range a {
				net(t, points, k, a, b, degrees[a]-1+degrees[b]-1)
			}
		}
	}
}

func net(t *testing.T, points [][]float64, k, a, b, quality int) {
	t.Helper()
	for i := 0; i <= k-quality; i++ {
		j := k - quality - i
		count := map[[2]int]int{}
		for _, p := range points {
			count[[2]int{int(p[a] * float64(int(1)<<i)), int(p[b] * float64(int(1)<<j))}]++
		}
		for box, n := range count {
			if n != 1<<quality {
				t.Fatalf("dimensions %d and %d: %d of %d points in box %v of 2^-%d by 2^-%d; want %d", a, b, n, len(points), box, i, j, 1<<quality)
			}
		}
	}
}

// The squared centred L2 discrepancy (Hickernell 1998) of n random points is
// ((5/4)^d - (13/12)^d) / n on average; scrambled points lie far below, and
// the more so the more points.
func TestDiscrepancyIsFarBelowRandom(t *testing.T) {
	for _, tt := range []struct {
		dim, n int
		factor float64 // of the random average that must not be passed
	}{{2, 64, 0.1}, {2, 1024, 0.01}, {6, 256, 0.2}, {10, 512, 0.5}} {
		random := (math.Pow(1.25, float64(tt.dim)) - math.Pow(13.0/12, float64(tt.dim))) / float64(tt.n)
		for seed := range uint64(5) {
			if got := discrepancy(points(sobol.New(tt.dim, seed), tt.n)); got > tt.factor*random {
				t.Errorf("d=%d n=%d seed %d: %.3g, want at most %v times random's %.3g", tt.dim, tt.n, seed, got, tt.factor, random)
			}
		}
	}
}

// The formula above and its random average agree on random points, so that the
// test above compares with the right number.
func TestDiscrepancyOfRandomPoints(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const dim, n, runs = 3, 50, 200
	sum := 0.0
	for range runs {
		p := make([][]float64, n)
		for i := range p {
			p[i] = []float64{rng.Float64(), rng.Float64(), rng.Float64()}
		}
		sum += discrepancy(p)
	}
	want := (math.Pow(1.25, dim) - math.Pow(13.0/12, dim)) / n
	if got := sum / runs; math.Abs(got/want-1) > 0.1 {
		t.Errorf("average %.4g, want %.4g", got, want)
	}
}

func discrepancy(points [][]float64) float64 {
	n, dim := float64(len(points)), len(points[0])
	one, two := 0.0, 0.0
	for _, x := range points {
		p := 1.0
		for j := range dim {
			d := math.Abs(x[j] - 0.5)
			p *= 1 + 0.5*d - 0.5*d*d
		}
		one += p
		for _, y := range points {
			p := 1.0
			for j := range dim {
				p *= 1 + 0.5*math.Abs(x[j]-0.5) + 0.5*math.Abs(y[j]-0.5) - 0.5*math.Abs(x[j]-y[j])
			}
			two += p
		}
	}
	return math.Pow(13.0/12, float64(dim)) - 2/n*one + two/(n*n)
}

func points(s *sobol.Sequence, n int) [][]float64 {
	out := make([][]float64, n)
	for i := range out {
		out[i] = make([]float64, s.Dim())
		s.At(i, out[i])
	}
	return out
}

// Over the seeds, a point is uniform and its coordinates are independent.
func TestAPointIsUniformOverSeeds(t *testing.T) {
	const seeds, cells = 16384, 8
	for _, i := range []int{0, 1, 1000} {
		var count [cells * cells]float64
		u := make([]float64, 2)
		for seed := range uint64(seeds) {
			sobol.New(2, seed).At(i, u)
			count[int(u[0]*cells)*cells+int(u[1]*cells)]++
		}
		want, chi := float64(seeds)/(cells*cells), 0.0
		for _, c := range count {
			chi += (c - want) * (c - want) / want
		}
		if chi > 118 { // 0.99999 quantile of chi-square with 63 degrees of freedom
			t.Errorf("point %d: chi-square %.1f", i, chi)
		}
	}
}

// Beyond the table, coordinates are uniform too, and repeat nowhere.
func TestBeyondTheTable(t *testing.T) {
	s := sobol.New(sobol.MaxDim+3, 9)
	u := make([]float64, s.Dim())
	sum, seen := 0.0, map[float64]bool{}
	const n = 1000
	for i := range n {
		s.At(i, u)
		for _, x := range u[sobol.MaxDim:] {
			if !(x >= 0 && x < 1) || seen[x] {
				t.Fatalf("point %d: %v is no number in [0, 1), or was there before", i, x)
			}
			seen[x] = true
			sum += x
		}
	}
	if mean := sum / (3 * n); math.Abs(mean-0.5) > 0.03 { // 5.7 standard errors
		t.Errorf("mean %v", mean)
	}
}

// A seed gives the same points whatever the number of dimensions asked for,
// and another seed gives others.
func TestSeedAndNumberSayThePoint(t *testing.T) {
	a, b, c := make([]float64, 5), make([]float64, 40), make([]float64, 5)
	for _, i := range []int{0, 3, 1 << 20, 1 << 32} {
		sobol.New(5, 1).At(i, a)
		sobol.New(40, 1).At(i, b)
		sobol.New(5, 2).At(i, c)
		for j := range a {
			if a[j] != b[j] || a[j] == c[j] {
				t.Errorf("point %d, dimension %d: %v, %v of more dimensions, %v of another seed", i, j, a[j], b[j], c[j])
			}
		}
	}
	sobol.New(-1, 1).At(0, nil)
}

// The polynomials of the table are distinct and of the degree that their line
// says, and the initial numbers are odd and below 2^k.
func TestTable(t *testing.T) {
	data, err := os.ReadFile("directions.txt")
	if err != nil {
		t.Fatal(err)
	}
	polys, degree := map[uint64]bool{}, 1
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var v []uint64
		for _, f := range strings.Fields(line) {
			n, err := strconv.ParseUint(f, 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			v = append(v, n)
		}
		if got := bits.Len64(v[0]) - 1; got != len(v)-1 || got < degree || polys[v[0]] || v[0]&1 == 0 {
			t.Errorf("polynomial %d with %d numbers, after degree %d", v[0], len(v)-1, degree)
		}
		degree, polys[v[0]] = len(v)-1, true
		for k, m := range v[1:] {
			if m&1 == 0 || m >= 2<<k {
				t.Errorf("polynomial %d: m%d = %d", v[0], k+1, m)
			}
		}
	}
	if len(polys) != sobol.MaxDim-1 {
		t.Errorf("%d polynomials", len(polys))
	}
}

func ExampleSequence_At() {
	s := sobol.New(2, 1)
	u := make([]float64, s.Dim())
	quarters := map[[2]bool]int{}
	for i := range 8 {
		s.At(i, u)
		quarters[[2]bool{u[0] < 0.5, u[1] < 0.5}]++
	}
	fmt.Println(quarters)
	// Output: map[[false false]:2 [false true]:2 [true false]:2 [true true]:2]
}

func BenchmarkAt(b *testing.B) {
	s := sobol.New(10, 1)
	u := make([]float64, 10)
	for i := 0; b.Loop(); i++ {
		s.At(i, u)
	}
}
