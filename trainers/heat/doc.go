// Package heat hides how a heat shares a machine: trials of one family that
// train together in one pass over the data, and the pool of goroutines that
// all heats of a worker share.
//
// It holds what a family of trainers has to offer (Trainer, Params) and what
// it is given (Feed, Task, Pool). Package trainers gives these names to others.
package heat
