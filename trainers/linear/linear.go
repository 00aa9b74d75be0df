package linear

import (
	"context"
	"fmt"
	"math"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/lap"
)

// The words of parameters.
const (
	optSGD     = "sgd"
	optAdam    = "adam"
	optAdaGrad = "adagrad"
	optFTRL    = "ftrl"
	optLBFGS   = "lbfgs"
	optGram    = "gram"

	lossAuto         = "auto"
	lossLogistic     = "logistic"
	lossHinge        = "hinge"
	lossSquaredHinge = "squared_hinge"
	lossSquared      = "squared"
	lossHuber        = "huber"
	lossQuantile     = "quantile"
	lossPoisson      = "poisson"

	scheduleConstant   = "constant"
	scheduleInvScaling = "inv_scaling"
	scheduleCosine     = "cosine"
	scheduleLinear     = "linear"

	weightNone     = "none"
	weightBalanced = "balanced"
)

// Family returns the trainer with its table of parameters.
func Family() heat.Family {
	inf := math.Inf(1)
	return heat.Family{
		Trainer: trainer{},
		Params: []heat.Param{
			{Name: "batch_size", Whole: true, Default: 256, Min: 1, Max: 1e9, Help: "rows of a gradient step; more than there are means all of them"},
			{Name: "beta1", Default: 0.9, Min: 0, Max: 1, OpenMax: true, Help: "adam: how slowly the mean of the gradient forgets"},
			{Name: "beta2", Default: 0.999, Min: 0, Max: 1, OpenMax: true, Help: "adam: how slowly the mean of its square forgets"},
			{Name: "class_weight", DefaultWord: weightNone, Text: checkClassWeight, Help: "what the rows of a class count: none, balanced, or as in spam:5,ham:1"},
			{Name: "delta", Default: 1.35, Min: 0, OpenMin: true, Max: inf, Help: "huber: the error from which on the loss is linear, in deviations of the target"},
			{Name: "early_stopping", Aliases: []string{"n_iter_no_change"}, Whole: true, Min: 0, Max: 100_000, Help: "a trial is done after so many epochs without a better one; 0: never"},
			{Name: "epochs", Aliases: []string{"max_iter"}, Whole: true, Default: 20, Min: 1, Max: 100_000, Help: "passes over the training rows, or iterations of lbfgs, unless early_terminate says"},
			{Name: "ftrl_beta", Default: 1, Min: 0, Max: inf, Help: "ftrl: how much shorter the first steps are"},
			{Name: "l1", Default: 0, Min: 0, Max: inf, Help: "penalty l1·|w| on the weights, not on the intercepts"},
			{Name: "l2", Default: 0, Min: 0, Max: inf, Help: "penalty l2/2·w² on the weights, not on the intercepts"},
			{Name: "learning_rate", Aliases: []string{"eta0"}, Default: 0.1, Min: 0, OpenMin: true, Max: inf, Help: "length of a gradient step before schedule and warmup; for adam 0.01 unless given"},
			{Name: "loss", DefaultWord: lossAuto, Words: []string{lossAuto, lossLogistic, lossHinge, lossSquaredHinge, lossSquared, lossHuber, lossQuantile, lossPoisson}, Help: "what is minimised; auto: logistic (softmax of more than two classes) or squared"},
			{Name: "momentum", Default: 0, Min: 0, Max: 1, OpenMax: true, Help: "sgd: share of the last step that goes on (heavy ball)"},
			{Name: "nesterov", DefaultWord: "false", Words: []string{"false", "true"}, Help: "sgd: look ahead along the momentum"},
			{Name: "optimizer", Aliases: []string{"solver"}, DefaultWord: optSGD, Words: []string{optSGD, optAdam, optAdaGrad, optFTRL, optLBFGS, optGram}, Help: "how it is minimised; gram solves loss squared exactly, in one epoch"},
			{Name: "power", Default: 0.5, Min: 0, Max: 10, Help: "inv_scaling: learning_rate/(1+epoch)^power"},
			{Name: "schedule", Aliases: []string{"lr_schedule"}, DefaultWord: scheduleConstant, Words: []string{scheduleConstant, scheduleInvScaling, scheduleCosine, scheduleLinear}, Help: "how learning_rate falls over the sweep's longest trial"},
			{Name: "tau", Aliases: []string{"quantile"}, Default: 0.5, Min: 0, OpenMin: true, Max: 1, OpenMax: true, Help: "quantile: which one"},
			{Name: "tol", Default: 1e-4, Min: 0, Max: 1, Help: "lbfgs: a trial is done when no derivative is larger"},
			{Name: "warmup", Default: 0, Min: 0, Max: 100_000, Help: "epochs over which learning_rate rises from 0"},
		},
		Budget:    "epochs",
		Weight:    1.0 / 32,
		Form:      dataset.Auto,
		Fits:      fits,
		Open:      open,
		ReadModel: readModel,
	}
}

