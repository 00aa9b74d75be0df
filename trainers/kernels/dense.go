package kernels

// Notation of the dense kernels:
//
//	n  rows of a block            x  [n×d] row-major, the features
//	d  features                   z  [n×k] row-major, the outputs before the link
//	k  columns: one for each      r  [n×k] row-major, the derivative of the loss by z
//	   output of each model       w  [(d+1)×k] row-major, the weights; row d is the intercept
//	                              g  [(d+1)×k] row-major, the derivative of the loss by w
//
// Models that are trained side by side lie side by side in w. The plain Go
// loops take tiles of two rows and four columns, or four rows and one column:
// as many accumulators as fit the registers. The tile changes no bit.

// Forward computes z = x·w. Each output starts from its intercept and takes in
// the features in order, one FMA each.
func Forward(z, x, w []float32, n, d, k int) {
	z, x, w = z[:n*k], x[:n*d], w[:(d+1)*k]
	i := 0
	for ; i+2 <= n; i += 2 {
		x0, x1 := x[i*d:(i+1)*d], x[(i+1)*d:(i+2)*d]
		z0, z1 := z[i*k:(i+1)*k], z[(i+1)*k:(i+2)*k]
		for c := 0; c+4 <= k; c += 4 {
			forward2x4(z0[c:c+4], z1[c:c+4], x0, x1, w[c:], k)
		}
	}
	if i < n {
		forwardRow(z[i*k:(i+1)*k], x[i*d:(i+1)*d], w, k, k&^3)
	}
	for c := k &^ 3; c < k; c++ {
		forwardColumn(z, x, w[c:], n, d, k, c)
	}
}

// forward2x4 computes four neighbouring outputs of two rows. The inner loop
// takes features as long as none of the eight sums is rare; with the
// accumulators of the feature before that, forwardRare takes the one that is.
func forward2x4(z0, z1, x0, x1, w []float32, k int) {
	d := len(x0)
	x1 = x1[:d]
	bias := w[d*k : d*k+4]
	a0, a1, a2, a3 := float64(bias[0]), float64(bias[1]), float64(bias[2]), float64(bias[3])
	b0, b1, b2, b3 := a0, a1, a2, a3
	for j := 0; ; j++ {
		for ; j < d; j++ {
			v := w[:4]
			x, y := float64(x0[j]), float64(x1[j])
			m0, m1, m2, m3 := float64(v[0]), float64(v[1]), float64(v[2]), float64(v[3])
			s0, s1, s2, s3 := float64(x*m0)+a0, float64(x*m1)+a1, float64(x*m2)+a2, float64(x*m3)+a3
			t0, t1, t2, t3 := float64(y*m0)+b0, float64(y*m1)+b1, float64(y*m2)+b2, float64(y*m3)+b3
			if rare(s0) || rare(s1) || rare(s2) || rare(s3) || rare(t0) || rare(t1) || rare(t2) || rare(t3) {
				break
			}
			a0, a1, a2, a3 = float64(float32(s0)), float64(float32(s1)), float64(float32(s2)), float64(float32(s3))
			b0, b1, b2, b3 = float64(float32(t0)), float64(float32(t1)), float64(float32(t2)), float64(float32(t3))
			w = w[k:]
		}
		if j == d {
			break
		}
		acc := [8]float64{a0, a1, a2, a3, b0, b1, b2, b3}
		forwardRare(&acc, x0[j], x1[j], w[:4])
		a0, a1, a2, a3, b0, b1, b2, b3 = acc[0], acc[1], acc[2], acc[3], acc[4], acc[5], acc[6], acc[7]
		w = w[k:]
	}
	z0, z1 = z0[:4], z1[:4]
	z0[0], z0[1], z0[2], z0[3] = float32(a0), float32(a1), float32(a2), float32(a3)
	z1[0], z1[1], z1[2], z1[3] = float32(b0), float32(b1), float32(b2), float32(b3)
}

// forwardRare takes one feature into the accumulators of forward2x4.
//
//go:noinline
func forwardRare(acc *[8]float64, x, y float32, w []float32) {
	for c, m := range w[:4] {
		acc[c] = float64(fmaOne(x, m, float32(acc[c])))
		acc[c+4] = float64(fmaOne(y, m, float32(acc[c+4])))
	}
}

// forwardRow computes the outputs of one row up to column hi.
func forwardRow(z, x, w []float32, k, hi int) {
	d := len(x)
	copy(z[:hi], w[d*k:])
	for j, xj := range x {
		for c, m := range w[j*k : j*k+hi] {
			z[c] = FMA(xj, m, z[c])
		}
	}
}

