package mlp

import (
	"context"

	"tourney/dataset"
	"tourney/trainers/kernels"
)

// passTogether trains a fit by one epoch on all slots of the pool: the parts of
// a batch side by side, or the rows and columns of a batch of one part. Each
// sum is taken in the same order as by one goroutine.
func (p *problem) passTogether(ctx context.Context, f *fit) {
	d := p.take()
	defer p.give(d)
	if f.batch > dataset.PartRows {
		d.lay(f, f.rows())
		d.begin()
		p.partsTogether(ctx, d)
		return
	}
	d.lay(f, f.batch)
	d.begin()
	pieces := p.pieces(f)
	f.epoch(ctx, d, func(lo, hi int) float64 { return p.rowsTogether(d, pieces, lo, hi) }, func() { p.updateTogether(d, pieces) })
}

// partsTogether trains a fit whose batches have several parts. Parts come in
// waves, so that memory is bounded, and are added in order.
func (p *problem) partsTogether(ctx context.Context, d *desk) {
	f := d.fit
	pieces := p.pieces(f)
	desks := make([]*desk, p.pool.Slots())
	losses := make([]float64, len(desks))
	for i := range desks {
		desks[i] = p.take()
		defer p.give(desks[i])
		desks[i].lay(f, f.rows())
		desks[i].order, desks[i].turn = d.order, append(desks[i].turn[:0], d.turn...)
	}
	f.epoch(ctx, d, func(lo, hi int) float64 {
		loss := 0.0
		all := parts(hi - lo)
		for wave := 0; wave < all; wave += len(desks) {
			n := min(len(desks), all-wave)
			rows := func(i int) (from, to int) {
				from = lo + (wave+i)*dataset.PartRows
				return from, min(from+dataset.PartRows, hi)
			}
			p.pool.Do(n, func(i int) {
				from, to := rows(i)
				losses[i] = desks[i].partGradient(desks[i].grad, from, to, wave+i)
			})
			for i := range n {
				if wave+i == 0 {
					copy(d.grad, desks[i].grad)
				} else {
					kernels.Add(d.grad, desks[i].grad)
				}
				loss += losses[i]
				from, to := rows(i)
				f.average(desks[i].norm, to-from)
			}
		}
		return loss
	}, func() { p.updateTogether(d, pieces) })
}

// lineElements is how many float32 a line of the cache has. Slots share none.
const lineElements = 16

// share returns how many of n rows or units each slot does.
func (p *problem) share(n int) int {
	size := (n + p.pool.Slots() - 1) / p.pool.Slots()
	return (size + lineElements - 1) / lineElements * lineElements
}

// split cuts 0 to n into a piece for each slot and runs f on them.
func (p *problem) split(n int, f func(lo, hi int)) {
	size := p.share(n)
	p.pool.Do((n+size-1)/size, func(i int) { f(i*size, min((i+1)*size, n)) })
}

// piece is the weights of some units before a layer.
type piece struct{ l, lo, hi int }

// pieces cuts all weights, those of each layer into a piece for each slot.
func (p *problem) pieces(f *fit) []piece {
	var pieces []piece
	for l, layer := range f.layers {
		size := p.share(layer.p)
		for lo := 0; lo < layer.p; lo += size {
			pieces = append(pieces, piece{l, lo, min(lo+size, layer.p)})
		}
	}
	return pieces
}

// rowsTogether computes the sum of gradients over a batch of one part.
func (p *problem) rowsTogether(d *desk, pieces []piece, from, to int) float64 {
	n := to - from
	key := d.key(0)
	last := len(d.layers) - 1
	clear(d.grad)
	d.place(from, n, 0)
	p.split(n, func(lo, hi int) {
		d.load(from, lo, hi)
		d.forward(0, lo, hi, key)
	})
	for l := range d.layers {
		if d.layers[l].norm {
			d.statistics(l, n)
			p.split(n, func(lo, hi int) {
				d.scale(l, lo, hi)
				d.activate(l, lo, hi, key)
				d.forward(l+1, lo, hi, key)
			})
		}
	}
	loss := d.loss(n)
	for l := last; l > 0; {
		first := l
		p.split(n, func(lo, hi int) { d.backward(first, lo, hi, key) })
		l = d.stop(first) - 1
		if d.layers[l].norm {
			d.sumBack(d.grad, l, n)
			p.split(n, func(lo, hi int) { d.normBack(l, lo, hi) })
		}
	}
	p.pool.Do(len(pieces), func(i int) { d.collectSome(d.grad, n, pieces[i]) })
	f := d.fit
	f.average(d.norm, n)
	return loss
}

// forward goes from a layer on until one has to be normalised.
func (d *desk) forward(l, lo, hi int, key uint64) {
	for ; l < len(d.layers); l++ {
		d.multiply(l, lo, hi)
		if d.layers[l].norm {
			return
		}
		if l < len(d.layers)-1 {
			d.activate(l, lo, hi, key)
		}
	}
}

// backward goes from a layer back until one has to be normalised.
func (d *desk) backward(l, lo, hi int, key uint64) {
	for stop := d.stop(l); l >= stop; l-- {
		d.back(l, lo, hi, key)
	}
}

// stop returns the layer before which backward from one stops.
func (d *desk) stop(l int) int {
	for l > 1 && !d.layers[l-1].norm {
		l--
	}
	return l
}

// updateTogether takes a gradient step.
func (p *problem) updateTogether(d *desk, pieces []piece) {
	p.pool.Do(len(pieces), func(i int) { d.updateSome(pieces[i]) })
	for l := range d.layers {
		d.turnWeights(l)
	}
}
