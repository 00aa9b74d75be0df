package linear

import (
	"cmp"
	"context"
	"math"
	"slices"

	"tourney/dataset"
	"tourney/trainers/kernels"
)

// shareRows is the batch size of whose multiples panels can be: each column
// takes its step when its own batch is full.
const shareRows = 256

// descent is a panel that is trained by gradient steps of one optimiser.
type descent struct {
	*panel
	unit   int         // rows that all columns take in before any takes a step
	even   bool        // all batches have that many rows
	sparse bool        // only weights of features that are in the batch can change
	state  [][]float32 // [(d+1)×c] each
	by     columns
	sum    *sum
	seen   []bool // [d] sparse: the features of the batch
	found  []int  // those, in the order in which they came
}

// descend trains fits for one pass. Panels whose batches have one part run side
// by side, each by itself; those with larger batches one after another, each
// batch spread over its parts.
func (p *problem) descend(ctx context.Context, fits []*fit) {
	type key struct {
		fold            *fold
		optimizer, loss string
		batch           int
	}
	var within, beyond []*fit // a part
	for _, f := range fits {
		if f.rows() <= dataset.PartRows {
			within = append(within, f)
		} else {
			beyond = append(beyond, f)
		}
	}
	keyOf := func(f *fit) any {
		k := key{f.fold, f.optimizer, f.setting.loss, f.rows()}
		if k.batch <= dataset.PartRows && f.fold.Train.RowPtr == nil && (f.batch%shareRows == 0 || k.batch == f.fold.Train.N) {
			k.batch = 0
		}
		return k
	}
	var small []*descent
	for _, g := range p.deal(within, true, keyOf) {
		small = append(small, newDescent(g))
	}
	p.pool.Do(len(small), func(i int) { small[i].alone(ctx) })
	for _, g := range p.deal(beyond, false, keyOf) {
		newDescent(g).together(ctx)
	}
}

func newDescent(fits []*fit) *descent {
	slices.SortStableFunc(fits, func(a, b *fit) int { return cmp.Compare(a.rows(), b.rows()) })
	d := &descent{panel: newPanel(fits[0].fold, fits), even: true}
	d.unit = fits[0].rows()
	for _, m := range fits {
		d.even = d.even && m.rows() == d.unit
	}
	if !d.even {
		d.unit = shareRows
	}
	arrays := 0
	for _, m := range fits {
		arrays = max(arrays, m.arrays())
	}
	for range arrays {
		d.state = append(d.state, make([]float32, len(d.w)))
	}
	d.sparse = d.Train.RowPtr != nil && d.even
	for i, m := range fits {
		m.loss, m.norm = 0, 0
		d.put(d.w, m.w, i)
		for a, s := range m.state {
			d.put(d.state[a], s, i)
		}
		d.sparse = d.sparse && m.stays()
	}
	d.setColumns()
	d.sum = d.newSum()
	if d.sparse {
		d.seen = make([]bool, d.Train.D)
	}
	return d
}

// stays reports whether a weight is left as it is by a step whose gradient of
// the loss is 0 for it.
func (s *setting) stays() bool {
	return s.optimizer == optFTRL && !s.schedule.varies() || s.l1 == 0 && s.l2 == 0 && (s.optimizer == optAdaGrad || s.optimizer == optSGD && s.momentum == 0)
}

// alone trains the panel for one pass on one goroutine.
func (d *descent) alone(ctx context.Context) {
	n := d.Train.N
	for lo := 0; lo < n && d.alive() && ctx.Err() == nil; lo += d.unit {
		hi := min(lo+d.unit, n)
		d.add(d.sum, lo, hi)
		if d.even {
			d.whole(lo, hi)
		} else {
			d.due(hi)
		}
	}
	d.end()
}

// together trains the panel for one pass, the parts of a batch side by side.
// Parts come in waves, so that memory is bounded, and are added in order.
func (d *descent) together(ctx context.Context) {
	sums := make([]*sum, 2*d.problem.pool.Slots())
	for i := range sums {
		sums[i] = d.newSum()
	}
	n := d.Train.N
	for lo := 0; lo < n && d.alive() && ctx.Err() == nil; lo += d.unit {
		hi := min(lo+d.unit, n)
		for wave := lo; wave < hi; wave += len(sums) * dataset.PartRows {
			parts := min(len(sums), (hi-wave+dataset.PartRows-1)/dataset.PartRows)
			d.problem.pool.Do(parts, func(i int) {
				from := wave + i*dataset.PartRows
				sums[i].clear()
				d.add(sums[i], from, min(from+dataset.PartRows, hi))
			})
			for i, s := range sums[:parts] {
				d.join(s, wave == lo && i == 0)
			}
		}
		d.whole(lo, hi)
	}
	d.end()
}

// join adds a part's sums to the batch's, or replaces them by the first part's.
func (d *descent) join(s *sum, first bool) {
	if first {
		copy(d.sum.g, s.g)
		copy(d.sum.loss, s.loss)
		return
	}
	kernels.Add(d.sum.g, s.g)
	for i, l := range s.loss {
		d.sum.loss[i] += l
	}
}

