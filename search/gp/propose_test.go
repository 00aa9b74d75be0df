package gp_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tourney/search/axis"
	"tourney/search/gp"
	"tourney/search/searchtest/suite"
)

// sampler makes an asker of Propose; fresh says that it keeps no model.
func sampler(p *suite.Problem, fresh bool) suite.Asker {
	var model *gp.Model
	return func(rng *rand.Rand, done []suite.Observation, k int, seen func([]float64) bool) [][]float64 {
		obs := make([]gp.Observation, len(done))
		for i, o := range done {
			obs[i] = gp.Observation{U: o.U, Loss: o.Loss}
		}
		if fresh {
			model = nil
		}
		var out [][]float64
		out, model = gp.Propose(rng, gp.Space{Axes: p.Axes, Mask: p.Mask, Seen: seen}, obs, nil, k, model)
		return out
	}
}

func named(t testing.TB, name string) *suite.Problem {
	t.Helper()
	for _, p := range suite.Problems() {
		if p.Name == name {
			return &p
		}
	}
	t.Fatalf("no problem %s", name)
	return nil
}

// A model that is kept from call to call changes no proposal: a search that is
// rebuilt goes on as the one that was lost.
func TestModelSavesOnlyTime(t *testing.T) {
	for _, name := range []string{"mixed6", "nanhart3", "cond8"} {
		p := named(t, name)
		var points [2][][]float64
		for i, fresh := range []bool{false, true} {
			ask := sampler(p, fresh)
			suite.Play(p, func(rng *rand.Rand, done []suite.Observation, k int, seen func([]float64) bool) [][]float64 {
				out := ask(rng, done, k, seen)
				points[i] = append(points[i], out...)
				return out
			}, 30, 2, 5)
		}
		if a, b := fmt.Sprint(points[0]), fmt.Sprint(points[1]); a != b {
			t.Errorf("%s: proposals with a kept model differ from those with a new one", name)
		}
	}
}

// A model of other observations is not taken for one of these.
func TestForeignModel(t *testing.T) {
	axes := []axis.Axis{{}, {}}
	obs := func(shift float64) []gp.Observation {
		rng := rand.New(rand.NewPCG(1, 1))
		var out []gp.Observation
		for range 12 {
			u := []float64{rng.Float64(), rng.Float64()}
			out = append(out, gp.Observation{U: u, Loss: (u[0] - shift) * (u[0] - shift)})
		}
		return out
	}
	foreign := gp.Fit(axes, obs(0.2)[:10], nil)
	u := []float64{0.4, 0.4}
	a, _ := gp.Fit(axes, obs(0.8), nil).Predict(u)
	b, _ := gp.Fit(axes, obs(0.8), foreign).Predict(u)
	if a != b {
		t.Errorf("with a foreign model the mean is %v, %v without", b, a)
	}
}

// No point of a finite space is proposed twice while others are left, and all
// are proposed before there are none.
func TestFiniteSpace(t *testing.T) {
	axes := []axis.Axis{{Kind: axis.Choice, Cells: 3}, {Kind: axis.Ordered, Cells: 4}, {Kind: axis.Choice, Cells: 2}}
	p := &suite.Problem{Axes: axes, Scale: 1, Truth: func(u []float64) float64 {
		return u[0] + u[1] - u[2]
	}}
	for _, batch := range []int{1, 5} {
		asked := 0
		out := suite.Play(p, sampler(p, false), 24, batch, 1)
		if out.Repeats != 0 || len(out.Regret) != 24 {
			t.Errorf("batches of %d: %d repeats among %d trials", batch, out.Repeats, len(out.Regret))
		}
		ask := sampler(p, false)
		suite.Play(p, func(rng *rand.Rand, done []suite.Observation, k int, seen func([]float64) bool) [][]float64 {
			if len(done) == 20 {
				got := ask(rng, done, 10, seen)
				asked = len(got)
			}
			return ask(rng, done, k, seen)
		}, 24, batch, 1)
		if asked != 4 {
			t.Errorf("10 points asked of a space with 4 left: got %d", asked)
		}
	}
}

