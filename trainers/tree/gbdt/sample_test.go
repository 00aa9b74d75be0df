package gbdt_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tourney"
	"tourney/trainers/tree/gbdt"
)

func bag(t *testing.T, params tourney.Params, seed uint64, round int, y []float32) []int32 {
	t.Helper()
	rows, err := gbdt.Bag(params, seed, round, y, make([]float32, len(y)), make([]float32, len(y)))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestBaggingDrawsItsShareAndHoldsItForItsRounds(t *testing.T) {
	const n = 20_000
	y := make([]float32, n)
	for i := range y {
		y[i] = float32(i % 2)
	}
	params := tourney.Params{"bagging_fraction": 0.3, "bagging_freq": 3}
	first := bag(t, params, 5, 0, y)
	// 6,000 rows expected, with a deviation of √(n·0.3·0.7) = 65.
	if len(first) < 5700 || len(first) > 6300 || !slices.IsSorted(first) {
		t.Errorf("%d rows of %d", len(first), n)
	}
	if !slices.Equal(first, bag(t, params, 5, 2, y)) {
		t.Error("other rows within bagging_freq")
	}
	for what, other := range map[string][]int32{
		"the next draw": bag(t, params, 5, 3, y), "another seed": bag(t, params, 6, 0, y),
	} {
		same := 0
		for _, row := range other {
			if _, found := slices.BinarySearch(first, row); found {
				same++
			}
		}
		// Of independent draws 1,800 rows are the same, with a deviation of 40.
		if same < 1600 || same > 2000 {
			t.Errorf("%s has %d of the rows too", what, same)
		}
	}
	if rows := bag(t, tourney.Params{"bagging_fraction": 0.5}, 5, 1, y); rows == nil {
		t.Error("a fraction without bagging_freq has no effect")
	}
	if rows := bag(t, tourney.Params{"bagging_fraction": 0.5, "bagging_freq": 0}, 5, 1, y); rows != nil {
		t.Error("bagging_freq 0 draws rows")
	}
	positive := 0
	rows := bag(t, tourney.Params{"neg_bagging_fraction": 0.1, "pos_bagging_fraction": 0.9}, 5, 1, y)
	for _, row := range rows {
		positive += int(row % 2)
	}
	if negative := len(rows) - positive; positive < 8800 || positive > 9200 || negative < 880 || negative > 1120 {
		t.Errorf("%d rows of class 1 and %d of class 0, want 9,000 and 1,000", positive, negative)
	}
	if rows := bag(t, tourney.Params{"bagging_fraction": 1e-9}, 5, 1, y); len(rows) != 1 {
		t.Errorf("%d rows where hardly one is drawn", len(rows))
	}
}

// Goss keeps the rows with the largest gradients and makes the others count for
// those that are left out: sums of gradients stay what they were, but for
// chance.
func TestGossIsUnbiased(t *testing.T) {
	const n, top, other = 20_000, 0.1, 0.2
	rng := rand.New(rand.NewPCG(7, 7))
	y, grad, hess := make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range n {
		grad[i], hess[i] = float32(rng.NormFloat64()), float32(rng.Float64())
	}
	size := func(i int) float64 { return math.Abs(float64(grad[i] * hess[i])) }
	var sizes []float64
	for i := range n {
		sizes = append(sizes, size(i))
	}
	slices.Sort(sizes)
	bound, before, want := sizes[n-n/10], 0.0, 0.0
	for i := range n {
		if size(i) < bound {
			before += float64(hess[i])
		}
		want += float64(hess[i])
	}
	plain := slices.Clone(hess)
	params := tourney.Params{"boosting": "goss", "top_rate": top, "other_rate": other, "learning_rate": 0.5}
	rows, err := gbdt.Bag(params, 1, 2, y, grad, hess)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < n*29/100 || len(rows) > n*31/100 {
		t.Errorf("%d rows of %d", len(rows), n)
	}
	kept, sum := 0, 0.0
	for _, row := range rows {
		sum += float64(hess[row])
		if sizes := math.Abs(float64(plain[row] * grad[row] * plain[row] / hess[row])); sizes >= bound {
			kept++
			if hess[row] != plain[row] {
				t.Fatalf("row %d has a large gradient and was multiplied", row)
			}
		} else if ratio := hess[row] / plain[row]; math.Abs(float64(ratio)-(1-top)/other) > 1e-5 {
			t.Fatalf("row %d was multiplied by %v, want %v", row, ratio, (1-top)/other)
		}
	}
	if kept != n/10 {
		t.Errorf("%d of the %d largest are kept", kept, n/10)
	}
	if math.Abs(sum-want) > 0.05*want {
		t.Errorf("hessians sum to %v, before to %v", sum, want)
	}
	if rows, err := gbdt.Bag(params, 1, 1, y, grad, hess); err != nil || rows != nil {
		t.Errorf("goss draws %d rows in the first 1/learning_rate rounds", len(rows))
	}
}

// Every round dropped is one that there is, once; no more than max_drop; and
// the weights are LightGBM's: k dropped rounds and the new one share what the k
// had, as k/(k+1) and 1/(k+1) of a learning rate.
func TestDartWeights(t *testing.T) {
	for _, c := range []struct {
		params tourney.Params
		beside float64 // what the new round counts among the dropped ones
	}{
		{tourney.Params{"drop_rate": 0.4, "skip_drop": 0.3, "max_drop": 5, "learning_rate": 0.2}, 1},
		{tourney.Params{"drop_rate": 0.4, "skip_drop": 0.3, "max_drop": 5, "learning_rate": 0.2, "uniform_drop": true}, 1},
		{tourney.Params{"drop_rate": 0.4, "skip_drop": 0.3, "max_drop": 5, "learning_rate": 0.2, "xgboost_dart_mode": true}, 0.2},
	} {
		const rounds = 400
		dropped, weights, err := gbdt.Drops(c.params, 11, rounds)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float64, rounds)
		skipped, some := 0, 0
		for r, drops := range dropped {
			if len(drops) > 5 || !slices.IsSorted(drops) || len(slices.Compact(slices.Clone(drops))) != len(drops) || len(drops) > 0 && drops[len(drops)-1] >= r {
				t.Fatalf("round %d drops %v", r, drops)
			}
			k := float64(len(drops))
			want[r] = 0.2
			if k > 0 {
				want[r] = 0.2 / (k + c.beside)
				some++
			} else {
				skipped++
			}
			for _, i := range drops {
				want[i] *= k / (k + c.beside)
			}
		}
		// Of 400 rounds 120 skip, with a deviation of 9; with a rate of up to
		// 5/round dropping none by chance is rare but at the beginning.
		if skipped < 85 || skipped > 165 {
			t.Errorf("%v: %d of %d rounds drop nothing", c.params, skipped, rounds)
		}
		for i := range want {
			if math.Abs(weights[i]-want[i]) > 1e-12 {
				t.Errorf("%v: round %d weighs %v, want %v", c.params, i, weights[i], want[i])
			}
		}
	}
}

