package dataset_test

import (
	"reflect"
	"testing"

	"tourney/dataset"
)

// A third of seven rows is three, of every form, and the whole is left alone.
func TestShare(t *testing.T) {
	y := []float32{0, 1, 2, 3, 4, 5, 6}
	valid := &dataset.Matrix{N: 1, D: 2}
	data := &dataset.Data{Folds: []*dataset.Fold{
		{Valid: valid, Train: &dataset.Matrix{N: 7, D: 2, Y: y, W: y, X: []float32{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6}}},
		{Valid: valid, Train: &dataset.Matrix{N: 7, D: 9, Y: y, RowPtr: []int64{4, 5, 5, 8, 9, 9, 10, 12}}},
		{Valid: valid, Train: &dataset.Matrix{N: 7, D: 1, Y: y, Spans: []dataset.Span{{From: 0, To: 2}, {From: 5, To: 10}}}},
	}}
	cut := data.Share(1.0 / 3)
	for i, f := range cut.Folds {
		if f.Train.N != 3 || !reflect.DeepEqual(f.Train.Y, y[:3]) || f.Valid != valid {
			t.Errorf("fold %d: %+v", i, f.Train)
		}
	}
	if x := cut.Folds[0].Train; !reflect.DeepEqual(x.X, []float32{0, 0, 1, 1, 2, 2}) || len(x.W) != 3 {
		t.Errorf("dense: %+v", x)
	}
	if p := cut.Folds[1].Train.RowPtr; !reflect.DeepEqual(p, []int64{4, 5, 5, 8}) {
		t.Errorf("sparse: %v", p)
	}
	if s := cut.Folds[2].Train.Spans; !reflect.DeepEqual(s, []dataset.Span{{From: 0, To: 2}, {From: 5, To: 6}}) {
		t.Errorf("binned: %v", s)
	}
	if data.Folds[0].Train.N != 7 || data.Share(0) != data || data.Share(1) != data {
		t.Error("the whole has changed")
	}
	if n := data.Share(1e-9).Folds[0].Train.N; n != 1 {
		t.Errorf("the least share has %d rows", n)
	}
}