// Points stay inside the space, snapped to its cells, and have no coordinate
// where a condition is not met.
func TestInsideSpace(t *testing.T) {
	p := named(t, "cond8")
	suite.Play(p, func(rng *rand.Rand, done []suite.Observation, k int, seen func([]float64) bool) [][]float64 {
		out := sampler(p, true)(rng, done, k, seen)
		for _, u := range out {
			masked := slices.Clone(u)
			for i, v := range masked {
				if math.IsNaN(v) {
					masked[i] = 0.5
				}
			}
			p.Mask(masked)
			for i, v := range u {
				if math.IsNaN(v) != math.IsNaN(masked[i]) {
					t.Errorf("%v: axis %d is masked wrongly", u, i)
				}
				if !math.IsNaN(v) && (v < 0 || v >= 1 || p.Axes[i].Snap(v) != v) {
					t.Errorf("%v: axis %d is not a point of its axis", u, i)
				}
			}
		}
		return out
	}, 40, 4, 3)
}

// The minimum of a bowl is found to a thousandth in thirty trials; at random it
// is not found to a twentieth in one run of a hundred.
func TestFindsMinimum(t *testing.T) {
	p := &suite.Problem{Axes: make([]axis.Axis, 4), Scale: 1, Truth: func(u []float64) float64 {
		sum := 0.0
		for i, v := range u {
			x := v - 0.2 - 0.15*float64(i)
			sum += x * x
		}
		return sum
	}}
	for seed := range uint64(3) {
		if r := suite.Play(p, sampler(p, false), 30, 1, seed).Regret[29]; r > 1e-3 {
			t.Errorf("seed %d: the best of 30 trials is %v above the minimum", seed, r)
		}
	}
}

// Where everything fails, or nothing differs, points are still proposed.
func TestNothingToLearn(t *testing.T) {
	for name, loss := range map[string]float64{"failures": math.NaN(), "plateau": 7, "huge": 1e300} {
		p := &suite.Problem{Axes: []axis.Axis{{}, {Kind: axis.Choice, Cells: 3}}, Scale: 1, Truth: func([]float64) float64 { return loss }}
		out := suite.Play(p, sampler(p, false), 25, 3, 1)
		if len(out.Regret) != 25 {
			t.Errorf("%s: %d trials, want 25", name, len(out.Regret))
		}
	}
}

// Losses of any size, and single wild ones, do not hide the minimum.
func TestWildLosses(t *testing.T) {
	for name, f := range map[string]func(x float64) float64{
		"tiny":  func(x float64) float64 { return 1e-200 * x },
		"large": func(x float64) float64 { return 1e200 * x },
		"cliff": func(x float64) float64 {
			if x > 0.1 { // seven tenths of the space
				return 1e30
			}
			return x
		},
	} {
		p := &suite.Problem{Axes: make([]axis.Axis, 2), Scale: 1, Truth: func(u []float64) float64 {
			return f((u[0]-0.3)*(u[0]-0.3) + (u[1]-0.6)*(u[1]-0.6))
		}}
		out := suite.Play(p, sampler(p, false), 30, 1, 2)
		if r := out.Regret[29] / f(0.1); r > 0.01 {
			t.Errorf("%s: the best of 30 trials is %v of what a distance of 0.3 costs", name, r)
		}
	}
}

// The model ranks points that were not trained as they would turn out.
func TestLogEIRanks(t *testing.T) {
	axes := make([]axis.Axis, 2)
	rng := rand.New(rand.NewPCG(4, 4))
	f := func(u []float64) float64 { return (u[0]-0.7)*(u[0]-0.7) + (u[1]-0.3)*(u[1]-0.3) }
	var obs []gp.Observation
	for range 25 {
		u := []float64{rng.Float64(), rng.Float64()}
		obs = append(obs, gp.Observation{U: u, Loss: f(u)})
	}
	m := gp.Fit(axes, obs, nil)
	if good, bad := m.LogEI([]float64{0.7, 0.3}), m.LogEI([]float64{0.05, 0.95}); good <= bad {
		t.Errorf("log EI %v at the minimum, %v far from it", good, bad)
	}
	low, _ := m.Predict([]float64{0.7, 0.3})
	high, _ := m.Predict([]float64{0.05, 0.95})
	if low >= high {
		t.Errorf("mean %v at the minimum, %v far from it", low, high)
	}
	// Failures make their neighbourhood unattractive.
	for i := range obs {
		if obs[i].U[0] > 0.5 {
			obs[i].Loss = math.Inf(1)
		}
	}
	if in, out := gp.Fit(axes, obs, nil).LogEI([]float64{0.75, 0.3}), gp.Fit(axes, obs, nil).LogEI([]float64{0.4, 0.3}); in >= out {
		t.Errorf("log EI %v where trainings fail, %v where they do not", in, out)
	}
}

