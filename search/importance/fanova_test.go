package importance_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"tourney/search/axis"
	"tourney/search/importance"
)

func fanova(t *testing.T, axes []axis.Axis, points [][]float64, losses []float64, o importance.FanovaOptions, seed uint64) importance.FanovaResult {
	t.Helper()
	res, err := importance.Fanova(axes, points, losses, o, rand.New(rand.NewPCG(seed, 0)))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// The mean of ten forests is within three standard deviations of one of
// Optuna's, or 0.01, of the mean of its ten.
func TestFanovaEqualsOptuna(t *testing.T) {
	for _, ref := range references(t, "fanova.json") {
		t.Run(ref.Name, func(t *testing.T) {
			axes, points, losses := ref.trials()
			mean := make([]float64, len(axes))
			for seed := range uint64(10) {
				for _, imp := range fanova(t, axes, points, losses, importance.FanovaOptions{}, seed).Axes {
					mean[imp.Axis] += imp.Raw / 10
				}
			}
			for d, want := range ref.Want {
				if math.Abs(mean[d]-want) > max(3*ref.Spread[d], 0.01) {
					t.Errorf("axis %d: %.4f, Optuna %.4f ± %.4f", d, mean[d], want, ref.Spread[d])
				}
				t.Logf("axis %d: %.4f, Optuna %.4f ± %.4f", d, mean[d], want, ref.Spread[d])
			}
		})
	}
}

// shares of the variance that are known.
type analytic struct {
	name   string
	axes   []axis.Axis
	active func(u []float64) // sets what is inactive to NaN
	loss   func(u []float64) float64
	alone  []float64
	pairs  map[[2]int]float64
	within float64
}

var choice3 = axis.Axis{Kind: axis.Choice, Cells: 3, Edges: []float64{0, 0.5, 0.75, 1}}

var analytics = []analytic{
	{ // variances 16/12 and 1/12
		name: "linear", axes: make([]axis.Axis, 3),
		loss:  func(u []float64) float64 { return 4*u[0] + u[1] },
		alone: []float64{16. / 17, 1. / 17, 0}, pairs: map[[2]int]float64{{0, 1}: 0, {0, 2}: 0, {1, 2}: 0},
		within: 0.01,
	},
	{ // Ishigami and Homma 1990, a = 7, b = 0.1: S1, S2, S13 of the literature.
		// A forest blurs the four bends along axis 1, hence the tolerance.
		name: "ishigami", axes: make([]axis.Axis, 3),
		loss: func(u []float64) float64 {
			a, b, c := math.Pi*(2*u[0]-1), math.Pi*(2*u[1]-1), math.Pi*(2*u[2]-1)
			return math.Sin(a) + 7*math.Pow(math.Sin(b), 2) + 0.1*math.Pow(c, 4)*math.Sin(a)
		},
		alone: []float64{0.3139, 0.4424, 0}, pairs: map[[2]int]float64{{0, 2}: 0.2437},
		within: 0.12,
	},
	{ // (x-½)(y-½): no axis matters alone, both together do
		name: "product", axes: make([]axis.Axis, 2),
		loss:  func(u []float64) float64 { return (u[0] - 0.5) * (u[1] - 0.5) },
		alone: []float64{0, 0}, pairs: map[[2]int]float64{{0, 1}: 1},
		within: 0.08,
	},
	{ // Choices with probabilities ½ ¼ ¼ and losses 0 4 0: variance 3. Four
		// cells with 0 1 2 3: variance 5/4.
		name: "choices and cells", axes: []axis.Axis{choice3, {Kind: axis.Ordered, Cells: 4}, {Kind: axis.Ordered, Cells: 1}},
		loss: func(u []float64) float64 {
			y := math.Floor(4 * u[1])
			if u[0] >= 0.5 && u[0] < 0.75 {
				y += 4
			}
			return y
		},
		alone: []float64{3 / 4.25, 1.25 / 4.25, 0}, pairs: map[[2]int]float64{{0, 1}: 0},
		within: 1e-9,
	},
	{ // 10x where the choice is 1, 0 else: variance ½·100/3-25/4 = 125/12. The
		// choice alone: 0 or 5, 25/4. x alone: 5x, 25/12.
		name:   "condition",
		axes:   []axis.Axis{{Kind: axis.Choice, Cells: 2}, {Gates: []int{0}}, {}},
		active: func(u []float64) { u[1] = onlyIf(u[0] >= 0.5, u[1]) },
		loss:   func(u []float64) float64 { return max(0, zeroNaN(10*u[1])) },
		alone:  []float64{0.6, 0.2, 0}, pairs: map[[2]int]float64{{0, 1}: 0.2},
		within: 0.01,
	},
}

func onlyIf(ok bool, u float64) float64 {
	if ok {
		return u
	}
	return math.NaN()
}

func zeroNaN(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return x
}

func TestFanovaKnownShares(t *testing.T) {
	for _, a := range analytics {
		t.Run(a.name, func(t *testing.T) {
			points := uniform(rand.New(rand.NewPCG(7, 7)), 2000, len(a.axes))
			if a.active != nil {
				for _, u := range points {
					a.active(u)
				}
			}
			res := fanova(t, a.axes, points, lossesOf(points, a.loss), importance.FanovaOptions{Trees: 16, Pairs: len(a.axes)}, 1)
			for _, imp := range res.Axes {
				if want := a.alone[imp.Axis]; math.Abs(imp.Raw-want) > a.within {
					t.Errorf("axis %d: %.4f, want %.4f", imp.Axis, imp.Raw, want)
				}
			}
			found := 0
			for _, p := range res.Pairs {
				want, ok := a.pairs[p.Axes]
				if ok {
					found++
				}
				if ok && math.Abs(p.Raw-want) > a.within {
					t.Errorf("pair %v: %.4f, want %.4f", p.Axes, p.Raw, want)
				}
			}
			if found != len(a.pairs) {
				t.Errorf("pairs %v are not all of %v", res.Pairs, a.pairs)
			}
		})
	}
}

// The order of importances, their sum, and the scale of the pairs.
func TestFanovaShares(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 1))
	points := uniform(rng, 200, 4)
	losses := lossesOf(points, func(u []float64) float64 { return u[2] + 4*(u[0]-0.5)*(u[3]-0.5) })
	res := fanova(t, make([]axis.Axis, 4), points, losses, importance.FanovaOptions{Pairs: 4}, 1)
	var sum, raw float64
	for i, imp := range res.Axes {
		sum, raw = sum+imp.Value, raw+imp.Raw
		if i > 0 && imp.Value > res.Axes[i-1].Value {
			t.Errorf("%v is not sorted", res.Axes)
		}
	}
	if math.Abs(sum-1) > 1e-12 {
		t.Errorf("the values sum to %v", sum)
	}
	if res.Axes[0].Axis != 2 || len(res.Pairs) != 6 || res.Pairs[0].Axes != [2]int{0, 3} {
		t.Errorf("%+v; axis 2 matters most, and 0 with 3", res)
	}
	for _, p := range res.Pairs {
		if math.Abs(p.Value*raw-p.Raw) > 1e-12 {
			t.Errorf("pair %+v is not on the scale of the axes, of which %v is all", p, raw)
		}
	}
}

