package tourney

import (
	"fmt"
	"slices"
)

// JobKind says what a job is for.
type JobKind string

const (
	// JobRung trains a trial up to a rung's budget and validates it.
	JobRung JobKind = "rung"
	// JobFinal refits a finalist on all rows but the test rows, and measures
	// it on those. Only an attempt of this kind is served test shards.
	JobFinal JobKind = "final"
)

// JobID names a job: a trial has one job for each rung, and a finalist one
// more, whose rung is one above the highest.
type JobID struct {
	Sweep string `json:"sweep"`
	Trial int    `json:"trial"`
	Rung  int    `json:"rung"`
}

// String returns the form used in logs: sweep/trial@rung.
func (id JobID) String() string { return fmt.Sprintf("%s/%d@%d", id.Sweep, id.Trial, id.Rung) }

// Job is the unit on the queue: train this trial up to this budget. A job is
// complete in itself; a worker needs nothing else but the dataset's blobs.
type Job struct {
	JobID
	Kind       JobKind     `json:"kind"`
	Trainer    string      `json:"trainer"`
	Params     Params      `json:"params"`
	Metric     Metric      `json:"metric"`
	Metrics    []string    `json:"metrics,omitempty"` // others that the sweep needs at every step
	Dataset    string      `json:"dataset"`           // version
	Validation Validation  `json:"validation"`
	Preprocess Preprocess  `json:"preprocess"`
	Budget     int         `json:"budget"`               // steps in all, not steps more
	MaxBudget  int         `json:"max_budget"`           // of the sweep; what schedules are functions of
	Share      float64     `json:"share,omitempty"`      // of the rows to train on, the first of them; 0: all
	Seed       uint64      `json:"seed"`                 // the trial's own
	Weight     float64     `json:"weight"`               // share of a core it needs
	Alone      bool        `json:"alone,omitempty"`      // share no heat: its last attempt was lost
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"` // where to go on from; nil: from 0

	Command *Command `json:"command,omitempty"` // of trainer command: what is run
	Rungs   []int    `json:"rungs,omitempty"`   // of a run that is stopped at one: the steps of which the coordinator has to hear
	Tiered  bool     `json:"tiered,omitempty"`  // the sweep stops trials early: the budget of a command is one
	Counted bool     `json:"counted,omitempty"` // a step is a report of the metric, whatever number the program gives it
}

// Wants reports whether the sweep needs a metric at every step.
func (j *Job) Wants(metric string) bool {
	return j.Metric.Name == metric || slices.Contains(j.Metrics, metric)
}

// FuseKey names the heat that a job may join: jobs with equal keys read the
// same rows in the same form.
func (j *Job) FuseKey() string {
	key := fmt.Sprintf("%s|%s|%s|%s|%v|%v", j.Trainer, j.Dataset, j.Validation.String(), j.Kind, j.Preprocess, j.Share)
	if j.Alone {
		key += "|" + j.JobID.String()
	}
	return key
}

// Token is the fencing token of an attempt. Epoch is drawn afresh when a data
// directory is created or restored from a backup, so that no token outlives it.
type Token struct {
	Epoch   string `json:"epoch"`
	Sweep   string `json:"sweep"`
	Trial   int    `json:"trial"`
	Attempt int    `json:"attempt"` // grows by one at each claim of the trial
}

// String returns epoch/sweep/trial/attempt.
func (t Token) String() string {
	return fmt.Sprintf("%s/%s/%d/%d", t.Epoch, t.Sweep, t.Trial, t.Attempt)
}

// Checkpoint says where the state of a trial lies: a piece of a blob, since
// the trials of a heat share one.
type Checkpoint struct {
	Blob   string `json:"blob"` // SHA-256, hex
	Offset int64  `json:"offset"`
	Size   int64  `json:"size"`          // bytes
	Step   int    `json:"step"`          // steps trained
	Sum    string `json:"sum,omitempty"` // of the piece, SHA-256, hex; empty: not known
}
