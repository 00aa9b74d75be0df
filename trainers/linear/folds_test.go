package linear_test

import (
	"math"
	"slices"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/trainertest"
)

// folded returns data of three folds of unlike sizes. The widths differ too, as
// those of categories do of which a fold has seen fewer levels.
func folded(classes int) *dataset.Data {
	d := data(300, 90, 4, classes, false)
	d.Folds = append(d.Folds, data(350, 40, 5, classes, false).Folds[0], data(310, 80, 4, classes, false).Folds[0])
	return d
}

func TestFoldsAreATrainer(t *testing.T) {
	for _, classes := range []int{0, 2, 3} {
		s := suite(300, 4, classes, map[bool]string{true: "rmse", false: "logloss"}[classes == 0])
		s.Rung = folded(classes)
		s.Run(t)
	}
}

// A trial of several folds is as many trials of one fold, side by side: it has
// the bits of each, the means of their metrics, and the deviations.
func TestFoldsAreTheirOwnTrials(t *testing.T) {
	for _, classes := range []int{0, 3} {
		metric := map[bool]string{true: "rmse", false: "accuracy"}[classes == 0]
		all := folded(classes)
		params := tourney.Params{"learning_rate": 0.1, "momentum": 0.5, "batch_size": int64(64)}
		together := train(t, all, metric, 6, params, seven[1])[0]
		var alone []*trainertest.Trial
		for i, f := range all.Folds {
			one := *all
			one.Folds = []*dataset.Fold{f}
			trial := train(t, &one, metric, 6, params)[0]
			alone = append(alone, trial)
			want := weights(t, &one, 0, trial.Final)
			got := weights(t, all, i, together.Final)
			if !slices.Equal(got, want) {
				t.Errorf("%d classes, fold %d: other bits than alone", classes, i)
			}
		}
		best := math.Inf(1)
		for step, p := range together.Points {
			for name, got := range p.Metrics {
				base, sd := name, false
				if len(name) > 3 && name[len(name)-3:] == "_sd" {
					base, sd = name[:len(name)-3], true
				}
				mean, square := 0.0, 0.0
				for _, a := range alone {
					mean += a.Points[step].Metrics[base] / 3
				}
				for _, a := range alone {
					d := a.Points[step].Metrics[base] - mean
					square += d * d / 3
				}
				want := mean
				if sd {
					want = math.Sqrt(square)
				}
				if math.Abs(got-want) > 1e-12*max(1, math.Abs(want)) {
					t.Errorf("step %d: %s is %v, want %v", step+1, name, got, want)
				}
			}
			if want := map[int]int{0: 10, 3: 14}[classes]; len(p.Metrics) != want {
				t.Errorf("metrics %v, want %d", p.Metrics, want)
			}
			goal, _ := tourney.LookupMetric(metric)
			best = min(best, tourney.Metric{Name: metric, Goal: goal.Goal}.Loss(p.Metrics[metric]))
		}
		if got := *together.Ended.Value; math.Abs(got) != math.Abs(best) {
			t.Errorf("value %v, the best mean is %v", got, best)
		}
	}
}

// weighted gives the rows of a matrix weights, and repeat repeats each row as
// often as its weight says.
func weighted(m *dataset.Matrix, w func(i int) float32) *dataset.Matrix {
	out := *m
	out.W = make([]float32, m.N)
	for i := range out.W {
		out.W[i] = w(i)
	}
	return &out
}

func repeat(m *dataset.Matrix) *dataset.Matrix {
	out := &dataset.Matrix{D: m.D}
	for i := range m.N {
		for range int(m.W[i]) {
			out.N++
			out.X = append(out.X, m.X[i*m.D:(i+1)*m.D]...)
			out.Y = append(out.Y, m.Y[i])
		}
	}
	return out
}

// A row of weight 3 is three rows, in training and in metrics: the gradient of
// all rows is the same, but for rounding.
func TestWeightsAreRepetitions(t *testing.T) {
	for _, classes := range []int{0, 2, 3} {
		d := data(400, 200, 3, classes, false)
		one, other := *d, *d
		f := d.Folds[0]
		w := func(i int) float32 { return float32(i * 7 % 4) }
		train3, valid3 := weighted(f.Train, w), weighted(f.Valid, w)
		one.Folds = []*dataset.Fold{{Train: train3, Valid: valid3}}
		other.Folds = []*dataset.Fold{{Train: repeat(train3), Valid: repeat(valid3)}}
		metric := map[bool]string{true: "rmse", false: "logloss"}[classes == 0]
		params := tourney.Params{"learning_rate": 0.3, "batch_size": int64(1_000_000), "l2": 0.01, "momentum": 0.5}
		a, b := train(t, &one, metric, 10, params)[0], train(t, &other, metric, 10, params)[0]
		for i := range a.Points {
			for name, got := range a.Points[i].Metrics {
				if want := b.Points[i].Metrics[name]; math.Abs(got-want) > 1e-4*max(1, math.Abs(want)) {
					t.Errorf("%d classes, step %d: %s is %v, of repeated rows %v", classes, i+1, name, got, want)
				}
			}
		}
		if unweighted := train(t, d, metric, 10, params)[0]; math.Abs(*unweighted.Ended.Value-*a.Ended.Value) < 1e-4 {
			t.Errorf("%d classes: weights change nothing; the test has no force", classes)
		}
	}
}

// Equal weights of any size change no bit of a model.
func TestEqualWeightsChangeNothing(t *testing.T) {
	for _, classes := range []int{0, 2, 3} {
		d := data(400, 200, 3, classes, false)
		same := *d
		f := d.Folds[0]
		eight := func(int) float32 { return 8 }
		same.Folds = []*dataset.Fold{{Train: weighted(f.Train, eight), Valid: weighted(f.Valid, eight)}}
		metric := map[bool]string{true: "rmse", false: "logloss"}[classes == 0]
		params := tourney.Params{"learning_rate": 0.1, "batch_size": int64(50), "l2": 0.01}
		a, b := train(t, d, metric, 3, params)[0], train(t, &same, metric, 3, params)[0]
		if !slices.Equal(weights(t, d, 0, a.Final), weights(t, d, 0, b.Final)) || math.Abs(*a.Ended.Value-*b.Ended.Value) > 1e-12 {
			t.Errorf("%d classes: %v with weights, %v without", classes, b.Ended, a.Ended)
		}
	}
}
