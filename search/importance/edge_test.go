package importance_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tourney"
	"tourney/search/axis"
	"tourney/search/importance"
)

// both returns what the two measures say, in the order of the axes.
func both(t *testing.T, axes []axis.Axis, points [][]float64, losses []float64) map[string][]importance.Importance {
	t.Helper()
	ped, err := importance.PEDAnova(axes, points, losses, importance.PEDOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := importance.Fanova(axes, points, losses, importance.FanovaOptions{Trees: 8, Pairs: 4}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range f.Pairs {
		if !(p.Raw >= 0 && p.Raw <= 1.0000001) || p.Axes[0] >= p.Axes[1] {
			t.Errorf("pair %+v", p)
		}
	}
	return map[string][]importance.Importance{"ped-anova": byAxis(ped), "fanova": byAxis(f.Axes)}
}

var mixed = []axis.Axis{{}, {Kind: axis.Ordered, Cells: 5}, {Kind: axis.Choice, Cells: 4}, {Gates: []int{2}}}

// Where the trials say nothing, no axis is given any importance.
func TestNothingToSay(t *testing.T) {
	points := uniform(rand.New(rand.NewPCG(1, 1)), 50, 4)
	one := func(x float64) []float64 { return slices.Repeat([]float64{x}, 50) }
	for name, losses := range map[string][]float64{
		"one loss for all": one(3.5), "all failed": one(math.Inf(1)), "no loss at all": one(math.NaN()),
		"all at minus infinity": one(math.Inf(-1)), "zeros of both signs": append(one(0)[:49], math.Copysign(0, -1)),
		"no trials": {}, "one trial": {1}, "one trial of two with a loss": {1, math.NaN()},
	} {
		for measure, imps := range both(t, mixed, points[:len(losses)], losses) {
			if len(imps) != 4 {
				t.Errorf("%s, %s: %d importances of 4 axes", name, measure, len(imps))
			}
			for _, imp := range imps {
				if imp.Value != 0 || imp.Raw != 0 || imp.StdErr != 0 {
					t.Errorf("%s, %s: %+v", name, measure, imp)
				}
			}
		}
	}
}

// The sums hold and the numbers are numbers, whatever the losses.
func TestStrangeLosses(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	points := uniform(rng, 200, 4)
	for name, f := range map[string]func(u []float64) float64{
		"huge":            func(u []float64) float64 { return (u[0] - 0.5) * 2 * math.MaxFloat64 },
		"tiny":            func(u []float64) float64 { return u[0] * 5e-324 * 1e10 },
		"one far out":     func(u []float64) float64 { return 1 / (u[0] * u[0] * u[0] * u[0]) },
		"some not finite": func(u []float64) float64 { return []float64{u[0], math.NaN(), math.Inf(1), math.Inf(-1)}[int(4*u[1])] },
	} {
		losses := lossesOf(points, f)
		for measure, imps := range both(t, mixed, points, losses) {
			var sum float64
			for _, imp := range imps {
				sum += imp.Value
				if !(imp.Value >= 0 && imp.Raw >= 0 && imp.StdErr >= 0) || math.IsInf(imp.StdErr, 1) {
					t.Errorf("%s, %s: %+v", name, measure, imp)
				}
			}
			if math.Abs(sum-1) > 1e-12 {
				t.Errorf("%s, %s: the values sum to %v", name, measure, sum)
			}
		}
	}
}

// A parameter with one value has no importance, and takes none from others.
func TestOneCell(t *testing.T) {
	axes := []axis.Axis{{Kind: axis.Ordered, Cells: 1}, {}, {Kind: axis.Choice, Cells: 1}, {Kind: axis.Ordered, Cells: 1, Edges: []float64{0, 1}}}
	points := uniform(rand.New(rand.NewPCG(3, 1)), 100, 4)
	for measure, imps := range both(t, axes, points, lossesOf(points, func(u []float64) float64 { return u[1] })) {
		if imps[0].Raw != 0 || imps[1].Value != 1 || imps[2].Raw != 0 || imps[3].Raw != 0 {
			t.Errorf("%s: %+v", measure, imps)
		}
	}
}

// A parameter that three trials of a thousand have is not important, however
// good the three are; its like that is active always is.
func TestSeldomActive(t *testing.T) {
	axes := []axis.Axis{{}, {}, {Gates: []int{0}}}
	rng := rand.New(rand.NewPCG(4, 1))
	points := uniform(rng, 1000, 3)
	losses := make([]float64, 1000)
	for i, u := range points {
		losses[i] = u[1]
		if i%400 == 7 { // 7, 407, 807
			losses[i] = u[2] - 1
		} else {
			u[2] = math.NaN()
		}
	}
	for measure, imps := range both(t, axes, points, losses) {
		if !(imps[2].Value < 0.05) || imps[1].Value < 0.9 {
			t.Errorf("%s: %+v", measure, imps)
		}
	}
}

// A parameter that is never active is not judged, nor one of one trial.
func TestNeverActive(t *testing.T) {
	axes := []axis.Axis{{}, {Gates: []int{0}}, {Kind: axis.Choice, Cells: 3, Gates: []int{0}}}
	points := uniform(rand.New(rand.NewPCG(5, 1)), 100, 3)
	for i, u := range points {
		u[1] = math.NaN()
		if i > 0 {
			u[2] = math.NaN()
		}
	}
	got, err := importance.PEDAnova(axes, points, lossesOf(points, func(u []float64) float64 { return u[0] }), importance.PEDOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if imps := byAxis(got); imps[0].Value != 1 {
		t.Errorf("%+v", imps)
	}
}

func TestManyAxes(t *testing.T) {
	points := uniform(rand.New(rand.NewPCG(6, 1)), 150, 1000)
	losses := lossesOf(points, func(u []float64) float64 { return u[123] + 0.1*u[999] })
	for measure, imps := range both(t, make([]axis.Axis, 1000), points, losses) {
		for d, imp := range imps {
			if d != 123 && imp.Value >= imps[123].Value {
				t.Errorf("%s: %+v before axis 123, %+v", measure, imp, imps[123])
			}
		}
	}
}

// Large lattices and many choices are no dearer than small ones.
func TestManyCells(t *testing.T) {
	axes := []axis.Axis{{Kind: axis.Ordered, Cells: 1 << 60}, {Kind: axis.Choice, Cells: 10_000}, {Kind: axis.Choice, Cells: 70}}
	points := uniform(rand.New(rand.NewPCG(7, 1)), 1000, 3)
	losses := lossesOf(points, func(u []float64) float64 { return 2*u[0] + math.Floor(u[2]*70)/70 })
	for measure, imps := range both(t, axes, points, losses) {
		if imps[0].Value < imps[2].Value || imps[2].Value < imps[1].Value {
			t.Errorf("%s: %+v; want the axes 0, 2, 1", measure, imps)
		}
	}
}

// The ends of the cube, and coordinates just outside it, are in its cells.
func TestOutsideTheCube(t *testing.T) {
	axes := []axis.Axis{{}, {Kind: axis.Ordered, Cells: 100}, {Kind: axis.Choice, Cells: 3}, {Kind: axis.Ordered, Cells: 2, Edges: []float64{0, 0.25, 1}}}
	points := [][]float64{{0, 0, 0, 0}, {1, 1, 1, 1}, {-1, -1, -1, -1}, {2, 2, 2, 2}, {0.5, 0.5, 0.5, 0.5}}
	both(t, axes, points, []float64{1, 2, 3, 4, 5})
}

func TestWrongInput(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	points, losses := [][]float64{{0.1, 0.2}, {0.3, 0.4}}, []float64{1, 2}
	two := make([]axis.Axis, 2)
	for name, in := range map[string]struct {
		axes   []axis.Axis
		points [][]float64
		losses []float64
	}{
		"a loss too few":       {two, points, losses[:1]},
		"a coordinate missing": {two, [][]float64{{0.1, 0.2}, {0.3}}, losses},
		"an axis missing":      {two[:1], points, losses},
		"no cells":             {[]axis.Axis{{}, {Kind: axis.Ordered}}, points, losses},
		"endless choices":      {[]axis.Axis{{}, {Kind: axis.Choice, Cells: 1 << 40}}, points, losses},
		"an edge missing":      {[]axis.Axis{{}, {Kind: axis.Ordered, Cells: 2, Edges: []float64{0, 1}}}, points, losses},
		"edges that fall":      {[]axis.Axis{{}, {Kind: axis.Ordered, Cells: 2, Edges: []float64{0, 2, 1}}}, points, losses},
		"edges of no number":   {[]axis.Axis{{}, {Kind: axis.Ordered, Cells: 2, Edges: []float64{0, math.NaN(), 1}}}, points, losses},
	} {
		if _, err := importance.PEDAnova(in.axes, in.points, in.losses, importance.PEDOptions{}); err == nil {
			t.Errorf("%s: taken by PEDAnova", name)
		}
		if _, err := importance.Fanova(in.axes, in.points, in.losses, importance.FanovaOptions{}, rng); err == nil {
			t.Errorf("%s: taken by Fanova", name)
		}
	}
	for _, o := range []importance.PEDOptions{
		{Target: 1}, {Target: -0.1}, {Target: math.NaN()}, {Region: 1.5}, {Region: math.NaN()}, {Region: 0.1}, {Target: 0.5, Region: 0.4},
	} {
		if _, err := importance.PEDAnova(two, points, losses, o); !errors.Is(err, tourney.ErrInvalid) {
			t.Errorf("%+v: error %v is not that of an invalid option", o, err)
		}
	}
	for _, o := range []importance.FanovaOptions{{Trees: -1}, {Depth: -1}, {Trials: 1}, {Pairs: -1}, {Trees: 1 << 40}} {
		if _, err := importance.Fanova(two, points, losses, o, rng); !errors.Is(err, tourney.ErrInvalid) {
			t.Errorf("%+v: error %v is not that of an invalid option", o, err)
		}
	}
	for _, sets := range [][2][]bool{{{true}, nil}, {{true, false}, {true}}} {
		if _, err := importance.PEDAnovaSets(two, points, sets[0], sets[1]); err == nil {
			t.Errorf("sets %v taken for 2 points", sets)
		}
	}
}
