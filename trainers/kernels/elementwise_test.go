package kernels_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tourney/trainers/kernels"
)

// operation is a kernel of elements on matrices [n×c], or on slices if flat.
// Arrays come with the letters of shapes: m [n×c], r [n], c [c], s [⌈n/16⌉×c],
// p [c] of hyperparameters, f scalars.
type operation struct {
	name   string
	shapes string
	flat   bool
	run    func(a [][]float32, n, c int)
}

func operations() []operation {
	all := []operation{
		{"ExpAll", "mm", true, func(a [][]float32, _, _ int) { kernels.ExpAll(a[0], a[1]) }},
		{"LogAll", "mm", true, func(a [][]float32, _, _ int) { kernels.LogAll(a[0], a[1]) }},
		{"SigmoidAll", "mm", true, func(a [][]float32, _, _ int) { kernels.SigmoidAll(a[0], a[1]) }},
		{"TanhAll", "mm", true, func(a [][]float32, _, _ int) { kernels.TanhAll(a[0], a[1]) }},
		{"TanhAll in place", "m", true, func(a [][]float32, _, _ int) { kernels.TanhAll(a[0], a[0]) }},
		{"ReLU", "mm", true, func(a [][]float32, _, _ int) { kernels.ReLU(a[0], a[1]) }},
		{"ReLUBack", "mmm", true, func(a [][]float32, _, _ int) { kernels.ReLUBack(a[0], a[1], a[2]) }},
		{"TanhBack", "mmm", true, func(a [][]float32, _, _ int) { kernels.TanhBack(a[0], a[1], a[2]) }},
		{"GELU", "mm", true, func(a [][]float32, _, _ int) { kernels.GELU(a[0], a[1]) }},
		{"GELUBack", "mmm", true, func(a [][]float32, _, _ int) { kernels.GELUBack(a[0], a[1], a[2]) }},
		{"Dropout", "mm", true, func(a [][]float32, _, _ int) { kernels.Dropout(a[0], a[1], 0.3, 0x123456789abcdef, 1<<32-10) }},
		{"AddRow", "mc", false, func(a [][]float32, n, c int) { kernels.AddRow(a[0], a[1], n, c) }},
		{"AddColumns", "cm", false, func(a [][]float32, n, c int) { kernels.AddColumns(a[0], a[1], n, c) }},
		{"ScaleRows", "mr", false, func(a [][]float32, n, c int) { kernels.ScaleRows(a[0], a[1], n, c) }},
		{"AddColumns64", "cm", false, func(a [][]float32, n, c int) {
			sum := make([]float64, c)
			for j, v := range a[0] {
				sum[j] = float64(v)
			}
			kernels.AddColumns64(sum, a[1], n, c)
			for j, v := range sum {
				a[0][j] = float32(v)
			}
		}},
		{"SumSquares", "mc", true, func(a [][]float32, _, _ int) { a[1][0] = float32(kernels.SumSquares(a[0])) }},
		{"Dot", "mmc", true, func(a [][]float32, _, _ int) { a[2][0] = float32(kernels.Dot(a[0], a[1])) }},
		{"AllFinite", "mc", true, func(a [][]float32, _, _ int) {
			if kernels.AllFinite(a[0]) {
				a[1][0] = 1
			}
		}},
		{"LogisticLossSums", "msr", false, func(a [][]float32, n, c int) { kernels.LogisticLossSums(a[0], a[1], a[2], n, c) }},
		{"SoftmaxAll", "m", false, func(a [][]float32, n, c int) { kernels.SoftmaxAll(a[0], n, c) }},
	}
	for name, f := range map[string]func(z, loss, y []float32, n, c int){
		"Logistic": kernels.LogisticLoss, "Squared": kernels.SquaredLoss, "Poisson": kernels.PoissonLoss,
		"Hinge": kernels.HingeLoss, "SquaredHinge": kernels.SquaredHingeLoss,
	} {
		all = append(all,
			operation{name + "Loss", "mmr", false, func(a [][]float32, n, c int) { f(a[0], a[1], a[2], n, c) }},
			operation{name + "Loss without", "mr", false, func(a [][]float32, n, c int) { f(a[0], nil, a[1], n, c) }},
		)
	}
	for name, f := range map[string]func(z, loss, y, p []float32, n, c int){"Huber": kernels.HuberLoss, "Quantile": kernels.QuantileLoss} {
		all = append(all,
			operation{name + "Loss", "mmrp", false, func(a [][]float32, n, c int) { f(a[0], a[1], a[2], a[3], n, c) }},
			operation{name + "Loss without", "mrp", false, func(a [][]float32, n, c int) { f(a[0], nil, a[1], a[2], n, c) }},
		)
	}
	return append(all, updates()...)
}

