// Package trainers hides which families of models there are, what parameters
// each takes, and how a sweep file is checked against them.
//
// A family is a package of its own below this one. It trains trials in heats:
// together, in one pass over the data. The arithmetic that all families share
// is in kernels and metrics, what a heat is in heat, and what every family has
// to keep is checked by trainertest.
//
// The packages are pure: no clock, no randomness but a job's seed, and the same
// bits on every machine, for any number of cores and in any company.
package trainers
