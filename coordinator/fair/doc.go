// Package fair hides how the workers of a pool are divided among its sweeps.
//
// Priorities are strict: while a sweep of a higher priority has a job that
// waits and may run, none of a lower one is given anything. Among sweeps of one
// priority each has a clock that runs by the core seconds that it was given,
// over its weight, and the one whose clock is behind is served first: stride
// scheduling (Waldspurger and Weihl, MIT/LCS/TM-528, 1995), with strides that
// are measured. A job is charged when it is given, with what an attempt of its
// sweep lasts on average, and set right when it ends. A sweep that had nothing
// to do does not save up: when it comes back its clock is set to the pool's
// (the virtual time of start-time fair queueing, Goyal et al. 1996).
//
// A claim may prefer a sweep whose heat runs on the worker, or whose data lies
// in its cache, or whose jobs it has in hand, if that puts it no more than the claim itself ahead of the one
// that is due (delay scheduling: Zaharia et al., EuroSys 2010, bounded by work
// instead of time). So clocks of sweeps that always have work never differ by
// more than a claim and an attempt.
//
// The package has no clock of its own and draws nothing: it is told.
package fair
