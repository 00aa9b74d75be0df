package gram

import (
	"math"
	"sync"

	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/kernels"
)

// blockRows is how many rows are summed in float32.
const blockRows = 128

// waveFloats bounds the float64 that parts hold at a time.
const waveFloats = 1 << 25

// Statistics is all that squared loss asks of rows.
type Statistics struct {
	D      int
	Mean   []float64 // [d] of the features
	Target float64   // mean of the target
	A      []float64 // [d×d] mean products about the means
	B      []float64 // [d] mean products with the target about the means
	C      float64   // mean square of the target about its mean

	once        sync.Once
	tridiagonal *tridiagonal
}

// part is the sums of a part: xᵀx, xᵀy, x, relative to the first row.
type part struct {
	xx         []float64 // [d×d]
	xy, x      []float64 // [d]
	y, yy, sum float64   // of the target, its square, and the weights
}

func newPart(d int) *part {
	return &part{xx: make([]float64, d*d), xy: make([]float64, d), x: make([]float64, d)}
}

func (p *part) clear() {
	clear(p.xx)
	clear(p.xy)
	clear(p.x)
	p.y, p.yy, p.sum = 0, 0, 0
}

func (p *part) add(q *part) {
	add(p.xx, q.xx)
	add(p.xy, q.xy)
	add(p.x, q.x)
	p.y += q.y
	p.yy += q.yy
	p.sum += q.sum
}

func add(a, b []float64) {
	b = b[:len(a)]
	for i := range a {
		a[i] += b[i]
	}
}

// Gather sums rows up, parts side by side on the pool. The target should be
// near a mean of 0, lest digits are lost. The weights are nil if all rows count
// the same.
func Gather(pool *heat.Pool, m *dataset.Matrix, target, weight []float32) *Statistics {
	d := m.D
	first := make([]float32, d)
	if m.RowPtr == nil {
		copy(first, m.X[:d])
	}
	parts := make([]*part, max(1, min(2*pool.Slots(), waveFloats/(d*d+1))))
	for i := range parts {
		parts[i] = newPart(d)
	}
	total := newPart(d)
	for wave := 0; wave < m.N; wave += len(parts) * dataset.PartRows {
		n := min(len(parts), (m.N-wave+dataset.PartRows-1)/dataset.PartRows)
		pool.Do(n, func(i int) {
			lo := wave + i*dataset.PartRows
			hi := min(lo+dataset.PartRows, m.N)
			parts[i].clear()
			if m.RowPtr != nil {
				parts[i].sparse(m, target, weight, lo, hi)
			} else {
				parts[i].dense(m, first, target, weight, lo, hi)
			}
		})
		for _, p := range parts[:n] {
			total.add(p)
		}
	}
	return total.finish(first)
}

// finish brings sums to means about the means.
func (p *part) finish(first []float32) *Statistics {
	d := len(p.x)
	s := &Statistics{D: d, Mean: make([]float64, d), A: p.xx, B: p.xy}
	s.Target = p.y / p.sum
	s.C = max(0, p.yy/p.sum-float64(s.Target*s.Target))
	for i := range d {
		p.x[i] /= p.sum
		s.Mean[i] = p.x[i] + float64(first[i])
	}
	for i := range d {
		s.B[i] = s.B[i]/p.sum - float64(p.x[i]*s.Target)
		row := s.A[i*d : (i+1)*d]
		for j := range row {
			row[j] = row[j]/p.sum - float64(p.x[i]*p.x[j])
		}
	}
	return s
}

