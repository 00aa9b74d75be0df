// Package search hides how a sweep decides what to train next: where to look
// (a [Sampler]) and how long each trial trains (a [Scheduler]).
//
// It is a fold. A [Search] takes in the events of a sweep's log, in order, by
// Apply, and Decide returns the decisions that follow. Decide asks for one
// decision at a time and takes it in by Apply, as it would from the log, so
// that there is one path into the state: a fold that was rebuilt from any
// prefix of a log goes on as the one that wrote it.
//
// Apply never samples. It refuses what cannot have happened, such as a report
// of a job that is not outstanding, but not a choice that this version would
// not have made, so that an old log can still be read. [Replay] is the strict
// reader: it decides everything again and compares.
//
// The package is pure: no clock, no I/O, no goroutine, no lock, and no
// randomness but generators seeded by the sweep's seed and a trial's number.
// A Search belongs to one goroutine.
//
// # Rungs
//
// The trials of a sweep share one ladder of budgets ([Ladder]), and events
// number rungs by it. A trial may begin above the lowest rung: in a higher
// bracket, or where its parent left off.
//
// # Virtual time
//
// A sweep has Parallelism virtual slots, and each outstanding job holds one. A
// job lasts as long as the steps that it trains. Under order fixed, reports are
// folded by (virtual end, trial, rung), whatever the order in which real
// workers finish, so the decisions depend on the spec and on what the trials
// reported, and on nothing else. Under order arrival there is no virtual time.
package search
