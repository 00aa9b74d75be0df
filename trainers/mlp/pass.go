package mlp

import (
	"context"
	"math"

	"tourney/dataset"
	"tourney/trainers/kernels"
)

// passAlone trains the fit by one epoch on one goroutine.
func (f *fit) passAlone(ctx context.Context, d *desk) {
	d.lay(f, f.rows())
	d.begin()
	f.epoch(ctx, d, func(lo, hi int) float64 {
		loss := 0.0
		for i := range parts(hi - lo) {
			from := lo + i*dataset.PartRows
			to := min(from+dataset.PartRows, hi)
			grad := d.grad
			if i > 0 {
				grad = d.part
			}
			part := d.partGradient(grad, from, to, i)
			if i > 0 {
				kernels.Add(d.grad, d.part)
			}
			loss += part
			f.average(d.norm, to-from)
		}
		return loss
	}, d.update)
}

// epoch goes through the batches of an epoch. gradient puts the sum of the
// gradients of rows lo to hi into d.grad and returns the sum of their losses;
// step changes the weights by it, as d.next says.
func (f *fit) epoch(ctx context.Context, d *desk, gradient func(lo, hi int) float64, step func()) {
	f.loss = 0
	n, batches := f.fold.Train.N, f.batches()
	for b := range batches {
		if ctx.Err() != nil {
			return
		}
		lo := b * f.batch
		hi := min(lo+f.batch, n)
		loss := gradient(lo, hi)
		f.loss += loss
		if loss-loss != 0 {
			f.diverged = true
			return
		}
		d.next = f.nextUpdate(d.grad, hi-lo, b, batches)
		step()
	}
	f.diverged = !(kernels.AllFinite(f.weights) && kernels.AllFinite(f.first) && kernels.AllFinite(f.second))
}

// partGradient computes the sum of gradients over the rows lo to hi, a part of
// a batch, and returns the sum of the losses.
func (d *desk) partGradient(grad []float32, lo, hi, part int) float64 {
	clear(grad)
	key := d.key(part)
	sum := 0.0
	step := hi - lo
	if !d.settings.norm {
		step = min(step, blockRows)
	}
	last := len(d.layers) - 1
	for start := 0; lo < hi; lo, start = lo+step, start+step {
		n := min(step, hi-lo)
		d.place(lo, n, start)
		d.load(lo, 0, n)
		for l := range d.layers {
			d.multiply(l, 0, n)
			if d.layers[l].norm {
				d.statistics(l, n)
				d.scale(l, 0, n)
			}
			if l < last {
				d.activate(l, 0, n, key)
			}
		}
		sum += d.loss(n)
		for l := last; l >= 0; l-- {
			d.collect(grad, l, n)
			if l == 0 {
				break
			}
			d.back(l, 0, n, key)
			if d.layers[l-1].norm {
				d.sumBack(grad, l-1, n)
				d.normBack(l-1, 0, n)
			}
		}
	}
	return sum
}

// key is what the masks of a part of a batch are drawn from.
func (f *fit) key(part int) uint64 { return kernels.Key(f.seed, f.updates, uint64(part)) }

// update is what a gradient step is taken by.
type update struct {
	sgd  kernels.SGD
	adam kernels.Adam
}

// nextUpdate counts a gradient step of a batch of n rows and returns how it is
// taken. Scales and shifts are free of penalties.
func (f *fit) nextUpdate(grad []float32, n, batch, batches int) update {
	scale := 1 / float64(n)
	if f.clip > 0 || batch == batches-1 {
		length := scale * math.Sqrt(kernels.SumSquares(grad))
		if batch == batches-1 {
			f.length = length
		}
		if f.clip > 0 && length > f.clip {
			scale *= f.clip / length
		}
	}
	f.updates++
	rate := f.at(f.trial.Step, batch, batches)
	if f.optimizer == sgd {
		return update{sgd: kernels.SGD{Rate: rate, Momentum: f.momentum, Scale: float32(scale), L2: f.penalty(n), Nesterov: f.nesterov}}
	}
	f.power1 = float64(f.power1 * f.beta1)
	f.power2 = float64(f.power2 * f.beta2)
	return update{adam: kernels.Adam{
		Rate: rate, Beta1: float32(f.beta1), Rest1: float32(1 - f.beta1), Beta2: float32(f.beta2), Rest2: float32(1 - f.beta2),
		Eps: f.epsilon, Fix1: float32(1 / (1 - f.power1)), Fix2: float32(1 / math.Sqrt(1-f.power2)),
		Scale: float32(scale), L2: f.penalty(n), Decay: float32(f.decay),
	}}
}

// update takes a gradient step.
func (d *desk) update() {
	for l := range d.layers {
		d.updateSome(piece{l, 0, d.layers[l].p})
		d.turnWeights(l)
	}
}

// updateSome takes a gradient step for a piece of the weights, and with the
// first of a layer for its shifts and scales.
func (d *desk) updateSome(of piece) {
	layer := &d.layers[of.l]
	q := layer.q
	d.step(&d.next, layer.w+of.lo*q, layer.w+of.hi*q)
	if of.lo > 0 {
		return
	}
	free := d.next
	free.sgd.L2, free.adam.L2, free.adam.Decay = 0, 0, 0
	end := layer.b + q
	if layer.norm {
		end = layer.s + q
	}
	d.step(&free, layer.b, end)
}

// step takes a gradient step for the weights from one on and below another.
func (d *desk) step(u *update, from, to int) {
	w, first, g := d.weights[from:to], d.first[from:to], d.grad[from:to]
	if d.optimizer == sgd {
		kernels.UpdateSGD(w, first, g, u.sgd)
		return
	}
	kernels.UpdateAdam(w, first, d.second[from:to], g, u.adam)
}
