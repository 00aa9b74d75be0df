package tourney_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"tourney"
)

func TestLoss(t *testing.T) {
	minimize := tourney.Metric{Name: "rmse", Goal: tourney.Minimize}
	maximize := tourney.Metric{Name: "auc", Goal: tourney.Maximize}
	for _, tt := range []struct {
		m           tourney.Metric
		value, want float64
	}{
		{minimize, 2, 2},
		{maximize, 2, -2},
		{minimize, math.NaN(), math.Inf(1)},
		{maximize, math.NaN(), math.Inf(1)},
		{minimize, math.Inf(-1), math.Inf(1)},
		{maximize, math.Inf(1), math.Inf(1)},
	} {
		if got := tt.m.Loss(tt.value); got != tt.want {
			t.Errorf("%s of %v: loss %v, want %v", tt.m.Goal, tt.value, got, tt.want)
		}
	}
}

// The board: failures last, then rung, value, number.
func TestCompareTrials(t *testing.T) {
	v := func(x float64) *float64 { return &x }
	m := tourney.Metric{Goal: tourney.Maximize}
	board := []tourney.Trial{
		{Number: 9, Rung: 2, Value: v(0.5)},
		{Number: 4, Rung: 1, Value: v(0.9)},
		{Number: 5, Rung: 1, Value: v(0.9)},
		{Number: 2, Rung: 1, Value: v(0.8)},
		{Number: 0, Rung: 1},
		{Number: 1, Rung: -1},
		{Number: 3, Rung: 1, Value: v(1), State: tourney.TrialDiverged},
		{Number: 6, Rung: 0, Value: v(1), State: tourney.TrialFailed},
	}
	for seed := range uint64(20) {
		got := slices.Clone(board)
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
		slices.SortFunc(got, func(a, b tourney.Trial) int { return m.CompareTrials(&a, &b) })
		if !reflect.DeepEqual(got, board) {
			t.Fatalf("got %+v", got)
		}
	}
}

// An end is an end, and every state but the first can be reached.
func TestTrialStates(t *testing.T) {
	reached := map[tourney.TrialState]bool{tourney.TrialQueued: true}
	for _, from := range tourney.TrialStates() {
		for _, to := range tourney.TrialStates() {
			if from.CanBecome(to) {
				reached[to] = true
				if from.Terminal() {
					t.Errorf("%s is an end and can become %s", from, to)
				}
			}
		}
	}
	for _, s := range tourney.TrialStates() {
		if !reached[s] {
			t.Errorf("%s cannot be reached", s)
		}
	}
}

func TestRungs(t *testing.T) {
	for _, tt := range []struct {
		early tourney.EarlyTerminate
		want  []int
	}{
		{tourney.EarlyTerminate{MinIter: 1, MaxIter: 9, Eta: 3}, []int{1, 3, 9}},
		{tourney.EarlyTerminate{MinIter: 1, MaxIter: 10, Eta: 3}, []int{1, 3, 9, 10}},
		{tourney.EarlyTerminate{MinIter: 4, MaxIter: 4, Eta: 2}, []int{4}},
	} {
		if got := tt.early.Rungs(); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: rungs %v, want %v", tt.early, got, tt.want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	known := []string{"learning_rate", "l2", "momentum"}
	for _, tt := range []struct{ name, want string }{
		{"learning_rte", `; did you mean "learning_rate"?`},
		{"l1", `; did you mean "l2"?`},
		{"something_else", ""},
	} {
		if got := tourney.DidYouMean(tt.name, known); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
