// Package ensemble hides what trees are once they are grown: how they are kept,
// asked, explained, and written for others.
//
// A Tree (tree.go) asks for bins. An Ensemble (ensemble.go) is trees that add up
// to scores, be they boosted, dropped out with weights, or averaged as a forest,
// and what scores mean; Validate (validate.go) says whether one that was read
// from outside is sound.
//
//	predict.go     Predictor: scores of many rows, by the first rounds or all
//	bundle.go      trees as sets of forbidden leaves, looked up by bin: many rows, small trees
//	layout.go      trees as words to walk through: few rows, large trees
//	importance.go  features by gain, by splits, and by permutation
//	shap.go        Explainer: exact Shapley values of a row's features (gauss.go: an integral)
//	dump.go        text for people
//	json.go        the form in a model document
//	binary.go      the form in a checkpoint, tree by tree
//	lightgbm.go    LightGBM's text form (lighttree.go: of one tree)
//
// Scores are defined by arithmetic: a row's bits are the same in any company, on
// any pool, in rounds or at once, and by either way to walk through trees.
package ensemble
