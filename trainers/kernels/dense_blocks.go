package kernels

import (
	"slices"
	"sync"
)

// The sizes of blocks. Assembly cannot be preempted, so that one call of it is
// at most 4·rowsAtOnce·stepsAtOnce·32, or 8 Mi, FMAs with 16 lanes, a half and
// a quarter of that with 8 and 4, and reads at most 1 MiB that is in no cache:
// less than half a millisecond, after which the scheduler and the garbage
// collector get their turn. Within that, a block of a and one of b fit the
// second-level cache, and a panel of b the first. Storing a sum and loading it
// again, as between blocks of steps, changes no bit.
const (
	rowsAtOnce     = 240      // a multiple of the heights of all tiles
	stepsAtOnce    = 256      // of a block
	columnsAtOnce  = 256      // of a packed block: a multiple of the widths of all panels
	blockElements  = 64 << 10 // of what is read again and again
	elementsAtOnce = 1 << 18  // where each is read once
	mostVectors    = 8        // of a row, see gemmRow
	padding        = 16       // of the rows of a packed a, lest they meet in a cache set

	columnsUnpacked = 64 // up to which packing costs more than it gains
)

// tile is the argument of the assembly: C [rows×cols] = From + A·B, where cols
// are some vectors, of which the last may be partial. Distances are in bytes;
// the assembly knows the fields by name.
type tile struct {
	c, from, a, b      *float32
	sum                *float32 // the sum of a row of A, see gemmRow; or nil
	ones               *float32 // a 1, if that is all of the last row of A; or nil
	ldc, ldf, lda, ldb int
	rows, steps        int
	vectors, last      int // of the columns; lanes of the last vector
}

// vectorsOf returns how many vectors n elements are, and the lanes of the last.
func vectorsOf(n, lanes int) (vectors, last int) {
	vectors = (n + lanes - 1) / lanes
	return vectors, n - (vectors-1)*lanes
}

// product is C [m×n] = From + A·B, as in Gemm. From is C itself, or one row for
// all rows of C if ldf is 0.
type product struct {
	class   class
	c       []float32
	ldc     int
	from    []float32
	ldf     int
	a       []float32
	lda     int
	stepped bool // the rows of a are the steps
	b       []float32
	ldb     int
	m, n, k int
	sum     *float32 // of one row: takes in the elements of a
	ones    bool     // of a stepped a: its last row, which is not there, is ones
}

// scratch is the memory for packed blocks.
type scratch struct {
	a [rowsAtOnce * (stepsAtOnce + padding)]float32
	b [stepsAtOnce * columnsAtOnce]float32
	c [rowsAtOnce * 4]float32
}

var (
	scratches = sync.Pool{New: func() any { return new(scratch) }}
	turnings  = sync.Pool{New: func() any { return new([]float32) }}
)

// run computes the product.
func (p *product) run() {
	if p.m == 0 || p.n == 0 {
		return
	}
	if lanes := p.class.lanes(); !p.class.partial() && p.n%lanes != 0 {
		rest := *p
		p.n -= p.n % lanes
		rest.narrow(p.n)
		if p.n == 0 {
			return
		}
	}
	switch {
	case p.m == 1 && !p.ones:
		p.row()
	case p.m > 32 && (p.n > columnsUnpacked || p.ldb > 4*p.n) && !p.ones:
		p.packed()
	default:
		p.panels()
	}
}

// elementOfA returns where in a an element is.
func (p *product) elementOfA(row, step int) int {
	if p.stepped {
		return step*p.lda + row
	}
	return row*p.lda + step
}

// start returns what sums start from at a step.
func (p *product) start(step int) (from []float32, ldf int) {
	if step == 0 {
		return p.from, p.ldf
	}
	return p.c, p.ldc
}