func TestTrialsThatDifferInRoundsAreTrainedOnce(t *testing.T) {
	data := toys(100, kind{classes: 2, folds: 1})
	for _, c := range []struct {
		a, b         tourney.Params
		seedA, seedB uint64
		want         bool
	}{
		{tourney.Params{"num_iterations": 50}, tourney.Params{"n_estimators": 90, "early_stopping_round": 5}, 1, 2, true},
		{tourney.Params{"learning_rate": 0.2}, tourney.Params{"eta": 0.2}, 1, 2, true},
		{tourney.Params{"learning_rate": 0.2}, tourney.Params{"learning_rate": 0.1}, 1, 1, false},
		{tourney.Params{"bagging_fraction": 0.5}, tourney.Params{"bagging_fraction": 0.5}, 1, 2, false},
		{tourney.Params{"bagging_fraction": 0.5}, tourney.Params{"bagging_fraction": 0.5}, 1, 1, true},
		{tourney.Params{"bagging_fraction": 0.5, "seed": 4}, tourney.Params{"bagging_fraction": 0.5, "seed": 4}, 1, 2, true},
		{tourney.Params{"boosting": "dart"}, tourney.Params{"boosting": "dart"}, 1, 2, false},
		{tourney.Params{"extra_trees": true}, tourney.Params{"extra_trees": true}, 1, 2, false},
		{tourney.Params{"monotone_constraints": "a:1"}, tourney.Params{}, 1, 1, false},
	} {
		got, err := gbdt.Shares(data, c.a, c.b, c.seedA, c.seedB)
		if err != nil || got != c.want {
			t.Errorf("%v with seed %d and %v with seed %d: shared %v, %v; want %v", c.a, c.seedA, c.b, c.seedB, got, err, c.want)
		}
	}
}