// dense sums dense rows.
func (p *part) dense(m *dataset.Matrix, first, target, weight []float32, lo, hi int) {
	d := m.D
	k := d + 1 // the features and the target
	x, g := make([]float32, blockRows*d), make([]float32, d*d)
	var r []float32
	if weight != nil {
		g, r = make([]float32, k*k), make([]float32, blockRows*k)
	}
	xy := make([]float32, d+1)
	for ; lo < hi; lo += blockRows {
		n := min(blockRows, hi-lo)
		for i := range n {
			from, to := m.X[(lo+i)*d:(lo+i+1)*d], x[i*d:(i+1)*d]
			for j, v := range from {
				to[j] = v - first[j]
			}
		}
		y := target[lo : lo+n]
		if weight == nil {
			clear(g)
			kernels.Gram(g, x, n, d)
			clear(xy)
			kernels.Gradient(xy, x, y, n, d, 1)
			for i, v := range g {
				p.xx[i] += float64(v)
			}
			for i, v := range xy[:d] {
				p.xy[i] += float64(v)
			}
			for i := range n {
				for j, v := range x[i*d : (i+1)*d] {
					p.x[j] += float64(v)
				}
			}
		} else {
			p.weighted(x, r, g, y, weight[lo:lo+n], n, d)
		}
		p.targets(y, weight, lo)
	}
}

// weighted sums a block whose rows have weights: the second factor is theirs.
func (p *part) weighted(x, r, g, y, weight []float32, n, d int) {
	k := d + 1
	for i, w := range weight {
		row := r[i*k : (i+1)*k]
		for j, v := range x[i*d : (i+1)*d] {
			row[j] = v * w
		}
		row[d] = y[i] * w
	}
	clear(g)
	kernels.Gradient(g, x, r, n, d, k)
	for i := range d {
		for j, v := range g[i*k : i*k+d] {
			p.xx[i*d+j] += float64(v)
		}
		p.xy[i] += float64(g[i*k+d])
		p.x[i] += float64(g[d*k+i])
	}
}

// targets sums targets and weights.
func (p *part) targets(y, weight []float32, lo int) {
	for i, v := range y {
		w := 1.0
		if weight != nil {
			w = float64(weight[lo+i])
		}
		t := float64(v)
		p.y += float64(w * t)
		p.yy += float64(w * float64(t*t))
		p.sum += w
	}
}

// sparse sums CSR rows, in float64 all the way.
func (p *part) sparse(m *dataset.Matrix, target, weight []float32, lo, hi int) {
	d := m.D
	for i := lo; i < hi; i++ {
		w := 1.0
		if weight != nil {
			w = float64(weight[i])
		}
		col, val := m.Col[m.RowPtr[i]:m.RowPtr[i+1]], m.Val[m.RowPtr[i]:m.RowPtr[i+1]]
		y := float64(target[i])
		for a, j := range col {
			v := float64(w * float64(val[a]))
			row := p.xx[int(j)*d:]
			for b, q := range col {
				row[q] += float64(v * float64(val[b]))
			}
			p.xy[j] += float64(v * y)
			p.x[j] += v
		}
	}
	p.targets(target[lo:hi], weight, lo)
}

// Solve returns the weights that minimise the penalised loss, and the
// intercept.
func (s *Statistics) Solve(l1, l2 float64) (w []float64, intercept float64) {
	if l1 > 0 {
		w = s.elastic(l1, l2)
	} else {
		s.once.Do(func() { s.tridiagonal = newTridiagonal(s.A, s.D) })
		w = s.tridiagonal.solve(s.B, l2)
	}
	intercept = s.Target
	for j, v := range w {
		intercept -= float64(s.Mean[j] * v)
	}
	return w, intercept
}

// Loss returns the mean of half the squared error at w, with the intercept that
// Solve gives for it.
func (s *Statistics) Loss(w []float64) float64 {
	loss := s.C
	for i, v := range w {
		sum := 0.0
		for j, u := range w {
			sum += float64(s.A[i*s.D+j] * u)
		}
		loss += float64(v * (sum - float64(2*s.B[i])))
	}
	return max(0, loss) / 2
}

// diagonal returns the mean of the diagonal.
func diagonal(a []float64, d int) float64 {
	sum := 0.0
	for i := range d {
		sum += math.Abs(a[i*d+i])
	}
	return sum / float64(max(1, d))
}
