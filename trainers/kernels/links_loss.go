package kernels

// Losses of outputs. Notation:
//
//	n     rows of a block
//	c     columns: one output of each of the models side by side
//	z     [n×c] row-major, the outputs; derivatives of the loss by them after
//	loss  [n×c] row-major, the loss of each output, or nil if nobody asks
//	y     [n], the target of each row
//
// Hyperparameters that may differ among models have one value a column, [c].
// Elements are independent of each other. A NaN among the operands makes the
// loss NaN, so that a diverged model cannot pass for a good one.

// lossOf is the definition of a loss: the derivative and the loss of one output.
type lossOf func(z, y, parameter float32) (derivative, loss float32)

// lossKind names a loss where functions would be too slow to call.
type lossKind int

const (
	logisticKind lossKind = iota
	squaredKind
	huberKind
	quantileKind
	poissonKind
	hingeKind
	squaredHingeKind
)

var lossOfKind = [...]lossOf{
	logisticKind: logisticLoss, squaredKind: squaredLoss, huberKind: huberLoss, quantileKind: quantileLoss,
	poissonKind: poissonLoss, hingeKind: hingeLoss, squaredHingeKind: squaredHingeLoss,
}

// all computes a loss of all elements; parameter is nil for a loss without.
func (k lossKind) all(z, loss, y, parameter []float32, n, c int) {
	z, y = z[:n*c], y[:n]
	if loss != nil {
		loss = loss[:n*c]
	}
	if parameter != nil {
		parameter = parameter[:c]
	}
	switch {
	case len(z) == 0:
	case active == classGo && k == logisticKind && c == 1:
		logisticGo(z, loss, y)
	case active == classGo:
		k.define(z, loss, y, parameter, c)
	case c < narrow:
		k.joined(z, loss, y, parameter, c)
	default:
		p := columns{parameter}
		for i, rows := range rowBlocks(n, c) {
			k.vectors(z[i*c:], y[i:], from(loss, i*c), true, rows, c, &p)
		}
	}
}

// define is the definition of all losses but SoftmaxLoss.
func (k lossKind) define(z, loss, y, parameter []float32, c int) {
	f := lossOfKind[k]
	var p float32
	for i := range z {
		if parameter != nil {
			p = parameter[i%c]
		}
		d, l := f(z[i], y[i/c], p)
		z[i] = d
		if loss != nil {
			loss[i] = l
		}
	}
}

// joined takes rows of few columns: y is repeated for each element.
func (k lossKind) joined(z, loss, y, parameter []float32, c int) {
	var (
		buf      joined
		long     [1024 + narrow]float32 // vecRepeat goes too far
		p, width = columns{parameter}.join(&buf, c)
	)
	for len(y) > 0 {
		rows := min((len(long)-narrow)/c, len(y))
		if c == 1 {
			rows = min(block, len(y))
		}
		each := y[:rows]
		if c > 1 {
			each = long[:rows*c]
			vecRepeat(&long[0], &y[0], rows, c)
		}
		e := rows * c
		whole := e / width
		if parameter == nil {
			whole = 0 // one long row will do
		}
		if whole > 0 {
			k.vectors(z, each, loss, false, whole, width, &p)
		}
		if at := whole * width; at < e {
			k.vectors(z[at:], each[at:], from(loss, at), false, 1, e-at, &p)
		}
		z, loss, y = z[e:], from(loss, e), y[rows:]
	}
}

// from is s[i:], or nil of nil.
func from(s []float32, i int) []float32 {
	if s == nil {
		return nil
	}
	return s[i:]
}

// vectors calls the kernel of vectors.
func (k lossKind) vectors(z, y, loss []float32, byRow bool, n, c int, p *columns) {
	var l *float32
	if loss != nil {
		l = &loss[0]
	}
	switch k {
	case logisticKind:
		vecLogisticAny(&z[0], &y[0], l, byRow, n, c)
	case squaredKind:
		vecSquaredAny(&z[0], &y[0], l, byRow, n, c)
	case huberKind:
		vecHuberAny(&z[0], &y[0], l, byRow, n, c, p)
	case quantileKind:
		vecQuantileAny(&z[0], &y[0], l, byRow, n, c, p)
	case poissonKind:
		vecPoissonAny(&z[0], &y[0], l, byRow, n, c)
	case hingeKind:
		vecHingeAny(&z[0], &y[0], l, byRow, n, c)
	case squaredHingeKind:
		vecSquaredHingeAny(&z[0], &y[0], l, byRow, n, c)
	}
}

