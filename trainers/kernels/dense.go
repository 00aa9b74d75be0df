package kernels

// Notation of the dense kernels:
//
//	n  rows of a block            x  [n×d] row-major, the features
//	d  features                   z  [n×k] row-major, the outputs before the link
//	k  columns: one for each      r  [n×k] row-major, the derivative of the loss by z
//	   output of each model       w  [(d+1)×k] row-major, the weights; row d is the intercept
//	                              g  [(d+1)×k] row-major, the derivative of the loss by w
//
// Models that are trained side by side lie side by side in w.

// Forward computes z = x·w. Each output starts from its intercept and takes in
// the features in order, one FMA each.
func Forward(z, x, w []float32, n, d, k int) {
	z, x, w = z[:n*k], x[:n*d], w[:(d+1)*k]
	cl := active
	if cl == classGo {
		forwardGo(z, x, w, n, d, k)
		return
	}
	if lanes := cl.lanes(); k == 1 && d >= 4 && n >= lanes {
		// A lone model: rows in lanes, and those that fill no vector below.
		whole := n - n%lanes
		loneForward(cl, z[:whole], x[:whole*d], w, d)
		z, x, n = z[whole:], x[whole*d:], n-whole
	}
	p := product{class: cl, c: z, ldc: k, from: w[d*k:], a: x, lda: d, b: w, ldb: k, m: n, n: k, k: d}
	p.run()
}

// Gradient adds xᵀ·r to the first d rows of g and the column sums of r to its
// last. Each weight takes in the rows in order, one FMA each, so that calls on
// consecutive blocks of rows give the bits of one call on all of them.
func Gradient(g, x, r []float32, n, d, k int) {
	g, x, r = g[:(d+1)*k], x[:n*d], r[:n*k]
	cl := active
	if cl == classGo {
		gradientGo(g, x, r, n, d, k)
		return
	}
	lanes := cl.lanes()
	if k == 1 && d >= lanes && n > 0 {
		p := product{class: cl, c: g, ldc: d, from: g, ldf: d, a: r, lda: 1, b: x, ldb: d, m: 1, n: d, k: n}
		p.sum = &g[d]
		p.run()
		return
	}
	if k < lanes && d >= lanes && n >= 32 {
		fewColumns(cl, g[:d*k], x, r, n, d, k)
		columnSums(cl, g[d*k:], r, n, k)
		return
	}
	// The intercept is the weight of a feature that is 1 in all rows, and
	// FMA(1, r, g) is g + r.
	p := product{class: cl, c: g, ldc: k, from: g, ldf: k, a: x, lda: d, stepped: true, ones: true, b: r, ldb: k, m: d + 1, n: k, k: n}
	p.run()
}

// Gemm computes c += a·b, where c is [m×n], a is [m×k] and b is [k×n], all
// row-major; ldc, lda and ldb are the distances of their rows. With transA, a
// is stored as [k×m]. Each element of c takes in its k products in order, one
// FMA each. No element of c may be one of a or b.
func Gemm(c []float32, ldc int, a []float32, lda int, transA bool, b []float32, ldb, m, n, k int) {
	if m == 0 || n == 0 || k == 0 {
		return
	}
	c, b = c[:(m-1)*ldc+n], b[:(k-1)*ldb+n]
	wide := k
	if transA {
		a, wide = a[:(k-1)*lda+m], m
	} else {
		a = a[:(m-1)*lda+k]
	}
	if ldc < n || ldb < n || lda < wide {
		panic("kernels: the rows of a matrix overlap")
	}
	cl := active
	if cl == classGo {
		gemmGo(c, ldc, a, lda, transA, b, ldb, m, n, k)
		return
	}
	p := product{class: cl, c: c, ldc: ldc, from: c, ldf: ldc, a: a, lda: lda, stepped: transA, b: b, ldb: ldb, m: m, n: n, k: k}
	p.run()
}

// Add computes dst += src by plain float32 additions.
func Add(dst, src []float32) {
	dst = dst[:len(src)]
	cl := active
	if cl == classGo {
		addGo(dst, src)
		return
	}
	for len(src) > 0 {
		n := min(len(src), elementsAtOnce)
		if !cl.partial() {
			n -= n % cl.lanes()
			if n == 0 {
				addGo(dst, src)
				return
			}
		}
		t := tile{c: &dst[0], a: &src[0]}
		t.vectors, t.last = vectorsOf(n, cl.lanes())
		cl.add(&t)
		dst, src = dst[n:], src[n:]
	}
}

// Transpose writes src [rows×cols] as dst [cols×rows]. They may not overlap.
func Transpose(dst, src []float32, rows, cols int) {
	dst, src = dst[:rows*cols], src[:rows*cols]
	cl := active
	lanes := cl.lanes()
	if cl == classGo || rows < lanes || cols < 4 {
		transposeGo(dst, src, rows, cols)
		return
	}
	// What is left over is done together with some that is done already.
	for i := 0; i < rows; i += lanes {
		i = min(i, rows-lanes)
		turn := func(from, n int) {
			t := tile{c: &dst[from*rows+i], a: &src[i*cols+from], ldc: 4 * rows, lda: 4 * cols, steps: n}
			cl.transpose(&t)
		}
		whole := cols &^ 3
		for from := 0; from < whole; from += elementsAtOnce / 16 {
			turn(from, min(whole-from, elementsAtOnce/16))
		}
		if whole < cols {
			turn(cols-4, 4)
		}
	}
}
