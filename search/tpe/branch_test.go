package tpe_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tourney/search/axis"
	"tourney/search/tpe"
)

// arms is a space of k branches with a coordinate each.
func arms(k int64) ([]axis.Axis, func(u []float64, num int) bool) {
	axes := []axis.Axis{{Kind: axis.Choice, Cells: k}}
	for range k {
		axes = append(axes, axis.Axis{Gates: []int{0}})
	}
	return axes, func(u []float64, num int) bool { return num == 0 || axes[0].Cell(u[0]) == int64(num-1) }
}

// in returns a trial in a branch.
func in(axes []axis.Axis, branch int, loss float64) tpe.Trial {
	u := make([]float64, len(axes))
	for i := range u {
		u[i] = math.NaN()
	}
	u[0], u[branch+1] = axes[0].Middle(int64(branch)), 0.5
	return tpe.Trial{U: u, Loss: loss}
}

// often returns how often each branch is chosen, of 1000 times.
func often(s *tpe.TPE, axes []axis.Axis, trials []tpe.Trial) []int {
	count := make([]int, axes[0].Cells)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		count[axes[0].Cell(s.Branch(rng, trials)[0])]++
	}
	return count
}

// The next branch is the one that may get lowest, by y₁ − 0.4 ln(N) (y₃ − y₁);
// one in ten is drawn.
func TestBranch(t *testing.T) {
	axes, active := arms(3)
	s := build(t, axes, tpe.Options{Active: active})
	have := func(branch int, losses ...float64) (trials []tpe.Trial) {
		for _, y := range losses {
			trials = append(trials, in(axes, branch, y))
		}
		return trials
	}
	pending := func(branch, n int) []tpe.Trial {
		r := in(axes, branch, 0)
		r.State = tpe.Pending
		return slices.Repeat([]tpe.Trial{r}, n)
	}
	failed := func(branch, n int) []tpe.Trial {
		r := in(axes, branch, 0)
		r.State = tpe.Failed
		return slices.Repeat([]tpe.Trial{r}, n)
	}
	for _, tt := range []struct {
		name   string
		trials [][]tpe.Trial
		want   int
	}{
		// N = 9: c = 0.879. 1 − 0.879·0.02 = 0.98; 1.2 − 0.879·0.4 = 0.85; 3 − 0.879·0.2.
		{"a wide gap beats the best", [][]tpe.Trial{have(0, 1, 1.01, 1.02), have(1, 1.2, 1.5, 1.6), have(2, 3, 3.1, 3.2)}, 1},
		// 1 − 0.879·0.3 = 0.74; 1.2 − 0.35.
		{"a wide gap of the best", [][]tpe.Trial{have(0, 1, 1.1, 1.3), have(1, 1.2, 1.5, 1.6), have(2, 3, 3.1, 3.2)}, 0},
		{"one without a trial", [][]tpe.Trial{have(0, 1, 1.1, 1.3), have(2, 0, 0, 0)}, 1},
		// N = 18: c = 1.156. Of branch 1 a fourth is known: 1.2 − 1.156·0.4/4 = 1.08; 1 − 1.156·0.02 = 0.98.
		{"pending ones narrow the gap", [][]tpe.Trial{have(0, 1, 1.01, 1.02), have(1, 1.2, 1.5, 1.6), have(2, 3, 3.1, 3.2), pending(1, 9)}, 0},
		{"failures alone are no promise", [][]tpe.Trial{have(0, 1, 1.01, 1.02), failed(1, 3), have(2, 3, 3.1, 3.2)}, 0},
		// N = 9: the usual gap is from the best to the median, 3 − 1. 1.5 − 0.879·2 = −0.26.
		{"little is known: the usual gap", [][]tpe.Trial{have(0, 1, 1.01, 1.02), have(1, 1.5), have(2, 3, 3.1, 3.2, 3.3, 3.4)}, 1},
	} {
		trials := slices.Concat(tt.trials...)
		if got := often(s, axes, trials); got[tt.want] < 900 {
			t.Errorf("%s: %v, want branch %d", tt.name, got, tt.want)
		}
	}
	if got := often(s, axes, nil); slices.Min(got) < 250 {
		t.Errorf("without trials: %v, want an even share", got)
	}
	if got := often(s, axes, failed(1, 4)); slices.Min(got) < 250 {
		t.Errorf("with failures only: %v, want an even share", got)
	}
	broken := have(0, 1, 2)
	for i := range broken {
		broken[i].Violation = 1
	}
	if got := often(s, axes, broken); got[1] < 900 {
		t.Errorf("with violations only: %v, want the branch with the fewest", got)
	}
}

