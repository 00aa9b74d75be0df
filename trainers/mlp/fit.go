package mlp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/kernels"
	"tourney/trainers/lap"
)

// settings are the hyperparameters of a trial.
type settings struct {
	schedule
	hidden    []int
	norm      bool
	dropout   float32
	batchSize int
	shuffle   bool
	balanced  bool
	smoothing float32
	clip      float64
	l2, alpha float64
	optimizer string
	momentum  float32
	nesterov  bool
	beta1     float64
	beta2     float64
	epsilon   float32
	decay     float64 // of adamw
}

// newSettings reads a trial's parameters, which are legal one by one.
func newSettings(t *lap.Trial) (*settings, error) {
	v := t.Values
	s := readSettings(v)
	s.budget = float64(max(t.Job.MaxBudget, t.Job.Budget))
	hidden, err := hiddenOf(v)
	if err != nil {
		return nil, err
	}
	s.hidden = hidden
	return s, nil
}

func readSettings(v heat.Values) *settings {
	s := &settings{
		schedule: schedule{
			kind: v.Word("schedule"), rate: v.Float("learning_rate"), warmup: v.Float("warmup"),
			gamma: v.Float("gamma"), every: v.Float("step_size"),
		},
		norm: v.Bool("batch_norm"), dropout: float32(v.Float("dropout")),
		batchSize: v.Int("batch_size"), shuffle: v.Word("shuffle") == shuffleParts, balanced: v.Word("class_weight") == "balanced",
		smoothing: float32(v.Float("label_smoothing")), clip: v.Float("clip_norm"), l2: v.Float("l2"), alpha: v.Float("alpha"),
		optimizer: v.Word("optimizer"), momentum: float32(v.Float("momentum")), nesterov: v.Bool("nesterov"),
		beta1: v.Float("beta1"), beta2: v.Float("beta2"), epsilon: float32(v.Float("epsilon")),
	}
	if s.optimizer == adamw {
		s.decay = v.Float("weight_decay")
	} else {
		s.l2 += v.Float("weight_decay")
	}
	return s
}

// fit is a trial's network of one fold.
type fit struct {
	*settings
	*shape
	problem *problem
	fold    *lap.Fold
	trial   *lap.Trial
	seed    uint64
	batch   int       // rows, at most all
	classes []float32 // [classes] what rows of a class count; nil: all alike

	weights  []float32 // [weights]
	averages []float32 // [averages]
	first    []float32 // [weights] the velocity, or Adam's mean of gradients
	second   []float32 // [weights] Adam's mean of squares; nil for others
	updates  uint64    // gradient steps taken
	power1   float64   // beta1 to the power of updates
	power2   float64   // beta2 likewise

	best []float32 // weights, then averages, of the best step; nil if there is none

	loss     float64 // of the last epoch: the sum over its rows
	length   float64 // of the gradient of its last batch
	diverged bool
}

func newFit(p *problem, fold *lap.Fold, t *lap.Trial, s *settings, shape *shape) *fit {
	f := &fit{
		settings: s, shape: shape, problem: p, fold: fold, trial: t, seed: t.Job.Seed,
		batch: min(s.batchSize, fold.Train.N), power1: 1, power2: 1,
	}
	f.weights, f.averages = shape.initial(f.seed)
	f.first = make([]float32, shape.size)
	if s.optimizer != sgd {
		f.second = make([]float32, shape.size)
	}
	if s.balanced && !p.Regression() {
		f.classes = balance(p, fold)
	}
	return f
}

// balance returns what a row of each class counts for all classes to count the
// same, with the mean over the rows left at 1. A class without rows counts 0.
func balance(p *problem, fold *lap.Fold) []float32 {
	sums := make([]float64, p.Classes)
	total := 0.0
	for i, y := range fold.Train.Y {
		w := float64(fold.WeightOf(i))
		sums[int(y)] += w
		total += w
	}
	present := 0
	for _, s := range sums {
		if s > 0 {
			present++
		}
	}
	weights := make([]float32, p.Classes)
	for c, s := range sums {
		if s > 0 {
			weights[c] = float32(total / (float64(present) * s))
		}
	}
	return weights
}