func updates() []operation {
	return []operation{
		{"UpdateSGD", "mmmf", true, func(a [][]float32, _, _ int) { kernels.UpdateSGD(a[0], a[1], a[2], sgdOf(a[3])) }},
		{"UpdateSGD without", "mmf", true, func(a [][]float32, _, _ int) { kernels.UpdateSGD(a[0], nil, a[1], sgdOf(a[2])) }},
		{"UpdateAdam", "mmmmf", true, func(a [][]float32, _, _ int) { kernels.UpdateAdam(a[0], a[1], a[2], a[3], adamOf(a[4])) }},
		{"UpdateAdaGrad", "mmmf", true, func(a [][]float32, _, _ int) {
			kernels.UpdateAdaGrad(a[0], a[1], a[2], kernels.AdaGrad{Rate: a[3][0], Eps: a[3][1], Scale: a[3][2], L2: a[3][3], L1: a[3][4]})
		}},
		{"UpdateFTRL", "mmmmf", true, func(a [][]float32, _, _ int) {
			kernels.UpdateFTRL(a[0], a[1], a[2], a[3], kernels.FTRL{Alpha: a[4][0], Beta: a[4][1], Scale: a[4][2], L2: a[4][3], L1: a[4][4]})
		}},
		{"UpdateSGDColumns", "mmmpppppp", false, func(a [][]float32, n, c int) {
			kernels.UpdateSGDColumns(a[0], a[1], a[2], n, c, sgdColumns(a[3:]))
		}},
		{"UpdateSGDColumns without", "mmpppppp", false, func(a [][]float32, n, c int) {
			kernels.UpdateSGDColumns(a[0], nil, a[1], n, c, sgdColumns(a[2:]))
		}},
		{"UpdateAdamColumns", "mmmmpppppppppppp", false, func(a [][]float32, n, c int) {
			kernels.UpdateAdamColumns(a[0], a[1], a[2], a[3], n, c, adamColumns(a[4:]))
		}},
		{"UpdateAdaGradColumns", "mmmppppp", false, func(a [][]float32, n, c int) {
			kernels.UpdateAdaGradColumns(a[0], a[1], a[2], n, c, kernels.AdaGradColumns{Rate: a[3], Eps: a[4], Scale: a[5], L2: a[6], L1: a[7]})
		}},
		{"UpdateFTRLColumns", "mmmmppppp", false, func(a [][]float32, n, c int) {
			kernels.UpdateFTRLColumns(a[0], a[1], a[2], a[3], n, c, kernels.FTRLColumns{Alpha: a[4], Beta: a[5], Scale: a[6], L2: a[7], L1: a[8]})
		}},
	}
}

func sgdOf(p []float32) kernels.SGD {
	return kernels.SGD{Rate: p[0], Momentum: p[1], Scale: p[2], L2: p[3], L1: p[4], Nesterov: p[5] > 0}
}

func sgdColumns(p [][]float32) kernels.SGDColumns {
	return kernels.SGDColumns{Rate: p[0], Momentum: p[1], Scale: p[2], L2: p[3], L1: p[4], Nesterov: p[5]}
}

