// Package linear hides how linear models are trained: linear, logistic and
// softmax regression by mini-batch gradient steps, many trials in one pass.
//
// The loss of a batch is the mean over its rows of the squared error halved
// (regression, on the target standardised by the training rows' mean and
// deviation) or of the log loss (classification), plus l2/2·‖w‖² over all
// weights but the intercepts. With gradient g a batch does
//
//	v ← momentum·v + g        (Polyak's heavy ball, 1964)
//	w ← w − learning_rate·v
//
// from w = v = 0. A step, the unit of budget, is one epoch: the training rows
// once in their order, which was shuffled when the dataset was made; the last
// batch may be short. Two classes have one output, the logit of the second:
// half the arithmetic of two outputs, and l2 means what it means elsewhere.
//
// Bits. Outputs and gradients are those of kernels.Forward and
// kernels.Gradient. A batch is cut into parts of dataset.PartRows rows,
// counted from its start; each part's gradient starts from zero, and parts are
// added in order by plain float32 additions. So batches of more than one part
// are spread over the pool. All else is float32 without fusing; losses are
// summed in float64, rows in order, then parts, then batches. Models lie side
// by side in panels, for speed alone: no bit of one depends on another.
//
// Metrics of each epoch are those of the validation rows, and train_logloss or
// train_rmse, which is the loss seen during the pass, before each batch's
// update and without l2. A final job is measured on the test rows at its
// budget. A loss, weight or metric that is not finite ends a trial as diverged.
package linear
