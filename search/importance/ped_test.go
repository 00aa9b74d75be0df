package importance_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"tourney/search/axis"
	"tourney/search/importance"
)

// reference is what testdata/ped.py wrote: trials, and what Optuna says of
// them.
type reference struct {
	Name    string
	Options struct {
		Target float64 `json:"target_quantile"`
		Region float64 `json:"region_quantile"`
		Local  *bool   `json:"evaluate_on_local"`
	}
	Axes []struct {
		Kind  string
		Cells int64
		Edges []float64
	}
	Points [][]*float64
	Losses []*float64
	Want   []float64
	Spread []float64 // of fANOVA's forests
}

func (r *reference) trials() (axes []axis.Axis, points [][]float64, losses []float64) {
	kinds := map[string]axis.Kind{"continuous": axis.Continuous, "ordered": axis.Ordered, "choice": axis.Choice}
	for _, a := range r.Axes {
		axes = append(axes, axis.Axis{Kind: kinds[a.Kind], Cells: a.Cells, Edges: a.Edges})
	}
	orNaN := func(x *float64) float64 {
		if x == nil {
			return math.NaN()
		}
		return *x
	}
	for i, p := range r.Points {
		u := make([]float64, len(p))
		for d := range p {
			u[d] = orNaN(p[d])
		}
		points = append(points, u)
		losses = append(losses, orNaN(r.Losses[i]))
	}
	return axes, points, losses
}

func references(t *testing.T, file string) []reference {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var refs []reference
	if err := json.Unmarshal(data, &refs); err != nil {
		t.Fatal(err)
	}
	return refs
}

// byAxis returns the importances in the order of the axes.
func byAxis(imps []importance.Importance) []importance.Importance {
	out := make([]importance.Importance, len(imps))
	for _, imp := range imps {
		out[imp.Axis] = imp
	}
	return out
}

func TestPEDAnovaEqualsOptuna(t *testing.T) {
	for _, ref := range references(t, "ped.json") {
		t.Run(ref.Name, func(t *testing.T) {
			axes, points, losses := ref.trials()
			got, err := importance.PEDAnova(axes, points, losses, importance.PEDOptions{
				Target: ref.Options.Target, Region: ref.Options.Region,
				Optuna: true,
				Space:  ref.Options.Local != nil && !*ref.Options.Local,
			})
			if err != nil {
				t.Fatal(err)
			}
			for d, imp := range byAxis(got) {
				if want := ref.Want[d]; math.Abs(imp.Raw-want) > 1e-10*(1+want) {
					t.Errorf("axis %d: %.15g, Optuna %.15g", d, imp.Raw, want)
				}
			}
		})
	}
}

