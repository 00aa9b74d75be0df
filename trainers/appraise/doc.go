// Package appraise hides how what a model says of the sealed test rows becomes
// the few numbers that people look at: confusion, the receiver operating
// characteristic, calibration, residuals, and how much each column matters.
//
// It is done once, when the final job of a sweep ends, and is part of the model
// document. Everything in it follows from the model and the rows: the shuffles
// of the column importance have a fixed seed.
package appraise
