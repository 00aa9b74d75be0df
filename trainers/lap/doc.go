// Package lap hides the life of trials in a heat from the families that train
// them: how they join and leave between two passes over the data, what is
// measured of them, which step is their best, how folds go in lock step, when a
// trial is done, diverged or stopped early, and what a state looks like.
//
// A family brings a Problem: how a fit starts, how all fits are trained by one
// step, and how a fit scores rows. Nothing else differs between families.
package lap
