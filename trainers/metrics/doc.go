// Package metrics hides how the built-in metrics are summed so that their bits
// depend neither on the machine nor on how many parts were measured at once.
//
// Rows are added in order to the sums of a part, in float64; the sums of the
// parts are added in the order of the parts. What depends on the order of the
// scores needs all rows at once, and a Ranker. The definitions are those of
// scikit-learn's functions of the same name; a row may have a weight.
package metrics