// panels computes a product of which b is used as it lies.
func (p *product) panels() {
	rows, steps := rowsAtOnce, stepsAtOnce
	if p.stepped {
		// The rows of a, and in a product of few rows those of b, are long.
		rows = 4 * rowsAtOnce
		steps = min(steps, max(64, 2*blockElements/max(min(p.m, rows), p.n)))
	}
	for i := 0; i < p.m; i += rows {
		for s := 0; s < max(p.k, 1); s += steps {
			m, k := min(rows, p.m-i), min(steps, p.k-s)
			b := p.b
			if k > 0 {
				b = p.b[s*p.ldb:]
			}
			p.block(i, s, 0, m, p.n, k, p.a, p.elementOfA(i, s), p.lda, b, p.ldb)
		}
	}
}

// block adds k steps from s on to the rows from i and the columns from j on.
// The block of a starts at an index of a slice, which need not be the
// product's, nor that of b.
func (p *product) block(i, s, j, m, n, k int, a []float32, atA, lda int, b []float32, ldb int) {
	lanes := p.class.lanes()
	from, ldf := p.start(s)
	t := tile{ldc: 4 * p.ldc, ldf: 4 * ldf, lda: 4 * lda, ldb: 4 * ldb, rows: m, steps: k}
	if p.ones && i+m == p.m {
		t.ones = &one
	}
	switch {
	case k > 0 && t.ones != nil && m == 1:
		t.a = &one // nothing else is read
	case k > 0:
		t.a = &a[atA]
	}
	for done := 0; done < n; {
		width := min(2*lanes, n-done)
		t.vectors, t.last = vectorsOf(width, lanes)
		t.c, t.from = &p.c[i*p.ldc+j+done], &from[i*ldf+j+done]
		if k > 0 {
			t.b = &b[done]
		}
		p.class.gemm(&t, p.stepped)
		done += width
	}
}

// row computes a product of one row: strips of columns, each of as many
// vectors as fit the registers.
func (p *product) row() {
	lanes := p.class.lanes()
	far := 1
	if p.stepped {
		far = p.lda
	}
	vectors, _ := vectorsOf(p.n, lanes)
	strips := (vectors + mostVectors - 1) / mostVectors
	width := (vectors + strips - 1) / strips * lanes
	steps := max(16, blockElements/p.n)
	if strips == 1 {
		steps = max(16, elementsAtOnce/p.n)
	}
	for s := 0; s < max(p.k, 1); s += steps {
		from, _ := p.start(s)
		t := tile{lda: 4 * far, ldb: 4 * p.ldb, steps: min(steps, p.k-s), sum: p.sum}
		for j := 0; j < p.n; j += width {
			t.vectors, t.last = vectorsOf(min(width, p.n-j), lanes)
			t.c, t.from = &p.c[j], &from[j]
			if p.k > 0 {
				t.a, t.b = &p.a[s*far], &p.b[s*p.ldb+j]
			}
			p.class.gemmRow(&t)
			t.sum = nil
		}
	}
}

// packed computes a product of many rows and columns. Blocks of b are copied to
// panels as wide as a tile, of which each lies in one piece. Blocks of a are
// copied if their rows are many pages or would meet in a few sets of the cache.
func (p *product) packed() {
	buf := scratches.Get().(*scratch)
	defer scratches.Put(buf)
	panel := 2 * p.class.lanes()
	steps := stepsAtOnce
	if p.stepped {
		steps /= 2 // a line of a for each of them shares the cache with the panel
	}
	apart := p.n > columnsUnpacked && (p.lda%512 == 0 || p.stepped && p.lda > 4*rowsAtOnce)
	rows := even(p.m, rowsAtOnce)
	for j := 0; j < p.n; j += columnsAtOnce {
		n := min(columnsAtOnce, p.n-j)
		for s := 0; s < max(p.k, 1); s += steps {
			k := min(steps, p.k-s)
			for done := 0; done < n; done += panel {
				pack(buf.b[done*k:], panel, p.b[s*p.ldb+j+done:], p.ldb, k, min(panel, n-done))
			}
			for i := 0; i < p.m; i += rows {
				m := min(rows, p.m-i)
				a, at, lda := p.a, p.elementOfA(i, s), p.lda
				switch {
				case apart && p.stepped:
					pack(buf.a[:], rowsAtOnce, a[at:], lda, k, m)
					a, at, lda = buf.a[:], 0, rowsAtOnce
				case apart:
					pack(buf.a[:], stepsAtOnce+padding, a[at:], lda, m, k)
					a, at, lda = buf.a[:], 0, stepsAtOnce+padding
				}
				for done := 0; done < n; done += panel {
					p.block(i, s, j+done, m, min(panel, n-done), k, a, at, lda, buf.b[done*k:], panel)
				}
			}
		}
	}
}

