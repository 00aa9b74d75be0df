package kernels

// The elementary functions over whole slices. Each gives, element by element,
// the bits of the function of one value. dst and src have one length; they are
// the same slice or do not overlap.

// ExpAll computes Exp of each element.
func ExpAll(dst, src []float32) {
	dst = dst[:len(src)]
	if active != classGo {
		for i, c := range blocks(len(src)) {
			vecExp(&dst[i], &src[i], c)
		}
		return
	}
	expGo(dst, src)
}

// LogAll computes Log of each element.
func LogAll(dst, src []float32) {
	dst = dst[:len(src)]
	if active != classGo {
		for i, c := range blocks(len(src)) {
			vecLog(&dst[i], &src[i], c)
		}
		return
	}
	for i, x := range src {
		dst[i] = Log(x)
	}
}

// SigmoidAll computes Sigmoid of each element.
func SigmoidAll(dst, src []float32) {
	dst = dst[:len(src)]
	if active != classGo {
		for i, c := range blocks(len(src)) {
			vecSigmoid(&dst[i], &src[i], c)
		}
		return
	}
	sigmoidGo(dst, src)
}

// TanhAll computes Tanh of each element.
func TanhAll(dst, src []float32) {
	dst = dst[:len(src)]
	if active != classGo {
		for i, c := range blocks(len(src)) {
			vecTanh(&dst[i], &src[i], c)
		}
		return
	}
	for i, x := range src {
		dst[i] = Tanh(x)
	}
}