// forwardColumn computes output c of each row, four rows at a time; w starts at
// its column.
func forwardColumn(z, x, w []float32, n, d, k, c int) {
	i := 0
	for ; i+4 <= n; i += 4 {
		x0, x1, x2, x3 := x[i*d:(i+1)*d], x[(i+1)*d:(i+2)*d], x[(i+2)*d:(i+3)*d], x[(i+3)*d:(i+4)*d]
		x1, x2, x3 = x1[:len(x0)], x2[:len(x0)], x3[:len(x0)]
		a0 := float64(w[d*k])
		a1, a2, a3 := a0, a0, a0
		at := 0
		for j := range x0 {
			m := float64(w[at])
			at += k
			x := float64(x0[j])
			s := float64(x*m) + a0
			if rare(s) {
				s = oddSum(x, m, a0)
			}
			a0 = float64(float32(s))
			x = float64(x1[j])
			s = float64(x*m) + a1
			if rare(s) {
				s = oddSum(x, m, a1)
			}
			a1 = float64(float32(s))
			x = float64(x2[j])
			s = float64(x*m) + a2
			if rare(s) {
				s = oddSum(x, m, a2)
			}
			a2 = float64(float32(s))
			x = float64(x3[j])
			s = float64(x*m) + a3
			if rare(s) {
				s = oddSum(x, m, a3)
			}
			a3 = float64(float32(s))
		}
		z[i*k+c], z[(i+1)*k+c], z[(i+2)*k+c], z[(i+3)*k+c] = float32(a0), float32(a1), float32(a2), float32(a3)
	}
	for ; i < n; i++ {
		a := w[d*k]
		for j, xj := range x[i*d : (i+1)*d] {
			a = FMA(xj, w[j*k], a)
		}
		z[i*k+c] = a
	}
}

// Gradient adds xᵀ·r to the first d rows of g and the column sums of r to its
// last. Each weight takes in the rows in order, one FMA each, so that calls on
// consecutive blocks of rows give the bits of one call on all of them.
func Gradient(g, x, r []float32, n, d, k int) {
	g, x, r = g[:(d+1)*k], x[:n*d], r[:n*k]
	i := 0
	for ; i+2 <= n; i += 2 {
		x0, x1 := x[i*d:(i+1)*d], x[(i+1)*d:(i+2)*d]
		r0, r1 := r[i*k:(i+1)*k], r[(i+1)*k:(i+2)*k]
		c := 0
		for ; c+4 <= k; c += 4 {
			gradient2x4(g[c:], x0, x1, r0[c:c+4], r1[c:c+4], k)
		}
		for ; c < k; c++ {
			gradient2x1(g[c:], x0, x1, r0[c], r1[c], k)
		}
	}
	if i < n {
		for j, xj := range x[i*d : (i+1)*d] {
			gj := g[j*k : (j+1)*k]
			for c, rc := range r[i*k : (i+1)*k] {
				gj[c] = FMA(xj, rc, gj[c])
			}
		}
	}
	bias := g[d*k : (d+1)*k]
	for i := range n {
		for c, rc := range r[i*k : (i+1)*k] {
			bias[c] += rc
		}
	}
}

// gradient2x4 takes two rows into four neighbouring columns.
func gradient2x4(g, x0, x1, r0, r1 []float32, k int) {
	r0, r1 = r0[:4], r1[:4]
	p0, p1, p2, p3 := float64(r0[0]), float64(r0[1]), float64(r0[2]), float64(r0[3])
	q0, q1, q2, q3 := float64(r1[0]), float64(r1[1]), float64(r1[2]), float64(r1[3])
	x1 = x1[:len(x0)]
	for j, xj := range x0 {
		x, y := float64(xj), float64(x1[j])
		v := g[:4]
		s0, s1, s2, s3 := float64(x*p0)+float64(v[0]), float64(x*p1)+float64(v[1]), float64(x*p2)+float64(v[2]), float64(x*p3)+float64(v[3])
		if rare(s0) || rare(s1) || rare(s2) || rare(s3) {
			gradientRare(v, xj, x1[j], r0, r1)
			g = g[k:]
			continue
		}
		s0, s1, s2, s3 = float64(y*q0)+float64(float32(s0)), float64(y*q1)+float64(float32(s1)), float64(y*q2)+float64(float32(s2)), float64(y*q3)+float64(float32(s3))
		if rare(s0) || rare(s1) || rare(s2) || rare(s3) {
			gradientRare(v, xj, x1[j], r0, r1)
			g = g[k:]
			continue
		}
		v[0], v[1], v[2], v[3] = float32(s0), float32(s1), float32(s2), float32(s3)
		g = g[k:]
	}
}

// gradientRare takes one feature of two rows into four columns.
//
//go:noinline
func gradientRare(g []float32, x, y float32, r0, r1 []float32) {
	for c := range g[:4] {
		g[c] = fmaOne(y, r1[c], fmaOne(x, r0[c], g[c]))
	}
}

// gradient2x1 takes two rows into one column.
func gradient2x1(g, x0, x1 []float32, r0, r1 float32, k int) {
	p, q := float64(r0), float64(r1)
	x1 = x1[:len(x0)]
	at := 0
	for j, xj := range x0 {
		x, y, a := float64(xj), float64(x1[j]), float64(g[at])
		s := float64(x*p) + a
		if rare(s) {
			s = oddSum(x, p, a)
		}
		a = float64(float32(s))
		s = float64(y*q) + a
		if rare(s) {
			s = oddSum(y, q, a)
		}
		g[at] = float32(s)
		at += k
	}
}

// fmaOne is FMA. The features of categories are 1, and sums with them are often
// ties; a plain addition is the same sum and is rounded once as well.
func fmaOne(x, w, acc float32) float32 {
	if x == 1 {
		return acc + w
	}
	return FMA(x, w, acc)
}

// Add computes dst += src by plain float32 additions.
func Add(dst, src []float32) {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] += v
	}
}
