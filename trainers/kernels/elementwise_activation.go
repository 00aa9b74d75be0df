package kernels

import "math"

// Activations. Forward: dst from src. Back: dz, the derivative of the loss by
// what went in, from dy, that by what came out. Slices of one call have one
// length; dst may be src, and dz may be dy.

// ReLU computes max(x, 0). NaN stays NaN.
func ReLU(dst, src []float32) {
	dst = dst[:len(src)]
	if active != classGo {
		for i, c := range blocks(len(src)) {
			vecReLU(&dst[i], &src[i], c)
		}
		return
	}
	for i, x := range src {
		if x < 0 {
			x = 0
		}
		dst[i] = x
	}
}

// ReLUBack takes the output y of ReLU, or its input: dz is dy where y > 0, and
// 0 elsewhere.
func ReLUBack(dz, dy, y []float32) {
	dz, dy = dz[:len(y)], dy[:len(y)]
	if active != classGo {
		for i, c := range blocks(len(y)) {
			vecReLUBack(&dz[i], &dy[i], &y[i], c)
		}
		return
	}
	for i, v := range y {
		d := dy[i]
		if !(v > 0) {
			d = 0
		}
		dz[i] = d
	}
}

// TanhBack takes the output y of TanhAll: dz = dy·(1-y²), as dy·((1-y)·(1+y)).
func TanhBack(dz, dy, y []float32) {
	dz, dy = dz[:len(y)], dy[:len(y)]
	if active != classGo {
		for i, c := range blocks(len(y)) {
			vecTanhBack(&dz[i], &dy[i], &y[i], c)
		}
		return
	}
	for i, v := range y {
		dz[i] = dy[i] * float32((1-v)*(1+v))
	}
}

// GELU in its tanh form is x·(1 + tanh u)/2 with u = √(2/π)·(x + 0.044715·x³)
// (Hendrycks and Gimpel, "Gaussian error linear units", 2016). As
// (1 + tanh u)/2 = Sigmoid(2u), it is computed as x·Sigmoid(x·(gelu1 + gelu3·x²)).
const (
	gelu1 = 1.59576912160573071175978423973752747 // 2·√(2/π)
	gelu3 = gelu1 * 0.044715
)

// GELU computes the tanh form of the Gaussian error linear unit.
func GELU(dst, src []float32) {
	dst = dst[:len(src)]
	if active != classGo {
		for i, c := range blocks(len(src)) {
			vecGELU(&dst[i], &src[i], c)
		}
		return
	}
	for i, x := range src {
		dst[i] = x * Sigmoid(x*FMA(gelu3, float32(x*x), gelu1))
	}
}

// GELUBack takes the input x of GELU. With p = Sigmoid(v), v = x·(gelu1 + gelu3·x²):
// dz = dy·(p + x·p·(1-p)·(gelu1 + 3·gelu3·x²)).
func GELUBack(dz, dy, x []float32) {
	dz, dy = dz[:len(x)], dy[:len(x)]
	if active != classGo {
		for i, c := range blocks(len(x)) {
			vecGELUBack(&dz[i], &dy[i], &x[i], c)
		}
		return
	}
	for i, v := range x {
		dz[i] = dy[i] * geluSlope(v)
	}
}

func geluSlope(x float32) float32 {
	square := float32(x * x)
	v := x * FMA(gelu3, square, gelu1)
	e := Exp(-abs(v))
	s := 1 + e
	likely, unlikely := 1/s, e/s
	p := unlikely
	if v > 0 {
		p = likely
	}
	steep := float32(x * float32(likely*unlikely))
	return FMA(steep, FMA(3*gelu3, square, gelu1), p)
}

// Key mixes words, such as a seed, a step and a layer, into the key of a
// Dropout: each word is added to the state, which then goes through the
// finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
// number generators", OOPSLA 2014).
func Key(words ...uint64) uint64 {
	var h uint64
	for _, w := range words {
		h += w + 0x9e3779b97f4a7c15
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

// Dropout drops each element with the probability rate, which is below 1, and
// multiplies the others by 1/(1-rate). Whether element i is dropped is decided
// by (key, first+i mod 2³²) alone: the same call on derivatives is the way
// back, and a slice may be done in pieces. What is dropped is 0, even of NaN.
func Dropout(dst, src []float32, rate float32, key uint64, first int) {
	dst = dst[:len(src)]
	threshold, scale := dropoutOf(rate)
	k0, k1 := uint32(key), uint32(key>>32)
	if active != classGo {
		for i, c := range blocks(len(src)) {
			p := scalars{uint32(threshold), math.Float32bits(scale), k0, k1, uint32(first + i)}
			vecDropout(&dst[i], &src[i], c, &p)
		}
		return
	}
	for i, x := range src {
		x *= scale
		if int32(dropoutHash(uint32(first+i), k0, k1)>>8) < threshold {
			x = 0
		}
		dst[i] = x
	}
}

// dropoutOf returns below which of the 2^24 values of a hash an element is
// dropped, and the factor of the others.
func dropoutOf(rate float32) (threshold int32, scale float32) {
	return int32(rate * (1 << 24)), 1 / (1 - rate)
}

// dropoutHash mixes an index with the two halves of a key by multiplications and
// shifts of 32 bits, which vectors have, too: the steps are those of triple32
// (Wellons, "Prospecting for hash functions", 2018).
func dropoutHash(i, k0, k1 uint32) uint32 {
	h := i*0x9e3779b9 + k0
	h = (h ^ h>>17) * 0xed5ad4bb
	h = (h ^ h>>11 ^ k1) * 0xac4c1b51
	h = (h ^ h>>15) * 0x31848bab
	return h ^ h>>14
}
