package kernels

import "math"

// Updates of weights by a gradient. Notation, per coordinate:
//
//	w        weight
//	g        gradient as it was summed; grad = g·Scale + L2·w is what counts
//	Rate     step length
//	Scale    what makes a mean of the sum, or clips its norm
//	L1, L2   penalties L1·|w| and L2·w²/2
//
// L1 acts by the proximal step of the penalty, after the step and in its
// metric: the result is drawn towards 0 by (step length of the coordinate)·L1,
// and is 0 if it is nearer to 0 than that (Duchi, Hazan and Singer, "Adaptive
// subgradient methods for online learning and stochastic optimization", JMLR
// 12, 2011, section 5). All products are rounded before they are added; a
// weight never becomes -0. Each function has a second form, in
// update_columns.go, for models side by side.

// SGD has the hyperparameters of UpdateSGD.
type SGD struct {
	Rate, Momentum, Scale, L2, L1 float32
	Nesterov                      bool // look ahead by the momentum; else heavy ball
}

// UpdateSGD takes a step of gradient descent with momentum, as PyTorch defines
// it: m = Momentum·m + grad; the step is along m for the heavy ball (Polyak,
// "Some methods of speeding up the convergence of iteration methods", 1964),
// and along grad + Momentum·m for Nesterov's (Sutskever et al., "On the
// importance of initialization and momentum in deep learning", ICML 2013). If m
// is nil, the step is along grad: what Momentum 0 gives.
func UpdateSGD(w, m, g []float32, p SGD) {
	g = g[:len(w)]
	if m != nil {
		m = m[:len(w)]
	}
	if active != classGo {
		p.vectors(w, m, g)
		return
	}
	for i := range w {
		if m == nil {
			w[i] = p.plain(w[i], g[i])
		} else {
			w[i], m[i] = p.step(w[i], m[i], g[i])
		}
	}
}

func (p *SGD) grad(w, g float32) float32 {
	return float32(g*p.Scale) + float32(p.L2*w)
}

func (p *SGD) plain(w, g float32) float32 {
	return shrink(w-float32(p.Rate*p.grad(w, g)), float32(p.Rate*p.L1))
}

func (p *SGD) step(w, m, g float32) (float32, float32) {
	g = p.grad(w, g)
	m = float32(p.Momentum*m) + g
	along := m
	if p.Nesterov {
		along = float32(p.Momentum*m) + g
	}
	return shrink(w-float32(p.Rate*along), float32(p.Rate*p.L1)), m
}

func (p *SGD) vectors(w, m, g []float32) {
	h := scalarsOf(p.Rate, p.Scale, p.L2, p.L1, p.Momentum, 0)
	if p.Nesterov {
		h[5] = math.Float32bits(1)
	}
	for i, c := range blocks(len(w)) {
		if m == nil {
			vecSGDPlain(&w[i], &g[i], c, &h)
		} else {
			vecSGD(&w[i], &m[i], &g[i], c, &h)
		}
	}
}

// Adam has the hyperparameters of UpdateAdam at one step t, counted from 1.
// What is told of 1-β is rounded once: 1-float32(0.999) would be 5e-5 off.
type Adam struct {
	Rate         float32
	Beta1, Rest1 float32 // β1 and 1-β1
	Beta2, Rest2 float32 // β2 and 1-β2
	Eps          float32 // added to the root of the second moment
	Fix1, Fix2   float32 // 1/(1-β1^t) and 1/√(1-β2^t)
	Scale, L2    float32
	Decay        float32 // of the weights themselves, as in AdamW
	L1           float32
}

// UpdateAdam takes a step of Adam (Kingma and Ba, "Adam: a method for
// stochastic optimization", ICLR 2015, Algorithm 1), or of AdamW if there is a
// Decay (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR
// 2019, Algorithm 2):
//
//	m = Beta1·m + Rest1·grad
//	v = Beta2·v + Rest2·grad²
//	w = w - Rate·Decay·w - Rate/(√v·Fix2 + Eps) · m·Fix1
func UpdateAdam(w, m, v, g []float32, p Adam) {
	m, v, g = m[:len(w)], v[:len(w)], g[:len(w)]
	if active != classGo {
		h := p.scalars()
		for i, c := range blocks(len(w)) {
			vecAdam(&w[i], &m[i], &v[i], &g[i], c, &h)
		}
		return
	}
	for i := range w {
		w[i], m[i], v[i] = p.step(w[i], m[i], v[i], g[i])
	}
}

