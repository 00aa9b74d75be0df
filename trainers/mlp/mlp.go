package mlp

import (
	"context"
	"fmt"
	"math"
	"slices"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/lap"
)

const name = "mlp"

// Family returns the trainer with its table of parameters.
func Family() heat.Family {
	inf := math.Inf(1)
	truth := []string{"false", "true"}
	return heat.Family{
		Trainer: trainer{},
		Params: []heat.Param{
			{Name: "activation", Words: []string{relu, gelu, tanh}, DefaultWord: relu, Help: "of the hidden layers"},
			{Name: "alpha", Default: 0, Min: 0, Max: inf, Help: "scikit-learn's penalty: l2 of alpha divided by the rows of the batch"},
			{Name: "batch_norm", Words: truth, DefaultWord: "false", Help: "normalise the hidden layers over the batch, before the activation"},
			{Name: "batch_size", Whole: true, Default: 128, Min: 1, Max: 1e9, Help: "rows of a gradient step; more than there are means all of them"},
			{Name: "beta1", Aliases: []string{"beta_1"}, Default: 0.9, Min: 0, Max: 1, OpenMax: true, Help: "adam, adamw: decay of the mean of gradients"},
			{Name: "beta2", Aliases: []string{"beta_2"}, Default: 0.999, Min: 0, Max: 1, OpenMax: true, Help: "adam, adamw: decay of the mean of squares"},
			{Name: "class_weight", Words: []string{"none", "balanced"}, DefaultWord: "none", Help: "balanced: rows of rare classes weigh more, so that all classes weigh the same"},
			{Name: "clip_norm", Aliases: []string{"max_grad_norm", "max_norm"}, Default: 0, Min: 0, Max: inf, Help: "longest gradient of a batch, before penalties; 0 is no end"},
			{Name: "dropout", Default: 0, Min: 0, Max: 1, OpenMax: true, Help: "share of the hidden units that a row does without while training"},
			{Name: patience, Aliases: []string{"n_iter_no_change", "patience"}, Whole: true, Default: 0, Min: 0, Max: 100_000, Help: "epochs without a better one after which a trial is done; 0 is never"},
			{Name: "epochs", Aliases: []string{"max_iter"}, Whole: true, Default: 50, Min: 1, Max: 100_000, Help: "passes over the training rows, unless early_terminate says"},
			{Name: "epsilon", Aliases: []string{"eps"}, Default: 1e-8, Min: 0, OpenMin: true, Max: inf, Help: "adam, adamw: added to the root of the mean of squares"},
			{Name: "gamma", Default: 0.1, Min: 0, OpenMin: true, Max: 1, Help: "schedule step: factor of the rate every step_size epochs"},
			{Name: "hidden", Aliases: []string{"hidden_layer_sizes"}, DefaultWord: "128", Text: checkHidden, Help: "widths of the hidden layers from the input on, as in 256,128"},
			{Name: "l2", Default: 0, Min: 0, Max: inf, Help: "penalty l2/2·‖w‖² on the weights, not on shifts and scales"},
			{Name: "label_smoothing", Default: 0, Min: 0, Max: 1, OpenMax: true, Help: "classification: share of a row's target that all classes have alike"},
			{Name: "layers", Aliases: []string{"n_layers"}, Whole: true, Default: 1, Min: 1, Max: maxLayers, Help: "hidden layers of the same width, instead of hidden"},
			{Name: "learning_rate", Aliases: []string{"learning_rate_init", "lr"}, Default: 0.001, Min: 0, OpenMin: true, Max: inf, Help: "length of a gradient step, before the schedule"},
			{Name: "momentum", Default: 0.9, Min: 0, Max: 1, OpenMax: true, Help: "sgd: share of the last step that goes on"},
			{Name: "nesterov", Aliases: []string{"nesterovs_momentum"}, Words: truth, DefaultWord: "false", Help: "sgd: Nesterov's momentum"},
			{Name: "optimizer", Aliases: []string{"solver"}, Words: []string{sgd, adam, adamw}, DefaultWord: adam, Help: "how a gradient becomes a step"},
			{Name: "schedule", Aliases: []string{"lr_schedule"}, Words: []string{constant, cosine, linear, stepwise}, DefaultWord: constant, Help: "of the rate, over the sweep's full budget"},
			{Name: "shuffle", Words: []string{shuffleParts, "none"}, DefaultWord: shuffleParts, Help: "parts: each epoch draws an order of the parts of 4,096 rows, and of the rows in each"},
			{Name: "step_size", Whole: true, Default: 10, Min: 1, Max: 100_000, Help: "schedule step: epochs between two falls of the rate"},
			{Name: "warmup", Aliases: []string{"warmup_epochs"}, Default: 0, Min: 0, Max: 100_000, Help: "epochs in which the rate rises from 0; parts of an epoch count"},
			{Name: "weight_decay", Default: 0, Min: 0, Max: inf, Help: "adamw: share of the weights, times the rate, that a step takes off; else the same as l2"},
			{Name: "width", Whole: true, Default: 128, Min: 1, Max: maxWidth, Help: "of each hidden layer, instead of hidden"},
		},
		Budget:    "epochs",
		Weight:    1,
		Form:      dataset.Dense,
		Fits:      fits,
		Open:      open,
		ReadModel: readModel,
	}
}

// The words of parameters.
const (
	relu, gelu, tanh                   = "relu", "gelu", "tanh"
	sgd, adam, adamw                   = "sgd", "adam", "adamw"
	constant, cosine, linear, stepwise = "constant", "cosine", "linear", "step"
	shuffleParts                       = "parts"
	patience                           = "early_stopping"
)

// fits checks that a space says the hidden layers in one way, and nothing of
// classes where there are none.
func fits(space tourney.Space, ds *tourney.Dataset) []tourney.FieldError {
	f := Family()
	names := make([]string, len(space))
	for i := range space {
		if p := f.Lookup(space[i].Name); p != nil {
			names[i] = p.Name
		}
	}
	var errs []tourney.FieldError
	for i, name := range names {
		wrong := ""
		switch name {
		case "layers", "width":
			if slices.Contains(names, "hidden") {
				wrong = "says the hidden layers a second time: leave it out, or hidden"
			}
		case "class_weight", "label_smoothing":
			if ds.Task == tourney.Regression {
				wrong = fmt.Sprintf("is for classes, and the target %q is a number: leave it out", ds.Target)
			}
		}
		if wrong != "" {
			errs = append(errs, tourney.FieldError{Path: "parameters." + space[i].Name, Message: wrong})
		}
	}
	return errs
}

// trainer implements heat.Trainer.
type trainer struct{}

// Name returns the name of the family in sweep files.
func (trainer) Name() string { return name }

// Train trains a heat. Trials join and leave between two epochs.
func (trainer) Train(ctx context.Context, data *dataset.Data, pool *heat.Pool, feed heat.Feed) error {
	f := Family()
	return lap.Train(ctx, data, pool, feed, lap.Options{Family: &f, New: newProblem, Patience: patience, Standardise: true})
}
