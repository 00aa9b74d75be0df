package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"tourney"
	"tourney/store"
)

// A snapshot of a database that is written to holds whole commits up to one
// moment. Restored, it has another epoch: what was open is queued again, and a
// token from before ends nothing.
func TestRestoreBeginsAnEpoch(t *testing.T) {
	s := start(t)
	must(t, s.Commit(t.Context(), newSweep(t, "a")))
	token := tourney.Token{Epoch: s.Epoch(), Sweep: "a", Trial: 0, Attempt: 1}
	must(t, s.Commit(t.Context(), &tourney.Change{
		Sweep:    "a",
		Trials:   []tourney.Trial{{Number: 0, State: tourney.TrialRunning, Rung: -1, Attempts: 1}, {Number: 1, State: tourney.TrialQueued, Rung: -1}},
		Jobs:     []tourney.JobRow{openJob("a", 0, tourney.JobRunning, 1), openJob("a", 1, tourney.JobQueued, 0)},
		Attempts: []tourney.AttemptRow{{Token: token, Worker: "w", New: true}},
		Events:   []tourney.Event{{Seq: 1, Body: tourney.Engine{}}},
	}))
	file := filepath.Join(t.TempDir(), "copy.db")
	must(t, store.Snapshot(t.Context(), s.Dir(), file))
	end := &tourney.Change{Sweep: "a", Events: []tourney.Event{{Seq: 2, Body: tourney.Engine{}}}, Attempts: []tourney.AttemptRow{{Token: token, Worker: "w", Outcome: tourney.OutcomePreempted}}}
	must(t, s.Commit(t.Context(), end)) // after the backup

	again := filepath.Join(t.TempDir(), "again")
	done, err := store.Restore(t.Context(), file, again)
	must(t, err)
	r, err := store.Open(t.Context(), again)
	must(t, err)
	if done.Requeued != 1 || done.Epoch == s.Epoch() || r.Epoch() != done.Epoch {
		t.Errorf("restored %+v, of epoch %s, before %s", done, r.Epoch(), s.Epoch())
	}
	if faults, err := r.Check(t.Context()); err != nil || len(faults) > 0 {
		t.Errorf("check: %v, %v", faults, err)
	}
	jobs, err := r.OpenJobs(t.Context(), "a")
	must(t, err)
	for _, j := range jobs {
		if j.State != tourney.JobQueued || j.Losses != 0 || j.Failures != 0 {
			t.Errorf("job %s is %s, with %d losses", j.JobID, j.State, j.Losses)
		}
	}
	sw, err := r.Sweep(t.Context(), "a")
	must(t, err)
	if sw.Counts[tourney.TrialQueued] != 2 || sw.Counts[tourney.TrialRunning] != 0 {
		t.Errorf("counts %v", sw.Counts)
	}
	stale := &tourney.Change{Sweep: "a", Attempts: []tourney.AttemptRow{{Token: token, Worker: "w", Outcome: tourney.OutcomeDone}}}
	if err := r.Commit(t.Context(), stale); !errors.Is(err, tourney.ErrConflict) {
		t.Errorf("the end of an attempt from before the backup: %v", err)
	}
	late := &tourney.Change{Sweep: "a", Attempts: []tourney.AttemptRow{{Token: tourney.Token{Epoch: s.Epoch(), Sweep: "a", Attempt: 2}, Worker: "w", New: true}}}
	if err := r.Commit(t.Context(), late); !errors.Is(err, tourney.ErrConflict) {
		t.Errorf("an attempt of another epoch: %v", err)
	}
	must(t, r.Close())
	if _, err := store.Restore(t.Context(), file, again); !errors.Is(err, tourney.ErrConflict) {
		t.Errorf("over a database: %v", err)
	}
}

// What is damaged is not restored, and leaves no database behind.
func TestADamagedSnapshotIsRefused(t *testing.T) {
	s := start(t)
	full(t, s, "a", "own", 400)
	file := filepath.Join(t.TempDir(), "copy.db")
	must(t, store.Snapshot(t.Context(), s.Dir(), file))
	raw, err := os.ReadFile(file)
	must(t, err)
	for i := 4096; i < len(raw); i++ {
		raw[i] ^= 0x5a
	}
	must(t, os.WriteFile(file, raw, 0o600))
	to := filepath.Join(t.TempDir(), "to")
	if _, err := store.Restore(t.Context(), file, to); !errors.Is(err, tourney.ErrRefused) {
		t.Errorf("restored, %v", err)
	}
	left, err := filepath.Glob(filepath.Join(to, "tourney.db*"))
	if must(t, err); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
	if err := store.Snapshot(t.Context(), t.TempDir(), file+"2"); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("a backup of nothing: %v", err)
	}
}

func openJob(sweep string, trial int, state tourney.JobState, attempt int) tourney.JobRow {
	return tourney.JobRow{JobID: tourney.JobID{Sweep: sweep, Trial: trial}, Kind: tourney.JobRung, Budget: 1, State: state, Attempt: attempt, New: true}
}
