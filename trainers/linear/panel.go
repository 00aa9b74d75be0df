package linear

import (
	"context"
	"math"

	"tourney/dataset"
	"tourney/trainers/kernels"
)

const (
	// panelColumns is how many columns the models of a panel have together, at
	// most, unless one model alone has more: enough for a row to be read once
	// for many models, few enough for the weights to stay in the cache.
	panelColumns = 32
	// blockRows is how many rows go through Forward and Gradient at once, so
	// that they are in the cache the second time.
	blockRows = 128
)

// panel is fits to one fold with equal batches that are trained side by side.
//
// Notation: d features, k columns of a fit, c = k·len(fits) columns.
type panel struct {
	*fold
	fits  []*fit
	batch int
	c     int
	w, v  []float32 // [(d+1)×c] row-major
	sum   *partSum  // of the batch, in the end
}

// partSum is what comes of the rows of a part: the sum of gradients [(d+1)×c],
// and the sum of losses of each fit.
type partSum struct {
	g    []float32
	loss []float64
	z    []float32 // [blockRows×c], scratch
}

// panels deals out the fits of models to panels: so few that rows are shared,
// so many that the pool has work. Models keep their order.
func (h *run) panels(models []*model) []*panel {
	var panels []*panel
	for i, f := range h.folds {
		var batches []int
		byBatch := map[int][]*fit{}
		for _, m := range models {
			fit := m.fits[i]
			if byBatch[fit.batch] == nil {
				batches = append(batches, fit.batch)
			}
			byBatch[fit.batch] = append(byBatch[fit.batch], fit)
		}
		for _, batch := range batches {
			group := byBatch[batch]
			slots := h.pool.Slots()
			size := max(1, min(panelColumns/h.outputs, (len(group)*len(h.folds)+slots-1)/slots))
			for len(group) > 0 {
				n := min(size, len(group))
				panels = append(panels, newPanel(f, group[:n], batch))
				group = group[n:]
			}
		}
	}
	return panels
}

func newPanel(f *fold, fits []*fit, batch int) *panel {
	p := &panel{fold: f, fits: fits, batch: batch, c: f.outputs * len(fits)}
	size := (f.train.D + 1) * p.c
	p.w, p.v = make([]float32, size), make([]float32, size)
	p.sum = p.newSum()
	return p
}

func (p *panel) newSum() *partSum {
	return &partSum{
		g:    make([]float32, len(p.w)),
		loss: make([]float64, len(p.fits)),
		z:    make([]float32, blockRows*p.c),
	}
}

// gather copies the fits' weights into the panel.
func (p *panel) gather() { p.each(func(panel, fit []float32) { copy(panel, fit) }) }

// scatter copies the panel's weights back.
func (p *panel) scatter() { p.each(func(panel, fit []float32) { copy(fit, panel) }) }

func (p *panel) each(f func(panel, fit []float32)) {
	k := p.outputs
	for i, m := range p.fits {
		for j := range len(m.w) / k {
			at := j*p.c + i*k
			f(p.w[at:at+k], m.w[j*k:(j+1)*k])
			f(p.v[at:at+k], m.v[j*k:(j+1)*k])
		}
	}
}

// train trains all panels for one pass. Panels whose batches have one part run
// side by side, each by itself; those with larger batches one after another,
// each batch spread over its parts.
func (h *run) train(ctx context.Context, panels []*panel) {
	var small []*panel
	for _, p := range panels {
		if p.batch <= dataset.PartRows {
			small = append(small, p)
		}
	}
	h.pool.Do(len(small), func(i int) { small[i].passAlone(ctx) })
	for _, p := range panels {
		if p.batch > dataset.PartRows {
			h.passTogether(ctx, p)
		}
	}
}

// passAlone trains a panel for one pass on one goroutine.
func (p *panel) passAlone(ctx context.Context) {
	p.begin()
	n := p.train.N
	for lo := 0; lo < n && p.alive() && ctx.Err() == nil; lo += p.batch {
		hi := min(lo+p.batch, n)
		p.addPart(p.sum, lo, hi)
		p.update(p.sum, hi-lo)
	}
	p.scatter()
}

// passTogether trains a panel for one pass, the parts of a batch side by side.
// Parts come in waves, so that memory is bounded, and are added in order.
func (h *run) passTogether(ctx context.Context, p *panel) {
	p.begin()
	sums := make([]*partSum, 2*h.pool.Slots())
	for i := range sums {
		sums[i] = p.newSum()
	}
	n := p.train.N
	for lo := 0; lo < n && p.alive() && ctx.Err() == nil; lo += p.batch {
		hi := min(lo+p.batch, n)
		for wave := lo; wave < hi; wave += len(sums) * dataset.PartRows {
			parts := min(len(sums), (hi-wave+dataset.PartRows-1)/dataset.PartRows)
			h.pool.Do(parts, func(i int) {
				from := wave + i*dataset.PartRows
				p.addPart(sums[i], from, min(from+dataset.PartRows, hi))
			})
			for i, s := range sums[:parts] {
				p.join(s, wave == lo && i == 0)
			}
		}
		p.update(p.sum, hi-lo)
	}
	p.scatter()
}

