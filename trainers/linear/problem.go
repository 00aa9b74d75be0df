package linear

import (
	"fmt"
	"math"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/metrics"
)

// problem is what the trials of a heat share: the rows, and what is told from
// them once.
type problem struct {
	data    *dataset.Data
	outputs int // columns of a model: 1, or the number of classes if they are more than two
	folds   []*fold
}

// fold is what the fits of all trials to one fold share.
type fold struct {
	*problem
	index  int
	train  *dataset.Matrix
	valid  *dataset.Matrix // nil in a final job
	weight []float32       // of the training rows, 1 in the mean; nil: all 1
	target []float32       // regression: the training rows' target, standardised
	mean   float64         // regression: of the training rows' target
	sd     float64         // likewise, dividing by the number of rows; 1 if all are equal
	spread map[*dataset.Matrix]float64
}

func newProblem(data *dataset.Data) (*problem, error) {
	p := &problem{data: data, outputs: 1}
	classes := len(data.Classes)
	if data.Task == tourney.Classification && classes < 2 {
		return nil, fmt.Errorf("linear: %d classes; at least 2 are needed", classes)
	}
	if classes > 2 {
		p.outputs = classes
	}
	if len(data.Folds) == 0 {
		return nil, fmt.Errorf("linear: no rows to train on")
	}
	for i, f := range data.Folds {
		if f.Train == nil || f.Train.N == 0 {
			return nil, fmt.Errorf("linear: no rows to train on")
		}
		fold := &fold{problem: p, index: i, train: f.Train, valid: f.Valid, sd: 1, spread: map[*dataset.Matrix]float64{}}
		for _, m := range []*dataset.Matrix{f.Train, f.Valid, data.Test} {
			if err := fold.check(m); err != nil {
				return nil, err
			}
		}
		if err := fold.weigh(); err != nil {
			return nil, err
		}
		if data.Task == tourney.Regression {
			fold.standardise()
		}
		p.folds = append(p.folds, fold)
	}
	return p, nil
}

// check checks a matrix, if there is one.
func (f *fold) check(m *dataset.Matrix) error {
	if m == nil {
		return nil
	}
	if m.D != f.train.D || len(m.X) != m.N*m.D || len(m.Y) != m.N || m.W != nil && len(m.W) != m.N {
		return fmt.Errorf("linear: a matrix of %d×%d with %d values, %d targets and %d weights", m.N, m.D, len(m.X), len(m.Y), len(m.W))
	}
	for i, w := range m.W {
		if !(w >= 0 && w <= math.MaxFloat32) {
			return fmt.Errorf("linear: row %d has the weight %v", i, w)
		}
	}
	if f.regression() {
		_, f.spread[m] = metrics.Moments(m.Y, m.W, dataset.PartRows)
		return nil
	}
	for i, y := range m.Y {
		if !(y >= 0 && int(y) < len(f.data.Classes) && float32(int(y)) == y) {
			return fmt.Errorf("linear: row %d has class %v of %d", i, y, len(f.data.Classes))
		}
	}
	return nil
}

// weigh brings the weights of the training rows to a mean of 1, so that one
// range of learning rates fits weights of all sizes.
func (f *fold) weigh() error {
	if f.train.W == nil {
		return nil
	}
	mean, _ := metrics.Moments(f.train.W, nil, dataset.PartRows)
	if mean == 0 {
		return fmt.Errorf("linear: all rows to train on have weight 0")
	}
	f.weight = make([]float32, f.train.N)
	for i, w := range f.train.W {
		f.weight[i] = float32(float64(w) / mean)
	}
	return nil
}

// standardise brings the training rows' target to mean 0 and deviation 1, so
// that one range of learning rates fits targets of all sizes.
func (f *fold) standardise() {
	mean, spread := metrics.Moments(f.train.Y, f.train.W, dataset.PartRows)
	f.mean = mean
	total := float64(f.train.N)
	if f.train.W != nil {
		m, _ := metrics.Moments(f.train.W, nil, dataset.PartRows)
		total = float64(m * total)
	}
	if sd := math.Sqrt(spread / total); sd > 0 {
		f.sd = sd
	}
	f.target = make([]float32, f.train.N)
	for i, y := range f.train.Y {
		f.target[i] = float32((float64(y) - f.mean) / f.sd)
	}
}

// weightOf returns the weight of a training row.
func (f *fold) weightOf(row int) float32 {
	if f.weight == nil {
		return 1
	}
	return f.weight[row]
}

// weights is the length of a fit's weights, [(d+1)×outputs].
func (f *fold) weights() int { return (f.train.D + 1) * f.outputs }

// regression reports whether the task is regression.
func (p *problem) regression() bool { return p.data.Task == tourney.Regression }

// metrics lists the metrics of a fold's validation rows.
func (p *problem) metrics() []string {
	if p.regression() {
		return []string{"rmse", "mae", "r2"}
	}
	return []string{"logloss", "accuracy"}
}

// names lists what is told of a step, in the order of a state: the loss of the
// training rows, the metrics, and with several folds the deviations of these.
func (p *problem) names() []string {
	names := []string{"train_logloss"}
	if p.regression() {
		names[0] = "train_rmse"
	}
	names = append(names, p.metrics()...)
	if len(p.folds) > 1 {
		for _, m := range p.metrics() {
			names = append(names, m+"_sd")
		}
	}
	return names
}
