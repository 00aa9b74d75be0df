package linear_test

import (
	"math"
	"slices"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/linear"
	"tourney/trainers/linear/lbfgs"
	"tourney/trainers/trainertest"
)

// enough is so many rows that L-BFGS begins with two stages of few features.
const enough = 40_000

// Trials that begin on a sample keep the rules of trials: bits do not depend on
// company, slots or resuming. One fold has no stage, one has two.
func TestStagesAreATrainer(t *testing.T) {
	if testing.Short() {
		t.Skip("trains on 40,000 rows")
	}
	s := suite(4_000, 3, 2, "logloss")
	s.Rung.Folds = append(s.Rung.Folds, data(enough, 200, 3, 2, false).Folds[0])
	s.Final = data(enough, 100, 3, 2, true)
	s.Params = []tourney.Params{
		{"optimizer": "lbfgs", "l2": 0.01, "tol": 0.0},
		{"optimizer": "lbfgs", "l1": 0.005, "tol": 0.0, "loss": "squared_hinge"},
		{"optimizer": "lbfgs", "l2": 0.001, "class_weight": "balanced"},
	}
	s.Budget = 3
	s.Run(t)
}

// Beginning on samples ends at the minimum that all rows alone lead to, after
// fewer passes over all rows, in CSR form by the same bits.
func TestStagesReachTheMinimumInFewerPasses(t *testing.T) {
	d := data(enough, 500, 6, 2, false)
	params := tourney.Params{"optimizer": "lbfgs", "l2": 0.001, "tol": 1e-5}

	w := make([]float32, 7)
	whole := lbfgs.New(w, lbfgs.Options{L2: 0.001, Free: 1, Tol: 1e-5})
	passes := 0
	for whole.State() == lbfgs.Going {
		g, f, err := linear.Gradient(d, params, whole.Point())
		if err != nil {
			t.Fatal(err)
		}
		whole.Take(f, g)
		passes++
	}

	pool := heat.NewPool(2)
	defer pool.Close()
	rows, got, err := linear.Evaluations(d, pool, params)
	if err != nil {
		t.Fatal(err)
	}
	full, few := 0, 0
	for _, n := range rows {
		if n == enough {
			full++
		} else {
			few += n
		}
	}
	if full == 0 || full > passes*2/3 || few > enough*3/2 || !slices.IsSorted(rows) || rows[0] == enough {
		t.Errorf("%d evaluations on all rows, where %d without stages; those before on %d rows together: %v", full, passes, few, rows)
	}
	_, loss, err := linear.Gradient(d, params, got)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if i < len(got)-1 {
			loss += float64(v) * float64(v) * 0.001 / 2
		}
		if of := whole.X()[i]; math.Abs(float64(v-of)) > 1e-3 {
			t.Errorf("weight %d is %v, without stages %v", i, v, of)
		}
	}
	if loss > whole.F()+1e-7 {
		t.Errorf("the least value is %v, without stages %v", loss, whole.F())
	}
	trials := []*trainertest.Trial{train(t, d, "logloss", 100, params)[0], train(t, sparseData(d), "logloss", 100, params)[0]}
	if !sameBytes(trials[0].Final, trials[1].Final) {
		t.Error("other bits of CSR than of dense rows")
	}
	if !slices.Equal(weights(t, d, 0, trials[0].Final), got) {
		t.Error("other weights in a heat than alone")
	}
}

// A sample whose rows mislead changes nothing about where a trial ends: the
// first rows have one class alone, and outputs that overflow on the others.
func TestStagesOfRowsThatMislead(t *testing.T) {
	d := data(20_000, 500, 3, 2, false)
	f := d.Folds[0].Train
	order := &dataset.Matrix{N: f.N, D: f.D}
	for class := range 2 {
		for i := range f.N {
			if int(f.Y[i]) == class {
				order.X, order.Y = append(order.X, f.X[i*f.D:(i+1)*f.D]...), append(order.Y, f.Y[i])
			}
		}
	}
	sorted := *d
	sorted.Folds = []*dataset.Fold{{Train: order, Valid: d.Folds[0].Valid}}
	params := tourney.Params{"optimizer": "lbfgs", "l2": 0.01, "tol": 1e-5}
	want, got := train(t, d, "logloss", 100, params)[0], train(t, &sorted, "logloss", 100, params)[0]
	at := weights(t, &sorted, 0, got.Final)
	for i, v := range weights(t, d, 0, want.Final) {
		if math.Abs(float64(at[i]-v)) > 5e-4 || got.Ended.Step > 50 {
			t.Errorf("sorted by class: weight %d is %v after %d steps, want %v", i, at[i], got.Ended.Step, v)
		}
	}

	counts := &dataset.Matrix{N: 20_000, D: 1}
	for i := range counts.N { // the sample says that the rate rises steeply
		x, y := float32(i%2), float32(i%2*50)
		if i >= counts.N/8 {
			x, y = float32(i%2*100), float32(1)
		}
		counts.X, counts.Y = append(counts.X, x), append(counts.Y, y)
	}
	p := &dataset.Data{Task: tourney.Regression, Folds: []*dataset.Fold{{Train: counts, Valid: counts}}}
	trial := train(t, p, "rmse", 100, tourney.Params{"optimizer": "lbfgs", "loss": "poisson"})[0]
	if trial.Ended.Outcome != tourney.OutcomeDone {
		t.Errorf("ended as %v", trial.Ended)
	}
}
