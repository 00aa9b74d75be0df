// Package storetest is what a store of sweeps must do, as tests: one suite for
// every implementation of the ports that package store serves.
//
// Run tells the claims. They compare the store with plain Go over slices and
// maps: pages with a sort by tourney.Metric.CompareTrials, rows with a model
// that a random history of changes is played into, curves with the obvious
// loop. Main and the test of crashes belong together: the test starts the test
// binary anew as a process that commits, and kills it.
package storetest
