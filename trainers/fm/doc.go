// Package fm hides how factorization machines are trained: linear models with
// an interaction of every two features, whose strength is the product of two
// short vectors that are learnt, one of each feature (Rendle, "Factorization
// Machines", ICDM 2010). Field-aware ones have a vector of each feature for
// every field that it can meet (Juan et al., "Field-aware Factorization
// Machines for CTR Prediction", RecSys 2016).
//
// They are for sparse rows of many columns, as of clicks. A batch costs what
// the features in it cost: only those are updated, penalties included.
//
// The arithmetic: sums over the entries of a row are taken in the order of
// columns, over the rows of a part in order, over parts in order, each product
// rounded to float32 before it is added. Parts of a batch may be computed at the
// same time, and trials are.
package fm
