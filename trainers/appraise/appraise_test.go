package appraise_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/appraise"
)

// reference is what scikit-learn and numpy say of the same predictions:
// roc_curve, roc_auc_score, confusion_matrix, calibration_curve, quantile.
type reference struct {
	Y, P, W               []float32
	FPR, TPR, WFPR, WTPR  []float64
	AUC, WAUC             float64
	Confusion, WConfusion [][]float64
	Share, Mean           []float64
	Reg                   struct {
		T, Q      []float32
		Mean, SD  float64
		Quartiles []float64
	}
	Multi struct {
		Y, P      []float32
		Confusion [][]float64
		AUC       []float64
	}
}

func read(t *testing.T) *reference {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "sklearn.json"))
	if err != nil {
		t.Fatal(err)
	}
	r := &reference{}
	if err := json.Unmarshal(text, r); err != nil {
		t.Fatal(err)
	}
	return r
}

// echo says what stands in the first columns of a dense matrix.
type echo struct {
	json.Marshaler
	binary bool // the first column is the probability of the second class
	k      int
}

func (e echo) Predict(m *dataset.Matrix, lo, hi int, out []float32) {
	for i := lo; i < hi; i++ {
		row, to := m.X[i*m.D:(i+1)*m.D], out[(i-lo)*e.k:(i-lo+1)*e.k]
		if e.binary {
			to[0], to[1] = 1-row[0], row[0]
		} else {
			copy(to, row[:e.k])
		}
	}
}

