package linear

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"tourney/trainers/kernels"
	"tourney/trainers/lap"
	"tourney/trainers/linear/lbfgs"
)

// fit is a trial's model of one fold. It implements lap.Fit and lap.Settler.
//
// What it saves is, all little endian:
//
//	w      float32  [(d+1)×k] weights, the intercepts last
//	state  float32  [(d+1)×k] each: the velocity of sgd with momentum; the two
//	                moments of adam; the squares of adagrad; z and n of ftrl
//	best   float32  [(d+1)×k] weights of the best step, unless that is the present
//	       one, or the job is final
//	what package lbfgs saves, of optimizer lbfgs
type fit struct {
	*setting
	fold  *fold
	trial *lap.Trial
	w     []float32   // [(d+1)×k]
	state [][]float32 // of the optimiser, [(d+1)×k] each
	best  []float32   // the weights of the best step; unused by a final job

	classScale []float32 // [classes] what the rows of a class count; nil: all 1

	diverged bool
	loss     float64 // of the pass so far: the sum over its rows
	norm     float64 // of the gradient

	quasi     *lbfgs.Minimiser // of optimizer lbfgs
	evaluated bool             // value and gradient are those at the minimiser's point
	value     float64
	gradient  []float64

	stages     []int   // of the first step of lbfgs: rows of those that are not over
	start      float64 // the length of the gradient where the first began; 0 before and after
	stageSteps int     // iterations of the present one

	solved bool // by gram
}

func newFit(s *setting, f *fold, t *lap.Trial) *fit {
	m := &fit{setting: s, fold: f, trial: t, w: make([]float32, f.weights()), classScale: f.classScale(s.classes)}
	for range s.arrays() {
		m.state = append(m.state, make([]float32, len(m.w)))
	}
	if s.optimizer == optLBFGS {
		m.quasi, m.stages = lbfgs.New(m.w, m.options()), stages(f.Train.N, len(m.w))
	}
	return m
}

// arrays is how many arrays as large as the weights an optimiser keeps.
func (s *setting) arrays() int {
	switch {
	case s.optimizer == optAdam, s.optimizer == optFTRL:
		return 2
	case s.optimizer == optAdaGrad, s.optimizer == optSGD && s.momentum > 0:
		return 1
	}
	return 0
}

// batch is how many rows a gradient step has.
func (f *fit) rows() int { return min(f.batch, f.fold.Train.N) }

// options are what the minimiser adds to the mean loss.
func (f *fit) options() lbfgs.Options {
	return lbfgs.Options{L1: f.penalty1, L2: f.penalty2, Free: f.fold.problem.outputs, Tol: f.tol}
}

// Told returns the mean loss of the training rows, and the length of the
// gradient.
func (f *fit) Told() []lap.Value {
	loss, norm := f.loss/float64(f.fold.Train.N), f.norm
	if f.quasi != nil {
		loss, norm = f.quasi.Loss(), f.quasi.Length()
	}
	if f.diverged || !kernels.AllFinite(f.w) {
		loss = math.NaN()
	}
	name := "train_loss"
	_, sd := f.fold.scaleOf(f.setting.loss)
	switch f.setting.loss {
	case lossLogistic:
		name = "train_logloss"
	case lossSquared: // the loss is half the squared error
		name, loss = "train_rmse", math.Sqrt(2*loss)*sd
	case lossHuber:
		loss *= float64(sd * sd)
	case lossQuantile:
		loss *= sd
	}
	if f.optimizer == optGram {
		return []lap.Value{{Name: name, V: loss}}
	}
	return []lap.Value{{Name: name, V: loss}, {Name: "train_gradient_norm", V: norm}}
}

// Keep notes that the present step is the best so far.
func (f *fit) Keep() { f.best = append(f.best[:0], f.w...) }

// Settled reports whether no pass would change the fit any more.
func (f *fit) Settled() bool {
	return f.solved || f.quasi != nil && f.quasi.State() != lbfgs.Going
}

var le = binary.LittleEndian

// Save appends what training goes on from.
func (f *fit) Save(b []byte, kept bool) []byte {
	b = slices.Grow(b, 4*len(f.w)*(2+len(f.state)))
	b = appendFloats(b, f.w)
	for _, s := range f.state {
		b = appendFloats(b, s)
	}
	if !kept && !f.trial.Final {
		b = appendFloats(b, f.best)
	}
	if f.quasi != nil {
		b = f.quasi.Save(b)
	}
	return b
}

func appendFloats(b []byte, w []float32) []byte {
	for _, v := range w {
		b = le.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// Load reads what Save wrote.
func (f *fit) Load(b []byte, kept bool) error {
	arrays := append([][]float32{f.w}, f.state...)
	if !kept && !f.trial.Final {
		f.best = make([]float32, len(f.w))
		arrays = append(arrays, f.best)
	}
	for _, a := range arrays {
		var ok bool
		if b, ok = takeFloats(a, b); !ok {
			return errors.New("cut short")
		}
		if !kernels.AllFinite(a) {
			return errors.New("with a weight that is not finite")
		}
	}
	if kept {
		f.Keep()
	}
	f.solved = f.optimizer == optGram
	if f.quasi != nil {
		var err error
		f.stages = nil
		if f.quasi, b, err = lbfgs.Load(f.w, f.options(), b); err != nil {
			return err
		}
	}
	if len(b) > 0 {
		return errors.New("longer than it should be")
	}
	return nil
}

// takeFloats reads w off b, and returns what follows.
func takeFloats(w []float32, b []byte) (rest []byte, ok bool) {
	if len(b) < 4*len(w) {
		return nil, false
	}
	for i := range w {
		w[i] = math.Float32frombits(le.Uint32(b[4*i:]))
	}
	return b[4*len(w):], true
}
