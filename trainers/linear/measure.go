package linear

import (
	"tourney/dataset"
	"tourney/trainers/kernels"
	"tourney/trainers/metrics"
)

// measured is what a part of a matrix comes to for each model of a panel.
type measured struct {
	classes []metrics.Classification
	errors  []metrics.Regression
}

// measure sets the sums of metrics of all models over the rows of x, part by
// part on the pool.
func (h *run) measure(panels []*panel, x *dataset.Matrix) {
	parts := (x.N + dataset.PartRows - 1) / dataset.PartRows
	sums := make([]measured, len(panels)*parts)
	h.pool.Do(len(sums), func(i int) {
		lo := i % parts * dataset.PartRows
		sums[i] = panels[i/parts].measure(x, lo, min(lo+dataset.PartRows, x.N))
	})
	for i, p := range panels {
		for j, m := range p.models {
			m.classes, m.errors = metrics.Classification{}, metrics.Regression{}
			for _, s := range sums[i*parts : (i+1)*parts] {
				m.classes.Merge(s.classes[j])
				m.errors.Merge(s.errors[j])
			}
		}
	}
}

// measure measures the rows lo to hi of x with the panel's weights.
func (p *panel) measure(x *dataset.Matrix, lo, hi int) measured {
	s := measured{make([]metrics.Classification, len(p.models)), make([]metrics.Regression, len(p.models))}
	z := make([]float32, blockRows*p.c)
	k := p.outputs
	for ; lo < hi; lo += blockRows {
		n := min(blockRows, hi-lo)
		kernels.Forward(z, x.X[lo*x.D:(lo+n)*x.D], p.w, n, x.D, p.c)
		for i := range n {
			y := x.Y[lo+i]
			for j := range p.models {
				out := z[i*p.c+j*k : i*p.c+(j+1)*k]
				switch {
				case p.regression():
					s.errors[j].Add(float64(y), p.mean+float64(p.sd*float64(out[0])))
				case k == 1:
					p0, p1, _, _ := kernels.Logistic(out[0])
					s.classes[j].Add([]float32{p0, p1}, int(y))
				default:
					kernels.Softmax(out)
					s.classes[j].Add(out, int(y))
				}
			}
		}
	}
	return s
}
