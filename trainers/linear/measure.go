package linear

import (
	"tourney/dataset"
	"tourney/trainers/kernels"
	"tourney/trainers/metrics"
)

// measured is what a part of a matrix comes to for each fit of a panel.
type measured struct {
	classes []metrics.Classification
	errors  []metrics.Regression
}

// measure sets the sums of metrics of all fits over the rows that of returns
// for their fold, part by part on the pool.
func (h *run) measure(panels []*panel, of func(*fold) *dataset.Matrix) {
	type item struct{ panel, lo int }
	var items []item
	for i, p := range panels {
		for lo := 0; lo < of(p.fold).N; lo += dataset.PartRows {
			items = append(items, item{i, lo})
		}
	}
	sums := make([]measured, len(items))
	h.pool.Do(len(sums), func(i int) {
		p := panels[items[i].panel]
		x := of(p.fold)
		sums[i] = p.measure(x, items[i].lo, min(items[i].lo+dataset.PartRows, x.N))
	})
	for _, p := range panels {
		for _, m := range p.fits {
			m.classes, m.errors = metrics.Classification{}, metrics.Regression{}
		}
	}
	for i, s := range sums {
		for j, m := range panels[items[i].panel].fits {
			m.classes.Merge(s.classes[j])
			m.errors.Merge(s.errors[j])
		}
	}
}

// measure measures the rows lo to hi of x with the panel's weights.
func (p *panel) measure(x *dataset.Matrix, lo, hi int) measured {
	s := measured{make([]metrics.Classification, len(p.fits)), make([]metrics.Regression, len(p.fits))}
	z := make([]float32, blockRows*p.c)
	k := p.outputs
	for ; lo < hi; lo += blockRows {
		n := min(blockRows, hi-lo)
		kernels.Forward(z, x.X[lo*x.D:(lo+n)*x.D], p.w, n, x.D, p.c)
		for i := range n {
			y, w := x.Y[lo+i], 1.0
			if x.W != nil {
				w = float64(x.W[lo+i])
			}
			for j := range p.fits {
				out := z[i*p.c+j*k : i*p.c+(j+1)*k]
				switch {
				case p.regression():
					s.errors[j].AddWeighted(float64(y), p.mean+float64(p.sd*float64(out[0])), w)
				case k == 1:
					p0, p1, _, _ := kernels.Logistic(out[0])
					s.classes[j].AddWeighted([]float32{p0, p1}, int(y), w)
				default:
					kernels.Softmax(out)
					s.classes[j].AddWeighted(out, int(y), w)
				}
			}
		}
	}
	return s
}
