package tourney

import (
	"slices"
	"time"
)

// Trial is one point of a sweep's space, numbered from 0 in its sweep.
type Trial struct {
	Sweep     string     `json:"sweep"`
	Number    int        `json:"number"`
	State     TrialState `json:"state"`
	Params    Params     `json:"params"`
	Rung      int        `json:"rung"`                // highest rung finished, -1 before the first
	Step      int        `json:"step"`                // steps trained and committed
	BestStep  int        `json:"best_step"`           // the step that Value and Metrics belong to
	Value     *float64   `json:"value"`               // of the sweep's metric at BestStep; nil before the first report and when diverged
	Metrics   Metrics    `json:"metrics"`             // at BestStep, and test_* once unsealed
	Violation float64    `json:"violation,omitempty"` // by how much Metrics are beyond the bounds of the sweep's metrics, summed
	Parent    *Parent    `json:"parent,omitempty"`    // whose state it went on from
	RetryOf   *int       `json:"retry_of,omitempty"`  // the failed trial that it tries again
	Reason    Reason     `json:"reason,omitempty"`
	Error     string     `json:"error,omitempty"`     // the last lines of what went wrong
	Attempts  int        `json:"attempts"`            // claims so far
	Telemetry *Telemetry `json:"telemetry,omitempty"` // of the last attempt that ended
	Outcomes  Outcomes   `json:"outcomes,omitempty"`  // how its attempts ended, where it is shown by itself
	Created   time.Time  `json:"created_at"`
	Ended     *time.Time `json:"ended_at,omitempty"`
}

// Outcomes counts attempts by how they ended. Those that were preempted or lost
// are no failures of the trial.
type Outcomes map[Outcome]int

// TrialState is where a trial stands.
type TrialState string

// The states of a trial. The last five are its ends.
const (
	TrialQueued    TrialState = "queued"    // a job of it waits for a worker
	TrialRunning   TrialState = "running"   // a job of it is claimed, or its report waits for its turn
	TrialPaused    TrialState = "paused"    // has finished a rung and may be promoted
	TrialCompleted TrialState = "completed" // has finished the highest rung
	TrialPruned    TrialState = "pruned"    // stopped early: others were better
	TrialDiverged  TrialState = "diverged"  // its loss stopped being a number
	TrialFailed    TrialState = "failed"    // gave up; Reason says why
	TrialCancelled TrialState = "cancelled" // its sweep was cancelled
)

// trialNext lists what each state may become. A state without an entry is an
// end, and an end is final: a later retry is a new trial.
var trialNext = map[TrialState][]TrialState{
	TrialQueued:  {TrialRunning, TrialFailed, TrialPruned, TrialCancelled},
	TrialRunning: {TrialQueued, TrialPaused, TrialCompleted, TrialPruned, TrialDiverged, TrialFailed, TrialCancelled},
	TrialPaused:  {TrialQueued, TrialPruned, TrialCancelled},
}

// CanBecome reports whether a trial may pass from s to t.
func (s TrialState) CanBecome(t TrialState) bool { return slices.Contains(trialNext[s], t) }

// Terminal reports whether s is an end.
func (s TrialState) Terminal() bool { return trialNext[s] == nil }

// TrialStates lists all states, ends last.
func TrialStates() []TrialState {
	return []TrialState{TrialQueued, TrialRunning, TrialPaused, TrialCompleted, TrialPruned, TrialDiverged, TrialFailed, TrialCancelled}
}

// Reason says why a trial failed. The list is closed.
type Reason string

// The reasons of failure.
const (
	ReasonUserError   Reason = "user_error"   // the trainer refused or broke
	ReasonOOM         Reason = "oom"          // out of memory
	ReasonTimeout     Reason = "timeout"      // ran past its limit
	ReasonPoison      Reason = "poison"       // its workers died, ten times alone in a row
	ReasonSpecInvalid Reason = "spec_invalid" // the worker cannot run such a job
	ReasonDataCorrupt Reason = "data_corrupt" // a shard never matched its hash
)

// Reasons lists the reasons of failure.
func Reasons() []Reason {
	return []Reason{ReasonUserError, ReasonOOM, ReasonTimeout, ReasonPoison, ReasonSpecInvalid, ReasonDataCorrupt}
}

// Retry is what becomes of a failed trial that a user wants tried again.
type Retry struct {
	Of    int        `json:"retry_of"` // the failed trial, which stays as it is
	Trial int        `json:"trial"`    // the new one; it is there once it has a slot
	State SweepState `json:"state"`    // of the sweep
}
