package gbdt

import (
	"math"

	"tourney/dataset"
	"tourney/trainers/kernels"
	"tourney/trainers/lap"
	"tourney/trainers/tree/ensemble"
)

// tiny is how near a share may come to 0 or 1 where scores start (LightGBM's
// kEpsilon).
const tiny = 1e-15

// classes is what the objectives of classes have in common.
type classes struct {
	f       *lap.Fold
	weights []float32 // [classes] of gradients and hessians; nil: all 1
}

func (*classes) told(mean float64) lap.Value { return lap.Value{Name: "train_logloss", V: mean} }

func (*classes) flat() bool { return false }

func (*classes) begin(base []float64) []float64 { return base }

// shares returns the share of each class, by the rows' weights, summed part by
// part.
func (o *classes) shares(k int) []float64 {
	total, all := make([]float64, k), 0.0
	for lo := 0; lo < o.f.Train.N; lo += dataset.PartRows {
		part := make([]float64, k)
		for i, y := range o.f.Train.Y[lo:min(lo+dataset.PartRows, o.f.Train.N)] {
			part[int(y)] += float64(o.f.WeightOf(lo + i))
		}
		for c, v := range part {
			total[c] += v
			all += v
		}
	}
	for c := range total {
		total[c] /= all
	}
	return total
}

// weigh multiplies gradients and hessians of the rows from lo on by the weights
// of rows and of classes.
func (o *classes) weigh(lo int, grad, hess []float32) {
	if o.f.Weight != nil {
		w := o.f.Weight[lo:]
		for i := range grad {
			grad[i] *= w[i]
			hess[i] *= w[i]
		}
	}
	if o.weights != nil {
		y := o.f.Train.Y[lo:]
		for i := range grad {
			w := o.weights[int(y[i])]
			grad[i] *= w
			hess[i] *= w
		}
	}
}

// spread returns p·(1-p) for a gradient p or p-1.
func spread(g float32) float32 {
	p := math.Float32frombits(math.Float32bits(g) &^ (1 << 31))
	return p * (1 - p)
}

// sum returns the sum of losses of the rows from lo on, times their weights.
func sum(f *lap.Fold, lo int, loss []float32) float64 {
	s := 0.0
	if f.Weight == nil {
		for _, l := range loss {
			s += float64(l)
		}
		return s
	}
	for i, w := range f.Weight[lo : lo+len(loss)] {
		s += float64(float64(w) * float64(loss[i]))
	}
	return s
}

// twoClasses is the log loss of two classes under the logistic link, of one score.
// With p = 1/(1+exp(-score)), the gradient is p - y and the hessian p·(1-p).
type twoClasses struct{ classes }

func (*twoClasses) link() ensemble.Link { return ensemble.Logistic }

func (o *twoClasses) start() []float64 {
	p := min(max(o.shares(2)[1], tiny), 1-tiny)
	return []float64{single(kernels.Log64(p / (1 - p)))}
}

func (o *twoClasses) derive(b *block) float64 {
	grad := b.of(b.grad, 0)
	copy(grad, b.scores)
	y, loss := o.f.Train.Y[b.lo:b.hi], 0.0
	if o.f.Weight == nil {
		sums := b.loss[:(len(y)+kernels.LossRows-1)/kernels.LossRows]
		kernels.LogisticLossSums(grad, sums, y, len(y), 1)
		for _, s := range sums {
			loss += float64(s)
		}
	} else {
		kernels.LogisticLoss(grad, b.loss, y, len(y), 1)
		loss = sum(o.f, b.lo, b.loss)
	}
	if b.hess == nil {
		return loss
	}
	hess := b.of(b.hess, 0)
	hess = hess[:len(grad)]
	for i, g := range grad {
		hess[i] = spread(g)
	}
	o.weigh(b.lo, grad, hess)
	return loss
}

// manyClasses is the log loss of k classes under softmax. With p of a class, the
// gradient is p - 1 if it is the row's and p else, and the hessian
// k/(k-1)·p·(1-p) (Friedman, "Greedy function approximation", Annals of
// Statistics 29, 2001, algorithm 6, whose factor is LightGBM's).
type manyClasses struct {
	classes
	k int
}

func (*manyClasses) link() ensemble.Link { return ensemble.Softmax }

func (o *manyClasses) start() []float64 {
	out := o.shares(o.k)
	for c, p := range out {
		out[c] = single(kernels.Log64(max(p, tiny)))
	}
	return out
}

func (o *manyClasses) derive(b *block) float64 {
	k := o.k
	y := o.f.Train.Y[b.lo:b.hi]
	copy(b.z, b.scores)
	kernels.SoftmaxLoss(b.z, b.loss, y, len(y), 1, k)
	loss := sum(o.f, b.lo, b.loss)
	if b.hess == nil {
		return loss
	}
	factor := float32(k) / float32(k-1)
	for c := range k {
		grad, hess := b.of(b.grad, c), b.of(b.hess, c)
		for i := range grad {
			grad[i] = b.z[i*k+c]
			hess[i] = factor * spread(grad[i])
		}
		o.weigh(b.lo, grad, hess)
	}
	return loss
}

// single rounds a number to float32.
func single(v float64) float64 { return float64(float32(v)) }
