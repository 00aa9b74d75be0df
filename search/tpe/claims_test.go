package tpe_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"tourney/search/axis"
	"tourney/search/tpe"
)

// nested is a finite space with conditions: a model, of which the second has a
// kernel and the third a depth, and a degree for one of the kernels.
//
//	points: 2 sizes × (1 + 2 + 3 + 4) = 20
func nested() ([]axis.Axis, func(u []float64, num int) bool) {
	axes := []axis.Axis{
		{Kind: axis.Choice, Cells: 3},
		{Kind: axis.Choice, Cells: 3, Gates: []int{0}},
		{Kind: axis.Ordered, Cells: 3, Gates: []int{0, 1}},
		{Kind: axis.Ordered, Cells: 4, Gates: []int{0}},
		{Kind: axis.Ordered, Cells: 2},
	}
	return axes, func(u []float64, num int) bool {
		switch model := axes[0].Cell(u[0]); num {
		case 1:
			return model == 1
		case 2:
			return model == 1 && axes[1].Cell(u[1]) == 2
		case 3:
			return model == 2
		}
		return true
	}
}

func build(t testing.TB, axes []axis.Axis, o tpe.Options) *tpe.TPE {
	t.Helper()
	s, err := tpe.New(axes, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// textOf is the same for two points that decode to the same values.
func textOf(axes []axis.Axis, u []float64) string {
	text := ""
	for i, x := range u {
		if math.IsNaN(x) {
			text += "-"
		} else {
			text += string(rune('0' + axes[i].Cell(x)))
		}
	}
	return text
}

// spread is a loss that tells points apart.
func spread(u []float64) float64 {
	sum := 0.0
	for i, x := range u {
		if !math.IsNaN(x) {
			sum += (x - 0.2) * (x - 0.2) / float64(i+1)
		}
	}
	return sum
}

// A finite space is gone through without a repeat, to its last point, and then
// there is nothing: one at a time, and in batches that do not tell each other.
func TestNeverRepeats(t *testing.T) {
	axes, active := nested()
	for _, batch := range []int{1, 3, 40} {
		s := build(t, axes, tpe.Options{Active: active})
		rng := rand.New(rand.NewPCG(1, uint64(batch)))
		had := map[string]bool{}
		var trials []tpe.Trial
		for {
			points := s.ProposeN(rng, trials, func(u []float64) bool { return had[textOf(axes, u)] }, batch)
			for _, u := range points {
				if had[textOf(axes, u)] {
					t.Fatalf("batch %d: %s is proposed again", batch, textOf(axes, u))
				}
				had[textOf(axes, u)] = true
				trials = append(trials, tpe.Trial{U: u, Loss: spread(u)})
			}
			if len(points) < batch {
				break
			}
		}
		if len(had) != 20 {
			t.Errorf("batch %d: %d points, want all 20", batch, len(had))
		}
		if u := s.Propose(rng, trials, func([]float64) bool { return true }); u != nil {
			t.Errorf("batch %d: %v from a space that is used up", batch, u)
		}
	}
}

// Where every cell of the common branch is used up there is still the rare one,
// whose points are numberless.
func TestWalksIntoTheContinuous(t *testing.T) {
	axes := []axis.Axis{
		{Kind: axis.Choice, Cells: 2, Edges: []float64{0, 1 - 1e-9, 1}},
		{Gates: []int{0}},
	}
	active := func(u []float64, num int) bool { return num == 0 || axes[0].Cell(u[0]) == 1 }
	s := build(t, axes, tpe.Options{Active: active})
	seen := func(u []float64) bool { return axes[0].Cell(u[0]) == 0 }
	u := s.Propose(rand.New(rand.NewPCG(1, 1)), nil, seen)
	if u == nil || axes[0].Cell(u[0]) != 1 || !(u[1] >= 0 && u[1] < 1) {
		t.Errorf("Propose = %v, want a point of the rare branch", u)
	}
}

// A batch is what single proposals are that hear of each other, so what is
// added to a model bit by bit is what is built from scratch.
func TestBatchEqualsSingles(t *testing.T) {
	conditional, active := nested()
	for _, tt := range []struct {
		name string
		axes []axis.Axis
		o    tpe.Options
	}{
		{"mixed", mixed(7), tpe.Options{}},
		{"conditional", append(conditional, axis.Axis{}), tpe.Options{Active: active}},
		{"optuna", mixed(7), tpe.Options{Optuna: true}},
	} {
		s := build(t, tt.axes, tt.o)
		for _, n := range []int{0, 12, 60} {
			trials := s.ProposeN(rand.New(rand.NewPCG(9, 9)), nil, nil, n)
			var history []tpe.Trial
			for i, u := range trials {
				history = append(history, tpe.Trial{U: u, Loss: spread(u), State: tpe.State(i % 7 / 4 * 3)})
			}
			const k = 40
			batch := s.ProposeN(rand.New(rand.NewPCG(5, 5)), history, nil, k)
			rng := rand.New(rand.NewPCG(5, 5))
			for i := range k {
				u := s.Propose(rng, history, nil)
				if i >= len(batch) || bits(u) != bits(batch[i]) {
					t.Fatalf("%s, %d trials: point %d is %v alone, and another in a batch of %d", tt.name, n, i, u, len(batch))
				}
				history = append(history, tpe.Trial{U: u, State: tpe.Pending})
			}
		}
	}
}

func bits(u []float64) string {
	var text []byte
	for _, x := range u {
		for b := math.Float64bits(x); b > 0; b >>= 8 {
			text = append(text, byte(b))
		}
		text = append(text, ',')
	}
	return string(text)
}

// The same seed and history give the same points, and one sampler serves many
// goroutines.
func TestSameSeedSamePoints(t *testing.T) {
	axes, active := nested()
	axes = append(axes, axis.Axis{})
	s := build(t, axes, tpe.Options{Active: active})
	history := make([]tpe.Trial, 0, 40)
	for _, u := range s.ProposeN(rand.New(rand.NewPCG(1, 1)), nil, nil, 40) {
		history = append(history, tpe.Trial{U: u, Loss: spread(u)})
	}
	want := s.ProposeN(rand.New(rand.NewPCG(2, 2)), history, nil, 10)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			got := build(t, axes, tpe.Options{Active: active}).ProposeN(rand.New(rand.NewPCG(2, 2)), history, nil, 10)
			again := s.ProposeN(rand.New(rand.NewPCG(2, 2)), history, nil, 10)
			for i := range want {
				if bits(got[i]) != bits(want[i]) || bits(again[i]) != bits(want[i]) {
					t.Errorf("point %d differs", i)
				}
			}
		})
	}
	group.Wait()
}

