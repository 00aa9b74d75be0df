package linear

import (
	"context"
	"errors"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/lap"
	"tourney/trainers/linear/lbfgs"
)

// problemOf makes the problem of data.
func problemOf(data *dataset.Data, pool *heat.Pool) (*problem, error) {
	var p *problem
	f := Family()
	got := errors.New("got it")
	err := lap.Train(context.Background(), data, pool, nil, lap.Options{
		Family: &f, Standardise: true,
		New: func(d *lap.Data, pool *heat.Pool) (lap.Problem, error) {
			p = newProblem(d, pool)
			return nil, got
		},
	})
	if errors.Is(err, got) {
		err = nil
	}
	return p, err
}

// Gradient returns the mean gradient over all training rows at w, without
// penalties, and the mean loss, of the second of two models side by side.
func Gradient(data *dataset.Data, params tourney.Params, w []float32) (g []float64, loss float64, err error) {
	pool := heat.NewPool(1)
	defer pool.Close()
	p, err := problemOf(data, pool)
	if err != nil {
		return nil, 0, err
	}
	f := Family()
	v, err := f.Read(params)
	if err != nil {
		return nil, 0, err
	}
	s, err := newSetting(p, v, 1)
	if err != nil {
		return nil, 0, err
	}
	n := data.Folds[0].Train.N
	other, own := newFit(s, p.folds[0], &lap.Trial{}), newFit(s, p.folds[0], &lap.Trial{})
	copy(own.w, w)
	pan := newPanel(p.folds[0], []*fit{other, own})
	for i, m := range pan.fits {
		pan.put(pan.w, m.w, i)
	}
	sum := pan.newSum()
	pan.add(sum, 0, n)
	of := make([]float32, len(w))
	pan.take(of, sum.g, 1)
	for _, v := range of {
		g = append(g, float64(v)/float64(n))
	}
	return g, pan.lossOf(sum.loss, 1) / float64(n), nil
}

// Factor returns by what a schedule multiplies the rate of a batch, where an
// epoch has that many.
func Factor(kind string, power, warmup float64, epochs, done, batches int) float64 {
	s := schedule{kind: kind, power: power, warmup: warmup, epochs: epochs}
	return s.factor(done, batches)
}

// Evaluations trains a lone trial until it has settled and returns how many rows
// each evaluation was on, and the weights.
func Evaluations(data *dataset.Data, pool *heat.Pool, params tourney.Params) (rows []int, w []float32, err error) {
	p, err := problemOf(data, pool)
	if err != nil {
		return nil, nil, err
	}
	f := Family()
	v, err := f.Read(params)
	if err != nil {
		return nil, nil, err
	}
	s, err := newSetting(p, v, 1)
	if err != nil {
		return nil, nil, err
	}
	own := newFit(s, p.folds[0], &lap.Trial{Job: &tourney.Job{Budget: 1}})
	for own.quasi.State() == lbfgs.Going || len(own.stages) > 0 {
		rows = append(rows, own.stageRows())
		p.evaluate(context.Background(), []*fit{own})
		own.take()
	}
	return rows, own.w, nil
}
