package store

import (
	"database/sql"

	"tourney"
)

// memory is what the writer knows of rows that it has written, so that it need
// not read them before it writes them again. It holds the trials that have a job
// open, and forgets everything when something is undone.
type memory struct {
	trials map[trialID]written
}

type trialID struct {
	sweep  string
	number int
}

// written is what a row of trials was written with, as far as it changes.
type written struct {
	State     tourney.TrialState
	Rung      int
	Step      int
	BestStep  int
	Value     sql.Null[float64]
	Metrics   sql.Null[string]
	Reason    tourney.Reason
	Error     string
	Ended     sql.Null[int64]
	Violation float64
	Telemetry sql.Null[string]
}

// maxKnown bounds how many trials are remembered.
const maxKnown = 1 << 16

func (m *memory) forget() { m.trials = nil }

func (m *memory) trial(sweep string, number int) (written, bool) {
	w, ok := m.trials[trialID{sweep, number}]
	return w, ok
}

// keep notes what was written.
func (m *memory) keep(r *trialRow) {
	key := trialID{r.Sweep, r.Number}
	if r.State != tourney.TrialQueued && r.State != tourney.TrialRunning {
		delete(m.trials, key)
		return
	}
	if m.trials == nil || len(m.trials) >= maxKnown {
		m.trials = map[trialID]written{}
	}
	m.trials[key] = written{
		State: r.State, Rung: r.Rung, Step: r.Step, BestStep: r.BestStep, Value: r.Value, Metrics: r.Metrics,
		Reason: r.Reason, Error: r.Error, Ended: r.Ended, Violation: r.Violation, Telemetry: r.Telemetry,
	}
}
