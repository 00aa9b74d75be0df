package ensemble_test

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/tree/ensemble"
)

// expectation is EXPVALUE of Lundberg et al. 2018, Algorithm 1: what a tree is
// expected to say of a row of which the features in known, a set of bits, are
// known.
func expectation(t *ensemble.Tree, child int32, row []uint8, known uint, value func(leaf int) float64) float64 {
	if len(t.Feature) == 0 {
		return value(0)
	}
	if child < 0 {
		return value(int(^child))
	}
	f := t.Feature[child]
	if known>>f&1 != 0 {
		next := t.Right[child]
		if goesLeft(t, child, row[f]) {
			next = t.Left[child]
		}
		return expectation(t, next, row, known, value)
	}
	l, r := float64(rowsOf(t, t.Left[child])), float64(rowsOf(t, t.Right[child]))
	a := expectation(t, t.Left[child], row, known, value)
	b := expectation(t, t.Right[child], row, known, value)
	return (l*a + r*b) / (l + r)
}

func goesLeft(t *ensemble.Tree, node int32, bin uint8) bool {
	switch set := t.Cats[node]; {
	case set != nil:
		return set[bin>>6]>>(bin&63)&1 != 0
	case bin == ensemble.Missing:
		return t.MissingLeft[node]
	}
	return bin <= t.Bin[node]
}

func rowsOf(t *ensemble.Tree, child int32) int32 {
	if child < 0 {
		return t.Count[len(t.Feature)+int(^child)]
	}
	return t.Count[child]
}

// shapley returns the Shapley values of an output's score by their definition:
// over all sets of features, of which there are d.
func shapley(e *ensemble.Ensemble, row []uint8, output int) []float64 {
	d := len(row)
	game := make([]float64, 1<<d)
	for known := range game {
		total := 0.0
		for i, t := range e.Trees {
			if e.PerRound > 1 && i%e.PerRound != output {
				continue
			}
			weight := 1.0
			if e.Weights != nil {
				weight = e.Weights[i]
			}
			n := len(t.Value) / t.Leaves()
			total += weight * expectation(t, 0, row, uint(known), func(leaf int) float64 { return t.Value[leaf*n+output%n] })
		}
		if e.Average {
			total /= float64(e.Rounds())
		}
		game[known] = e.Base[output] + total
	}
	factorial := func(n int) float64 { return math.Gamma(float64(n + 1)) }
	phi := make([]float64, d+1)
	for f := range d {
		for known := range game {
			if known>>f&1 == 0 {
				s := bits.OnesCount(uint(known))
				phi[f] += factorial(s) * factorial(d-s-1) / factorial(d) * (game[known|1<<f] - game[known])
			}
		}
	}
	phi[d] = game[0]
	return phi
}

func TestExplainIsShapley(t *testing.T) {
	for name, s := range map[string]shape{
		"numbers":    {outputs: 1, perRound: 1, rounds: 3, leaves: 12, link: ensemble.Identity, numbersOnly: true},
		"categories": {outputs: 1, perRound: 1, rounds: 2, leaves: 20, link: ensemble.Logistic, weights: true},
		"classes":    {outputs: 2, perRound: 2, rounds: 2, leaves: 10, link: ensemble.Softmax},
		"forest":     {outputs: 3, perRound: 1, rounds: 2, leaves: 9, link: ensemble.Identity, average: true},
		"constants":  {outputs: 1, perRound: 1, rounds: 2, leaves: 1, link: ensemble.Identity},
	} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(8, uint64(len(name))))
			for range 4 {
				e := random(rng, s)
				x, err := ensemble.NewExplainer(e)
				if err != nil {
					t.Fatal(err)
				}
				m := binned(t, e, rows(rng, e.Features, 5))
				got := x.Explain(goroutines{}, m, e.Rounds())
				var want []float64
				for row := range m.N {
					for k := range e.Outputs {
						want = append(want, shapley(e, m.Bins[row*m.D:(row+1)*m.D], k)...)
					}
				}
				near(t, "credits", got, want, 1e-12)
			}
		})
	}
}

// Leaves that no training row came to break neither the sum nor the rest.
func TestExplainWithEmptyLeaves(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for range 50 {
		e := random(rng, shape{outputs: 1, perRound: 1, rounds: 2, leaves: 15, link: ensemble.Identity})
		for _, tree := range e.Trees {
			for i := len(tree.Feature); i < len(tree.Count)-1; i++ {
				if rng.IntN(3) == 0 {
					tree.Count[i] = 0
				}
			}
		}
		x, err := ensemble.NewExplainer(e)
		if err != nil {
			t.Fatal(err)
		}
		m := binned(t, e, rows(rng, e.Features, 30))
		sumsToScores(t, e, x.Explain(ensemble.Serial{}, m, 2), ensemble.NewPredictor(e).Scores(ensemble.Serial{}, m, 2))
	}
}

