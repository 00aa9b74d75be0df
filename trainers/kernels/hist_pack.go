package kernels

import "math"

// PackGradients packs gradients and hessians for histograms: gh[i] is the
// gradient, rounded, in its upper 32 bits and the hessian, or 0 if that is
// negative, in its lower ones; their sum is returned. hess nil counts rows: it
// is 1 for all.
//
// A number is multiplied by its scale, a power of two times 65,536; 16 random
// bits are added, and 16 bits are cut off. So it is rounded up with the odds of
// its fraction, and an integer is kept. The random bits are a function of seed
// and of position, which is first for the first number.
func PackGradients(gh []int64, grad, hess []float32, scaleG, scaleH float64, seed, first uint32) int64 {
	grad = grad[:len(gh)]
	if hess != nil {
		hess = hess[:len(gh)]
	}
	done, total := packFast(gh, grad, hess, scaleG, scaleH, seed, first)
	for i := done; i < len(gh); i++ {
		h := float32(0)
		if hess != nil {
			h = hess[i]
		}
		v := PackGradient(grad[i], h, scaleG, scaleH, seed, first+uint32(i))
		if hess == nil {
			v++
		}
		gh[i] = v
		total += v
	}
	return total
}

// PackGradient packs one gradient and hessian, as PackGradients does.
func PackGradient(grad, hess float32, scaleG, scaleH float64, seed, position uint32) int64 {
	random := mix(position + seed*0x9e3779b9)
	v := (int64(float64(grad)*scaleG) + int64(random>>16)) >> 16 << 32
	if hess > 0 {
		v += (int64(float64(hess)*scaleH) + int64(random&0xffff)) >> 16
	}
	return v
}

// mix returns a number without a visible connection to x: the finalizer of
// Appleby's MurmurHash3.
func mix(x uint32) uint32 {
	x ^= x >> 16
	x *= 0x85ebca6b
	x ^= x >> 13
	x *= 0xc2b2ae35
	return x ^ x>>16
}

// Largest returns the largest of numbers without sign, and the largest that has
// none, as their bits: those of infinity and NaN are above all others.
func Largest(v []float32) (abs, positive uint32) {
	done, a, p := largestFast(v)
	for _, x := range v[done:] {
		b := math.Float32bits(x)
		a = max(a, b&(1<<31-1))
		p = max(p, int32(b))
	}
	return a, uint32(p)
}