// Pairs are looked at among the axes that matter, be it together only.
func TestFanovaChoosesPairs(t *testing.T) {
	points := uniform(rand.New(rand.NewPCG(9, 1)), 500, 6)
	losses := lossesOf(points, func(u []float64) float64 { return 20*(u[1]-0.5)*(u[4]-0.5) + 0.5*u[0] })
	res := fanova(t, make([]axis.Axis, 6), points, losses, importance.FanovaOptions{Trees: 16, Pairs: 2}, 1)
	if len(res.Pairs) != 1 || res.Pairs[0].Axes != [2]int{1, 4} || res.Pairs[0].Raw < 0.5 {
		t.Errorf("pairs %+v; want that of 1 and 4, which explains nearly all", res.Pairs)
	}
}

// Beyond the limit a sample of the trials is drawn, by the generator alone.
func TestFanovaSample(t *testing.T) {
	points := uniform(rand.New(rand.NewPCG(10, 1)), 5000, 2)
	losses := lossesOf(points, func(u []float64) float64 { return 4*u[0] + u[1] })
	o := importance.FanovaOptions{Trials: 300, Pairs: 2}
	res := fanova(t, make([]axis.Axis, 2), points, losses, o, 1)
	if res.Trials != 300 {
		t.Errorf("grown from %d trials, limit 300", res.Trials)
	}
	if imp := byAxis(res.Axes)[0]; math.Abs(imp.Value-16./17) > 0.03 {
		t.Errorf("a sample says %+v, want 16 to 1", res.Axes)
	}
	if again := fanova(t, make([]axis.Axis, 2), points, losses, o, 1); !reflect.DeepEqual(again, res) {
		t.Errorf("the same seed says %+v and %+v", res, again)
	}
	if other := fanova(t, make([]axis.Axis, 2), points, losses, o, 2); reflect.DeepEqual(other, res) {
		t.Error("another seed says the same to the bit")
	}
}

