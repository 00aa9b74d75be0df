package appraise

import (
	"math"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
)

const (
	maxRows   = 200_000 // test rows that are looked at, the first of the shuffled ones
	batchRows = 1024
)

// Model appraises a model on the test rows of a final job's data. It is nil if
// there are none, and if the model says something that is not a number.
func Model(m heat.Model, data *dataset.Data) *tourney.Appraisal {
	test := data.Test
	if test == nil || test.N == 0 {
		return nil
	}
	n, k := min(test.N, maxRows), max(1, len(data.Classes))
	out := predict(m, test, n, k)
	if !finite(out) || !finite(test.Y[:n]) {
		return nil
	}
	rows := &rows{n: n, k: k, y: test.Y[:n], out: out}
	if test.W != nil {
		rows.w = test.W[:n]
	}
	a := &tourney.Appraisal{Rows: n}
	if data.Task == tourney.Classification {
		a.Classes, a.Confusion = rows.confusion(data.Classes)
		a.ROC = rows.rocs(data.Classes)
		a.Calibration = rows.calibration()
	} else {
		a.Residuals = rows.residuals()
	}
	a.Importance, a.Sampled = importance(m, data, rows)
	return a
}

// predict returns the outputs for the first n rows, [n×k] row-major.
func predict(m heat.Model, x *dataset.Matrix, n, k int) []float32 {
	out := make([]float32, n*k)
	for lo := 0; lo < n; lo += batchRows {
		hi := min(lo+batchRows, n)
		m.Predict(x, lo, hi, out[lo*k:hi*k])
	}
	return out
}

func finite(x []float32) bool {
	for _, v := range x {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return false
		}
	}
	return true
}

// rows is what a model said of rows, beside what is true of them.
type rows struct {
	n, k int
	y    []float32 // [n]
	w    []float32 // [n]; nil: all are alike
	out  []float32 // [n×k] row-major
}

func (r *rows) weight(i int) float64 {
	if r.w == nil {
		return 1
	}
	return float64(r.w[i])
}

// class returns the class that is predicted for a row: of equally probable ones
// the first.
func (r *rows) class(i int) int {
	p := r.out[i*r.k : (i+1)*r.k]
	top := 0
	for j, v := range p {
		if v > p[top] {
			top = j
		}
	}
	return top
}