// A space without axes has one point.
func TestNoAxes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	out, _ := gp.Propose(rng, gp.Space{}, nil, nil, 3, nil)
	if len(out) != 1 {
		t.Errorf("%d points of a space that has one", len(out))
	}
	obs := make([]gp.Observation, 9)
	if out, _ = gp.Propose(rng, gp.Space{Seen: func([]float64) bool { return true }}, obs, nil, 1, nil); len(out) != 0 {
		t.Errorf("%d points when the only one was seen", len(out))
	}
}

// A thousand pending points are no trouble, and none of them is proposed again.
func TestManyPending(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	axes := []axis.Axis{{Kind: axis.Ordered, Cells: 40}, {Kind: axis.Ordered, Cells: 40}}
	cell := func(u []float64) int64 { return 40*axes[0].Cell(u[0]) + axes[1].Cell(u[1]) }
	seen := map[int64]bool{}
	var obs []gp.Observation
	var pending [][]float64
	for i := range 1000 {
		u := []float64{axes[0].Middle(int64(i / 40)), axes[1].Middle(int64(i % 40))}
		seen[cell(u)] = true
		if i%50 == 0 {
			obs = append(obs, gp.Observation{U: u, Loss: u[0] + u[1]})
		} else {
			pending = append(pending, u)
		}
	}
	space := gp.Space{Axes: axes, Seen: func(u []float64) bool { return seen[cell(u)] }}
	out, _ := gp.Propose(rng, space, obs, pending, 5, nil)
	if len(out) != 5 {
		t.Fatalf("%d points, want 5", len(out))
	}
	for _, u := range out {
		if seen[cell(u)] {
			t.Errorf("%v was seen", u)
		}
		seen[cell(u)] = true
	}
}

// More observations than a model holds are no trouble, and the best are kept.
func TestManyObservations(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	axes := make([]axis.Axis, 2)
	var obs []gp.Observation
	for i := range 1200 {
		u := []float64{rng.Float64(), rng.Float64()}
		loss := math.Abs(u[0]-0.5) + math.Abs(u[1]-0.5)
		if i == 3 {
			u, loss = []float64{0.5, 0.5}, 0
		}
		obs = append(obs, gp.Observation{U: u, Loss: loss})
	}
	m := gp.Fit(axes, obs, nil)
	low, _ := m.Predict([]float64{0.5, 0.5})
	high, _ := m.Predict([]float64{0.1, 0.9})
	if low >= high {
		t.Errorf("mean %v at the best trial, %v far from it", low, high)
	}
}

// A loss above the typical one is warped by its rank alone; the others keep
// their order and a finite slope; the slope says how the warp stretches.
func TestWarp(t *testing.T) {
	loss := []float64{5, 1, 3, 1e9, 2, 7, 1e3, 4, 6}
	y, slope := gp.Warped(loss)
	other := slices.Clone(loss)
	other[3], other[6] = 1e12, 1e4
	z, _ := gp.Warped(other)
	for i := range loss {
		for j := range loss {
			if (loss[i] < loss[j]) != (y[i] < y[j]) {
				t.Errorf("losses %v and %v become %v and %v", loss[i], loss[j], y[i], y[j])
			}
		}
		if math.Abs(y[i]-z[i]) > 1e-12 {
			t.Errorf("the size of bad losses moves %v from %v to %v", loss[i], y[i], z[i])
		}
		if math.IsNaN(slope[i]) != (loss[i] > 5) {
			t.Errorf("loss %v has slope %v; 5 is typical", loss[i], slope[i])
		}
	}
	// Between neighbouring losses the warp rises by about its slope there.
	rise := (y[0] - y[7]) / (loss[0] - loss[7]) // 4 to 5
	if lo, hi := math.Exp(slope[0]), math.Exp(slope[7]); rise < lo || rise > hi {
		t.Errorf("the warp rises by %v between slopes %v and %v", rise, lo, hi)
	}
}