// Points have coordinates just where the conditions say so, of the middles of
// cells.
func TestPointsKeepConditions(t *testing.T) {
	axes, active := nested()
	axes = append(axes, axis.Axis{Gates: []int{4}})
	s := build(t, axes, tpe.Options{Active: active, Uniform: 0.2})
	rng := rand.New(rand.NewPCG(3, 3))
	var trials []tpe.Trial
	for range 300 {
		u := s.Propose(rng, trials, nil)
		for i, x := range u {
			if math.IsNaN(x) == active(u, i) {
				t.Fatalf("%v: axis %d, active %v", u, i, active(u, i))
			}
			if !math.IsNaN(x) && (!(x >= 0 && x < 1) || axes[i].Snap(x) != x) {
				t.Fatalf("%v: coordinate %d is not one of its axis", u, i)
			}
		}
		trials = append(trials, tpe.Trial{U: u, Loss: spread(u)})
	}
}

// Both ends of each range are reached where the best points are.
func TestReachesBothEnds(t *testing.T) {
	axes := []axis.Axis{{}, {Kind: axis.Ordered, Cells: 50}, {Kind: axis.Choice, Cells: 5}}
	for _, end := range []float64{0, 1} {
		s := build(t, axes, tpe.Options{})
		rng := rand.New(rand.NewPCG(7, uint64(end)))
		var trials []tpe.Trial
		nearest, cell, choice := 1.0, false, false
		for range 200 {
			u := s.Propose(rng, trials, nil)
			loss := 0.0
			for _, x := range u {
				loss += math.Abs(x - end)
			}
			trials = append(trials, tpe.Trial{U: u, Loss: loss})
			nearest = min(nearest, math.Abs(u[0]-end))
			cell = cell || axes[1].Cell(u[1]) == int64(end*49)
			choice = choice || axes[2].Cell(u[2]) == int64(end*4)
		}
		if !(nearest < 0.002) || !cell || !choice {
			t.Errorf("end %v: within %v of it, last cell %v, last choice %v", end, nearest, cell, choice)
		}
	}
}

func TestRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		axes []axis.Axis
		o    tpe.Options
	}{
		"startup":    {nil, tpe.Options{Startup: -1}},
		"candidates": {nil, tpe.Options{Candidates: -1}},
		"uniform":    {nil, tpe.Options{Uniform: math.NaN()}},
		"own gate":   {[]axis.Axis{{Gates: []int{0}}}, tpe.Options{}},
		"later gate": {[]axis.Axis{{Gates: []int{1}}, {}}, tpe.Options{}},
	} {
		if s, err := tpe.New(tt.axes, tt.o); err == nil {
			t.Errorf("%s: %v, want an error", name, s)
		}
	}
}

// Coordinates outside the range, as an edited history may have, do no harm.
func TestStrangeHistory(t *testing.T) {
	var trials []tpe.Trial
	for _, x := range []float64{-3, 0, 1, 7, math.Inf(1), math.NaN(), 0.5, 0.5, 0.5, 0.5, 0.5, 0.5} {
		trials = append(trials, tpe.Trial{U: []float64{x, x}, Loss: -math.Inf(1)})
	}
	s := build(t, []axis.Axis{{}, {Kind: axis.Ordered, Cells: 3}}, tpe.Options{})
	for _, u := range s.ProposeN(rand.New(rand.NewPCG(1, 1)), trials, nil, 50) {
		if !(u[0] >= 0 && u[0] < 1) {
			t.Fatalf("%v lies outside", u)
		}
	}
}

// The history that a caller hands in stays as it is.
func TestLeavesTheHistoryAlone(t *testing.T) {
	axes := mixed(4)
	s := build(t, axes, tpe.Options{})
	trials := randomTrials(rand.New(rand.NewPCG(1, 1)), axes, 30)
	room := append(make([]tpe.Trial, 0, 100), trials...)
	s.ProposeN(rand.New(rand.NewPCG(1, 2)), room, nil, 20)
	if !reflect.DeepEqual(room, trials) || room[:31][30].U != nil {
		t.Error("the history was written to")
	}
}
