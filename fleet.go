package tourney

// Machine is what a worker runs on. All of it is what the worker says, and
// nothing but accounts and lists depends on it.
type Machine struct {
	Cloud        string  `json:"cloud,omitempty"`          // aws, gcp, azure or kubernetes; empty: none that it knows of
	Instance     string  `json:"instance,omitempty"`       // type of the machine, as the cloud names it
	Zone         string  `json:"zone,omitempty"`           // where it is, likewise
	Spot         bool    `json:"spot,omitempty"`           // the cloud may take it away
	PricePerHour float64 `json:"price_per_hour,omitempty"` // of the whole worker; 0: not said
}

// WorkerState is where a worker stands.
type WorkerState string

// The states of a worker. The last two are its ends; one that was taken for
// lost and is heard again is active again.
const (
	WorkerActive   WorkerState = "active"
	WorkerDraining WorkerState = "draining" // it claims nothing any more, and goes
	WorkerLeft     WorkerState = "left"     // it said that it goes
	WorkerLost     WorkerState = "lost"     // it went without a word, or was shut out
)

// Here reports whether a worker in that state is to be reckoned with.
func (s WorkerState) Here() bool { return s == WorkerActive || s == WorkerDraining || s == "" }

// Leave is why a worker leaves.
type Leave string

// Why workers leave.
const (
	LeavePreempted  Leave = "preempted"  // its cloud takes the machine away
	LeaveRebalance  Leave = "rebalance"  // its cloud warns that it may do so soon
	LeaveTerminated Leave = "terminated" // its process was asked to end
	LeaveDrained    Leave = "drained"    // a user asked for it
	LeaveExpelled   Leave = "expelled"   // its token was revoked
	LeaveUnheard    Leave = "unheard"    // it went without a word
)

// Counts reports whether leaving so tells how long workers last: what a user
// has asked for does not.
func (l Leave) Counts() bool {
	return l == LeavePreempted || l == LeaveTerminated || l == LeaveUnheard
}

// Drain is a way to leave. The empty one is not to.
type Drain string

// The ways to leave.
const (
	DrainRelease Drain = "release" // save each trial at its next step and give it back
	DrainFinish  Drain = "finish"  // finish the jobs that run
)

// Lifetime says how long workers of a pool last, from those of the last week.
type Lifetime struct {
	Pool  string  `json:"pool"`
	Hours float64 `json:"hours"` // that they were there, all together
	Ends  int     `json:"ends"`  // how many of them went unasked
}

// Mean returns the mean time to the next end, in seconds, by the
// maximum-likelihood estimate for exponential lifetimes of which some have not
// ended yet (all time there over all ends), with one worker that ended after an
// hour assumed beforehand.
func (l Lifetime) Mean() float64 {
	const prior = 3600
	return (prior + l.Hours*3600) / float64(1+l.Ends)
}

// PausedCheckpoint is the state of a paused trial, as far as it matters to what
// is kept.
type PausedCheckpoint struct {
	Sweep  string
	Trial  int
	Rung   int
	Blob   string
	State  TrialState
	Behind float64 // share of its rung that is better
}
