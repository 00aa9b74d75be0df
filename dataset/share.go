package dataset

import "math"

// Share returns the same data with the first share of the rows to train on, in
// (0, 1]: what a rung whose budget is rows trains on. What was fitted stays as
// all training rows have taught it, and nothing is copied.
func (d *Data) Share(share float64) *Data {
	if !(share > 0 && share < 1) {
		return d
	}
	out := *d
	out.Folds = make([]*Fold, len(d.Folds))
	for i, f := range d.Folds {
		cut := *f
		cut.Train = f.Train.head(max(1, int(math.Ceil(share*float64(f.Train.N)-1e-9))))
		out.Folds[i] = &cut
	}
	return &out
}

// head returns the first n rows of a matrix.
func (m *Matrix) head(n int) *Matrix {
	out := *m
	out.N, out.Y = n, m.Y[:n:n]
	if m.W != nil {
		out.W = m.W[:n:n]
	}
	if m.X != nil {
		out.X = m.X[: n*m.D : n*m.D]
	}
	if m.RowPtr != nil {
		out.RowPtr = m.RowPtr[: n+1 : n+1]
	}
	out.Spans = nil
	for _, s := range m.Spans {
		if rows := min(n, s.To-s.From); rows > 0 {
			out.Spans = append(out.Spans, Span{s.From, s.From + rows})
			n -= rows
		}
	}
	return &out
}
