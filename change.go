package tourney

import "time"

// Change is what one step of a sweep writes: all of it or nothing.
type Change struct {
	Sweep    string
	Create   *Sweep       // the sweep's row, with the first change only
	Key      string       // idempotency key of the creation, with KeyBody the hash of what was asked
	KeyBody  string       // likewise
	State    SweepState   // the sweep's state after the change; empty: unchanged
	Reason   string       // with State
	Amended  *Amendment   // what a user has changed since the creation; nil: no more than before
	Events   []Event      // with Seq set, going on from the last one without gaps
	Trials   []Trial      // rows as they are after the change
	Jobs     []JobRow     // likewise
	Attempts []AttemptRow // likewise
	Points   []TrialPoints
	Notice   *Notice // to be sent once the change is committed; nil: none

	Improvements int // values that are the best so far, of this change

	Logs      []TrialLog // of commands
	Artifacts []TrialArtifact
}

// JobState is where a job stands.
type JobState string

// The states of a job.
const (
	JobQueued  JobState = "queued"  // may be claimed
	JobRunning JobState = "running" // claimed
	JobHeld    JobState = "held"    // its end is committed and waits for its turn in the sweep's order
	JobDone    JobState = "done"    // its end is folded
	JobVoid    JobState = "void"    // given up: its sweep was cancelled
)

// JobRow is a job as stored.
type JobRow struct {
	JobID
	Kind       JobKind
	Budget     int // steps in all
	Start      int64
	Finish     int64 // virtual time
	State      JobState
	Attempt    int     // the trial's attempt that holds or held it; 0 before the first claim
	Was        int     // the Attempt that the change was made on: Commit checks it
	New        bool    // the row is to be inserted, not updated
	Worker     string  // of that attempt
	Claim      string  // id of the claim that gave it that attempt
	Lease      float64 // seconds that the attempt may go unheard; 0: as long as workers may
	Losses     int     // in a row, without a new checkpoint
	Failures   int     // user errors
	Alone      bool    // offer it without company
	Checkpoint *Checkpoint
	Held       *End // of a held job

	// Of the attempt that runs: when it was claimed, and what an hour of its
	// worker's slot costs. They are rows of attempts, and so not written here.
	Started time.Time
	Price   float64
}

// AttemptRow is one claim of a job.
type AttemptRow struct {
	Token   Token
	Rung    int
	Worker  string
	Outcome Outcome // empty while it is open, also when it goes on in another rung; a change from there to an outcome happens once
	Step    int     // steps trained when it ended
	Told    string  // what ended it and what was answered, if it was told from outside
	New     bool    // the row is to be inserted

	Price   float64   // of an hour of the worker's slot, with a new one
	Started time.Time // with one that ends: when it was claimed
}

// TrialPoints are metrics of one trial.
type TrialPoints struct {
	Trial  int
	Points []Point
}
