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