// even returns how many rows blocks have that are alike, whole tiles of all
// heights, and at most so many.
func even(rows, most int) int {
	blocks := (rows + most - 1) / most
	const tiles = 24
	return ((rows+blocks-1)/blocks + tiles - 1) / tiles * tiles
}

// pack copies rows of n elements.
func pack(dst []float32, ldd int, src []float32, lds, rows, n int) {
	if n == 32 {
		for i := range rows {
			*(*[32]float32)(dst[i*ldd:]) = *(*[32]float32)(src[i*lds:])
		}
		return
	}
	for i := range rows {
		copy(dst[i*ldd:i*ldd+n], src[i*lds:i*lds+n])
	}
}

// narrow computes the columns from one on, fewer than a vector, of a class
// that has no partial vectors: in a vector that is filled up.
func (p *product) narrow(from int) {
	buf := scratches.Get().(*scratch)
	defer scratches.Put(buf)
	const lanes = 4
	n := p.n - from
	q := product{class: p.class, c: buf.c[:], ldc: lanes, from: buf.c[:], ldf: lanes, stepped: p.stepped}
	for s := 0; s < max(p.k, 1); s += stepsAtOnce {
		k := min(stepsAtOnce, p.k-s)
		if k > 0 {
			pack(buf.b[:], lanes, p.b[s*p.ldb+from:], p.ldb, k, n)
		}
		for i := 0; i < p.m; i += rowsAtOnce {
			m := min(rowsAtOnce, p.m-i)
			start, ldf := p.start(s)
			pack(buf.c[:], lanes, start[i*ldf+from:], ldf, m, n)
			q.m, q.ones = m, p.ones && i+m == p.m
			q.block(0, 0, 0, m, lanes, k, p.a, p.elementOfA(i, s), p.lda, buf.b[:], lanes)
			pack(p.c[i*p.ldc+from:], p.ldc, buf.c[:], lanes, m, n)
		}
	}
}

// loneForward is Forward of one column for rows that fill vectors.
func loneForward(cl class, z, x, w []float32, d int) {
	n := len(z)
	block := max(1, elementsAtOnce/(16*d)) * 16
	for lo := 0; lo < n; lo += block {
		t := tile{c: &z[lo], from: &w[d], a: &x[lo*d], b: &w[0], lda: 4 * d, rows: min(block, n-lo), steps: d}
		cl.lone(&t)
	}
}

// fewColumns is Gradient without its last row for fewer columns than a vector
// has lanes: the features are in the lanes, so that gᵀ += rᵀ·x.
func fewColumns(cl class, g, x, r []float32, n, d, k int) {
	buf := turnings.Get().(*[]float32)
	defer turnings.Put(buf)
	*buf = slices.Grow((*buf)[:0], d*k)
	turned := (*buf)[:d*k]
	Transpose(turned, g, d, k)
	p := product{class: cl, c: turned, ldc: d, from: turned, ldf: d, a: r, lda: k, stepped: true, b: x, ldb: d, m: k, n: d, k: n}
	p.run()
	Transpose(g, turned, k, d)
}

// one is a row of ones, when all of its elements are the same.
var one float32 = 1

// columnSums adds to sums those of the columns of r.
func columnSums(cl class, sums, r []float32, n, k int) {
	p := product{class: cl, c: sums, ldc: k, from: sums, ldf: k, stepped: true, ones: true, b: r, ldb: k, m: 1, n: k, k: n}
	p.run()
}
