// Package forest hides how single decision trees and forests of them are
// trained: the families tree and forest (Breiman, Friedman, Olshen and Stone,
// "Classification and Regression Trees", 1984; Breiman, "Random Forests",
// Machine Learning 45, 2001; Geurts, Ernst and Wehenkel, "Extremely randomized
// trees", Machine Learning 63, 2006).
//
// A step of a forest is one tree. Trees depend on the trial's seed and their own
// number alone, so that several may be grown at once, and a forest of fewer is
// the beginning of one of more.
//
// Squared errors, and Gini's impurity of two classes, which is twice the
// variance of their 0s and 1s, are the business of the engine that boosting
// uses. More classes, and entropy, have one of their own here (classes.go),
// which counts the classes of each bin. Both sum integers.
//
// The two differ in what counts as one of the max_features of a node: the engine
// draws that many; the counter goes on, as scikit-learn does, for each drawn one
// that is constant in the node.
//
// What a forest says of each row is kept as sums over its trees, 8 bytes for
// each value, in the order of trees: for the training rows by all trees and by
// those that were grown without them (with 4 bytes more), and for the rows to
// validate on. A state has the trees alone; the sums are made again from them.
package forest
