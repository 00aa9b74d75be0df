package kernels

// entriesAtOnce bounds a call of the assembly, see stepsAtOnce: each entry may
// have to wait for the memory of its row of w.
const entriesAtOnce = 16 << 10

// sparse is the argument of the sparse assembly: rows of entries, and some
// vectors of columns of which the last may be partial, or one column. Distances
// are in bytes; the assembly knows the fields by name.
type sparse struct {
	z, from       *float32 // the outputs, or their derivatives; what they start from
	w             *float32 // the weights, or their derivatives
	ptr           *int64
	col           *uint32
	val           *float32
	ldz, ldf, ldw int
	rows, d       int
	vectors, last int // no vectors: one column
	outside       int // not 0 after an entry of no column
}

// matrixCSR is the rows of a sparse matrix as dataset.Matrix has them: row i
// has the entries ptr[i] to ptr[i+1] of col and val, and ptr[0] may be more
// than 0.
type matrixCSR struct {
	ptr []int64
	col []uint32
	val []float32
	d   int
}

// newCSR returns n rows after it has looked whether they lie in col and val.
func newCSR(rowPtr []int64, col []uint32, val []float32, n, d int) matrixCSR {
	m := matrixCSR{ptr: rowPtr[:n+1], d: d}
	m.col, m.val = col[:m.ptr[n]], val[:m.ptr[n]]
	before := int64(0)
	for _, at := range m.ptr {
		if at < before {
			panic("kernels: the rows of a sparse matrix go back")
		}
		before = at
	}
	return m
}

// ForwardCSR is Forward for a sparse x [n×d]: row i has the values val[p] in the
// columns col[p], for p from rowPtr[i] on and below rowPtr[i+1]; rowPtr[0] may
// be more than 0. Each output starts from its intercept and takes in the
// entries in order, one FMA each: for finite weights the result is Forward's,
// up to the sign of a zero.
func ForwardCSR(z []float32, rowPtr []int64, col []uint32, val, w []float32, n, d, k int) {
	z, w = z[:n*k], w[:(d+1)*k]
	m := newCSR(rowPtr, col, val, n, d)
	cl := active
	if cl == classGo {
		m.forwardGo(z, w, n, k)
		return
	}
	m.blocks(n, func(lo, hi int, ptr []int64, first bool) {
		s := sparse{ptr: &ptr[0], ldz: 4 * k, ldw: 4 * k, rows: hi - lo, d: d}
		m.columns(cl, &s, k, func(c int) {
			s.z, s.w = &z[lo*k+c], &w[c]
			s.from, s.ldf = &w[d*k+c], 0
			if !first {
				s.from, s.ldf = s.z, s.ldz
			}
			cl.forwardCSR(&s)
		})
	})
}

// GradientCSR is Gradient for a sparse x, see ForwardCSR: each weight takes in
// the rows that have an entry in its column, in order, one FMA each.
func GradientCSR(g []float32, rowPtr []int64, col []uint32, val, r []float32, n, d, k int) {
	g, r = g[:(d+1)*k], r[:n*k]
	m := newCSR(rowPtr, col, val, n, d)
	cl := active
	if cl == classGo {
		m.gradientGo(g, r, n, k)
		return
	}
	m.blocks(n, func(lo, hi int, ptr []int64, _ bool) {
		s := sparse{ptr: &ptr[0], ldz: 4 * k, ldw: 4 * k, rows: hi - lo, d: d}
		m.columns(cl, &s, k, func(c int) {
			s.z, s.w = &r[lo*k+c], &g[c]
			cl.gradientCSR(&s)
		})
	})
	columnSums(cl, g[d*k:], r, n, k)
}

// blocks calls f for blocks of rows that have not too many entries, and for the
// pieces of a row that alone has too many; first tells whether a block starts
// its rows.
func (m *matrixCSR) blocks(n int, f func(lo, hi int, ptr []int64, first bool)) {
	for lo := 0; lo < n; {
		hi := lo + 1
		for hi < n && hi-lo < entriesAtOnce && m.ptr[hi+1]-m.ptr[lo] <= entriesAtOnce {
			hi++
		}
		from, to := m.ptr[lo], m.ptr[hi]
		if to-from <= entriesAtOnce {
			f(lo, hi, m.ptr[lo:hi+1], true)
		} else {
			for at := from; at < to; at += entriesAtOnce {
				f(lo, hi, []int64{at, min(at+entriesAtOnce, to)}, at == from)
			}
		}
		lo = hi
	}
}

// columns calls f for each group of columns that a kernel takes in one go, with
// s told how many they are.
func (m *matrixCSR) columns(cl class, s *sparse, k int, f func(c int)) {
	if len(m.col) == 0 {
		s.col, s.val = new(uint32), new(float32)
	} else {
		s.col, s.val = &m.col[0], &m.val[0]
	}
	lanes := cl.lanes()
	for c := 0; c < k; {
		vectors, last := vectorsOf(k-c, lanes)
		var width int
		switch {
		case k-c == 1, !cl.partial() && k-c < lanes:
			vectors, width = 0, 1
		case vectors >= 4 && (cl.partial() || k-c >= 4*lanes):
			vectors, width = 4, min(k-c, 4*lanes)
		case vectors >= 2 && (vectors == 3 || cl.partial() || last == lanes):
			vectors, width = 2, min(k-c, 2*lanes)
		default:
			vectors, width = 1, min(k-c, lanes)
		}
		s.vectors, s.last = vectors, width-(vectors-1)*lanes
		f(c)
		if s.outside != 0 {
			panic("kernels: an entry of a sparse matrix is in no column")
		}
		c += width
	}
}

// forwardGo is ForwardCSR in plain Go.
func (m *matrixCSR) forwardGo(z, w []float32, n, k int) {
	bias := w[m.d*k:]
	for i := range n {
		zi := z[i*k : (i+1)*k]
		copy(zi, bias)
		for p := m.ptr[i]; p < m.ptr[i+1]; p++ {
			v, wj := m.val[p], m.row(w, p, k)
			for c, y := range wj {
				zi[c] = FMA(v, y, zi[c])
			}
		}
	}
}

// gradientGo is GradientCSR in plain Go.
func (m *matrixCSR) gradientGo(g, r []float32, n, k int) {
	bias := g[m.d*k:]
	for i := range n {
		ri := r[i*k : (i+1)*k]
		for p := m.ptr[i]; p < m.ptr[i+1]; p++ {
			v, gj := m.val[p], m.row(g, p, k)
			for c, y := range ri {
				gj[c] = FMA(v, y, gj[c])
			}
		}
		for c, y := range ri {
			bias[c] += y
		}
	}
}

// row returns the row of w that belongs to an entry's column.
func (m *matrixCSR) row(w []float32, p int64, k int) []float32 {
	j := int(m.col[p])
	if j >= m.d {
		panic("kernels: an entry of a sparse matrix is in no column")
	}
	return w[j*k : (j+1)*k]
}
