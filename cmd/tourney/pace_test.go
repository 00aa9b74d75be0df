package main

import (
	"slices"
	"testing"
	"time"

	"tourney"
)

// sweepAt is a sweep of 100 trials of which some have ended.
func sweepAt(ended int, best float64) *tourney.Sweep {
	return &tourney.Sweep{
		Spec:   tourney.Spec{RunCap: 100, Method: tourney.MethodRandom, Parameters: tourney.Space{{Name: "x", Distribution: tourney.Uniform, Max: 1}}},
		State:  tourney.SweepRunning,
		Counts: map[tourney.TrialState]int{tourney.TrialCompleted: ended, tourney.TrialRunning: 2},
		Best:   &tourney.Trial{Value: &best},
	}
}

// 20 trials in 10 seconds are 2 a second, and leave 80 at 40 seconds.
func TestPace(t *testing.T) {
	var p pace
	start := time.Unix(1_800_000_000, 0)
	p.note(start, sweepAt(0, 0.9))
	if p.line(sweepAt(0, 0.9)) != "" {
		t.Error("a rate is told before it is known")
	}
	p.note(start.Add(10*time.Second), sweepAt(20, 0.5))
	s := sweepAt(20, 0.5)
	if got, want := p.line(s), ", 2 trials/s, about 40s left"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if want := []float64{0.9, 0.5}; !slices.Equal(p.bests, want) {
		t.Errorf("%v, want %v", p.bests, want)
	}
	// What is older than the window counts no more: 30 in the last 60 seconds.
	p.note(start.Add(5*time.Minute), sweepAt(20, 0.5))
	p.note(start.Add(6*time.Minute), sweepAt(50, 0.5))
	if got, want := p.line(sweepAt(50, 0.5)), ", 30 trials/min, about 2m left"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSparkline(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		slots  int
		want   string
	}{
		{nil, 8, ""},
		{[]float64{1}, 8, ""},
		{[]float64{0, 7}, 8, "▁█"},
		{[]float64{7, 6, 5, 4, 3, 2, 1, 0}, 8, "█▇▆▅▄▃▂▁"},
		{[]float64{0, 1, 2, 3, 4, 5, 6, 7}, 4, "▁▃▅█"}, // of 1, 3, 5, 7: a third each of seven levels
		{[]float64{2, 2}, 8, "██"},
	} {
		if got := sparkline(tt.values, tt.slots); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.values, got, tt.want)
		}
	}
	if got, want := doneBar(25, 100, 8), "[██······]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := doneBar(300, 100, 4); got != "[████]" {
		t.Error(got)
	}
}

// Lines that were drawn on a wider terminal take more rows on a narrow one.
func TestRowsOf(t *testing.T) {
	if got := rowsOf([]int{80, 0, 79}, 100); got != 3 {
		t.Errorf("%d rows, want 3", got)
	}
	if got := rowsOf([]int{80, 0, 79}, 40); got != 5 {
		t.Errorf("%d rows, want 5", got)
	}
}

func TestIncumbents(t *testing.T) {
	value := func(v float64) tourney.Trial { return tourney.Trial{State: tourney.TrialCompleted, Value: &v} }
	trials := []tourney.Trial{value(3), {State: tourney.TrialFailed}, value(5), value(2), value(2), value(1)}
	if got := incumbents(trials, tourney.Minimize); !slices.Equal(got, []float64{3, 2, 1}) {
		t.Errorf("%v", got)
	}
	if got := incumbents(trials, tourney.Maximize); !slices.Equal(got, []float64{3, 5}) {
		t.Errorf("%v", got)
	}
}