func (p *Adam) step(w, m, v, g float32) (float32, float32, float32) {
	g = float32(g*p.Scale) + float32(p.L2*w)
	m = float32(p.Beta1*m) + float32(p.Rest1*g)
	v = float32(p.Beta2*v) + float32(p.Rest2*float32(g*g))
	eta := p.Rate / (float32(sqrt(v)*p.Fix2) + p.Eps)
	w -= float32(float32(p.Rate*p.Decay) * w)
	return shrink(w-float32(eta*float32(m*p.Fix1)), float32(eta*p.L1)), m, v
}

func (p *Adam) scalars() scalars {
	return scalarsOf(p.Rate, p.Scale, p.L2, p.L1, p.Beta1, p.Rest1, p.Beta2, p.Rest2, p.Eps, p.Fix1, p.Fix2, p.Decay)
}

// AdaGrad has the hyperparameters of UpdateAdaGrad.
type AdaGrad struct {
	Rate, Eps, Scale, L2, L1 float32
}

// UpdateAdaGrad takes a step of AdaGrad (Duchi, Hazan and Singer, as above),
// with the small number outside of the root:
//
//	h = h + grad²
//	w = w - Rate/(√h + Eps) · grad
func UpdateAdaGrad(w, h, g []float32, p AdaGrad) {
	h, g = h[:len(w)], g[:len(w)]
	if active != classGo {
		x := scalarsOf(p.Rate, p.Scale, p.L2, p.L1, p.Eps)
		for i, c := range blocks(len(w)) {
			vecAdaGrad(&w[i], &h[i], &g[i], c, &x)
		}
		return
	}
	for i := range w {
		w[i], h[i] = p.step(w[i], h[i], g[i])
	}
}

func (p *AdaGrad) step(w, h, g float32) (float32, float32) {
	g = float32(g*p.Scale) + float32(p.L2*w)
	h += float32(g * g)
	eta := p.Rate / (sqrt(h) + p.Eps)
	return shrink(w-float32(eta*g), float32(eta*p.L1)), h
}

// FTRL has the hyperparameters of UpdateFTRL, in the letters of its paper: the
// step lengths are Alpha/(Beta + √n), and L1 and L2 are λ1 and λ2.
type FTRL struct {
	Alpha, Beta, Scale, L2, L1 float32
}

// UpdateFTRL takes a step of FTRL-proximal (McMahan et al., "Ad click
// prediction: a view from the trenches", KDD 2013, Algorithm 1). Its state is z
// and n, and w follows from it; the gradient was taken at w:
//
//	n' = n + (g·Scale)²
//	σ  = (√n' - √n)/Alpha
//	z' = z + (g·Scale - σ·w)
//	w' = 0 if |z'| ≤ L1, else -(z' - sign(z')·L1) / ((Beta + √n')/Alpha + L2)
func UpdateFTRL(w, z, n, g []float32, p FTRL) {
	z, n, g = z[:len(w)], n[:len(w)], g[:len(w)]
	if active != classGo {
		h := scalarsOf(p.Alpha, p.Scale, p.L2, p.L1, p.Beta)
		for i, c := range blocks(len(w)) {
			vecFTRL(&w[i], &z[i], &n[i], &g[i], c, &h)
		}
		return
	}
	for i := range w {
		w[i], z[i], n[i] = p.step(w[i], z[i], n[i], g[i])
	}
}

func (p *FTRL) step(w, z, n, g float32) (float32, float32, float32) {
	g = float32(g * p.Scale)
	before := sqrt(n)
	n += float32(g * g)
	after := sqrt(n)
	sigma := (after - before) / p.Alpha
	z += g - float32(sigma*w)
	w = 0 - shrink(z, p.L1)/((p.Beta+after)/p.Alpha+p.L2)
	return w, z, n
}

// scalarsOf are the bits of hyperparameters, in the order of their kernel.
func scalarsOf(values ...float32) (p scalars) {
	for i, v := range values {
		p[i] = math.Float32bits(v)
	}
	return p
}

// shrink draws v towards 0 by t ≥ 0, and to 0 at most. NaN stays NaN.
func shrink(v, t float32) float32 {
	switch {
	case v > t:
		return v - t
	case v < -t:
		return v + t
	}
	return v - v // 0, or NaN
}

// sqrt is the square root, rounded once: the root in float64 of a float32 is
// never so near to a tie that its rounding would matter.
func sqrt(x float32) float32 {
	return float32(math.Sqrt(float64(x)))
}
