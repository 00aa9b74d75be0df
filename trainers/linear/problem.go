package linear

import (
	"context"
	"slices"

	"tourney/trainers/heat"
	"tourney/trainers/lap"
	"tourney/trainers/linear/gram"
)

// gramFeatures is how many features optimizer gram takes at most: their
// products are 128 MiB then.
const gramFeatures = 4096

// problem is what the trials of a heat share. It implements lap.Problem.
type problem struct {
	*lap.Data
	pool    *heat.Pool
	outputs int // columns of a model: 1, or the number of classes if they are more than two
	folds   []*fold
}

// fold is what the fits of all trials to one fold share.
type fold struct {
	*lap.Fold
	problem *problem
	ofClass []float64        // classification: what the training rows of each class weigh together
	below   int              // regression: a training row whose target is below 0, or -1
	solved  *gram.Statistics // of the training rows; nil until it is asked for
}

func newProblem(d *lap.Data, pool *heat.Pool) *problem {
	p := &problem{Data: d, pool: pool, outputs: 1}
	if d.Classes > 2 {
		p.outputs = d.Classes
	}
	for _, f := range d.Folds {
		own := &fold{Fold: f, problem: p, ofClass: make([]float64, d.Classes)}
		if d.Regression() {
			own.below = slices.IndexFunc(f.Train.Y, func(y float32) bool { return !(y >= 0) })
		} else {
			for i, y := range f.Train.Y {
				own.ofClass[int(y)] += float64(f.WeightOf(i))
			}
		}
		p.folds = append(p.folds, own)
	}
	return p
}

// weights is the length of a fit's weights, [(d+1)×outputs].
func (f *fold) weights() int { return (f.Train.D + 1) * f.problem.outputs }

// targetOf returns the target that a loss is of.
func (f *fold) targetOf(loss string) []float32 {
	if loss == lossPoisson {
		return f.Train.Y
	}
	return f.Target
}

// scaleOf returns what brings an output of a loss to the target's units.
func (f *fold) scaleOf(loss string) (mean, sd float64) {
	if loss == lossPoisson {
		return 0, 1
	}
	return f.Mean, f.SD
}

// classScale returns what the rows of each class count for a fit, 1 in the mean
// over rows; nil if that is 1 for all.
func (f *fold) classScale(classes []float64) []float32 {
	if classes == nil {
		return nil
	}
	weights := append([]float64(nil), classes...)
	balanced := true
	for _, w := range weights {
		balanced = balanced && w == 0
	}
	total, mean := 0.0, 0.0
	for c, rows := range f.ofClass {
		if balanced && rows > 0 {
			weights[c] = 1 / rows
		}
		total += rows
		mean += float64(weights[c] * rows)
	}
	out := make([]float32, len(weights))
	for c, w := range weights {
		if mean > 0 {
			out[c] = float32(w * total / mean)
		}
	}
	return out
}

// Fit returns a fit that has not been trained.
func (p *problem) Fit(t *lap.Trial, f *lap.Fold) (lap.Fit, error) {
	var s *setting
	if f.Index > 0 {
		s = t.Fits[0].(*fit).setting
	} else {
		var err error
		if s, err = newSetting(p, t.Values, max(t.Job.MaxBudget, t.Job.Budget)); err != nil {
			return nil, err
		}
	}
	return newFit(s, p.folds[f.Index], t), nil
}

// Pass trains all fits by one step: an epoch of gradient steps, an iteration of
// L-BFGS, or the solution from products.
func (p *problem) Pass(ctx context.Context, fits []lap.Fit) {
	var descents, quasi, solved []*fit
	for _, f := range fits {
		switch f := f.(*fit); f.optimizer {
		case optLBFGS:
			quasi = append(quasi, f)
		case optGram:
			solved = append(solved, f)
		default:
			descents = append(descents, f)
		}
	}
	p.descend(ctx, descents)
	p.iterate(ctx, quasi)
	p.solve(ctx, solved)
}
