// Package pareto hides how trials with several losses are compared: who
// dominates whom, how crowded a front is, and how much of the space it
// dominates.
//
// A trial is a vector of losses, lower being better, all vectors of one call
// having one length, and a violation: by how much it breaks its constraints,
// zero or less if it keeps them. Trials that keep them come first, whatever
// their losses (Deb, Pratap, Agarwal and Meyarivan 2002, definition 1). A
// number that is NaN counts as +Inf, so a failed trial is dominated by each
// that did not fail.
//
// Nothing here draws or remembers: results depend on the arguments, and ties
// go to the lower index.
package pareto
