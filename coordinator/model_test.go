package coordinator_test

import (
	"testing"

	"tourney"
)

// What a final job leaves with its end is its model, also if a state was kept
// at the same step; a late state changes nothing.
func TestTheEndOfAFinalJobLeavesItsModel(t *testing.T) {
	d := newDesk(t)
	s := d.create(func(s *tourney.Spec) { s.RunCap = 1 })
	d.report("w", done(d.claim("w", "c1", d.queued(s.ID)...)[0]))
	final := d.claim("w", "c2", d.queued(s.ID)...)[0]
	at := func(blob string, step int) *tourney.Checkpoint {
		return &tourney.Checkpoint{Blob: blob, Size: 7, Step: step}
	}
	e := done(final)
	last := e.End.Step
	d.report("w", tourney.Entry{Token: final.Token, Rung: final.Job.Rung, Checkpoint: at("state", last)})
	d.report("w", tourney.Entry{Token: final.Token, Rung: final.Job.Rung, Checkpoint: at("again", last)})
	e.Checkpoint = at("model", last)
	d.report("w", e)

	jobs, err := d.db.FinalJobs(t.Context(), s.ID)
	if err != nil || len(jobs) != 1 || jobs[0].Trial != final.Job.Trial || *jobs[0].Checkpoint != *at("model", last) {
		t.Errorf("final jobs %+v, %v", jobs, err)
	}
}