// Two trials in a hand calculation: the best has choice 0 of two, the other
// choice 1. One kernel, k = 1, b = 1/2: it has 3/2 and 1/2 of 2, so 3/4 and
// 1/4; with the prior the target is 5/8 and 3/8. The region is 1/2 and 1/2 by
// symmetry. D = 2·½·(1/4)² = 1/16, and (γ'/γ)² = 1/4.
func TestPEDAnovaByHand(t *testing.T) {
	axes := []axis.Axis{{Kind: axis.Choice, Cells: 2}}
	got, err := importance.PEDAnova(axes, [][]float64{{0.2}, {0.7}}, []float64{1, 2}, importance.PEDOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if want := 1.0 / 64; math.Abs(got[0].Raw-want) > 1e-11 || got[0].Value != 1 {
		t.Errorf("%+v, want raw %v and value 1", got[0], want)
	}
}

// A choice of two that decides everything: the target has the density 2 of the
// region's in one half and 0 in the other, so D = ½·1² + ½·1² = 1. Of four, of
// which two are good: again D = 1. Optuna stays at a quarter of the first.
func TestPEDAnovaChoicesReachTheirDivergence(t *testing.T) {
	points := uniform(rand.New(rand.NewPCG(1, 2)), 20_000, 2)
	axes := []axis.Axis{{Kind: axis.Choice, Cells: 2}, {Kind: axis.Choice, Cells: 4}}
	for d := range axes {
		losses := lossesOf(points, func(u []float64) float64 { return math.Floor(2*u[d]) + 0.1*u[1-d] })
		for _, optuna := range []bool{false, true} {
			got, err := importance.PEDAnova(axes, points, losses, importance.PEDOptions{Target: 0.1, Optuna: optuna})
			if err != nil {
				t.Fatal(err)
			}
			divergence := byAxis(got)[d].Raw / (0.1 * 0.1)
			switch {
			case !optuna && math.Abs(divergence-1) > 0.02:
				t.Errorf("axis %d: divergence %v, want 1", d, divergence)
			case optuna && d == 0 && math.Abs(divergence-0.25) > 0.02:
				t.Errorf("axis %d, as Optuna: divergence %v, want 1/4", d, divergence)
			}
		}
	}
}

// A choice with probability ¾ that has all of three quarters of the trials
// tells nothing when the target has the same share.
func TestPEDAnovaChoiceWithProbabilities(t *testing.T) {
	axes := []axis.Axis{{Kind: axis.Choice, Cells: 2, Edges: []float64{0, 0.75, 1}}}
	points, target := make([][]float64, 4000), make([]bool, 4000)
	for i := range points {
		points[i] = []float64{float64(i%4)/4 + 0.1}
		target[i] = i < 1000
	}
	got, err := importance.PEDAnovaSets(axes, points, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Raw > 1e-8 {
		t.Errorf("importance %v where both are spread as the space is", got[0].Raw)
	}
	// In the space: the trials are spread as its probabilities say.
	losses := make([]float64, 4000)
	for i := range losses {
		losses[i] = float64(i)
	}
	got, err = importance.PEDAnova(axes, points, losses, importance.PEDOptions{Target: 0.5, Space: true})
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Raw > 1e-6 {
		t.Errorf("importance %v in the space whose probabilities the trials follow", got[0].Raw)
	}
}

func uniform(rng *rand.Rand, n, d int) [][]float64 {
	points := make([][]float64, n)
	for i := range points {
		points[i] = make([]float64, d)
		for j := range points[i] {
			points[i][j] = rng.Float64()
		}
	}
	return points
}

func lossesOf(points [][]float64, f func(u []float64) float64) []float64 {
	losses := make([]float64, len(points))
	for i, u := range points {
		losses[i] = f(u)
	}
	return losses
}

// Neither the order of the trials nor the scale of the loss matters.
func TestPEDAnovaSeesRanksOnly(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	axes := []axis.Axis{{}, {Kind: axis.Ordered, Cells: 9}, {Kind: axis.Choice, Cells: 3}}
	points := uniform(rng, 300, 3)
	losses := lossesOf(points, func(u []float64) float64 { return u[0] + math.Floor(3*u[2]) })
	want, err := importance.PEDAnova(axes, points, losses, importance.PEDOptions{})
	if err != nil {
		t.Fatal(err)
	}
	order := rng.Perm(300)
	shuffled, cubed := make([][]float64, 300), make([]float64, 300)
	for i, j := range order {
		shuffled[i], cubed[i] = points[j], losses[j]*losses[j]*losses[j]-1e6
	}
	got, err := importance.PEDAnova(axes, shuffled, cubed, importance.PEDOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v in another order and scale, %v before", got, want)
	}
}

// Trials that fail for axis 0 alone: it decides about being among the best.
// Without them it is as idle as axis 1.
func TestPEDAnovaFailuresAreTheWorst(t *testing.T) {
	points := uniform(rand.New(rand.NewPCG(2, 1)), 2000, 3)
	axes := make([]axis.Axis, 3)
	f := func(u []float64) float64 {
		if u[0] > 0.3 {
			return math.Inf(1)
		}
		return u[2]
	}
	losses := lossesOf(points, f)
	failing, err := importance.PEDAnova(axes, points, losses, importance.PEDOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, loss := range losses {
		if math.IsInf(loss, 1) {
			losses[i] = math.NaN()
		}
	}
	left, err := importance.PEDAnova(axes, points, losses, importance.PEDOptions{})
	if err != nil {
		t.Fatal(err)
	}
	a, b := byAxis(failing), byAxis(left)
	if a[0].Value < 0.2 || a[1].Value > 0.05 {
		t.Errorf("with failures: %+v; axis 0 decides about them", a)
	}
	if b[0].Value > 0.05 || b[2].Value < 0.9 {
		t.Errorf("without failures: %+v; axis 2 alone decides", b)
	}
}

// Failed trials never are the best, even where a tenth of all did not fail.
func TestPEDAnovaMostlyFailed(t *testing.T) {
	points := uniform(rand.New(rand.NewPCG(3, 1)), 400, 2)
	losses := lossesOf(points, func(u []float64) float64 {
		if u[1] > 0.04 {
			return math.Inf(1)
		}
		return u[0]
	})
	got, err := importance.PEDAnova(make([]axis.Axis, 2), points, losses, importance.PEDOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Axis != 1 || got[0].Value < 0.9 {
		t.Errorf("%+v; axis 1 decides who does not fail", got)
	}
}

// What matters near the optimum is not what matters at all: axis 0 decides
// which half of the space is good, axis 1 the rest.
func TestPEDAnovaLocal(t *testing.T) {
	points := uniform(rand.New(rand.NewPCG(4, 1)), 4000, 2)
	axes := make([]axis.Axis, 2)
	losses := lossesOf(points, func(u []float64) float64 { return 10*math.Floor(2*u[0]) + u[1] })
	whole, err := importance.PEDAnova(axes, points, losses, importance.PEDOptions{Target: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	near, err := importance.PEDAnova(axes, points, losses, importance.PEDOptions{Target: 0.1, Region: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	if whole[0].Axis != 0 || whole[0].Value < 0.95 {
		t.Errorf("in all trials: %+v", whole)
	}
	if near[0].Axis != 1 || near[0].Value < 0.95 {
		t.Errorf("among the better half: %+v", near)
	}

	// The same by sets.
	target, region := make([]bool, len(losses)), make([]bool, len(losses))
	sorted := slices.Sorted(slices.Values(losses))
	for i, loss := range losses {
		target[i], region[i] = loss <= sorted[399], loss <= sorted[1999]
	}
	sets, err := importance.PEDAnovaSets(axes, points, target, region)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sets, near) {
		t.Errorf("by sets %+v, by quantiles %+v", sets, near)
	}
}

func TestNth(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	for range 2000 {
		values := make([]float64, 1+rng.IntN(40))
		for i := range values {
			values[i] = float64(rng.IntN(12))
			if values[i] == 11 {
				values[i] = math.Inf(1)
			}
		}
		k := rng.IntN(len(values))
		want := slices.Sorted(slices.Values(values))[k]
		if got := importance.Nth(values, k); got != want {
			t.Fatalf("place %d is %v, want %v", k, got, want)
		}
	}
}
