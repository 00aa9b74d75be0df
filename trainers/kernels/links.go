package kernels

// Softmax turns the outputs z of one row into probabilities,
// exp(z-max) / Σ exp(z-max), the sum in order. It returns the logarithm of
// Σ exp(z), which is what the row's log loss lacks but its output: the loss of
// class y is lse - z[y]. An output that is not finite makes lse so.
func Softmax(z []float32) (lse float64) {
	top := z[0]
	for _, v := range z[1:] {
		if v > top {
			top = v
		}
	}
	var sum float32
	for c, v := range z {
		e := Exp(v - top)
		z[c] = e
		sum += e
	}
	for c := range z {
		z[c] /= sum
	}
	return float64(top) + float64(Log(sum))
}

// Logistic returns the probabilities of the classes 0 and 1 for one output z,
// that of class 1 being 1/(1+exp(-z)), and the log losses if the one or the
// other is true. None of them loses its small digits, nor overflows.
func Logistic(z float32) (p0, p1 float32, loss0, loss1 float64) {
	up := z > 0
	a := z
	if up {
		a = -z
	}
	e := Exp(a) // at most 1
	s := 1 + e
	likely, unlikely := 1/s, e/s
	l := float64(Log(s))
	if up {
		return unlikely, likely, l - float64(a), l
	}
	return likely, unlikely, l, l - float64(a)
}