func adamOf(p []float32) kernels.Adam {
	return kernels.Adam{
		Rate: p[0], Beta1: p[1], Rest1: p[2], Beta2: p[3], Rest2: p[4], Eps: p[5],
		Fix1: p[6], Fix2: p[7], Scale: p[8], L2: p[9], Decay: p[10], L1: p[11],
	}
}

func adamColumns(p [][]float32) kernels.AdamColumns {
	return kernels.AdamColumns{
		Rate: p[0], Beta1: p[1], Rest1: p[2], Beta2: p[3], Rest2: p[4], Eps: p[5],
		Fix1: p[6], Fix2: p[7], Scale: p[8], L2: p[9], Decay: p[10], L1: p[11],
	}
}

// margin is how many elements around an array must not be touched.
const margin = 20

// poisoned is an array with a margin of bits that mean nothing.
type poisoned struct{ all, array []float32 }

func newPoisoned(n int) poisoned {
	all := make([]float32, n+2*margin)
	for i := range all {
		all[i] = math.Float32frombits(0x7fa00000 + uint32(i))
	}
	return poisoned{all, all[margin : margin+n : margin+n]}
}

// draw fills a slice with all that a float32 can be, or with what training has.
func draw(rng *rand.Rand, v []float32, wild bool) {
	special := []float32{
		0, float32(math.Copysign(0, -1)), 1, -1, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
		math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0x1p-127, 0x1p-126, math.MaxFloat32, -math.MaxFloat32,
		88.722839, 88.72284, -87.4, -103.9, -103.972, -104, 10, 0x1p-24,
	}
	for i := range v {
		switch k := rng.IntN(8); {
		case wild && k == 0:
			v[i] = special[rng.IntN(len(special))]
		case wild && k == 1:
			v[i] = math.Float32frombits(rng.Uint32())
		case wild && k == 2:
			v[i] = math.Float32frombits(rng.Uint32() & 0x80ffffff) // subnormal, or nearly
		case k < 5:
			v[i] = float32(rng.NormFloat64() * 30)
		case k == 5:
			v[i] = float32(rng.IntN(2))
		default:
			v[i] = float32(rng.NormFloat64())
		}
	}
}

// operands makes arrays of the shapes.
func operands(rng *rand.Rand, shapes string, n, c int, wild bool) []poisoned {
	arrays := make([]poisoned, len(shapes))
	for i, s := range shapes {
		size := map[rune]int{'m': n * c, 'r': n, 'c': max(c, 1), 's': (n + 15) / 16 * c, 'p': c, 'f': 12}[s]
		arrays[i] = newPoisoned(size)
		draw(rng, arrays[i].array, wild)
		if (s == 'p' || s == 'f') && rng.IntN(4) > 0 { // hyperparameters are mostly small and positive
			for j := range arrays[i].array {
				arrays[i].array[j] = float32(rng.IntN(5)) / 4
			}
		}
	}
	return arrays
}

func (o *operation) on(arrays []poisoned, n, c int) []poisoned {
	copies, a := make([]poisoned, len(arrays)), make([][]float32, len(arrays))
	for i, p := range arrays {
		copies[i] = newPoisoned(len(p.array))
		copy(copies[i].array, p.array)
		a[i] = copies[i].array
	}
	o.run(a, n, c)
	return copies
}

func alike(x, y float32) bool {
	return math.Float32bits(x) == math.Float32bits(y) || x != x && y != y
}