// flops is about how much arithmetic n rows are.
func (f *fit) flops(n int) float64 { return 6 * float64(n) * float64(f.size) }

// batches is how many there are in an epoch.
func (f *fit) batches() int { return (f.fold.Train.N + f.batch - 1) / f.batch }

// penalty is the l2 of a batch of n rows.
func (f *fit) penalty(n int) float32 { return float32(f.l2 + f.alpha/float64(n)) }

// Told tells the loss during the epoch, before each update and without
// penalties or smoothing, and the length of the last batch's gradient.
func (f *fit) Told() []lap.Value {
	loss := lap.Value{Name: "train_logloss", V: f.loss / float64(f.fold.Train.N)}
	if f.problem.Regression() {
		loss = lap.Value{Name: "train_rmse", V: math.Sqrt(2*f.loss/float64(f.fold.Train.N)) * f.fold.SD}
	}
	if f.diverged {
		loss.V = math.NaN()
	}
	return []lap.Value{loss, {Name: "train_gradient_norm", V: f.length}}
}

// Keep keeps the network of the present step as the best.
func (f *fit) Keep() { f.best = append(append(f.best[:0], f.weights...), f.averages...) }

// The state of a fit, little endian:
//
//	updates    uint64
//	powers     2 float64  of the betas
//	weights    float32    [weights]
//	averages   float32    [averages]
//	first      float32    [weights]
//	second     float32    [weights], unless the optimizer is sgd
//	best       float32    [weights + averages] if there is a best step that is
//	                      not the present one

const stateHead = 3 * 8 // bytes of a state before its float32

// Save appends the state.
func (f *fit) Save(b []byte, kept bool) []byte {
	b = binary.LittleEndian.AppendUint64(b, f.updates)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f.power1))
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f.power2))
	parts := f.parts(kept)
	b = slices.Grow(b, bytesOf(parts))
	for _, part := range parts {
		for _, v := range part {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	return b
}

// parts lists what a state has of float32.
func (f *fit) parts(kept bool) [][]float32 {
	parts := [][]float32{f.weights, f.averages, f.first, f.second}
	if !kept && !f.trial.Final {
		if f.best == nil {
			f.best = make([]float32, f.size+f.stats)
		}
		parts = append(parts, f.best)
	}
	return parts
}

// Load reads a state.
func (f *fit) Load(b []byte, kept bool) error {
	parts := f.parts(kept)
	if size := stateHead + bytesOf(parts); len(b) != size {
		return fmt.Errorf("%d bytes where the network has %d", len(b), size)
	}
	f.updates = binary.LittleEndian.Uint64(b)
	f.power1 = math.Float64frombits(binary.LittleEndian.Uint64(b[8:]))
	f.power2 = math.Float64frombits(binary.LittleEndian.Uint64(b[16:]))
	if !(f.power1 >= 0 && f.power1 <= 1 && f.power2 >= 0 && f.power2 <= 1) {
		return errors.New("powers of the betas that are none")
	}
	b = b[stateHead:]
	for _, part := range parts {
		b = readFloats(part, b)
		if !kernels.AllFinite(part) {
			return errors.New("a value that is not finite")
		}
	}
	if kept {
		f.Keep()
	}
	return nil
}

func bytesOf(parts [][]float32) int {
	n := 0
	for _, part := range parts {
		n += 4 * len(part)
	}
	return n
}

// readFloats fills dst and returns what is left of b, which is long enough.
func readFloats(dst []float32, b []byte) []byte {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return b[4*len(dst):]
}

// network returns what scores.
func (f *fit) network() *network {
	return newNetwork(f.shape, f.weights, f.averages, f.problem.Classes, f.fold.Mean, f.fold.SD)
}

// parts of a batch of n rows.
func parts(n int) int { return (n + dataset.PartRows - 1) / dataset.PartRows }
