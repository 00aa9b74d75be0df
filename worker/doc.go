// Package worker takes jobs, trains them, and says how they fare. It hides how
// jobs become heats, and what it takes to vanish at any moment without harm.
//
// A worker owns nothing: what it has trained since the last committed
// checkpoint is all that can be lost with it. It fetches offers, claims as many
// jobs as it has room for, puts those that share data and family into a heat,
// and reports. An end stays in the spool until the coordinator says that it is
// committed. An attempt that the coordinator no longer knows is stopped at the
// next step.
//
//	worker.go   the claiming loop, drain
//	heat.go     heats and the tasks in them
//	spool.go    reports on their way out, checkpoints
//	beat.go     signs of life and what comes back
package worker
