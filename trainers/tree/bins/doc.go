// Package bins hides what the families of trees have in common around the
// engine: which parameters say how a tree is grown, how the binned rows of a
// fold become the table that it is grown from, and what a model of trees is to
// those who ask it.
package bins
