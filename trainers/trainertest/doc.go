// Package trainertest hides how a trainer is held against what package heat
// says of all trainers: that a trial's bits are a function of its job and the
// data, in any company, on any number of slots, straight or resumed; that it
// stops when told to; and that it ends as it should when it cannot go on.
//
// A family's tests call Suite.Run with trials of its own.
package trainertest
