package kernels

// Gram adds xᵀ·x to g [d×d]. Each element takes in the rows in order, one FMA
// each, so that calls on consecutive blocks of rows give the bits of one call
// on all of them. What it adds to is the upper triangle with the diagonal; the
// lower one becomes its mirror image, whatever it was before.
func Gram(g, x []float32, n, d int) {
	g, x = g[:d*d], x[:n*d]
	cl := active
	if cl == classGo {
		gramGo(g, x, n, d)
		mirror(g, d)
		return
	}
	// Panels of columns, each down to the diagonal. Narrow ones waste least
	// below it, and are for as many rows of x as stay in the cache for all of
	// them; where one row is long, the product sees to that itself.
	panel, block := 2*cl.lanes(), max(1, blockElements/max(d, 1))
	if d > 256 {
		panel, block = 128, n
	}
	for lo := 0; lo < n; lo += block {
		rows := x[lo*d : min(lo+block, n)*d]
		for j := 0; j < d; j += panel {
			p := product{
				class: cl, c: g[j:], ldc: d, from: g[j:], ldf: d,
				a: rows, lda: d, stepped: true, b: rows[j:], ldb: d,
				m: min(j+panel, d), n: min(panel, d-j), k: len(rows) / d,
			}
			p.run()
		}
	}
	mirror(g, d)
}

// mirror copies the upper triangle of g to the lower, by squares that fit the
// cache.
func mirror(g []float32, d int) {
	const side = 32
	for i0 := 0; i0 < d; i0 += side {
		for j0 := i0; j0 < d; j0 += side {
			for i := i0; i < min(i0+side, d); i++ {
				for j := max(j0, i+1); j < min(j0+side, d); j++ {
					g[j*d+i] = g[i*d+j]
				}
			}
		}
	}
}
