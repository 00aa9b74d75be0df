package linear

import "tourney/trainers/kernels"

// columns is the hyperparameters of each column, [c], and of the intercepts,
// which no penalty is on.
type columns struct {
	rate, scale, momentum, nesterov, beta1, rest1, beta2, rest2, fix1, fix2, eps, ftrlBeta, l1, l2, none []float32
}

// epsilon is what keeps adam and adagrad from dividing by 0.
const epsilon = 1e-8

// setColumns sets the hyperparameters that do not change during a pass.
func (d *descent) setColumns() {
	b := &d.by
	each := func(of func(*fit) float32) []float32 {
		v := make([]float32, d.c)
		for i, m := range d.fits {
			for j := range d.k {
				v[i*d.k+j] = of(m)
			}
		}
		return v
	}
	b.rate = each(func(m *fit) float32 { return m.rate })
	b.scale, b.none = make([]float32, d.c), make([]float32, d.c)
	b.l1 = each(func(m *fit) float32 { return m.l1 })
	b.l2 = each(func(m *fit) float32 { return m.l2 })
	switch d.fits[0].optimizer {
	case optSGD:
		b.momentum = each(func(m *fit) float32 { return m.momentum })
		b.nesterov = each(func(m *fit) float32 {
			if m.nesterov {
				return 1
			}
			return 0
		})
	case optAdam:
		b.beta1, b.rest1 = each(func(m *fit) float32 { return float32(m.beta1) }), each(func(m *fit) float32 { return float32(1 - m.beta1) })
		b.beta2, b.rest2 = each(func(m *fit) float32 { return float32(m.beta2) }), each(func(m *fit) float32 { return float32(1 - m.beta2) })
		b.fix1, b.fix2 = make([]float32, d.c), make([]float32, d.c)
		b.eps = each(func(*fit) float32 { return epsilon })
	case optAdaGrad:
		b.eps = each(func(*fit) float32 { return epsilon })
	case optFTRL:
		b.ftrlBeta = each(func(m *fit) float32 { return m.ftrlBeta })
	}
}

// update takes a step with the weights of the features j0 to j1 of the columns
// from to to.
func (d *descent) update(j0, j1, from, to int, l1, l2 []float32) {
	c := to - from // as wide as the panel, or of one feature
	cut := func(v []float32) []float32 { return v[j0*d.c+from : (j1-1)*d.c+to] }
	b := &d.by
	w, g, n := cut(d.w), cut(d.sum.g), j1-j0
	switch {
	case n == 0:
		return
	case d.c == 1:
		d.lone(w, g, j0, j1, l1[0], l2[0])
		return
	}
	switch d.fits[0].optimizer {
	case optSGD:
		p := kernels.SGDColumns{Rate: b.rate[from:to], Momentum: b.momentum[from:to], Scale: b.scale[from:to], L2: l2[from:to], L1: l1[from:to], Nesterov: b.nesterov[from:to]}
		var v []float32
		if len(d.state) > 0 {
			v = cut(d.state[0])
		}
		kernels.UpdateSGDColumns(w, v, g, n, c, p)
	case optAdam:
		kernels.UpdateAdamColumns(w, cut(d.state[0]), cut(d.state[1]), g, n, c, kernels.AdamColumns{
			Rate: b.rate[from:to], Beta1: b.beta1[from:to], Rest1: b.rest1[from:to], Beta2: b.beta2[from:to], Rest2: b.rest2[from:to],
			Eps: b.eps[from:to], Fix1: b.fix1[from:to], Fix2: b.fix2[from:to], Scale: b.scale[from:to], L2: l2[from:to], Decay: b.none[from:to], L1: l1[from:to],
		})
	case optAdaGrad:
		kernels.UpdateAdaGradColumns(w, cut(d.state[0]), g, n, c, kernels.AdaGradColumns{
			Rate: b.rate[from:to], Eps: b.eps[from:to], Scale: b.scale[from:to], L2: l2[from:to], L1: l1[from:to],
		})
	case optFTRL:
		kernels.UpdateFTRLColumns(w, cut(d.state[0]), cut(d.state[1]), g, n, c, kernels.FTRLColumns{
			Alpha: b.rate[from:to], Beta: b.ftrlBeta[from:to], Scale: b.scale[from:to], L2: l2[from:to], L1: l1[from:to],
		})
	}
}

// lone is update for one column, which lies in one piece.
func (d *descent) lone(w, g []float32, j0, j1 int, l1, l2 float32) {
	b := &d.by
	state := func(i int) []float32 { return d.state[i][j0:j1] }
	switch d.fits[0].optimizer {
	case optSGD:
		var v []float32
		if len(d.state) > 0 {
			v = state(0)
		}
		kernels.UpdateSGD(w, v, g, kernels.SGD{Rate: b.rate[0], Momentum: b.momentum[0], Scale: b.scale[0], L2: l2, L1: l1, Nesterov: b.nesterov[0] > 0})
	case optAdam:
		kernels.UpdateAdam(w, state(0), state(1), g, kernels.Adam{
			Rate: b.rate[0], Beta1: b.beta1[0], Rest1: b.rest1[0], Beta2: b.beta2[0], Rest2: b.rest2[0],
			Eps: b.eps[0], Fix1: b.fix1[0], Fix2: b.fix2[0], Scale: b.scale[0], L2: l2, L1: l1,
		})
	case optAdaGrad:
		kernels.UpdateAdaGrad(w, state(0), g, kernels.AdaGrad{Rate: b.rate[0], Eps: b.eps[0], Scale: b.scale[0], L2: l2, L1: l1})
	case optFTRL:
		kernels.UpdateFTRL(w, state(0), state(1), g, kernels.FTRL{Alpha: b.rate[0], Beta: b.ftrlBeta[0], Scale: b.scale[0], L2: l2, L1: l1})
	}
}
