package metrics_test

import (
	"math"
	"testing"

	"tourney/trainers/metrics"
)

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// Expected values are printed by testdata/reference.py.
func TestMetricsEqualScikitLearn(t *testing.T) {
	var three metrics.Classification
	for i, p := range [][]float32{{.7, .2, .1}, {.1, .3, .6}, {1, 0, 0}, {1, 0, 0}, {.4, .4, .2}, {.25, .25, .5}, {.05, .9, .05}} {
		three.Add(p, []int{0, 2, 0, 1, 1, 2, 0}[i])
	}
	near(t, "log loss of three classes", three.LogLoss(), 3.059293508529663, 1e-6)
	near(t, "accuracy of three classes", three.Accuracy(), 0.5714285714285714, 1e-15)

	var two metrics.Classification
	for i, q := range []float32{.9, .5, .25, .75, .125} {
		two.Add([]float32{1 - q, q}, []int{1, 0, 0, 1, 1}[i])
	}
	near(t, "log loss of two classes", two.LogLoss(), 0.690662682056427, 1e-6)
	near(t, "accuracy of two classes", two.Accuracy(), 0.8, 1e-15)

	var r metrics.Regression
	y := []float32{3, -0.5, 2, 7, 4.25}
	for i, z := range []float64{2.5, 0.0, 2, 8, -1.75} {
		r.Add(float64(y[i]), z)
	}
	_, spread := metrics.Moments(y, nil, 4096)
	near(t, "rmse", r.RMSE(), 2.7386127875258306, 1e-15)
	near(t, "mae", r.MAE(), 1.6, 1e-15)
	near(t, "r2", r.R2(spread), -0.22149837133550476, 1e-15)
}

// By hand: targets 1 2 3 4 about their mean 2.5 have squares 2.25 .25 .25 2.25;
// predicted as 1 2 3 2 the only error is 2.
func TestRegressionByHand(t *testing.T) {
	var r metrics.Regression
	y := []float32{1, 2, 3, 4}
	for i, z := range []float64{1, 2, 3, 2} {
		r.Add(float64(y[i]), z)
	}
	mean, spread := metrics.Moments(y, nil, 3)
	if mean != 2.5 || spread != 5 {
		t.Errorf("moments %v %v, want 2.5 5", mean, spread)
	}
	if r.RMSE() != 1 || r.MAE() != 0.5 {
		t.Errorf("rmse %v, mae %v, want 1 0.5", r.RMSE(), r.MAE())
	}
	near(t, "r2", r.R2(spread), 0.2, 1e-15)
}

func TestClassificationByHand(t *testing.T) {
	var c metrics.Classification
	c.Add([]float32{0.5, 0.5}, 0) // a tie goes to class 0
	c.Add([]float32{0.75, 0.25}, 1)
	if c.Accuracy() != 0.5 {
		t.Errorf("accuracy %v, want 0.5", c.Accuracy())
	}
	near(t, "log loss", c.LogLoss(), (math.Ln2+2*math.Ln2)/2, 1e-15)

	var clipped metrics.Classification
	clipped.Add([]float32{1, 0}, 1)
	near(t, "log loss of a certain error", clipped.LogLoss(), 23*math.Ln2, 1e-14)
	clipped = metrics.Classification{}
	clipped.Add([]float32{1, 0}, 0)
	near(t, "log loss of a certain hit", clipped.LogLoss(), -math.Log1p(-0x1p-23), 1e-15)
}

func TestR2OfEqualTargets(t *testing.T) {
	var exact, wrong, nan metrics.Regression
	exact.Add(2, 2)
	wrong.Add(2, 3)
	nan.Add(2, math.NaN())
	if exact.R2(0) != 1 || wrong.R2(0) != 0 || !math.IsNaN(nan.R2(0)) {
		t.Errorf("r2 %v %v %v, want 1 0 NaN", exact.R2(0), wrong.R2(0), nan.R2(0))
	}
}

func TestWhatIsNotANumberShows(t *testing.T) {
	nan := float32(math.NaN())
	var c metrics.Classification
	c.Add([]float32{nan, nan}, 1)
	if !math.IsNaN(c.LogLoss()) {
		t.Errorf("log loss of NaN = %v", c.LogLoss())
	}
	var r metrics.Regression
	r.Add(1, math.Inf(1))
	if !math.IsInf(r.RMSE(), 1) || !math.IsInf(r.MAE(), 1) {
		t.Errorf("rmse %v and mae %v of an infinite prediction", r.RMSE(), r.MAE())
	}
}

// Merging parts in order gives the sums of the parts in order, whatever was
// measured first.
func TestPartsMerge(t *testing.T) {
	var parts [3]metrics.Regression
	var classes [3]metrics.Classification
	for _, i := range []int{2, 0, 1} {
		parts[i].Add(float64(i), 0.1)
		classes[i].Add([]float32{0.3, 0.7}, i%2)
	}
	var r metrics.Regression
	var c metrics.Classification
	for i := range parts {
		r.Merge(parts[i])
		c.Merge(classes[i])
	}
	near(t, "mae", r.MAE(), (0.1+0.9+1.9)/3, 1e-15)
	near(t, "rmse", r.RMSE(), math.Sqrt((0.01+0.81+3.61)/3), 1e-15)
	near(t, "accuracy", c.Accuracy(), 1.0/3, 1e-15)
	near(t, "log loss", c.LogLoss(), -(2*math.Log(float64(float32(0.3)))+math.Log(float64(float32(0.7))))/3, 1e-15)
}

// A row of weight 2 is two rows, and one of weight 0 is none.
func TestWeightsAreRepetitions(t *testing.T) {
	var weighted, repeated metrics.Classification
	var wr, rr metrics.Regression
	y, w := []float32{3, -0.5, 2, 7, 4.25}, []float32{2, 0, 1, 3, 1}
	var ys []float32
	for i, q := range []float32{.9, .5, .25, .75, .125} {
		p, class, z := []float32{1 - q, q}, []int{1, 0, 0, 1, 1}[i], float64(10*q)
		weighted.AddWeighted(p, class, float64(w[i]))
		wr.AddWeighted(float64(y[i]), z, float64(w[i]))
		for range int(w[i]) {
			repeated.Add(p, class)
			rr.Add(float64(y[i]), z)
			ys = append(ys, y[i])
		}
	}
	near(t, "log loss", weighted.LogLoss(), repeated.LogLoss(), 1e-15)
	near(t, "accuracy", weighted.Accuracy(), repeated.Accuracy(), 1e-15)
	near(t, "rmse", wr.RMSE(), rr.RMSE(), 1e-14)
	near(t, "mae", wr.MAE(), rr.MAE(), 1e-14)
	mean, spread := metrics.Moments(y, w, 2)
	wantMean, wantSpread := metrics.Moments(ys, nil, 4096)
	near(t, "mean", mean, wantMean, 1e-14)
	near(t, "spread", spread, wantSpread, 1e-13)
}
