// Package coordinator runs the life of sweeps: it hides in which order things
// happen to them, and makes each step durable before anything else sees it.
//
// One goroutine owns each sweep. What comes to a sweep from outside (a claim, a
// report, a lost lease, a user's action) is applied to its search, the search
// decides, and all that follows from it is committed in one transaction; only
// then is it answered, offered or shown. If the transaction fails, the sweep's
// state in memory is thrown away and rebuilt from the store.
//
// The store is the only truth. The bus may lose all that is in it: queued jobs
// are offered again, and the store refuses what comes twice. A claim gives an
// attempt and its number is the fencing token; a report with another token
// than the job's current one is dropped. An attempt that is not heard of for
// the length of a lease is lost and its job is queued again.
//
//	coordinator.go  start, stop, the calls of the API
//	sweep.go        the goroutine of one sweep, loading and committing
//	change.go       from events to rows
//	claim.go        claims
//	report.go       reports, in the sweep's order
//	lease.go        leases, beats, lost attempts
//	collect.go      checkpoints that nobody needs any more
//	fleet.go        which workers there are, drain, how long they last
//	offer.go        what is offered to workers, and when again
//	ask.go          trials that are trained outside: asked for and told of
//	amend.go        what users change of a sweep; deletion
//	forecast.go     what a sweep would do
//	verify.go       the invariants of a data directory
package coordinator
