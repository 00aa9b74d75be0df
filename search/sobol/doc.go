// Package sobol hides how points are spread evenly over the unit cube: Sobol's
// sequence with the direction numbers of Joe and Kuo, scrambled by a seed.
//
// Any point is computed on its own, so the point of trial n is a function of
// the seed and n. Scrambling is nested and uniform (Owen 1995): each point
// alone is uniform over the cube, any 2^k points in a row that begin at a
// multiple of 2^k keep the balance of the sequence, and two seeds give two
// sequences.
package sobol
