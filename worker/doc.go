// Package worker takes jobs, trains them, and says how they fare. It hides how
// jobs become heats, and what it takes to vanish at any moment without harm.
//
// A worker owns nothing: what it has trained since the last committed
// checkpoint is all that can be lost with it. It fetches offers, claims as many
// jobs as it has room for, puts those that share data and family into a heat,
// and reports. An end stays in the spool until the coordinator says that it is
// committed. An attempt that the coordinator no longer knows is stopped at the
// next step. While the coordinator is away it trains on for a while and keeps
// its checkpoints on disk; the token decides when there is an answer again.
//
//	worker.go   the claiming loop
//	leave.go    notices, drain, the last word
//	cadence.go  how often a trial is saved
//	stash.go    checkpoints that wait on disk; a disk that is full
//	heat.go     heats and the tasks in them
//	spool.go    reports on their way out, checkpoints
//	beat.go     signs of life and what comes back
package worker
