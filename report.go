package tourney

// Report is one message from a worker about the trials of a heat.
type Report struct {
	Entries []Entry `json:"entries"`
}

// Entry is what one attempt has to say: the metrics of the steps since its
// last entry, a new checkpoint, an end, or several of these.
type Entry struct {
	Token      Token       `json:"token"`
	Rung       int         `json:"rung"`
	Points     []Point     `json:"points,omitempty"`
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"`
	End        *End        `json:"end,omitempty"`
	Telemetry  *Telemetry  `json:"telemetry,omitempty"` // with an end
	Log        []LogChunk  `json:"log,omitempty"`       // of a command
	Artifacts  []Artifact  `json:"artifacts,omitempty"` // with the end of a command
}

// Telemetry is how an attempt ran. Nothing is decided by it, and no board that
// is to be compared shows it.
type Telemetry struct {
	RowsPerSecond float64 `json:"rows_per_second"` // training rows, of all folds, that the trial saw in a second in its heat
	Memory        int64   `json:"memory_bytes"`    // of the worker's process when the attempt ended
}

// Point holds the metrics of one step.
type Point struct {
	Step    int     `json:"step"`
	Metrics Metrics `json:"metrics"`
}

// Outcome is how an attempt ended.
type Outcome string

// The outcomes. Only the first three are folded into the search.
const (
	OutcomeDone      Outcome = "done"      // the budget was reached
	OutcomeDiverged  Outcome = "diverged"  // the loss stopped being a number
	OutcomeFailed    Outcome = "failed"    // for Reason, with Error
	OutcomePreempted Outcome = "preempted" // given back: the worker leaves
	OutcomeLost      Outcome = "lost"      // unheard past its lease (the coordinator says so)
	OutcomeStopped   Outcome = "stopped"   // fenced or cancelled (the coordinator says so)
)

// End is the last word of an attempt.
type End struct {
	Outcome  Outcome  `json:"outcome"`
	Step     int      `json:"step"`            // steps trained in all
	BestStep int      `json:"best_step"`       // the step of Value and Metrics
	Value    *float64 `json:"value,omitempty"` // of the sweep's metric, the best so far; for a final job the test metric
	Last     *float64 `json:"last,omitempty"`  // of the sweep's metric at Step, if it is known
	Metrics  Metrics  `json:"metrics,omitempty"`
	Reason   Reason   `json:"reason,omitempty"`
	Error    string   `json:"error,omitempty"`
	Whole    bool     `json:"whole,omitempty"` // of a command that ended by itself: there is no more to train, whatever the budget
}
