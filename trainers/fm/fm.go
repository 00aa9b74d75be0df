package fm

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/lap"
)

// Family returns the trainer with its table of parameters.
func Family() heat.Family {
	inf := math.Inf(1)
	return heat.Family{
		Trainer: trainer{},
		Params: []heat.Param{
			{Name: "batch_size", Whole: true, Default: 256, Min: 1, Max: 1e9, Help: "rows of a gradient step; more than there are means all of them"},
			{Name: "early_stopping", Whole: true, Default: 0, Min: 0, Max: 1e6, Help: "epochs without a better one after which a trial is done; 0: never"},
			{Name: "epochs", Whole: true, Default: 10, Min: 1, Max: 100_000, Help: "passes over the training rows, unless early_terminate says"},
			{Name: "factors", Aliases: []string{"num_factors", "rank", "k"}, Whole: true, Default: 8, Min: 1, Max: 256, Help: "length of the vectors"},
			{Name: "field_aware", Words: []string{"false", "true"}, DefaultWord: "false", Help: "a vector of each feature for every field (column of the table)"},
			{Name: "init", Aliases: []string{"init_stdev"}, Default: 0.1, Min: 0, OpenMin: true, Max: 100, Help: "the vectors' elements begin between ±init/√factors"},
			{Name: "l2", Aliases: []string{"lambda", "reg"}, Default: 0, Min: 0, Max: inf, Help: "penalty l2/2·w² on the weights of the features in a batch"},
			{Name: "l2_factors", Default: 1e-5, Min: 0, Max: inf, Help: "the same on their vectors"},
			{Name: "learning_rate", Aliases: []string{"lr", "eta"}, Default: 0.05, Min: 0, OpenMin: true, Max: inf, Help: "length of a gradient step"},
			{Name: "optimizer", Words: []string{"adagrad", "adam", "sgd"}, DefaultWord: "adagrad", Help: "how steps are scaled"},
		},
		Budget:    "epochs",
		Weight:    1.0 / 32,
		Form:      dataset.Auto,
		Open:      openModel,
		ReadModel: readModel,
	}
}

// trainer implements heat.Trainer.
type trainer struct{}

// Name returns the name of the family in sweep files.
func (trainer) Name() string { return "fm" }

// Train trains a heat. Trials join and leave between two passes.
func (trainer) Train(ctx context.Context, data *dataset.Data, pool *heat.Pool, feed heat.Feed) error {
	family := Family()
	return lap.Train(ctx, data, pool, feed, lap.Options{
		Family: &family, Patience: "early_stopping", Standardise: true,
		New: func(d *lap.Data, pool *heat.Pool) (lap.Problem, error) { return &problem{d, pool}, nil },
	})
}

// problem is what the trials of a heat share.
type problem struct {
	*lap.Data
	pool *heat.Pool
}

// outputsOf is the number of machines of a model: one a class, but one of two
// classes.
func outputsOf(classes int) int {
	if classes > 2 {
		return classes
	}
	return 1
}

// Fit implements lap.Problem.
func (p *problem) Fit(t *lap.Trial, f *lap.Fold) (lap.Fit, error) {
	m, err := newMachine(t.Values, f.Fold, p.Classes)
	if err != nil {
		return nil, err
	}
	if size := float64(m.features) * float64(m.stride()); size > maxWeights {
		return nil, fmt.Errorf("%d features with %d weights each are too many; use fewer factors, or fewer buckets (preprocess.buckets)", m.features, m.stride())
	}
	return newFit(p, f, m, t), nil
}

// newMachine is the shape of a model of a fold.
func newMachine(v heat.Values, f *dataset.Fold, classes int) (machine, error) {
	m := machine{features: f.Train.D, outputs: outputsOf(classes), factors: v.Int("factors"), fields: 1}
	if !v.Bool("field_aware") {
		return m, nil
	}
	if f.Prep == nil {
		return m, errors.New("parameter field_aware: nothing is known of the features' fields")
	}
	if m.field, m.fields = f.Prep.Fields(), len(f.Prep.Inputs); len(m.field) != m.features {
		return m, fmt.Errorf("parameter field_aware: fields of %d features are known, not of %d", len(m.field), m.features)
	}
	return m, nil
}

// maxWeights bounds a model to 2 GiB of weights.
const maxWeights = 1 << 29

// Pass implements lap.Problem: trials with batches of one part train side by
// side, the others one after another, the parts of a batch side by side.
func (p *problem) Pass(ctx context.Context, fits []lap.Fit) {
	var small, large []*fit
	for _, f := range fits {
		if f := f.(*fit); f.batch <= dataset.PartRows {
			small = append(small, f)
		} else {
			large = append(large, f)
		}
	}
	p.pool.Do(len(small), func(i int) { small[i].epoch(ctx, nil) })
	for _, f := range large {
		f.epoch(ctx, p.pool)
	}
}

// Scorers implements lap.Problem.
func (p *problem) Scorers(fits []lap.Fit) []lap.Scorer {
	out := make([]lap.Scorer, len(fits))
	for i, f := range fits {
		out[i] = scorer{f.(*fit)}
	}
	return out
}

// scorer scores by one fit.
type scorer struct{ fit *fit }

// Fits implements lap.Scorer.
func (s scorer) Fits() []lap.Fit { return []lap.Fit{s.fit} }

// Score implements lap.Scorer.
func (s scorer) Score(m *dataset.Matrix, lo, hi int, out [][]float32) {
	s.fit.predict(s.fit.w, m, lo, hi, s.fit.fold.Mean, s.fit.fold.SD, s.fit.classes, out[0])
}

// classesOf is the number of classes of a task.
func classesOf(task tourney.Task, classes []string) int {
	if task == tourney.Regression {
		return 0
	}
	return len(classes)
}