// A branch says which axes are left to choose, and points inside have them.
func TestInside(t *testing.T) {
	axes, active := nested()
	axes = append(axes, axis.Axis{})
	s := build(t, axes, tpe.Options{Active: active})
	rng := rand.New(rand.NewPCG(1, 1))
	free := map[string][]int{
		"0----": {4, 5}, "10---": {4, 5}, "11---": {4, 5}, "12---": {2, 4, 5}, "2----": {3, 4, 5},
	}
	met := map[string]bool{}
	var trials []tpe.Trial
	for range 200 {
		branch := s.Branch(rng, trials)
		text := textOf(axes[:5], branch[:5])
		met[text] = true
		if got := s.Free(branch); !slices.Equal(got, free[text]) {
			t.Fatalf("branch %s leaves %v, want %v", text, got, free[text])
		}
		u := s.Inside(rng, trials, branch, nil)
		if !s.Within(branch, u) {
			t.Fatalf("%v does not lie in branch %s", u, text)
		}
		for i := range u {
			if want := !math.IsNaN(branch[i]) || slices.Contains(free[text], i); want == math.IsNaN(u[i]) {
				t.Fatalf("%v in branch %s: axis %d should have a part: %v", u, text, i, want)
			}
		}
		trials = append(trials, tpe.Trial{U: u, Loss: spread(u)})
	}
	if len(met) != len(free) {
		t.Errorf("met %d branches, want %d", len(met), len(free))
	}
}

// Gates that cannot be enumerated leave the choice to the densities.
func TestNoBranches(t *testing.T) {
	many := []axis.Axis{{Kind: axis.Ordered, Cells: 100}, {Gates: []int{0}}}
	upper := func(u []float64, num int) bool { return num == 0 || u[0] >= 0.5 }
	smooth := []axis.Axis{{}, {Gates: []int{0}}}
	for name, axes := range map[string][]axis.Axis{"flat": {{}, {}}, "many": many, "continuous": smooth} {
		s := build(t, axes, tpe.Options{Active: upper})
		rng := rand.New(rand.NewPCG(1, 1))
		if b := s.Branch(rng, nil); b != nil {
			t.Errorf("%s: branch %v, want none", name, b)
		}
		var trials []tpe.Trial
		good := 0
		for i := range 120 {
			u := s.Propose(rng, trials, nil)
			loss := math.Abs(u[0] - 0.8)
			if !math.IsNaN(u[1]) {
				loss += math.Abs(u[1] - 0.3)
			}
			trials = append(trials, tpe.Trial{U: u, Loss: loss})
			if i >= 80 && math.Abs(u[0]-0.8) < 0.1 {
				good++
			}
		}
		if good < 20 {
			t.Errorf("%s: %d of the last 40 points near the best value of the gate", name, good)
		}
	}
}

// With two losses the search finds points on the front between the two optima.
func TestSeveralLosses(t *testing.T) {
	s := build(t, make([]axis.Axis, 3), tpe.Options{})
	rng := rand.New(rand.NewPCG(1, 1))
	var trials []tpe.Trial
	near := 0
	for i := range 150 {
		u := s.Propose(rng, trials, nil)
		off := (u[1]-0.6)*(u[1]-0.6) + (u[2]-0.4)*(u[2]-0.4) // 0 on the front
		trials = append(trials, tpe.Trial{U: u, Losses: []float64{u[0]*u[0] + off, (1-u[0])*(1-u[0]) + off}})
		if i >= 100 && off < 0.03 { // a tenth of uniform draws: π·0.03
			near++
		}
	}
	if near < 20 {
		t.Errorf("%d of the last 50 points are near the front, want 20", near)
	}
}
