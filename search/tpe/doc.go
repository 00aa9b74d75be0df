// Package tpe hides how tree-structured Parzen estimators choose points: which
// trials count as good, how wide their kernels are, and in which branch of a
// conditional space to look.
//
// A density l of the good trials and a density g of the others (Bergstra,
// Bardenet, Bengio and Kégl 2011) are mixtures of one kernel a trial and a wide
// one, the prior. Of some draws from l the one with the highest l/g is next.
// Pending trials count among the others, so that proposals keep apart.
//
// There are two modes. [Options].Optuna keeps to the rules of Optuna 5, whose
// densities it has to rounding; testdata/optuna5.json, made by Optuna, holds it
// to that. The default differs in what was measured to help on 18 functions and
// on random conditional spaces:
//
//   - kernels of l may be 0.4 times as narrow, those of g not;
//   - the good trials have the weights of a CMA evolution strategy, by rank;
//   - failed trials are bad ones and not forgotten;
//   - the split is among the trials that have the axes in question. Axes that
//     always occur together are drawn together, and all axes of a branch are
//     drawn together, given the gates, as soon as a trial has them;
//   - the branch is chosen by a bandit on how low each may get;
//   - of more trials than a thousand the newest count, beside the good ones;
//   - no known point is proposed while the space has another.
//
// Points lie in the unit cube. Kernels go with the scale, so that this is the
// same as working on the range of a parameter or on its logarithm; the cells of
// a lattice are those that round to its values.
//
// The package is pure: the generator is passed in, and what is proposed is a
// function of options, history and generator.
package tpe