// join adds a part's sums to the batch's, or replaces them by the first part's.
func (p *panel) join(s *partSum, first bool) {
	if first {
		copy(p.sum.g, s.g)
		copy(p.sum.loss, s.loss)
		return
	}
	kernels.Add(p.sum.g, s.g)
	for i, l := range s.loss {
		p.sum.loss[i] += l
	}
}

func (p *panel) begin() {
	p.gather()
	for _, m := range p.fits {
		m.loss = 0
	}
}

// alive reports whether a fit of the panel is still of use.
func (p *panel) alive() bool {
	for _, m := range p.fits {
		if !m.diverged {
			return true
		}
	}
	return false
}

// addPart sums gradients and losses over the training rows lo to hi, a part.
func (p *panel) addPart(s *partSum, lo, hi int) {
	clear(s.g)
	clear(s.loss)
	d := p.train.D
	for ; lo < hi; lo += blockRows {
		n := min(blockRows, hi-lo)
		x := p.train.X[lo*d : (lo+n)*d]
		kernels.Forward(s.z, x, p.w, n, d, p.c)
		switch {
		case p.regression():
			p.squared(s, lo, n)
		case p.outputs == 1:
			p.logistic(s, lo, n)
		default:
			p.softmax(s, lo, n)
		}
		p.scaleRows(s.z, lo, n)
		kernels.Gradient(s.g, x, s.z, n, d, p.c)
	}
}

// scaleRows multiplies the derivatives of rows by the rows' weights.
func (p *panel) scaleRows(z []float32, lo, n int) {
	if p.weight == nil {
		return
	}
	for i, w := range p.weight[lo : lo+n] {
		row := z[i*p.c : (i+1)*p.c]
		for j := range row {
			row[j] *= w
		}
	}
}

// squared turns the outputs of n rows from lo on into derivatives of half the
// squared error. The loss is the squared error.
func (p *panel) squared(s *partSum, lo, n int) {
	for i, y := range p.target[lo : lo+n] {
		w := float64(p.weightOf(lo + i))
		for j, z := range s.z[i*p.c : (i+1)*p.c] {
			e := z - y
			s.z[i*p.c+j] = e
			s.loss[j] += float64(w * float64(float64(e)*float64(e)))
		}
	}
}

// logistic turns outputs into derivatives of the log loss of two classes.
func (p *panel) logistic(s *partSum, lo, n int) {
	for i, y := range p.train.Y[lo : lo+n] {
		w := float64(p.weightOf(lo + i))
		for j, z := range s.z[i*p.c : (i+1)*p.c] {
			p0, p1, loss0, loss1 := kernels.Logistic(z)
			if y == 1 {
				s.z[i*p.c+j] = -p0
				s.loss[j] += float64(w * loss1)
			} else {
				s.z[i*p.c+j] = p1
				s.loss[j] += float64(w * loss0)
			}
		}
	}
}

// softmax turns outputs into derivatives of the log loss of many classes.
func (p *panel) softmax(s *partSum, lo, n int) {
	k := p.outputs
	for i, y := range p.train.Y[lo : lo+n] {
		w := float64(p.weightOf(lo + i))
		for j := range p.fits {
			z := s.z[i*p.c+j*k : i*p.c+(j+1)*k]
			own := float64(z[int(y)])
			s.loss[j] += float64(w * (kernels.Softmax(z) - own))
			z[int(y)]--
		}
	}
}

// update takes one gradient step. A fit whose loss is not finite is out: its
// columns become 0, so that the others' loops are not slowed by them.
func (p *panel) update(s *partSum, rows int) {
	k := p.outputs
	inv := 1 / float32(rows)
	d := p.train.D
	for i, m := range p.fits {
		if m.diverged {
			continue
		}
		m.loss += s.loss[i]
		m.diverged = math.IsNaN(s.loss[i]) || math.IsInf(s.loss[i], 0)
		for j := range d + 1 {
			at := j*p.c + i*k
			w, v, g := p.w[at:at+k], p.v[at:at+k], s.g[at:at+k]
			if m.diverged {
				clear(w)
				clear(v)
				continue
			}
			l2 := m.model.l2
			if j == d {
				l2 = 0
			}
			for q := range w {
				grad := float32(g[q]*inv) + float32(l2*w[q])
				v[q] = float32(m.model.momentum*v[q]) + grad
				w[q] -= float32(m.model.rate * v[q])
			}
		}
	}
}