func sumsToScores(t *testing.T, e *ensemble.Ensemble, credits, scores []float64) {
	t.Helper()
	width := len(e.Features.Features) + 1
	sums := make([]float64, len(scores))
	for i, v := range credits {
		sums[i/width] += v
	}
	near(t, "sums of credits", sums, scores, 1e-10)
}

func TestExplainAddsUp(t *testing.T) {
	for name, s := range shapes {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(10, uint64(len(name))))
			e := random(rng, s)
			x, err := ensemble.NewExplainer(e)
			if err != nil {
				t.Fatal(err)
			}
			m := binned(t, e, rows(rng, e.Features, 20))
			p := ensemble.NewPredictor(e)
			for _, rounds := range []int{0, 2, s.rounds} {
				credits := x.Explain(ensemble.Serial{}, m, rounds)
				sumsToScores(t, e, credits, p.Scores(ensemble.Serial{}, m, rounds))
				if !slices.Equal(credits, x.Explain(goroutines{}, m, rounds)) {
					t.Error("the credits depend on the pool")
				}
			}
		})
	}
}

// A way through more features than brute force can take: of n rows one leaves at
// each node.
func TestExplainLongWays(t *testing.T) {
	const n = 80
	e := &ensemble.Ensemble{Outputs: 1, PerRound: 1, Base: []float64{0}, Link: ensemble.Identity, Features: &dataset.Binning{}}
	tree := &ensemble.Tree{Weight: make([]float64, 2*n+1), Count: make([]int32, 2*n+1)}
	for i := range int32(n) {
		e.Features.Features = append(e.Features.Features, dataset.BinnedFeature{Name: "x", Kind: tourney.Number, Edges: []float64{0}})
		tree.Feature = append(tree.Feature, i)
		tree.Bin = append(tree.Bin, 1)
		tree.Cats, tree.MissingLeft = append(tree.Cats, nil), append(tree.MissingLeft, false)
		tree.Left, tree.Right = append(tree.Left, ^i), append(tree.Right, i+1)
		tree.Gain = append(tree.Gain, 0)
		tree.Value = append(tree.Value, float64(i))
		tree.Count[i], tree.Count[n+i] = n+1-i, 1
	}
	tree.Right[n-1], tree.Count[2*n] = ^n, 1
	tree.Value = append(tree.Value, n)
	e.Trees = []*ensemble.Tree{tree}
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	x, err := ensemble.NewExplainer(e)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(23, 23))
	bins := make([]uint8, 20*n)
	for i := range bins {
		bins[i] = 2
		if rng.IntN(40) == 0 {
			bins[i] = 1
		}
	}
	m, err := e.Matrix(bins)
	if err != nil {
		t.Fatal(err)
	}
	sumsToScores(t, e, x.Explain(ensemble.Serial{}, m, 1), ensemble.NewPredictor(e).Scores(ensemble.Serial{}, m, 1))
}

// ∫ t^k dt from 0 to 1 is 1/(k+1).
func TestGauss(t *testing.T) {
	for n := range 60 {
		points, weights := ensemble.Gauss(n)
		for k := range 2 * n {
			sum := 0.0
			for i, x := range points {
				sum += weights[i] * math.Pow(x, float64(k))
			}
			if want := 1 / float64(k+1); math.Abs(sum-want) > 1e-13 {
				t.Fatalf("%d points integrate t^%d to %v, want %v", n, k, sum, want)
			}
		}
	}
}

// A tree that forgot its counts cannot be explained, and says so.
func TestExplainNeedsCounts(t *testing.T) {
	e := random(rand.New(rand.NewPCG(11, 11)), shapes["one tree"])
	clear(e.Trees[0].Count)
	if _, err := ensemble.NewExplainer(e); err == nil {
		t.Error("no error without counts")
	}
}

func BenchmarkExplain(b *testing.B) {
	rng := rand.New(rand.NewPCG(12, 12))
	e := random(rng, shapes["boosted"])
	x, err := ensemble.NewExplainer(e)
	if err != nil {
		b.Fatal(err)
	}
	m, err := e.Matrix(anyBins(rng, len(e.Features.Features), 100))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		x.Explain(ensemble.Serial{}, m, e.Rounds())
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N*m.N*len(e.Trees)), "ns/(row·tree)")
}
