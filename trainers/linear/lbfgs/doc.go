// Package lbfgs hides how a function of many variables is minimised from its
// values and gradients: by L-BFGS (Liu and Nocedal, "On the limited memory BFGS
// method for large scale optimization", Math. Programming 45, 1989), and with a
// penalty on absolute values by OWL-QN (Andrew and Gao, "Scalable training of
// L1-regularized log-linear models", ICML 2007).
//
// The function is not called. A Minimiser says at which Point it wants to know
// it and is told by Take, so that many minimisers can have their points
// evaluated in one pass over the same rows. What a minimiser does is a function
// of what it is told alone.
//
// Points are float32, as the function takes them; everything else is float64,
// sums in order, products not fused.
package lbfgs
