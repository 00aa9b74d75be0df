// Package gp hides how a Gaussian process is made to say where to try next.
//
// [Propose] is a sampler over points of the unit cube; [Fit] gives the model
// behind it alone, to rank points that are given ([Model.LogEI]). Both are pure:
// what they return follows from their arguments. A model that is passed back in
// saves time and changes nothing, so it may be dropped, and is found again from
// the observations.
//
// # The process
//
// Matérn 5/2 with a length-scale for each axis; whole numbers are rounded before
// the kernel sees them; choices have Hamming distances inside the same sum; an
// axis that has no part in a point has a fixed place. Hyperparameters are those
// of largest posterior density, found by gradients, from where the last search
// ended and now and then from the centre of the prior too. Losses are warped, or
// not, whichever foretells left-out losses better. Failed trials have no loss:
// a second process learns where trainings succeed.
//
// # The proposal
//
// The first points are spread. Then each has the largest expected improvement
// on what is observed and pending (qEI, by extending the factor of the
// covariance), times the odds that it does not fail, in logarithms that stay
// exact far in the tail. It is looked for by screening a Sobol sequence and
// perturbations of the best points, then by gradients in the numbers and sweeps
// over the cells. Every second proposal asks for more than any improvement, so
// that a minimum that was found does not hold the search.
//
// Time grows as n²·(points weighed) and, at some asks, n³; memory as n². It is
// made for some hundreds of trials: of more, a model takes the best and the
// newest.
package gp