// data is test rows of n×d numbers, each column of its own.
func data(task tourney.Task, classes []string, y, w, x []float32, names ...string) *dataset.Data {
	inputs := make([]dataset.Input, len(names))
	for i, name := range names {
		inputs[i] = dataset.Input{Name: name, Kind: tourney.Number, Numbers: make([]dataset.Number, 1)}
	}
	return &dataset.Data{
		Task: task, Classes: classes, Folds: []*dataset.Fold{{Prep: &dataset.Pipeline{Inputs: inputs}}},
		Test: &dataset.Matrix{N: len(y), D: len(names), Y: y, W: w, X: x},
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-12*math.Max(1, math.Abs(b)) }

// on says whether a point is one of a curve or lies between two of its points.
func on(x, y float64, xs, ys []float64) bool {
	for i := 1; i < len(xs); i++ {
		if x < xs[i-1]-1e-12 || x > xs[i]+1e-12 {
			continue
		}
		dx, dy := xs[i]-xs[i-1], ys[i]-ys[i-1]
		if math.Abs(dx*(y-ys[i-1])-dy*(x-xs[i-1])) < 1e-12 && y >= ys[i-1]-1e-12 && y <= ys[i]+1e-12 {
			return true
		}
	}
	return false
}

func TestCurvesAreThoseOfScikitLearn(t *testing.T) {
	t.Parallel()
	r := read(t)
	for _, c := range []struct {
		name     string
		w        []float32
		fpr, tpr []float64
		auc      float64
		counts   [][]float64
	}{{"rows alike", nil, r.FPR, r.TPR, r.AUC, r.Confusion}, {"weighted", r.W, r.WFPR, r.WTPR, r.WAUC, r.WConfusion}} {
		a := appraise.Model(echo{binary: true, k: 2}, data(tourney.Classification, []string{"no", "yes"}, r.Y, c.w, r.P, "p"))
		if a.Rows != len(r.Y) || len(a.ROC) != 1 || a.ROC[0].Class != "yes" {
			t.Fatalf("%s: %d rows, curves %v", c.name, a.Rows, a.ROC)
		}
		got := a.ROC[0]
		if !near(got.AUC, c.auc) {
			t.Errorf("%s: AUC %v, want %v", c.name, got.AUC, c.auc)
		}
		area := 0.0
		for i := range got.FPR {
			if !on(got.FPR[i], got.TPR[i], c.fpr, c.tpr) {
				t.Errorf("%s: (%v, %v) is not on the curve", c.name, got.FPR[i], got.TPR[i])
			}
			if i > 0 {
				area += (got.FPR[i] - got.FPR[i-1]) * (got.TPR[i] + got.TPR[i-1]) / 2
			}
		}
		if !near(area, c.auc) {
			t.Errorf("%s: the corners enclose %v, want %v", c.name, area, c.auc)
		}
		if !slices.EqualFunc(a.Confusion, c.counts, slices.Equal) {
			t.Errorf("%s: confusion %v, want %v", c.name, a.Confusion, c.counts)
		}
	}
	a := appraise.Model(echo{binary: true, k: 2}, data(tourney.Classification, []string{"no", "yes"}, r.Y, nil, r.P, "p"))
	if len(a.Calibration) != len(r.Mean) {
		t.Fatalf("%d bins, want %d", len(a.Calibration), len(r.Mean))
	}
	rows := 0.0
	for i, b := range a.Calibration {
		if !near(b.Mean, r.Mean[i]) || !near(b.Share, r.Share[i]) {
			t.Errorf("bin %d: mean %v share %v, want %v and %v", i, b.Mean, b.Share, r.Mean[i], r.Share[i])
		}
		rows += b.Rows
	}
	if rows != float64(len(r.Y)) {
		t.Errorf("the bins have %v rows of %d", rows, len(r.Y))
	}
}

func TestManyClasses(t *testing.T) {
	t.Parallel()
	r := read(t)
	a := appraise.Model(echo{k: 4}, data(tourney.Classification, []string{"a", "b", "c", "d"}, r.Multi.Y, nil, r.Multi.P, "a", "b", "c", "d"))
	if !slices.EqualFunc(a.Confusion, r.Multi.Confusion, slices.Equal) {
		t.Errorf("confusion %v, want %v", a.Confusion, r.Multi.Confusion)
	}
	for i, curve := range a.ROC {
		if !near(curve.AUC, r.Multi.AUC[i]) || len(curve.FPR) > 100 {
			t.Errorf("class %s: AUC %v of %d points, want %v", curve.Class, curve.AUC, len(curve.FPR), r.Multi.AUC[i])
		}
		if last := len(curve.FPR) - 1; curve.FPR[0] != 0 || curve.TPR[0] != 0 || curve.FPR[last] != 1 || curve.TPR[last] != 1 {
			t.Errorf("class %s: the curve goes from (%v, %v) to (%v, %v)", curve.Class, curve.FPR[0], curve.TPR[0], curve.FPR[last], curve.TPR[last])
		}
	}
}

func TestResidualsAreThoseOfNumpy(t *testing.T) {
	t.Parallel()
	r := read(t).Reg
	a := appraise.Model(echo{k: 1}, data(tourney.Regression, nil, r.T, nil, r.Q, "q"))
	got := a.Residuals
	if !near(got.Mean, r.Mean) || !near(got.SD, r.SD) {
		t.Errorf("mean %v sd %v, want %v and %v", got.Mean, got.SD, r.Mean, r.SD)
	}
	for i, q := range r.Quartiles {
		if !near(got.Quartiles[i], q) {
			t.Errorf("quartile %d is %v, want %v", i, got.Quartiles[i], q)
		}
	}
	count := 0
	for _, b := range got.Histogram {
		count += b.Count
	}
	if count != len(r.T) || len(got.Points) != len(r.T) {
		t.Errorf("the bars have %d rows, and there are %d points, of %d", count, len(got.Points), len(r.T))
	}
}

// A model that looks at one of two columns: shuffling that one makes its squared
// error twice the column's variance in the mean, the other one nothing at all.
func TestOnlyWhatIsLookedAtMatters(t *testing.T) {
	t.Parallel()
	const n = 2000
	x, y := make([]float32, 0, 2*n), make([]float32, n)
	for i := range n {
		v := float32(i%100)/50 - 0.99 // uniform over 100 values, of variance (100²-1)/12/50²
		x, y[i] = append(x, v, float32(i)), v
	}
	a := appraise.Model(echo{k: 1}, data(tourney.Regression, nil, y, nil, x, "used", "idle"))
	if a.Sampled != n || len(a.Importance) != 2 || a.Importance[0].Column != "used" || a.Importance[1].Rise != 0 {
		t.Fatalf("importance %v on %d rows", a.Importance, a.Sampled)
	}
	want := 2 * (100*100 - 1) / 12.0 / 2500
	if got := a.Importance[0].Rise; math.Abs(got-want) > 0.05*want {
		t.Errorf("the error grows by %v, want about %v", got, want)
	}
	again := appraise.Model(echo{k: 1}, data(tourney.Regression, nil, y, nil, x, "used", "idle"))
	if again.Importance[0] != a.Importance[0] {
		t.Errorf("twice the same is %v and %v", a.Importance[0], again.Importance[0])
	}
}

// The same rows as entries of a sparse matrix matter the same.
func TestSparseRowsAreShuffledAlike(t *testing.T) {
	t.Parallel()
	const n, d = 300, 3
	dense := data(tourney.Regression, nil, make([]float32, n), nil, make([]float32, n*d), "a", "b", "c")
	sparse := &dataset.Matrix{N: n, D: d, Y: dense.Test.Y, RowPtr: []int64{0}}
	for i := range n {
		for j := range d {
			if v := float32((i*(j+2)+j)%7) - 2; v > 0 {
				dense.Test.X[i*d+j] = v
				sparse.Col, sparse.Val = append(sparse.Col, uint32(j)), append(sparse.Val, v)
			}
		}
		sparse.RowPtr = append(sparse.RowPtr, int64(len(sparse.Col)))
		dense.Test.Y[i] = dense.Test.X[i*d] + 2*dense.Test.X[i*d+1]
	}
	want := appraise.Model(sum{}, dense).Importance
	other := *dense
	other.Test = sparse
	if got := appraise.Model(sum{}, &other).Importance; !slices.Equal(got, want) {
		t.Errorf("sparse %v, dense %v", got, want)
	}
	if want[0].Column != "b" || want[2].Column != "c" || want[2].Rise != 0 {
		t.Errorf("order %v, want b, a, and c without any", want)
	}
}

// sum says the first column and twice the second.
type sum struct{ json.Marshaler }

func (sum) Predict(m *dataset.Matrix, lo, hi int, out []float32) {
	for i := lo; i < hi; i++ {
		v := [3]float32{}
		if m.RowPtr == nil {
			copy(v[:], m.X[i*3:i*3+3])
		} else {
			for e := m.RowPtr[i]; e < m.RowPtr[i+1]; e++ {
				v[m.Col[e]] = m.Val[e]
			}
		}
		out[i-lo] = v[0] + 2*v[1]
	}
}

func TestWhatIsNoNumberIsNotAppraised(t *testing.T) {
	t.Parallel()
	bad := []float32{1, float32(math.NaN())}
	if a := appraise.Model(echo{k: 1}, data(tourney.Regression, nil, []float32{1, 2}, nil, bad, "x")); a != nil {
		t.Errorf("%+v", a)
	}
	if a := appraise.Model(echo{k: 1}, &dataset.Data{Task: tourney.Regression}); a != nil {
		t.Errorf("without test rows: %+v", a)
	}
}
