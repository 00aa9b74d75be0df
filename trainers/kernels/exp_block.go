package kernels

import "math"

// expWide is how many elements an expBlock takes.
const expWide = 4 * LossRows

// abreast is elements of an expBlock.
type abreast = [expWide]float32

// expBlock computes Exp of many numbers without assembly. A step of Exp waits
// for the one before, but not for those of other numbers: all of them take a
// step before any takes the next, so that the processor has always something to
// do.
type expBlock struct {
	n    abreast          // exponents
	r, p [expWide]float64 // the rest of an argument, and the polynomial; float32 values
}

const (
	// A float64 is rounded to the 24 bits of a float32 by adding one half of
	// their last and cutting off what is behind it. This is right but for ties,
	// which are what is left 0 behind the cut: those are for FMA.
	halfTail = 1 << 28
	tail     = 1<<29 - 1
)

// exp computes dst[i] = Exp(src[i]), or changes nothing and reports false if an
// element needs more care than is taken here. The two may be one.
//
// No step has a result so small that a float32 has fewer bits for it: where n is
// 0 the argument itself is the rest, and elsewhere that is a multiple of 2^-44.
func (b *expBlock) exp(dst, src *abreast) bool {
	for i, x := range src {
		if !(x >= expMin && x <= expMax) {
			return false
		}
		n := float32(float32(x*log2e)+toInt) - toInt
		b.n[i] = n
		v := math.Float64bits(float64(float64(n)*-ln2HiF)+float64(x)) + halfTail
		q := v &^ tail
		r := math.Float64frombits(q)
		w := math.Float64bits(float64(float64(n)*-ln2LoF)+r) + halfTail
		t := w &^ tail
		if v == q || w == t {
			return false
		}
		r = math.Float64frombits(t)
		b.r[i] = r
		v = math.Float64bits(float64(exp7*r)+exp6) + halfTail
		q = v &^ tail
		if v == q {
			return false
		}
		b.p[i] = math.Float64frombits(q)
	}
	if !b.step(exp5) || !b.step(exp4) || !b.step(exp3) || !b.step(0.5) || !b.step(1) || !b.step(1) {
		return false
	}
	for i, p := range b.p {
		dst[i] = float32(p * math.Float64frombits(uint64(1023+int64(b.n[i]))<<52))
	}
	return true
}

// step takes the polynomials to p·r + c, and reports false if one is a tie.
func (b *expBlock) step(c float64) bool {
	for i := 0; i < len(b.p); i += 2 {
		v := math.Float64bits(float64(b.p[i]*b.r[i])+c) + halfTail
		w := math.Float64bits(float64(b.p[i+1]*b.r[i+1])+c) + halfTail
		q, t := v&^tail, w&^tail
		if v == q || w == t {
			return false
		}
		b.p[i], b.p[i+1] = math.Float64frombits(q), math.Float64frombits(t)
	}
	return true
}

// expGo is ExpAll without assembly.
func expGo(dst, src []float32) {
	var b expBlock
	for ; len(src) >= expWide; dst, src = dst[expWide:], src[expWide:] {
		if !b.exp((*abreast)(dst), (*abreast)(src)) {
			for i, x := range src[:expWide] {
				dst[i] = Exp(x)
			}
		}
	}
	for i, x := range src {
		dst[i] = Exp(x)
	}
}

// sigmoidGo is SigmoidAll without assembly.
func sigmoidGo(dst, src []float32) {
	var (
		b expBlock
		e abreast
	)
	for ; len(src) >= expWide; dst, src = dst[expWide:], src[expWide:] {
		to, from := (*abreast)(dst), (*abreast)(src)
		for i, x := range from {
			e[i] = -abs(x)
		}
		if !b.exp(&e, &e) {
			for i, x := range from {
				to[i] = Sigmoid(x)
			}
			continue
		}
		for i, x := range from {
			to[i] = overOne(e[i], math.Float32bits(x)) / (1 + e[i])
		}
	}
	for i, x := range src {
		dst[i] = Sigmoid(x)
	}
}

// overOne returns 1 or, if the number with those bits has a sign, e. It does so
// without a branch, which would be mispredicted for half of all numbers.
func overOne(e float32, bits uint32) float32 {
	negative := uint32(int32(bits) >> 31)
	return math.Float32frombits(math.Float32bits(e)&negative | math.Float32bits(1)&^negative)
}

// logisticBlock computes logisticParts of many elements without assembly.
type logisticBlock struct {
	exp    expBlock
	e      abreast
	far, s abreast
}

// parts leaves derivatives in z, and far and s, or changes nothing and reports
// false if an element needs more care.
func (b *logisticBlock) parts(z, y *abreast) bool {
	for i, v := range z {
		b.e[i] = -abs(v)
	}
	if !b.exp.exp(&b.e, &b.e) {
		return false
	}
	for i, e := range b.e {
		flip := uint32(0)
		if y[i] > 0 {
			flip = 1 << 31
		}
		v := math.Float32bits(z[i]) ^ flip
		s := 1 + e
		z[i] = math.Float32frombits(math.Float32bits(overOne(e, v)/s) ^ flip)
		b.far[i] = math.Float32frombits(v &^ uint32(int32(v)>>31))
		b.s[i] = s
	}
	return true
}

// logisticGo is LogisticLoss of rows of one element without assembly.
func logisticGo(z, loss, y []float32) {
	var b logisticBlock
	for ; len(z) >= expWide; z, y = z[expWide:], y[expWide:] {
		if !b.parts((*abreast)(z), (*abreast)(y)) {
			logisticKind.define(z[:expWide], loss[:min(expWide, len(loss))], y[:expWide], nil, 1)
		} else if loss != nil {
			for i, s := range b.s {
				loss[i] = float32(float64(Log(s)) + float64(b.far[i]))
			}
		}
		if loss != nil {
			loss = loss[expWide:]
		}
	}
	logisticKind.define(z, loss, y, nil, 1)
}

// logisticSumsGo is LogisticLossSums of rows of one element without assembly.
func logisticSumsGo(z, sums, y []float32) {
	var b logisticBlock
	for ; len(z) >= expWide; z, y = z[expWide:], y[expWide:] {
		if b.parts((*abreast)(z), (*abreast)(y)) {
			b.takeIn((*[expWide / LossRows]float32)(sums))
		} else {
			defineLogisticSums(z[:expWide], sums[:expWide/LossRows], y[:expWide], 1)
		}
		sums = sums[expWide/LossRows:]
	}
	defineLogisticSums(z, sums, y, 1)
}

// takeIn computes the sums of a block's losses: side by side, as they do not
// wait for each other.
func (b *logisticBlock) takeIn(sums *[expWide / LossRows]float32) {
	var f0, f1, f2, f3 float32
	p0, p1, p2, p3 := float32(1), float32(1), float32(1), float32(1)
	for i := range LossRows {
		f0, p0 = f0+b.far[i], p0*b.s[i]
		f1, p1 = f1+b.far[i+LossRows], p1*b.s[i+LossRows]
		f2, p2 = f2+b.far[i+2*LossRows], p2*b.s[i+2*LossRows]
		f3, p3 = f3+b.far[i+3*LossRows], p3*b.s[i+3*LossRows]
	}
	sums[0], sums[1], sums[2], sums[3] = f0+Log(p0), f1+Log(p1), f2+Log(p2), f3+Log(p3)
}
