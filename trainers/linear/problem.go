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
	outputs int       // columns of a model: 1, or the number of classes if they are more than two
	target  []float32 // regression: the training rows' target, standardised
	mean    float64   // regression: of the training rows' target
	sd      float64   // likewise, dividing by the number of rows; 1 if all are equal
	spread  map[*dataset.Matrix]float64
}

func newProblem(data *dataset.Data) (*problem, error) {
	p := &problem{data: data, outputs: 1, sd: 1, spread: map[*dataset.Matrix]float64{}}
	if data.Train == nil || data.Train.N == 0 {
		return nil, fmt.Errorf("linear: no rows to train on")
	}
	classes := len(data.Classes)
	if data.Task == tourney.Classification && classes < 2 {
		return nil, fmt.Errorf("linear: %d classes; at least 2 are needed", classes)
	}
	if classes > 2 {
		p.outputs = classes
	}
	for _, m := range []*dataset.Matrix{data.Train, data.Valid, data.Test} {
		if m == nil {
			continue
		}
		if m.D != data.Train.D || len(m.X) != m.N*m.D || len(m.Y) != m.N {
			return nil, fmt.Errorf("linear: a matrix of %d×%d with %d values and %d targets", m.N, m.D, len(m.X), len(m.Y))
		}
		if data.Task == tourney.Regression {
			_, p.spread[m] = metrics.Moments(m.Y, dataset.PartRows)
			continue
		}
		for i, y := range m.Y {
			if !(y >= 0 && int(y) < classes && float32(int(y)) == y) {
				return nil, fmt.Errorf("linear: row %d has class %v of %d", i, y, classes)
			}
		}
	}
	if data.Task == tourney.Regression {
		p.standardise()
	}
	return p, nil
}

// standardise brings the training rows' target to mean 0 and deviation 1, so
// that one range of learning rates fits targets of all sizes.
func (p *problem) standardise() {
	train := p.data.Train
	mean, spread := metrics.Moments(train.Y, dataset.PartRows)
	p.mean = mean
	if sd := math.Sqrt(spread / float64(train.N)); sd > 0 {
		p.sd = sd
	}
	p.target = make([]float32, train.N)
	for i, y := range train.Y {
		p.target[i] = float32((float64(y) - p.mean) / p.sd)
	}
}

// regression reports whether the task is regression.
func (p *problem) regression() bool { return p.data.Task == tourney.Regression }

// weights is the length of a model's weights, [(d+1)×outputs].
func (p *problem) weights() int { return (p.data.Train.D + 1) * p.outputs }

// names lists the metrics of a step in the order of a state; the first is
// that of the training rows.
func (p *problem) names() []string {
	if p.regression() {
		return []string{"train_rmse", "rmse", "mae", "r2"}
	}
	return []string{"train_logloss", "logloss", "accuracy"}
}
