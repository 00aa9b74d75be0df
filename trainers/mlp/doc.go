// Package mlp hides how multilayer perceptrons are trained: fully connected
// networks for classes and for numbers, many trials side by side.
//
// A hidden layer is a product with its weights and a shift, or with batch_norm
// a norm over the batch; then the activation; then dropout. The last layer has
// an output for each class, of two classes one alone, the logit of the second;
// or a value, of the target standardised by the training rows' mean and
// deviation. The loss of a batch is the mean over its rows of the log loss, with
// smoothed labels if asked, or of the squared error halved. Penalties are on
// weights, not on shifts and scales.
//
// A step, the unit of budget, is one epoch. It reads the rows part by part, in
// an order of parts and of rows in each drawn from the trial's seed and the
// epoch, or as they lie; the last batch may be short. Rates are functions of
// the batches trained over the sweep's full budget.
//
// Bits. Products are those of kernels.Forward, Gradient and Gemm, the rest those
// of the kernels named in the code; what has none is float32 without fusing. A
// batch is cut into parts of dataset.PartRows rows, counted from its start:
// each part's gradient starts from zero and takes in its rows in order, parts
// are added in order, and so are the losses, in float64. A norm is over a part.
// Masks of dropout are drawn from seed, update, part, layer and place. So it
// changes no bit whether fits train side by side, one on each slot, or one on
// all slots, its batches cut by parts, rows and columns.
//
// Metrics of each epoch are those of the validation rows; train_logloss or
// train_rmse, the loss seen during the epoch, before each update and without
// penalties and smoothing; and train_gradient_norm, the length of the last
// batch's gradient. A loss, weight or metric that is not finite ends a trial as
// diverged, at the batch where it shows.
package mlp
