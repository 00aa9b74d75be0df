package linear

import (
	"sync"

	"tourney/dataset"
	"tourney/trainers/kernels"
	"tourney/trainers/lap"
)

// link says what outputs are.
type link uint8

// The links.
const (
	linkIdentity link = iota // the value itself
	linkLog                  // its logarithm
	linkLogit                // of two classes: the log odds of the second
	linkSoftmax              // of more: their log odds, up to a constant
)

// linkNames are the names of the links in documents.
var linkNames = [...]string{"identity", "log", "logit", "softmax"}

// linkOf returns the link of a loss. Margins, as of loss hinge, are taken for
// log odds: what a class is predicted by, not more.
func linkOf(loss string, outputs int) link {
	switch loss {
	case lossPoisson:
		return linkLog
	case lossSquared, lossHuber, lossQuantile:
		return linkIdentity
	}
	if outputs == 1 {
		return linkLogit
	}
	return linkSoftmax
}

// apply turns the columns at of the outputs z [n×c] into what is predicted.
func (l link) apply(out, z []float32, n, c, at, k int) {
	switch l {
	case linkSoftmax:
		for i := range n {
			copy(out[i*k:(i+1)*k], z[i*c+at:])
		}
		kernels.SoftmaxAll(out, n, k)
		return
	case linkLogit:
		out = out[:2*n]
		for i := range n {
			v := z[i*c+at]
			out[2*i], out[2*i+1] = -v, v
		}
		kernels.SigmoidAll(out, out)
		return
	}
	out = out[:n]
	for i := range out {
		out[i] = z[i*c+at]
	}
	if l == linkLog {
		kernels.ExpAll(out, out)
	}
}

// unscale writes weights [(d+1)×k] in the target's units: with those, outputs
// are too. It is what scores and models have.
func unscale(w []float32, k int, mean, sd float64) []float64 {
	out := make([]float64, len(w))
	for i, v := range w {
		out[i] = float64(float64(v) * sd)
		if i >= len(w)-k {
			out[i] += mean
		}
	}
	return out
}

// scorer scores rows by fits to one fold side by side. It implements
// lap.Scorer.
type scorer struct {
	fits  []lap.Fit
	links []link
	k, c  int
	w     []float32 // [(d+1)×c]
	free  sync.Pool // of outputs, *[]float32
}

// Scorers deals out fits to those that score them side by side.
func (p *problem) Scorers(fits []lap.Fit) []lap.Scorer {
	var own []*fit
	for _, f := range fits {
		own = append(own, f.(*fit))
	}
	var out []lap.Scorer
	for _, group := range p.deal(own, true, func(f *fit) any { return f.fold }) {
		s := &scorer{k: p.outputs, c: p.outputs * len(group)}
		s.w = make([]float32, (group[0].fold.Train.D+1)*s.c)
		s.free.New = func() any { z := make([]float32, lap.ScoreRows*s.c); return &z }
		for i, f := range group {
			s.fits, s.links = append(s.fits, f), append(s.links, linkOf(f.setting.loss, s.k))
			mean, sd := f.fold.scaleOf(f.setting.loss)
			for j, v := range unscale(f.w, s.k, mean, sd) {
				s.w[j/s.k*s.c+i*s.k+j%s.k] = float32(v)
			}
		}
		out = append(out, s)
	}
	return out
}

// Fits returns the fits.
func (s *scorer) Fits() []lap.Fit { return s.fits }

// Score computes what each fit predicts for the rows lo to hi of m.
func (s *scorer) Score(m *dataset.Matrix, lo, hi int, out [][]float32) {
	buffer := s.free.Get().(*[]float32)
	defer s.free.Put(buffer)
	n := hi - lo
	z := (*buffer)[:n*s.c]
	forward(z, m, s.w, lo, n, s.c)
	for i, l := range s.links {
		l.apply(out[i], z, n, s.c, i*s.k, s.k)
	}
}