// alive reports whether a fit of the panel is still of use.
func (d *descent) alive() bool {
	for _, m := range d.fits {
		if !m.diverged {
			return true
		}
	}
	return false
}

// end gives the fits their columns.
func (d *descent) end() {
	for i, m := range d.fits {
		d.take(m.w, d.w, i)
		for a, s := range m.state {
			d.take(s, d.state[a], i)
		}
	}
}

// whole takes a step with all columns, whose batch is the rows lo to hi, and
// empties the sums.
func (d *descent) whole(lo, hi int) {
	rows := 0
	if d.sparse {
		d.touch(lo, hi)
		rows = len(d.found)
	}
	for i := range d.fits {
		d.book(i, d.sum.loss, lo, hi)
	}
	if !d.sparse || 2*rows > d.Train.D {
		d.update(0, d.Train.D, 0, d.c, d.by.l1, d.by.l2)
		d.norms(hi, 0, len(d.fits))
		clear(d.sum.g[:d.Train.D*d.c])
	} else {
		d.norms(hi, 0, len(d.fits))
		for _, j := range d.found {
			d.update(j, j+1, 0, d.c, d.by.l1, d.by.l2)
			clear(d.sum.g[j*d.c : (j+1)*d.c])
		}
	}
	d.update(d.Train.D, d.Train.D+1, 0, d.c, d.by.none, d.by.none)
	clear(d.sum.g[d.Train.D*d.c:])
	clear(d.sum.loss)
	for _, j := range d.found {
		d.seen[j] = false
	}
	d.found = d.found[:0]
}

// touch finds the features of the rows lo to hi.
func (d *descent) touch(lo, hi int) {
	m := d.Train
	for _, j := range m.Col[m.RowPtr[lo]:m.RowPtr[hi]] {
		if !d.seen[j] {
			d.seen[j] = true
			d.found = append(d.found, int(j))
		}
	}
}

// due takes a step with the columns whose batch ends at row hi, and empties
// their sums. Those with equal batches lie side by side.
func (d *descent) due(hi int) {
	features := d.Train.D
	of := d.l / len(d.fits)
	for i := 0; i < len(d.fits); {
		rows := d.fits[i].rows()
		end := i
		for end < len(d.fits) && d.fits[end].rows() == rows {
			end++
		}
		if hi%rows == 0 || hi == d.Train.N {
			for m := i; m < end; m++ {
				d.book(m, d.sum.loss, (hi-1)/rows*rows, hi)
			}
			from, to := i*d.k, end*d.k
			for j := range features {
				d.update(j, j+1, from, to, d.by.l1, d.by.l2)
			}
			d.update(features, features+1, from, to, d.by.none, d.by.none)
			d.norms(hi, i, end)
			for j := range features + 1 {
				clear(d.sum.g[j*d.c+from : j*d.c+to])
			}
			clear(d.sum.loss[i*of : end*of])
		}
		i = end
	}
}

// book closes a fit's batch of the rows lo to hi: it books its loss and sets
// what its columns' step depends on. A fit whose loss is not finite is out: its
// columns become 0 and stay so.
func (d *descent) book(i int, losses []float64, lo, hi int) {
	m := d.fits[i]
	loss := d.lossOf(losses, i)
	m.loss += loss
	if !m.diverged && !finite(loss) {
		m.diverged = true
		zero := make([]float32, len(m.w))
		d.put(d.w, zero, i)
		d.put(d.sum.g, zero, i)
		for _, s := range d.state {
			d.put(s, zero, i)
		}
	}
	rate, scale := m.rate, 1/float32(hi-lo)
	batches := (d.Train.N + m.rows() - 1) / m.rows()
	done := m.trial.Step*batches + lo/m.rows()
	if m.schedule.varies() {
		rate = float32(float64(rate) * m.schedule.factor(done, batches))
	}
	if m.diverged {
		scale = 0
	}
	fix1, fix2 := float32(0), float32(0)
	if d.by.fix1 != nil {
		fix1, fix2 = m.fixes(done + 1)
	}
	for j := i * d.k; j < (i+1)*d.k; j++ {
		d.by.rate[j], d.by.scale[j] = rate, scale
		if d.by.fix1 != nil {
			d.by.fix1[j], d.by.fix2[j] = fix1, fix2
		}
	}
}

// norms sets the norms of some fits if their batch was the last of the pass.
func (d *descent) norms(hi, from, to int) {
	if hi < d.Train.N {
		return
	}
	for i := from; i < to; i++ {
		squares := 0.0
		for j := range d.Train.D + 1 {
			for _, v := range d.sum.g[j*d.c+i*d.k : j*d.c+(i+1)*d.k] {
				squares += float64(float64(v) * float64(v))
			}
		}
		d.fits[i].norm = math.Sqrt(squares) * float64(d.by.scale[i*d.k])
	}
}
