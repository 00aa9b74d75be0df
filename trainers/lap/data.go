package lap

import (
	"fmt"
	"math"
	"slices"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/metrics"
)

// Data is the rows of a heat, checked, and what is told from them once.
type Data struct {
	Task    tourney.Task
	Classes int // of the target; 0 for regression
	Outputs int // scores of a row: the classes, or 1
	Folds   []*Fold

	data     *dataset.Data
	rankable map[*dataset.Matrix]bool // both classes, or two at least, are there
}

// Fold is what the fits of all trials to one fold share.
type Fold struct {
	*dataset.Fold
	Index  int
	Weight []float32 // [n] of the training rows, brought to a mean of 1; nil: all are 1
	Target []float32 // [n] regression: the training rows' target, standardised if the family asks for it; the class else
	Mean   float64   // of the target before; 0 unless it is standardised
	SD     float64   // likewise, dividing by the number of rows; 1 if it is 0 or nothing is standardised

	spread map[*dataset.Matrix]float64 // regression: the sum of squares about the mean
}

// Regression reports whether the task is regression.
func (d *Data) Regression() bool { return d.Task == tourney.Regression }

// Source returns the data as they were given.
func (d *Data) Source() *dataset.Data { return d.data }

func newData(data *dataset.Data, o Options) (*Data, error) {
	name := o.Family.Trainer.Name()
	d := &Data{Task: data.Task, Outputs: 1, data: data, rankable: map[*dataset.Matrix]bool{}}
	if data.Task == tourney.Classification {
		d.Classes, d.Outputs = len(data.Classes), len(data.Classes)
		if d.Classes < 2 {
			return nil, fmt.Errorf("%s: %d classes; at least 2 are needed", name, d.Classes)
		}
	}
	if len(data.Folds) == 0 {
		return nil, fmt.Errorf("%s: no rows to train on", name)
	}
	for i, f := range data.Folds {
		if f.Train == nil || f.Train.N == 0 {
			return nil, fmt.Errorf("%s: no rows to train on", name)
		}
		fold := &Fold{Fold: f, Index: i, SD: 1, Target: f.Train.Y, spread: map[*dataset.Matrix]float64{}}
		for _, m := range []*dataset.Matrix{f.Train, f.Valid, data.Test} {
			if m == nil {
				continue
			}
			if err := d.check(m, f.Train.D); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if d.Regression() && m != f.Train {
				_, fold.spread[m] = metrics.Moments(m.Y, m.W, dataset.PartRows)
			}
		}
		fold.weigh()
		if d.Regression() && o.Standardise {
			fold.standardise()
		}
		d.Folds = append(d.Folds, fold)
	}
	return d, nil
}

// check checks a matrix with that many features.
func (d *Data) check(m *dataset.Matrix, features int) error {
	if m.D != features || len(m.Y) != m.N || m.W != nil && len(m.W) != m.N || !whole(m) {
		return fmt.Errorf("a matrix of %d×%d with %d values, %d targets and %d weights", m.N, m.D, len(m.X)+len(m.Val)+len(m.Bins), len(m.Y), len(m.W))
	}
	heaviest := float32(0)
	for i, w := range m.W {
		if !(w >= 0 && w <= math.MaxFloat32) {
			return fmt.Errorf("row %d has the weight %v", i, w)
		}
		heaviest = max(heaviest, w)
	}
	if m.N > 0 && m.W != nil && heaviest == 0 {
		return fmt.Errorf("all %d rows to train on, to validate on or to test on have weight 0", m.N)
	}
	if d.Regression() {
		for i, y := range m.Y {
			if y-y != 0 {
				return fmt.Errorf("row %d has the target %v", i, y)
			}
		}
		return nil
	}
	seen := make([]bool, d.Classes)
	for i, y := range m.Y {
		if !(y >= 0 && int(y) < d.Classes && float32(int(y)) == y) {
			return fmt.Errorf("row %d has class %v of %d", i, y, d.Classes)
		}
		seen[int(y)] = seen[int(y)] || m.W == nil || m.W[i] > 0
	}
	classes := 0
	for _, s := range seen {
		if s {
			classes++
		}
	}
	d.rankable[m] = classes > 1
	return nil
}

// whole reports whether a matrix has the values that it says.
func whole(m *dataset.Matrix) bool {
	switch {
	case m.Bins != nil:
		rows := 0
		for _, s := range m.Spans {
			if s.From < 0 || s.From > s.To || s.To > len(m.Bins)/max(1, m.D) {
				return false
			}
			rows += s.To - s.From
		}
		return rows == m.N
	case m.RowPtr != nil:
		if len(m.RowPtr) != m.N+1 || len(m.Col) != len(m.Val) || m.RowPtr[0] < 0 || m.RowPtr[m.N] > int64(len(m.Val)) {
			return false
		}
		return slices.IsSorted(m.RowPtr)
	}
	return len(m.X) == m.N*m.D
}

// weigh brings the weights of the training rows to a mean of 1, so that one
// range of learning rates fits weights of all sizes.
func (f *Fold) weigh() {
	if f.Train.W == nil {
		return
	}
	mean, _ := metrics.Moments(f.Train.W, nil, dataset.PartRows)
	f.Weight = make([]float32, f.Train.N)
	for i, w := range f.Train.W {
		f.Weight[i] = float32(float64(w) / mean)
	}
}

// standardise brings the training rows' target to mean 0 and deviation 1, so
// that one range of learning rates fits targets of all sizes.
func (f *Fold) standardise() {
	mean, spread := metrics.Moments(f.Train.Y, f.Train.W, dataset.PartRows)
	f.Mean = mean
	total := float64(f.Train.N)
	if f.Train.W != nil {
		m, _ := metrics.Moments(f.Train.W, nil, dataset.PartRows)
		total = float64(m * total)
	}
	if sd := math.Sqrt(spread / total); sd > 0 {
		f.SD = sd
	}
	f.Target = make([]float32, f.Train.N)
	for i, y := range f.Train.Y {
		f.Target[i] = float32((float64(y) - f.Mean) / f.SD)
	}
}

// WeightOf returns the weight of a training row.
func (f *Fold) WeightOf(row int) float32 {
	if f.Weight == nil {
		return 1
	}
	return f.Weight[row]
}
