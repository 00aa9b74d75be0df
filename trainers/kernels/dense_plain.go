package kernels

// The definitions of the dense kernels in plain Go. The loops take tiles of two
// rows and four columns, or four rows and one column: as many accumulators as
// fit the registers. The tile changes no bit.

// forwardGo is Forward.
func forwardGo(z, x, w []float32, n, d, k int) {
	for i := range n {
		copy(z[i*k:(i+1)*k], w[d*k:])
	}
	gemmGo(z, k, x, d, false, w, k, n, k, d)
}

// gemmGo is Gemm.
func gemmGo(c []float32, ldc int, a []float32, lda int, transA bool, b []float32, ldb, m, n, k int) {
	var turned []float32
	if transA {
		turned = make([]float32, 4*k)
	}
	for i := 0; i < m; i += 4 {
		rows := min(4, m-i)
		if transA {
			for s := range k {
				for r, v := range a[s*lda+i : s*lda+i+rows] {
					turned[r*k+s] = v
				}
			}
			gemmRowsGo(c[i*ldc:], ldc, turned, k, b, ldb, rows, n, k)
		} else {
			gemmRowsGo(c[i*ldc:], ldc, a[i*lda:], lda, b, ldb, rows, n, k)
		}
	}
}

// gemmRowsGo adds the product of up to four rows of a.
func gemmRowsGo(c []float32, ldc int, a []float32, lda int, b []float32, ldb, m, n, k int) {
	i := 0
	for ; i+2 <= m; i += 2 {
		a0, a1 := a[i*lda:i*lda+k], a[(i+1)*lda:(i+1)*lda+k]
		c0, c1 := c[i*ldc:i*ldc+n], c[(i+1)*ldc:(i+1)*ldc+n]
		for j := 0; j+4 <= n; j += 4 {
			gemm2x4(c0[j:j+4], c1[j:j+4], a0, a1, b[j:], ldb)
		}
	}
	if i < m {
		ci := c[i*ldc : i*ldc+n&^3]
		for s, x := range a[i*lda : i*lda+k] {
			for j, y := range b[s*ldb : s*ldb+n&^3] {
				ci[j] = FMA(x, y, ci[j])
			}
		}
	}
	for j := n &^ 3; j < n; j++ {
		if m == 4 && k > 0 {
			gemm4x1(c[j:], ldc, a, lda, b[j:], ldb, k)
			continue
		}
		for i := range m {
			acc := c[i*ldc+j]
			for s, x := range a[i*lda : i*lda+k] {
				acc = FMA(x, b[s*ldb+j], acc)
			}
			c[i*ldc+j] = acc
		}
	}
}

// gemm2x4 adds to four neighbouring sums of two rows. The inner loop takes
// steps as long as none of the eight sums is rare; with the sums of the step
// before that, gemmRare takes the one that is.
func gemm2x4(c0, c1, a0, a1, b []float32, ldb int) {
	k := len(a0)
	a1, c0, c1 = a1[:k], c0[:4], c1[:4]
	r0, r1, r2, r3 := float64(c0[0]), float64(c0[1]), float64(c0[2]), float64(c0[3])
	q0, q1, q2, q3 := float64(c1[0]), float64(c1[1]), float64(c1[2]), float64(c1[3])
	for j := 0; ; j++ {
		at := j * ldb
		for ; j < k; j++ {
			v := b[at : at+4]
			x, y := float64(a0[j]), float64(a1[j])
			m0, m1, m2, m3 := float64(v[0]), float64(v[1]), float64(v[2]), float64(v[3])
			s0, s1, s2, s3 := float64(x*m0)+r0, float64(x*m1)+r1, float64(x*m2)+r2, float64(x*m3)+r3
			t0, t1, t2, t3 := float64(y*m0)+q0, float64(y*m1)+q1, float64(y*m2)+q2, float64(y*m3)+q3
			if rare(s0) || rare(s1) || rare(s2) || rare(s3) || rare(t0) || rare(t1) || rare(t2) || rare(t3) {
				break
			}
			r0, r1, r2, r3 = float64(float32(s0)), float64(float32(s1)), float64(float32(s2)), float64(float32(s3))
			q0, q1, q2, q3 = float64(float32(t0)), float64(float32(t1)), float64(float32(t2)), float64(float32(t3))
			at += ldb
		}
		if j == k {
			break
		}
		acc := [8]float64{r0, r1, r2, r3, q0, q1, q2, q3}
		gemmRare(&acc, a0[j], a1[j], b[at:at+4])
		r0, r1, r2, r3, q0, q1, q2, q3 = acc[0], acc[1], acc[2], acc[3], acc[4], acc[5], acc[6], acc[7]
	}
	c0[0], c0[1], c0[2], c0[3] = float32(r0), float32(r1), float32(r2), float32(r3)
	c1[0], c1[1], c1[2], c1[3] = float32(q0), float32(q1), float32(q2), float32(q3)
}

// gemmRare takes one step into the sums of gemm2x4.
//
//go:noinline
func gemmRare(acc *[8]float64, x, y float32, b []float32) {
	for c, m := range b[:4] {
		acc[c] = float64(fmaOne(x, m, float32(acc[c])))
		acc[c+4] = float64(fmaOne(y, m, float32(acc[c+4])))
	}
}

// gemm4x1 adds to one sum of each of four rows.
func gemm4x1(c []float32, ldc int, a []float32, lda int, b []float32, ldb, k int) {
	x0, x1, x2, x3 := a[:k], a[lda:lda+k], a[2*lda:2*lda+k], a[3*lda:3*lda+k]
	a0, a1, a2, a3 := float64(c[0]), float64(c[ldc]), float64(c[2*ldc]), float64(c[3*ldc])
	at := 0
	for j := range x0 {
		m := float64(b[at])
		at += ldb
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
	c[0], c[ldc], c[2*ldc], c[3*ldc] = float32(a0), float32(a1), float32(a2), float32(a3)
}

// gradientGo is Gradient.
func gradientGo(g, x, r []float32, n, d, k int) {
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

// addGo is Add.
func addGo(dst, src []float32) {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] += v
	}
}

// transposeGo is Transpose.
func transposeGo(dst, src []float32, rows, cols int) {
	for i := range rows {
		at := i
		for _, v := range src[i*cols : (i+1)*cols] {
			dst[at] = v
			at += rows
		}
	}
}

// gramGo adds to the upper triangle of g.
func gramGo(g, x []float32, n, d int) {
	for i := range n {
		row := x[i*d : (i+1)*d]
		for j, xj := range row {
			gj := g[j*d : (j+1)*d]
			for l := j; l < d; l++ {
				gj[l] = FMA(xj, row[l], gj[l])
			}
		}
	}
}
