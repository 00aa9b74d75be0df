package tourney

// Census counts what a server holds, for who watches over it.
type Census struct {
	Sweeps map[SweepState]int
	Trials map[TrialState]int
	Jobs   map[JobState]int // those that are open

	// Wanted is how many cores the jobs need that wait or run in sweeps that
	// workers train and that are not paused.
	Wanted float64
}

// PoolCensus counts what waits and runs in a pool, and who is there for it.
type PoolCensus struct {
	Queued, Running int     // jobs
	Wanted          float64 // cores that they need, as far as sweeps may have them
	Workers, Slots  int     // that are alive
}
