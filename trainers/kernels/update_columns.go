package kernels

// The updates of models side by side: w, the states and g are [n×c] row-major,
// and each hyperparameter has one value for each of the c columns. A column
// gets the bits of the flat form with its hyperparameters.

// SGDColumns has the hyperparameters of UpdateSGDColumns, [c] each.
type SGDColumns struct {
	Rate, Momentum, Scale, L2, L1 []float32
	Nesterov                      []float32 // 1 to look ahead, 0 for the heavy ball
}

func (p *SGDColumns) at(j int) SGD {
	return SGD{Rate: p.Rate[j], Momentum: p.Momentum[j], Scale: p.Scale[j], L2: p.L2[j], L1: p.L1[j], Nesterov: p.Nesterov[j] > 0}
}

// UpdateSGDColumns is UpdateSGD on each column. If m is nil, Momentum and
// Nesterov are not read.
func UpdateSGDColumns(w, m, g []float32, n, c int, p SGDColumns) {
	w, g = w[:n*c], g[:n*c]
	if m != nil {
		m = m[:n*c]
	}
	if active != classGo && len(w) > 0 {
		p.vectors(w, m, g, n, c)
		return
	}
	if m == nil {
		for i := range w {
			j := i % c
			one := SGD{Rate: p.Rate[j], Scale: p.Scale[j], L2: p.L2[j], L1: p.L1[j]}
			w[i] = one.plain(w[i], g[i])
		}
		return
	}
	for i := range w {
		one := p.at(i % c)
		w[i], m[i] = one.step(w[i], m[i], g[i])
	}
}

func (p *SGDColumns) vectors(w, m, g []float32, n, c int) {
	var buf joined
	x := columns{p.Rate[:c], p.Scale[:c], p.L2[:c], p.L1[:c]}
	if m != nil {
		x[4], x[5] = p.Momentum[:c], p.Nesterov[:c]
	}
	for i := panels(n, c, &buf, x); i.next(); {
		if m == nil {
			vecSGDPlainColumns(&w[i.at], &g[i.at], i.n, i.c, &i.p)
		} else {
			vecSGDColumns(&w[i.at], &m[i.at], &g[i.at], i.n, i.c, &i.p)
		}
	}
}

// AdamColumns has the hyperparameters of UpdateAdamColumns, [c] each, named as
// in Adam. Columns may be at different steps.
type AdamColumns struct {
	Rate, Beta1, Rest1, Beta2, Rest2, Eps, Fix1, Fix2, Scale, L2, Decay, L1 []float32
}

func (p *AdamColumns) at(j int) Adam {
	return Adam{
		Rate: p.Rate[j], Beta1: p.Beta1[j], Rest1: p.Rest1[j], Beta2: p.Beta2[j], Rest2: p.Rest2[j], Eps: p.Eps[j],
		Fix1: p.Fix1[j], Fix2: p.Fix2[j], Scale: p.Scale[j], L2: p.L2[j], Decay: p.Decay[j], L1: p.L1[j],
	}
}

// UpdateAdamColumns is UpdateAdam on each column.
func UpdateAdamColumns(w, m, v, g []float32, n, c int, p AdamColumns) {
	w, m, v, g = w[:n*c], m[:n*c], v[:n*c], g[:n*c]
	if active != classGo && len(w) > 0 {
		var buf joined
		x := columns{
			p.Rate[:c], p.Scale[:c], p.L2[:c], p.L1[:c], p.Beta1[:c],
			p.Rest1[:c], p.Beta2[:c], p.Rest2[:c], p.Eps[:c], p.Fix1[:c], p.Fix2[:c], p.Decay[:c],
		}
		for i := panels(n, c, &buf, x); i.next(); {
			vecAdamColumns(&w[i.at], &m[i.at], &v[i.at], &g[i.at], i.n, i.c, &i.p)
		}
		return
	}
	for i := range w {
		one := p.at(i % c)
		w[i], m[i], v[i] = one.step(w[i], m[i], v[i], g[i])
	}
}

// AdaGradColumns has the hyperparameters of UpdateAdaGradColumns, [c] each.
type AdaGradColumns struct {
	Rate, Eps, Scale, L2, L1 []float32
}

func (p *AdaGradColumns) at(j int) AdaGrad {
	return AdaGrad{Rate: p.Rate[j], Eps: p.Eps[j], Scale: p.Scale[j], L2: p.L2[j], L1: p.L1[j]}
}

// UpdateAdaGradColumns is UpdateAdaGrad on each column.
func UpdateAdaGradColumns(w, h, g []float32, n, c int, p AdaGradColumns) {
	w, h, g = w[:n*c], h[:n*c], g[:n*c]
	if active != classGo && len(w) > 0 {
		var buf joined
		x := columns{p.Rate[:c], p.Scale[:c], p.L2[:c], p.L1[:c], p.Eps[:c]}
		for i := panels(n, c, &buf, x); i.next(); {
			vecAdaGradColumns(&w[i.at], &h[i.at], &g[i.at], i.n, i.c, &i.p)
		}
		return
	}
	for i := range w {
		one := p.at(i % c)
		w[i], h[i] = one.step(w[i], h[i], g[i])
	}
}

// FTRLColumns has the hyperparameters of UpdateFTRLColumns, [c] each.
type FTRLColumns struct {
	Alpha, Beta, Scale, L2, L1 []float32
}

func (p *FTRLColumns) at(j int) FTRL {
	return FTRL{Alpha: p.Alpha[j], Beta: p.Beta[j], Scale: p.Scale[j], L2: p.L2[j], L1: p.L1[j]}
}

// UpdateFTRLColumns is UpdateFTRL on each column. The counts of squares are s,
// as n is the number of rows here.
func UpdateFTRLColumns(w, z, s, g []float32, n, c int, p FTRLColumns) {
	w, z, s, g = w[:n*c], z[:n*c], s[:n*c], g[:n*c]
	if active != classGo && len(w) > 0 {
		var buf joined
		x := columns{p.Alpha[:c], p.Scale[:c], p.L2[:c], p.L1[:c], p.Beta[:c]}
		for i := panels(n, c, &buf, x); i.next(); {
			vecFTRLColumns(&w[i.at], &z[i.at], &s[i.at], &g[i.at], i.n, i.c, &i.p)
		}
		return
	}
	for i := range w {
		one := p.at(i % c)
		w[i], z[i], s[i] = one.step(w[i], z[i], s[i], g[i])
	}
}