// trainer implements heat.Trainer.
type trainer struct{}

// Name returns the name of the family in sweep files.
func (trainer) Name() string { return "linear" }

// Train trains a heat. Trials join and leave between two passes.
func (trainer) Train(ctx context.Context, data *dataset.Data, pool *heat.Pool, feed heat.Feed) error {
	f := Family()
	return lap.Train(ctx, data, pool, feed, lap.Options{
		Family:      &f,
		Patience:    "early_stopping",
		Standardise: true,
		New:         func(d *lap.Data, pool *heat.Pool) (lap.Problem, error) { return newProblem(d, pool), nil },
	})
}

// fits returns what is wrong with the words of a space for the dataset's task:
// losses that it has not, and optimizers that take none of the losses.
func fits(space tourney.Space, ds *tourney.Dataset) []tourney.FieldError {
	var errs []tourney.FieldError
	losses := words(space, "loss")
	for _, w := range losses {
		if err := checkLoss(w.word, ds.Task); err != nil {
			errs = append(errs, tourney.FieldError{Path: w.path, Message: err.Error()})
		}
	}
	if len(losses) == 0 {
		losses = []wordAt{{word: lossAuto}}
	}
	for _, w := range words(space, "optimizer") {
		var wrong error
		for _, l := range losses {
			if wrong = checkOptimizer(w.word, lossOf(l.word, ds.Task)); wrong == nil {
				break
			}
		}
		if wrong != nil {
			errs = append(errs, tourney.FieldError{Path: w.path, Message: wrong.Error()})
		}
	}
	return errs
}

// wordAt is a word that a space has, and where.
type wordAt struct{ path, word string }

// words lists the words that a parameter may be by a space.
func words(space tourney.Space, name string) []wordAt {
	var out []wordAt
	f := Family()
	for i := range space {
		q := &space[i]
		if p := f.Lookup(q.Name); p == nil || p.Name != name {
			continue
		}
		path := "parameters." + q.Name
		if word, ok := q.Value.(string); ok && q.Distribution == tourney.Constant {
			out = append(out, wordAt{path + ".value", word})
		}
		for i, v := range q.Values {
			if word, ok := v.(string); ok {
				out = append(out, wordAt{fmt.Sprintf("%s.values.%d", path, i), word})
			}
		}
	}
	return out
}

// lossOf returns the loss that a word stands for.
func lossOf(word string, task tourney.Task) string {
	switch {
	case word != lossAuto:
		return word
	case task == tourney.Regression:
		return lossSquared
	}
	return lossLogistic
}

// checkLoss returns what is wrong with a loss for a task.
func checkLoss(word string, task tourney.Task) error {
	regression := word == lossSquared || word == lossHuber || word == lossQuantile || word == lossPoisson
	switch {
	case word == lossAuto || regression == (task == tourney.Regression):
		return nil
	case regression:
		return fmt.Errorf("%s is a loss of regression; use %s, %s or %s", word, lossLogistic, lossHinge, lossSquaredHinge)
	}
	return fmt.Errorf("%s is a loss of classification; use %s, %s, %s or %s", word, lossSquared, lossHuber, lossQuantile, lossPoisson)
}

// checkOptimizer returns what is wrong with an optimizer for a loss.
func checkOptimizer(optimizer, loss string) error {
	switch {
	case optimizer == optLBFGS && (loss == lossHinge || loss == lossQuantile):
		return fmt.Errorf("lbfgs needs a loss without corners, which %s is not; use %s, %s, %s or %s, or another loss", loss, optSGD, optAdam, optAdaGrad, optFTRL)
	case optimizer == optGram && loss != lossSquared:
		return fmt.Errorf("gram solves loss %s alone, not %s; use %s", lossSquared, loss, optLBFGS)
	}
	return nil
}
