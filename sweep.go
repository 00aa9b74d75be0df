package tourney

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"
)

// Sweep is one search.
type Sweep struct {
	ID      string     `json:"id"`
	Spec    Spec       `json:"spec"`
	Plan    Plan       `json:"plan"`
	State   SweepState `json:"state"`
	Reason  string     `json:"reason,omitempty"` // why it is in that state
	Created time.Time  `json:"created_at"`
	Started *time.Time `json:"started_at,omitempty"`
	Ended   *time.Time `json:"ended_at,omitempty"`

	Counts map[TrialState]int `json:"counts"`         // trials by state
	Best   *Trial             `json:"best,omitempty"` // first of the board, if any trial has a value
	Cursor int64              `json:"cursor"`         // id of its last event

	Amended  *Amendment `json:"amended,omitempty"`  // what was changed since it was created
	Spent    *Spent     `json:"spent,omitempty"`    // what it has used so far, once anything has
	Warnings []string   `json:"warnings,omitempty"` // what keeps it from going on, for a person
}

// Amendment is what a user has changed of a sweep since it was created. The
// spec stays as it was, but for the name.
type Amendment struct {
	Name     string  `json:"name,omitempty"`
	RunCap   int     `json:"run_cap,omitempty"`
	Limits   *Limits `json:"limits,omitempty"`
	Unsealed bool    `json:"unsealed,omitempty"` // it went on after test metrics were known

	Pool           string  `json:"pool,omitempty"`
	Weight         float64 `json:"weight,omitempty"`
	Priority       *int    `json:"priority,omitempty"`
	MaxConcurrency *int    `json:"max_concurrency,omitempty"`
}

// LimitsNow returns the limits that are in force.
func (s *Sweep) LimitsNow() Limits {
	if s.Amended != nil && s.Amended.Limits != nil {
		return *s.Amended.Limits
	}
	return s.Spec.Limits
}

// Revision names what was changed of the sweep since it was created: what
// changes it further may ask that nobody else has in between.
func (s *Sweep) Revision() string {
	data, err := json.Marshal(s.Amended)
	if err != nil { // a limit that is not a number; none is stored
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// Plan is what a spec comes to on a dataset: all that the search needs beyond
// the spec, fixed when the sweep is created.
type Plan struct {
	Dataset     string  `json:"dataset"`                // version
	Budget      int     `json:"budget"`                 // steps of a trial, unless its parameters say
	BudgetParam string  `json:"budget_param,omitempty"` // the parameter that says, if the space has it
	Weight      float64 `json:"weight"`                 // of a job, in cores
	Size        int64   `json:"size,omitempty"`         // points of the space; 0 if it is not finite
	Ladder      []int   `json:"ladder,omitempty"`       // budgets of the rungs, rising; empty without early_terminate
}

// Steps returns how long a trial with these parameters trains, where a rung
// does not say.
func (p *Plan) Steps(params Params) int {
	if p.BudgetParam == "" {
		return p.Budget
	}
	steps, _ := params.Int(p.BudgetParam, p.Budget)
	return max(steps, 1)
}

// Usage is what a sweep has used.
type Usage struct {
	Wall  float64 `json:"wall"`  // seconds that it was running, pauses left out
	Slots float64 `json:"slots"` // seconds of a core, of attempts whatever came of them
	Cost  float64 `json:"cost"`  // of those seconds, by the prices of the workers
}

// Spent is what a sweep has used so far, attempts that run included.
type Spent struct {
	WorkerHours  float64 `json:"worker_hours"` // of a core
	Cost         float64 `json:"cost"`         // by the prices of the workers; 0: they have none
	Improvements int     `json:"improvements"` // how often a value was the best so far
	// What an improvement has cost, on average; absent while there is none.
	PerImprovement *float64 `json:"cost_per_improvement,omitempty"`
}

// SweepState is where a sweep stands.
type SweepState string

// The states of a sweep.
const (
	SweepCreated   SweepState = "created"
	SweepRunning   SweepState = "running"
	SweepPaused    SweepState = "paused"    // starts no job; a claimed one goes on
	SweepFinishing SweepState = "finishing" // refits the finalists and unseals the test metrics
	SweepCompleted SweepState = "completed"
	SweepFailed    SweepState = "failed"
	SweepCancelled SweepState = "cancelled"
)

var sweepNext = map[SweepState][]SweepState{
	SweepCreated:   {SweepRunning, SweepCancelled, SweepFailed},
	SweepRunning:   {SweepPaused, SweepFinishing, SweepFailed, SweepCancelled},
	SweepPaused:    {SweepRunning, SweepFinishing, SweepCancelled},
	SweepFinishing: {SweepPaused, SweepCompleted, SweepFailed, SweepCancelled},
	SweepCompleted: {SweepRunning}, // extended, or a trial of it is retried
	SweepFailed:    {SweepRunning}, // a trial of it is retried
}

// CanBecome reports whether a sweep may pass from s to t.
func (s SweepState) CanBecome(t SweepState) bool { return slices.Contains(sweepNext[s], t) }

// Terminal reports whether nothing happens to such a sweep by itself.
func (s SweepState) Terminal() bool {
	return s == SweepCompleted || s == SweepFailed || s == SweepCancelled
}

// CompareTrials orders a board: rung, high first; value, best first; number.
// A trial without a value is last in its rung, one that violates a bound comes
// after all that do not, and one that diverged or failed is last of all.
func (m Metric) CompareTrials(a, b *Trial) int {
	if c := cmpBool(a.State == TrialDiverged || a.State == TrialFailed, b.State == TrialDiverged || b.State == TrialFailed); c != 0 {
		return c
	}
	if c := cmpBool(a.Violation > 0, b.Violation > 0); c != 0 {
		return c
	}
	if a.Rung != b.Rung {
		return b.Rung - a.Rung
	}
	if c := cmpBool(a.Value == nil, b.Value == nil); c != 0 {
		return c
	}
	if a.Value != nil && b.Value != nil {
		if la, lb := m.Loss(*a.Value), m.Loss(*b.Value); la < lb {
			return -1
		} else if la > lb {
			return 1
		}
	}
	return a.Number - b.Number
}

// cmpBool puts false before true.
func cmpBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
