// Package grow hides how a tree is found fast: it grows one from binned rows
// and the gradients and hessians of their losses.
//
// A Grower keeps the order of its rows, by leaf, and sums of gradients and
// hessians for each feature and bin of the leaves that may still be split. The
// sums of a leaf are made from the rows of its smaller child; the other's are
// what is left. All searches look at these sums alone.
//
// Sums are of integers, so trees do not depend on the order of additions: not on
// the number of slots, not on the kernel, not on which child was counted. The
// gradients of a tree are multiplied by a power of two and rounded to as many
// bits as let no sum of this number of rows overflow, 11 for a million rows,
// the last bit up or down by chance with the odds that make the mean exact. The
// chance is a function of Input.Rounding and the position. Rounded sums choose
// splits; the outputs of leaves are made from sums of 62 bits.
//
// How many rows a bin has is known exactly if hessians are all 1, or in leaves
// of at most 128 rows. Elsewhere it is estimated from the share of the
// hessians, as LightGBM does. A split that turns out to leave a child fewer rows
// than Config.MinRows is taken back, and its leaf is searched again with exact
// counts: no leaf ever has fewer.
//
// Of splits of equal gain the one of the lower feature is taken, then that of
// the lower bin, then the one that sends missing values to the right; of leaves
// of equal gain the one with the lower number. A split has to gain more than
// 1e-12 of what the leaf has, below which there is only rounding. Where a leaf
// that is split has no missing values, they go where more rows go.
package grow
