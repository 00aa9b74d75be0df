// Package suite holds the objectives against which samplers are measured: 18
// functions with known optima (numbers, logarithms, whole numbers, choices,
// conditions, noise, crashes, twenty dimensions), and tables of real trainings
// where they are at hand.
//
// A [Problem] is met as a sampler meets a sweep: axes, and a loss for a point
// of the unit cube. Its answers are those of the Python functions that the
// peers were measured with, to the accuracy of the mathematical library;
// testdata/values.csv has them, drawn by testdata/values.py.
//
// [Play] lets an asker work on a problem, alone or in batches, and [S3] is the
// score of the regrets: the mean over problems of log10(max(regret/scale,
// 1e-3)), where the scale is the regret of the median random point. So -1 is
// one decade better than one random point, and -3 is as good as can be.
//
// Nothing here is tuned for a sampler, and no sampler may be tuned to a
// problem here: all optima are away from the centre.
package suite