// The errors are no smaller than what another 150 trials would change, and not
// much larger.
func TestFanovaStdErr(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 1))
	var values, errs []float64
	for i := range 30 {
		points := uniform(rng, 150, 2)
		losses := lossesOf(points, func(u []float64) float64 { return 2*u[0] + u[1] + 0.5*rng.NormFloat64() })
		imp := byAxis(fanova(t, make([]axis.Axis, 2), points, losses, importance.FanovaOptions{Trees: 32}, uint64(i)).Axes)[0]
		values, errs = append(values, imp.Value), append(errs, imp.StdErr)
	}
	var mean, spread, stdErr float64
	for i := range values {
		mean, stdErr = mean+values[i]/30, stdErr+errs[i]/30
	}
	for _, v := range values {
		spread += (v - mean) * (v - mean) / 29
	}
	spread = math.Sqrt(spread)
	if ratio := stdErr / spread; ratio < 1 || ratio > 3 {
		t.Errorf("standard error %.4f on average; the values spread by %.4f", stdErr, spread)
	}
}

// randomSpace has axes of all kinds, some conditional.
func randomSpace(rng *rand.Rand, d int) []axis.Axis {
	axes := make([]axis.Axis, d)
	for i := range axes {
		switch rng.IntN(4) {
		case 0:
			axes[i] = axis.Axis{Kind: axis.Choice, Cells: 1 + rng.Int64N(9)}
		case 1:
			axes[i] = axis.Axis{Kind: axis.Ordered, Cells: 1 + rng.Int64N(9)}
		case 2:
			axes[i] = axis.Axis{Kind: axis.Ordered, Cells: 3, Edges: []float64{0, rng.Float64() / 2, 0.7, 1}}
		}
		if i > 0 && rng.IntN(3) == 0 {
			axes[i].Gates = []int{0}
		}
	}
	return axes
}

// Sums over the boxes of the leaves are those over all segments of the space,
// each looked up in the tree.
func TestMarginalsAgainstAllSegments(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 1))
	for round := range 300 {
		axes := randomSpace(rng, 3)
		points := uniform(rng, 2+rng.IntN(25), 3)
		for _, u := range points {
			for d := range axes {
				if axes[d].Gates != nil && u[0] < 0.5 {
					u[d] = math.NaN()
				}
			}
		}
		losses := lossesOf(points, func([]float64) float64 { return rng.NormFloat64() })
		tree := importance.GrowTree(axes, points, losses, 1+rng.IntN(12), rng)
		checkTree(t, round, tree)
	}
}

func checkTree(t *testing.T, round int, tree *importance.Tree) {
	t.Helper()
	width := [3][]float64{tree.Widths(0), tree.Widths(1), tree.Widths(2)}
	var means [3][]float64    // of the losses along each axis
	var planes [3][][]float64 // [k]: along the two axes other than k
	others := [3][2]int{{1, 2}, {0, 2}, {0, 1}}
	for d := range means {
		means[d] = make([]float64, len(width[d]))
		for range width[others[d][0]] {
			planes[d] = append(planes[d], make([]float64, len(width[others[d][1]])))
		}
	}
	var mean, squares float64
	for i, a := range width[0] {
		for j, b := range width[1] {
			for k, c := range width[2] {
				y := tree.Predict([]int{i, j, k})
				mean += a * b * c * y
				squares += a * b * c * y * y
				means[0][i] += b * c * y
				means[1][j] += a * c * y
				means[2][k] += a * b * y
				planes[0][j][k] += a * y
				planes[1][i][k] += b * y
				planes[2][i][j] += c * y
			}
		}
	}
	same := func(what string, d int, got, want float64) {
		if math.Abs(got-want) > 1e-9 {
			t.Fatalf("round %d: %s %d explains %v, over all segments %v", round, what, d, got, want)
		}
	}
	same("tree", 0, tree.Variance(), squares-mean*mean)
	for d, alone := range tree.Alone() {
		var want float64
		for s, w := range width[d] {
			want += w * (means[d][s] - mean) * (means[d][s] - mean)
		}
		same("axis", d, alone, want)
		x, y := others[d][0], others[d][1]
		if both, ok := tree.Together(x, y); ok {
			want = 0
			for s, row := range planes[d] {
				for u, v := range row {
					want += width[x][s] * width[y][u] * (v - mean) * (v - mean)
				}
			}
			same("pair without axis", d, both, want)
		}
	}
}
