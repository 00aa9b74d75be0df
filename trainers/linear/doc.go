// Package linear hides how linear models are trained: of squared, Huber,
// quantile, Poisson, logistic, softmax and hinge loss, with penalties on squares
// and absolute values, by gradient steps, L-BFGS or the products of features,
// many trials in one pass over the rows. docs/trainers.md tells users of it.
//
// What is minimised is the mean over rows of weight·loss, plus l1·‖w‖₁ and
// l2/2·‖w‖² over all weights but the intercepts. Weights of rows, times those of
// their classes, have a mean of 1; the target of a regression is brought to mean
// 0 and deviation 1, but for poisson. Two classes have one output, that of the
// second. More have one each; hinge losses then tell each class from the rest.
//
// A step, the unit of budget, is an epoch of gradient steps, the training rows
// once in their order, which was shuffled when the dataset was made, the last
// batch short; or an iteration of L-BFGS (package lbfgs), the first of which
// begins on a sample (stages.go); or the solution from products (package gram),
// the only step. A trial that has converged is done, whatever its budget. The
// updates of sgd, adam, adagrad and ftrl are those of package kernels with the
// mean gradient of the batch; l1 acts by the proximal step in the metric of the
// update. The penalties of ftrl are its paper's: on the sum of all batches'
// losses, so ever weaker in the mean. A weight whose feature is 0 in all rows of a batch is left as it is by ftrl at a
// constant rate, by adagrad and plain sgd without penalties, and not even looked
// at in CSR rows.
//
// Bits. Outputs and gradients are those of kernels.Forward and kernels.Gradient
// or their CSR forms, which give the same. A batch is cut into parts of
// dataset.PartRows rows, counted from its start; each part's gradient starts
// from zero, and parts are added in order: by float32 additions in a gradient
// step, in float64 for L-BFGS. Losses of rows are summed in float32 by 16 rows,
// counted from the start of the part, those of two classes without weights as
// kernels.LogisticLossSums has it, and in float64 from there, in order.
// Models lie side by side in panels, for speed alone: no bit of one depends on
// another, nor on when it is trained.
//
// A step tells train_logloss, train_rmse or train_loss, the mean loss seen
// during the pass without penalties, in the target's units, and
// train_gradient_norm, the length of the last batch's gradient, or of the whole
// one with penalties for L-BFGS. Rows are scored by weights in the
// target's units rounded to float32, as a model in a document has them. A loss,
// weight or metric that is not finite ends a trial as diverged.
package linear