// LogisticLoss is the log loss of two classes under the logistic link, for
// targets 0 and 1: the derivative is p1 or -p0, the loss loss0 or loss1, of
// Logistic.
func LogisticLoss(z, loss, y []float32, n, c int) {
	logisticKind.all(z, loss, y, nil, n, c)
}

func logisticLoss(z, y, _ float32) (derivative, loss float32) {
	p0, p1, loss0, loss1 := Logistic(z)
	if y > 0 {
		return -p0, float32(loss1)
	}
	return p1, float32(loss0)
}

// SquaredLoss is (z-y)²/2.
func SquaredLoss(z, loss, y []float32, n, c int) {
	squaredKind.all(z, loss, y, nil, n, c)
}

func squaredLoss(z, y, _ float32) (derivative, loss float32) {
	r := z - y
	return r, float32(r*r) * 0.5
}

// HuberLoss is (z-y)²/2 where |z-y| ≤ delta and delta·(|z-y| - delta/2)
// elsewhere (Huber, "Robust estimation of a location parameter", Ann. Math.
// Statist. 35(1), 1964).
func HuberLoss(z, loss, y, delta []float32, n, c int) {
	huberKind.all(z, loss, y, delta, n, c)
}

func huberLoss(z, y, delta float32) (derivative, loss float32) {
	r := z - y
	a := abs(r)
	derivative = r
	if r > delta {
		derivative = delta
	}
	if r < -delta {
		derivative = -delta
	}
	loss = float32(r*r) * 0.5
	if a > delta {
		loss = delta * (a - float32(0.5*delta))
	}
	return derivative, loss
}

// QuantileLoss is the pinball loss, tau·(y-z) where z is below y and
// (1-tau)·(z-y) where it is above (Koenker and Bassett, "Regression quantiles",
// Econometrica 46(1), 1978). Of the subgradients at z = y it takes 0.
func QuantileLoss(z, loss, y, tau []float32, n, c int) {
	quantileKind.all(z, loss, y, tau, n, c)
}

func quantileLoss(z, y, tau float32) (derivative, loss float32) {
	r := z - y
	derivative = r // 0, or NaN
	slope := -tau
	if r > 0 {
		slope = 1 - tau
		derivative = slope
	}
	if r < 0 {
		derivative = slope
	}
	return derivative, slope * r
}

// PoissonLoss is the negative log likelihood of counts under the log link, but
// for its term without z: e^z - y·z.
func PoissonLoss(z, loss, y []float32, n, c int) {
	poissonKind.all(z, loss, y, nil, n, c)
}

func poissonLoss(z, y, _ float32) (derivative, loss float32) {
	e := Exp(z)
	return e - y, e - float32(y*z)
}

// HingeLoss is max(0, 1-s·z), where s is -1 for the target 0 and 1 for the
// target 1. Of the subgradients at the bend it takes 0.
func HingeLoss(z, loss, y []float32, n, c int) {
	hingeKind.all(z, loss, y, nil, n, c)
}

func hingeLoss(z, y, _ float32) (derivative, loss float32) {
	s, m := margin(z, y)
	if m <= 0 {
		return 0, 0
	}
	return -s, m
}

// SquaredHingeLoss is the square of HingeLoss.
func SquaredHingeLoss(z, loss, y []float32, n, c int) {
	squaredHingeKind.all(z, loss, y, nil, n, c)
}

func squaredHingeLoss(z, y, _ float32) (derivative, loss float32) {
	s, m := margin(z, y)
	if m <= 0 {
		return 0, 0
	}
	return float32(-2*s) * m, m * m
}

// margin returns the sign of the class and how far 1 is above s·z.
func margin(z, y float32) (s, m float32) {
	s = -1
	if y > 0 {
		s = 1
	}
	return s, 1 - float32(s*z)
}
