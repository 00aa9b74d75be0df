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

// panel is models with equal batches that are trained side by side.
//
// Notation: d features, k columns of a model, c = k·len(models) columns.
type panel struct {
	*problem
	models []*model
	batch  int
	c      int
	w, v   []float32 // [(d+1)×c] row-major
	sum    *partSum  // of the batch, in the end
}

// partSum is what comes of the rows of a part: the sum of gradients [(d+1)×c],
// and the sum of losses of each model.
type partSum struct {
	g    []float32
	loss []float64
	z    []float32 // [blockRows×c], scratch
}

// panels deals out models to panels: so few that rows are shared, so many that
// the pool has work. Models keep their order.
func (h *run) panels(models []*model) []*panel {
	var batches []int
	byBatch := map[int][]*model{}
	for _, m := range models {
		if byBatch[m.batch] == nil {
			batches = append(batches, m.batch)
		}
		byBatch[m.batch] = append(byBatch[m.batch], m)
	}
	var panels []*panel
	for _, batch := range batches {
		group := byBatch[batch]
		slots := h.pool.Slots()
		size := max(1, min(panelColumns/h.outputs, (len(group)+slots-1)/slots))
		for len(group) > 0 {
			n := min(size, len(group))
			panels = append(panels, h.newPanel(group[:n], batch))
			group = group[n:]
		}
	}
	return panels
}

func (h *run) newPanel(models []*model, batch int) *panel {
	p := &panel{problem: h.problem, models: models, batch: batch, c: h.outputs * len(models)}
	size := (h.data.Train.D + 1) * p.c
	p.w, p.v = make([]float32, size), make([]float32, size)
	p.sum = p.newSum()
	return p
}

func (p *panel) newSum() *partSum {
	return &partSum{
		g:    make([]float32, len(p.w)),
		loss: make([]float64, len(p.models)),
		z:    make([]float32, blockRows*p.c),
	}
}

// gather copies the models' weights into the panel.
func (p *panel) gather() { p.each(func(panel, model []float32) { copy(panel, model) }) }

// scatter copies the panel's weights back.
func (p *panel) scatter() { p.each(func(panel, model []float32) { copy(model, panel) }) }

func (p *panel) each(f func(panel, model []float32)) {
	k := p.outputs
	for i, m := range p.models {
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
	n := p.data.Train.N
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
	n := h.data.Train.N
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
	for _, m := range p.models {
		m.loss = 0
	}
}

// alive reports whether a model of the panel is still of use.
func (p *panel) alive() bool {
	for _, m := range p.models {
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
	d := p.data.Train.D
	for ; lo < hi; lo += blockRows {
		n := min(blockRows, hi-lo)
		x := p.data.Train.X[lo*d : (lo+n)*d]
		kernels.Forward(s.z, x, p.w, n, d, p.c)
		switch {
		case p.regression():
			p.squared(s, p.target[lo:lo+n])
		case p.outputs == 1:
			p.logistic(s, p.data.Train.Y[lo:lo+n])
		default:
			p.softmax(s, p.data.Train.Y[lo:lo+n])
		}
		kernels.Gradient(s.g, x, s.z, n, d, p.c)
	}
}

// squared turns outputs into derivatives of half the squared error. The loss
// is the squared error.
func (p *panel) squared(s *partSum, target []float32) {
	for i, y := range target {
		for j, z := range s.z[i*p.c : (i+1)*p.c] {
			e := z - y
			s.z[i*p.c+j] = e
			s.loss[j] += float64(float64(e) * float64(e))
		}
	}
}

// logistic turns outputs into derivatives of the log loss of two classes.
func (p *panel) logistic(s *partSum, classes []float32) {
	for i, y := range classes {
		for j, z := range s.z[i*p.c : (i+1)*p.c] {
			p0, p1, loss0, loss1 := kernels.Logistic(z)
			if y == 1 {
				s.z[i*p.c+j] = -p0
				s.loss[j] += loss1
			} else {
				s.z[i*p.c+j] = p1
				s.loss[j] += loss0
			}
		}
	}
}

// softmax turns outputs into derivatives of the log loss of many classes.
func (p *panel) softmax(s *partSum, classes []float32) {
	k := p.outputs
	for i, y := range classes {
		for j := range p.models {
			z := s.z[i*p.c+j*k : i*p.c+(j+1)*k]
			own := float64(z[int(y)])
			s.loss[j] += kernels.Softmax(z) - own
			z[int(y)]--
		}
	}
}

// update takes one gradient step. A model whose loss is not finite is out: its
// columns become 0, so that the others' loops are not slowed by them.
func (p *panel) update(s *partSum, rows int) {
	k := p.outputs
	inv := 1 / float32(rows)
	d := p.data.Train.D
	for i, m := range p.models {
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
			l2 := m.l2
			if j == d {
				l2 = 0
			}
			for q := range w {
				grad := float32(g[q]*inv) + float32(l2*w[q])
				v[q] = float32(m.momentum*v[q]) + grad
				w[q] -= float32(m.rate * v[q])
			}
		}
	}
}
