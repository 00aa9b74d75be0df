// Package gbdt hides gradient boosting: how trees that are grown one after the
// other come to lower a loss, by LightGBM's rules and names.
//
// A step is a boosting round: one tree, or one a class. All trials of a heat
// share one table of bins, whatever their folds (package bins), and the
// histogram of the first tree's root where they begin alike. Trials that differ
// in nothing but how long they train share the training itself (course.go): the
// shorter one is a prefix of the longer.
//
// Where there are as many courses as slots, each is trained by one goroutine;
// where there are fewer, all work on one after the other (pass.go). That
// changes no bit: gradients are functions of their row, losses are summed part
// by part, trees do not depend on how they are grown side by side, and what is
// drawn is drawn by hashes of the seed, the round and the row or feature
// (sample.go), not from a stream.
//
// Notation: n training rows, d features, k scores of a row (one, or one a class
// if there are more than two).
//
// Memory of a fit: 4·k bytes a training row for scores (8·k under DART) and 8·k
// a validation row. Each slot has 8·k bytes a training row for gradients, 4 if
// it samples rows, and what a grower takes (grow.Bytes). All fits to a fold
// share 4 bytes a training row for the numbers of its rows. The bins are mapped.
package gbdt
