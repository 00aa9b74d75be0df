package gbdt

import (
	"context"
	"slices"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/lap"
)

// Derive returns the gradients and hessians [k×n] and the sum of losses of an
// objective at scores [n×k], of rows with those targets and weights.
func Derive(params tourney.Params, classes int, y, w, scores []float32) (grad, hess []float32, loss float64, err error) {
	o, err := objectiveFor(params, classes, y, w)
	if err != nil {
		return nil, nil, 0, err
	}
	o.begin(make([]float64, len(scores)/len(y)))
	n, k := len(y), len(scores)/len(y)
	grad, hess = make([]float32, n*k), make([]float32, n*k)
	for lo := 0; lo < n; lo += 100 {
		hi := min(lo+100, n)
		loss += o.derive(&block{
			lo: lo, hi: hi, n: n, scores: scores[lo*k : hi*k], grad: grad, hess: hess,
			z: make([]float32, (hi-lo)*k), loss: make([]float32, hi-lo),
		})
	}
	return grad, hess, loss, nil
}

// Start returns the best constant scores.
func Start(params tourney.Params, classes int, y, w []float32) ([]float64, error) {
	o, err := objectiveFor(params, classes, y, w)
	if err != nil {
		return nil, err
	}
	return o.start(), nil
}

func objectiveFor(params tourney.Params, classes int, y, w []float32) (objective, error) {
	f := Family()
	v, err := f.Read(params)
	if err != nil {
		return nil, err
	}
	d := &lap.Data{Task: tourney.Regression}
	if classes > 0 {
		d.Task, d.Classes = tourney.Classification, classes
	}
	fold := &lap.Fold{Fold: &dataset.Fold{Train: &dataset.Matrix{N: len(y), Y: y, W: w}}, Weight: w, SD: 1}
	return newObjective(v, d, fold)
}

// Quantile returns the quantile tau of values that count w each; nil: alike.
func Quantile(values, w []float32, tau float64) float64 {
	rows := make([]residual, len(values))
	for i, v := range values {
		rows[i] = residual{v, 1}
		if w != nil {
			rows[i].weight = w[i]
		}
	}
	return quantile(rows, tau, w != nil)
}

// Bag returns the rows that a round's trees are grown from, nil for all, given
// the gradients and hessians of that round, which goss multiplies.
func Bag(params tourney.Params, seed uint64, round int, y, grad, hess []float32) ([]int32, error) {
	f := Family()
	v, err := f.Read(params)
	if err != nil {
		return nil, err
	}
	s, err := readSampling(v, tourney.Classification, 2)
	switch {
	case err != nil:
		return nil, err
	case s.gossIn(round):
		rows, _ := s.oneSided(nil, nil, seed, round, grad, hess, len(y))
		return rows, nil
	case s.freq > 0:
		return s.bag(nil, seed, round, y), nil
	}
	return nil, nil
}

// Drops plays dart's rounds and returns what each dropped, and the weights
// after all.
func Drops(params tourney.Params, seed uint64, rounds int) (dropped [][]int, weights []float64, err error) {
	f := Family()
	v, err := f.Read(params)
	if err != nil {
		return nil, nil, err
	}
	d := newDart(v, seed)
	for range rounds {
		drops := d.drops()
		dropped = append(dropped, slices.Clone(drops))
		d.advance(drops)
	}
	return dropped, d.weights, nil
}

// Shares reports whether two trials on the same data, with those parameters and
// seeds, are trained once.
func Shares(data *dataset.Data, a, b tourney.Params, seedA, seedB uint64) (bool, error) {
	shared := false
	f := Family()
	pool := heat.NewPool(1)
	defer pool.Close()
	err := lap.Train(context.Background(), data, pool, done{}, lap.Options{
		Family: &f, Patience: patience,
		New: func(d *lap.Data, pool *heat.Pool) (lap.Problem, error) {
			p, err := newProblem(d, pool)
			if err != nil {
				return nil, err
			}
			var fits []*fit
			for i, params := range []tourney.Params{a, b} {
				v, err := f.Read(params)
				if err != nil {
					return nil, err
				}
				t := &lap.Trial{Job: &tourney.Job{Seed: []uint64{seedA, seedB}[i]}, Values: v}
				one, err := p.Fit(t, d.Folds[0])
				if err != nil {
					return nil, err
				}
				fits = append(fits, one.(*fit))
			}
			shared = fits[0].course == fits[1].course
			return p, nil
		},
	})
	return shared, err
}

// done is a feed without trials.
type done struct{}

func (done) Next(context.Context, bool) ([]heat.Task, bool) { return nil, false }
