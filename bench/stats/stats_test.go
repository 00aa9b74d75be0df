package stats_test

import (
	"math"
	"testing"

	"tourney/bench/stats"
)

// The p-values are those of scipy.stats.mannwhitneyu(a, b).pvalue, 1.17.1.
func TestMannWhitney(t *testing.T) {
	row := func(n int, f func(i int) float64) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = f(i)
		}
		return out
	}
	for _, tt := range []struct {
		name string
		a, b []float64
		want float64
	}{
		{"three against three", []float64{1, 2, 3}, []float64{4, 5, 6}, 0.1},
		{"four against four", []float64{1, 2, 3, 4}, []float64{5, 6, 7, 8}, 0.02857142857142857},
		{"ties", []float64{1, 2, 2, 3}, []float64{2, 3, 4, 4, 5}, 0.07854585095119067},
		{"ties, uneven", []float64{1, 5, 2, 8, 3}, []float64{4, 9, 7, 10, 6, 11}, 0.05194805194805195},
		{"twenty", row(20, func(i int) float64 { return float64(i * 7 % 23) }), row(20, func(i int) float64 { return float64(i*5%23) + 3.5 }), 0.21840551261012597},
		{"ten with ties", []float64{3, 1, 4, 1, 5, 9, 2, 6, 5, 3}, []float64{5, 8, 9, 7, 9, 3, 2, 3, 8, 4}, 0.1584864424178698},
		{"nine against eleven", row(9, func(i int) float64 { return float64(i + 1) }), row(11, func(i int) float64 { return float64(i) + 3.5 }), 0.03339814633921801},
		{"all alike", []float64{1, 1, 1}, []float64{1, 1, 1}, 1},
	} {
		if got := stats.MannWhitney(tt.a, tt.b); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%s: p = %v, want %v", tt.name, got, tt.want)
		}
		if got := stats.MannWhitney(tt.b, tt.a); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%s, the other way round: p = %v, want %v", tt.name, got, tt.want)
		}
	}
	if p := stats.MannWhitney(nil, []float64{1}); p != 1 {
		t.Errorf("nothing against one: p = %v", p)
	}
	inf := math.Inf(1)
	if p := stats.MannWhitney([]float64{inf, inf, inf, inf}, []float64{1, 2, 3, 4}); !(p < 0.05) {
		t.Errorf("infinities against numbers: p = %v", p)
	}
}

func TestMedian(t *testing.T) {
	inf := math.Inf(1)
	for _, tt := range []struct {
		values []float64
		want   float64
	}{{[]float64{3, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}, {[]float64{inf, 1, inf}, inf}, {[]float64{inf, inf}, inf}, {[]float64{7}, 7}} {
		if got := stats.Median(tt.values); got != tt.want {
			t.Errorf("Median(%v) = %v, want %v", tt.values, got, tt.want)
		}
	}
	if !math.IsNaN(stats.Median(nil)) {
		t.Error("there is a median of nothing")
	}
}

func TestGeometricMean(t *testing.T) {
	if got := stats.GeometricMean([]float64{1, 10, 100}); math.Abs(got-10) > 1e-12 {
		t.Errorf("of 1, 10, 100: %v", got)
	}
}