// All classes of kernels give the bits of plain Go, whatever the operands, and
// touch nothing else. Only which NaN is free.
func TestElementwiseKernelsGiveTheBitsOfPlainGo(t *testing.T) {
	for _, o := range operations() {
		t.Run(o.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(41, 42))
			step := 1
			if testing.Short() { // emulated: all tails of vectors of four still come by
				step = 3
			}
			if o.flat {
				for c := 0; c <= 70; c += step {
					compare(t, &o, rng, 1, c)
				}
				compare(t, &o, rng, 1, 1<<13+37)
				return
			}
			for c := 1; c <= 70; c += step {
				compare(t, &o, rng, 1+rng.IntN(5), c)
			}
			for _, s := range [][2]int{{0, 3}, {700, 1}, {99, 7}, {60, 31}, {1100, 2}, {200, 3}, {300, 40}, {3, 300}, {2, 9000}} {
				if !testing.Short() || s[0]*s[1] < 2000 {
					compare(t, &o, rng, s[0], s[1])
				}
			}
		})
	}
}

func compare(t *testing.T, o *operation, rng *rand.Rand, n, c int) {
	t.Helper()
	for _, wild := range []bool{false, true, true} {
		in := operands(rng, o.shapes, n, c, wild)
		restore, err := kernels.Use("go")
		if err != nil {
			t.Fatal(err)
		}
		want := o.on(in, n, c)
		restore()
		for _, class := range kernels.Classes() {
			restore, err := kernels.Use(class)
			if err != nil {
				t.Fatal(err)
			}
			got := o.on(in, n, c)
			restore()
			for k := range got {
				for i, x := range got[k].all {
					outside := i < margin || i >= margin+len(got[k].array)
					w := want[k].all[i]
					if !alike(x, w) || outside && math.Float32bits(x) != math.Float32bits(w) {
						at := i - margin
						t.Fatalf("%s %s [%d×%d]: array %d has %x at %d, want %x; operands %v", class, o.name, n, c, k, x, at, w, atElement(in, o.shapes, at, c))
					}
				}
			}
		}
	}
}

// atElement is what an element was computed from.
func atElement(in []poisoned, shapes string, at, c int) []float32 {
	var v []float32
	for i, s := range shapes {
		switch {
		case at < 0 || c == 0 || s == 'm' && at >= len(in[i].array):
		case s == 'm':
			v = append(v, in[i].array[at])
		case s == 'r' && at/c < len(in[i].array):
			v = append(v, in[i].array[at/c])
		case s == 'c' || s == 'p':
			v = append(v, in[i].array[at%c])
		}
	}
	return v
}

// SoftmaxLoss needs targets that are classes.
func TestSoftmaxLossOfAllClassesGivesTheBitsOfSoftmax(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(43, 44))
		for range 300 {
			n, m, k := 1+rng.IntN(90), 1+rng.IntN(4), 1+rng.IntN(12)
			if rng.IntN(20) == 0 {
				k = 100 + rng.IntN(100)
				n = 3
			}
			z, loss, y := newPoisoned(n*m*k), newPoisoned(n*m), make([]float32, n)
			draw(rng, z.array, rng.IntN(3) == 0)
			for i := range y {
				y[i] = float32(rng.IntN(k))
			}
			want := append([]float32(nil), z.array...)
			kernels.SoftmaxLoss(z.array, loss.array, y, n, m, k)
			for g := range n * m {
				row := want[g*k : (g+1)*k]
				class := int(y[g/m])
				own := float64(row[class])
				l := float32(kernels.Softmax(row) - own)
				row[class]--
				if !alike(loss.array[g], l) {
					t.Fatalf("loss %x, want %x", loss.array[g], l)
				}
				for c, w := range row {
					if got := z.array[g*k+c]; !alike(got, w) {
						t.Fatalf("n=%d m=%d k=%d: derivative %x, want %x", n, m, k, got, w)
					}
				}
			}
			for _, p := range []poisoned{z, loss} {
				fresh := newPoisoned(len(p.array))
				for i := range margin {
					if math.Float32bits(p.all[i]) != math.Float32bits(fresh.all[i]) || math.Float32bits(p.all[len(p.all)-1-i]) != math.Float32bits(fresh.all[len(p.all)-1-i]) {
						t.Fatal("a neighbour was touched")
					}
				}
			}
		}
	})
}
