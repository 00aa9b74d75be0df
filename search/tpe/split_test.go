package tpe_test

import (
	"math"
	"slices"
	"testing"

	"tourney/search/axis"
	"tourney/search/tpe"
)

// below returns which trials stand for good points.
func below(t *testing.T, trials []tpe.Trial, optuna bool) []int {
	t.Helper()
	for i := range trials {
		if trials[i].U == nil {
			trials[i].U = []float64{float64(i) / float64(len(trials))}
		}
	}
	s, err := tpe.New(make([]axis.Axis, 1), tpe.Options{Optuna: optuna})
	if err != nil {
		t.Fatal(err)
	}
	return s.Densities(trials).Below()
}

func TestSplit(t *testing.T) {
	inf := math.Inf(1)
	// fill adds pruned trials that reported nothing, which come after all others
	// that are not infeasible, up to n.
	fill := func(n int, trials ...tpe.Trial) []tpe.Trial {
		for len(trials) < n {
			trials = append(trials, tpe.Trial{State: tpe.Pruned, Step: -1})
		}
		return trials
	}
	for _, tt := range []struct {
		name        string
		trials      []tpe.Trial
		own, optuna []int
	}{
		{"a tenth, rounded up", fill(11, tpe.Trial{Loss: 3}, tpe.Trial{Loss: 1}, tpe.Trial{Loss: 2}), []int{1, 2}, []int{1, 2}},
		{"equals: the earlier one", fill(10, tpe.Trial{Loss: 2}, tpe.Trial{Loss: 1}, tpe.Trial{Loss: 1}), []int{1}, []int{1}},
		{
			"a complete one before any pruned one",
			fill(10, tpe.Trial{State: tpe.Pruned, Step: 9, Loss: 0}, tpe.Trial{Loss: 5}),
			[]int{1},
			[]int{1},
		},
		{
			"of pruned ones the later, then the better",
			fill(20, tpe.Trial{State: tpe.Pruned, Step: 3, Loss: 0}, tpe.Trial{State: tpe.Pruned, Step: 9, Loss: 8}, tpe.Trial{State: tpe.Pruned, Step: 9, Loss: math.NaN()}, tpe.Trial{State: tpe.Pruned, Step: 9, Loss: 7}),
			[]int{1, 3},
			[]int{1, 3},
		},
		{
			"the infeasible last, by violation",
			[]tpe.Trial{{Loss: 0, Violation: 2}, {Loss: 9, Violation: 1}, {State: tpe.Pruned, Step: -1}, {Loss: 0, Violation: 3}, {}, {}, {}, {}, {}, {}, {}}[:4],
			[]int{2},
			[]int{2},
		},
		{"of infeasible ones the least", []tpe.Trial{{Violation: 2}, {Violation: 1}, {Violation: 3}}, []int{1}, []int{1}},
		{
			"a failed one never; Optuna does not count it",
			fill(12, tpe.Trial{State: tpe.Failed}, tpe.Trial{Loss: 1}, tpe.Trial{State: tpe.Failed}, tpe.Trial{Loss: 2}),
			[]int{1, 3},
			[]int{1},
		},
		{"an infinite loss is a failure", fill(10, tpe.Trial{Loss: inf}, tpe.Trial{Loss: 4}), []int{1}, []int{1}},
		{"no number is a failure", fill(10, tpe.Trial{Loss: math.NaN()}, tpe.Trial{Loss: 4}), []int{1}, []int{1}},
		{
			"pending ones do not count",
			fill(10, slices.Concat(slices.Repeat([]tpe.Trial{{State: tpe.Pending}}, 5), []tpe.Trial{{Loss: 1}})...),
			[]int{5},
			[]int{5},
		},
		{"25 at most", slices.Repeat([]tpe.Trial{{Loss: 1}}, 400), upTo(25), upTo(25)},
		{"none", nil, nil, nil},
	} {
		if got := below(t, slices.Clone(tt.trials), false); !slices.Equal(got, tt.own) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.own)
		}
		if got := below(t, slices.Clone(tt.trials), true); !slices.Equal(got, tt.optuna) {
			t.Errorf("%s: by Optuna's rules %v, want %v", tt.name, got, tt.optuna)
		}
	}
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// With several losses whole fronts come first. Of the front that is too large
// those are taken that dominate most together: by hand, from (1.4, 1.4) the
// middle one has 0.9·0.9 and the ends, which are the worst of a loss, 1.4·0.4.
func TestSplitOfSeveralLosses(t *testing.T) {
	losses := [][]float64{{0, 1}, {0.5, 0.5}, {1, 0}, {2, 2}, {0.6, 0.6}}
	var trials []tpe.Trial
	for _, l := range losses {
		trials = append(trials, tpe.Trial{Losses: l})
	}
	for len(trials) < 10 {
		trials = append(trials, tpe.Trial{Losses: []float64{5, 5}})
	}
	if got := below(t, slices.Clone(trials), false); !slices.Equal(got, []int{1}) {
		t.Errorf("of 10 trials %v, want [1]", got)
	}
	for len(trials) < 40 {
		trials = append(trials, tpe.Trial{Losses: []float64{5, 5}})
	}
	for i := range trials {
		trials[i].U = nil
	}
	if got := below(t, trials, true); !slices.Equal(got, []int{0, 1, 2, 4}) {
		t.Errorf("of 40 trials %v, want the first front and the only one of the second", got)
	}
}
