package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tourney"
	"tourney/store"
)

// soundDir returns a closed database with one of each: trial 0 has completed
// after two attempts and has a final job that runs, trial 1 runs, trial 2 is
// queued, trial 3 is paused; a second sweep has ended.
func soundDir(t *testing.T) (db []byte) {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), dir)
	must(t, err)
	must(t, s.SaveDataset(t.Context(), tourney.Dataset{Name: "d", Version: "v1", Test: []tourney.Shard{{Hash: "h1"}}}))
	ended := newSweep(t, "z")
	ended.State = tourney.SweepCompleted
	must(t, s.Commit(t.Context(), ended))
	must(t, s.Commit(t.Context(), newSweep(t, "a")))

	token := func(trial, attempt int) tourney.Token {
		return tourney.Token{Epoch: s.Epoch(), Sweep: "a", Trial: trial, Attempt: attempt}
	}
	job := func(trial, rung int, kind tourney.JobKind, state tourney.JobState, attempt int) tourney.JobRow {
		return tourney.JobRow{JobID: tourney.JobID{Sweep: "a", Trial: trial, Rung: rung}, Kind: kind, State: state, Attempt: attempt, New: true}
	}
	must(t, s.Commit(t.Context(), &tourney.Change{
		Sweep: "a",
		Trials: []tourney.Trial{
			{Number: 0, State: tourney.TrialCompleted, Attempts: 3},
			{Number: 1, State: tourney.TrialRunning, Rung: -1, Attempts: 1},
			{Number: 2, State: tourney.TrialQueued, Rung: -1},
			{Number: 3, State: tourney.TrialPaused},
		},
		Jobs: []tourney.JobRow{
			job(0, 0, tourney.JobRung, tourney.JobDone, 2), job(0, 1, tourney.JobFinal, tourney.JobRunning, 3),
			job(1, 0, tourney.JobRung, tourney.JobRunning, 1), job(2, 0, tourney.JobRung, tourney.JobQueued, 0),
		},
		Attempts: []tourney.AttemptRow{
			{Token: token(0, 1), Outcome: tourney.OutcomeLost, New: true},
			{Token: token(0, 2), Outcome: tourney.OutcomeDone, New: true},
			{Token: token(0, 3), Rung: 1, New: true},
			{Token: token(1, 1), New: true},
		},
		Events: []tourney.Event{
			{Seq: 1, Body: tourney.Engine{}}, {Seq: 2, Body: tourney.Reported{}}, {Seq: 3, Body: tourney.Ended{}},
		},
	}))
	if faults, err := s.Check(t.Context()); err != nil || len(faults) > 0 {
		t.Fatalf("a sound database: %v, %v", faults, err)
	}
	must(t, s.Close())
	db, err = os.ReadFile(filepath.Join(dir, "tourney.db"))
	must(t, err)
	return db
}

// TestCheckNamesWhatMustNotBe breaks one thing at a time, behind the triggers.
func TestCheckNamesWhatMustNotBe(t *testing.T) {
	db := soundDir(t)
	tests := []struct{ breaks, says string }{
		{`UPDATE trials SET sunk = 1 WHERE number = 1`, "INV-13: sweep a, trial 1: it is running, and on the board as if it were not"},
		{`DROP TRIGGER events_stay; UPDATE events SET kind = 'batch', body = '[["reported",{"trial":0,"rung":0}],["reported",{"trial":1,"rung":0}]]' WHERE seq = 2`, "INV-1: sweep a: its events should be numbered 1 to 3, but there are 4, numbered 1 to 3"},
		{`DROP TRIGGER events_stay; UPDATE events SET kind = 'batch', body = '[["reported",{"trial":0,"rung":0}],["reported",{"trial":1,"rung":0}]]' WHERE seq = 3`, "INV-14: sweep a, trial 1: the job of rung 0 is running and has 1 reported events"},
		{`DELETE FROM events WHERE seq = 2`, "INV-1: sweep a: its events should be numbered 1 to 3, but there are 2, numbered 1 to 3"},
		{`DELETE FROM events WHERE seq = 3`, "INV-1: sweep a: its events should be numbered 1 to 3, but there are 2, numbered 1 to 2"},
		{`UPDATE sweeps SET last_seq = 1 WHERE id = 'z'`, "INV-1: sweep z: its events should be numbered 1 to 1, but there are 0"},
		{`DROP TRIGGER events_stay; UPDATE events SET id = 99 WHERE seq = 2`, "INV-26: sweep a: event 3 has id 3, which is not above 99"},
		{`DELETE FROM attempts WHERE trial = 0 AND attempt = 1`, "INV-5: sweep a, trial 0: its 2 attempts should be numbered 1 to 2, not 2 to 3"},
		{`DROP INDEX attempts_open; DROP TRIGGER attempts_end; UPDATE attempts SET outcome = ''`, "INV-5: sweep a, trial 0: 3 attempts are open"},
		{`UPDATE trials SET attempts = 2 WHERE number = 1`, "INV-5: sweep a, trial 1: it counts 2 attempts, but the last is number 1"},
		{`UPDATE trials SET attempts = 1 WHERE number = 2`, "INV-5: sweep a, trial 2: it counts 1 attempts, but the last is number 0"},
		{`UPDATE jobs SET state = 'queued' WHERE trial = 1`, "INV-5: sweep a, trial 1: attempt 1 is open, but no running job has it"},
		{`UPDATE attempts SET outcome = 'lost' WHERE trial = 1`, "INV-5: sweep a, trial 1: the job of rung 0 runs as attempt 1, which is not open"},
		{`UPDATE trials SET state = 'failed' WHERE number = 1`, "INV-6: sweep a, trial 1: it is failed, but attempt 1 at rung 0 is open"},
		{`DELETE FROM jobs WHERE trial = 2`, "INV-2: sweep a, trial 2: it is queued, but no job of it is open"},
		{`UPDATE trials SET state = 'pruned' WHERE number = 2`, "INV-6: sweep a, trial 2: it is pruned, but its job of rung 0 is queued"},
		{`UPDATE jobs SET kind = 'final' WHERE trial = 2`, "INV-6: sweep a, trial 2: it is queued, but its job of rung 0 is queued"},
		{
			`DROP INDEX jobs_open; INSERT INTO jobs SELECT sweep, trial, 1, kind, budget, start, finish, state, attempt, worker, claim, losses, failures, alone, checkpoint, held, lease FROM jobs WHERE trial = 2`,
			"INV-14: sweep a, trial 2: 2 jobs are open",
		},
		{`DROP TRIGGER events_stay; UPDATE events SET kind = 'reportet' WHERE seq = 2`, "INV-14: sweep a, trial 0: the job of rung 0 is done and has 0 reported events"},
		{`INSERT INTO events (sweep, seq, at, kind, body) VALUES ('a', 4, 0, 'reported', '{"trial":0,"rung":0}')`, "INV-14: sweep a, trial 0: the job of rung 0 is done and has 2 reported events"},
		{`INSERT INTO events (sweep, seq, at, kind, body) VALUES ('a', 4, 0, 'reported', '{"trial":1,"rung":0}')`, "INV-14: sweep a, trial 1: the job of rung 0 is running and has 1 reported events"},
		{`INSERT INTO events (sweep, seq, at, kind, body) VALUES ('a', 4, 0, 'reported', '{"trial":1,"rung":7}')`, "INV-14: sweep a, trial 1: event 4 reports rung 7, of which there is no job"},
		{`UPDATE sweeps SET state = 'failed' WHERE id = 'a'`, "INV-2: sweep a, trial 3: the sweep is failed, but the trial is paused"},
		{`UPDATE sweeps SET state = 'failed' WHERE id = 'a'`, "INV-18: sweep a, trial 0: the sweep is failed, but the job of rung 1 is running"},
		{`UPDATE tallies SET trials = 7 WHERE state = 'queued'`, "INV-3: sweep a: it counts 7 trials that are queued, but there are 1"},
		{`DELETE FROM tallies WHERE state = 'queued'`, "INV-3: sweep a: it counts 0 trials that are queued, but there are 1"},
		{`DELETE FROM sealed`, "sealed rows: dataset version v1: its test shard h1 is not sealed"},
		{`INSERT INTO sealed VALUES ('h2', 'v1')`, "sealed rows: dataset version v1: blob h2 is sealed, but is no test shard of it"},
		{`UPDATE sweeps SET dataset = 'v9' WHERE id = 'a'`, "INV-20: sweep a is running, but its dataset v9 is not there"},
		{`UPDATE attempts SET outcome = 'done' WHERE trial = 1; UPDATE jobs SET state = 'held', attempt = 7 WHERE trial = 1`, "INV-4: sweep a, trial 1: the job of rung 0 is held by attempt 7, which is not there"},
		{`DROP TRIGGER attempts_end; UPDATE attempts SET outcome = 'preempted' WHERE trial = 0 AND attempt = 2`, "INV-4: sweep a, trial 0: the job of rung 0 is done by attempt 2, which is preempted"},
		{`DROP TRIGGER attempts_end; UPDATE attempts SET outcome = 'lost' WHERE trial = 0 AND attempt = 2`, "INV-4: sweep a, trial 0: the job of rung 0 is done by attempt 2, which is lost"},
		{`UPDATE meta SET value = 'other' WHERE key = 'epoch'`, "INV-24: sweep a, trial 1: attempt 1 is open and of epoch"},
		{`INSERT INTO events (sweep, seq, at, kind, body) VALUES ('a', 4, 0, 'ended', '{"trial":0}')`, "INV-6: sweep a, trial 0: it has ended 2 times"},
		{`UPDATE jobs SET checkpoint = '{"blob":"","step":1,"size":1}' WHERE trial = 2`, "INV-8: sweep a, trial 2: the checkpoint of rung 0 is of no blob"},
		{
			`UPDATE jobs SET checkpoint = '{"blob":"x","step":5,"size":1}' WHERE trial = 0 AND rung = 0; UPDATE jobs SET kind = 'rung', checkpoint = '{"blob":"y","step":4,"size":1}' WHERE trial = 0 AND rung = 1`,
			"INV-8: sweep a, trial 0: rung 1 begins at step 4, but rung 0 left one of step 5",
		},
		{`UPDATE trials SET state = 'failed', reason = 'gremlins' WHERE number = 2`, "INV-11: sweep a, trial 2: it failed for 'gremlins', which is no reason"},
		{`UPDATE jobs SET failures = 2 WHERE trial = 2`, "INV-11: sweep a, trial 2: rung 0 counts 2 failures, but 0 attempts of it failed"},
		{`UPDATE jobs SET losses = 10 WHERE trial = 2`, "INV-12: sweep a, trial 2: rung 0 is queued after 10 losses and 0 failures"},
		{`UPDATE jobs SET failures = 4 WHERE trial = 0 AND rung = 0`, "INV-12: sweep a, trial 0: rung 0 is done after 0 losses and 4 failures"},
		{`UPDATE trials SET value = 9e999 WHERE number = 3`, "INV-13: sweep a, trial 3: its value or loss is not a finite number"},
		{`INSERT INTO points VALUES ('a', 3, 0, '{}')`, "INV-15: sweep a, trial 3: it has metrics at step 0"},
		{`INSERT INTO points VALUES ('a', 99, 1, '{}')`, "table points: a row refers to a row of trials that is not there"},
		{`PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '''final''', '''rung''') WHERE name = 'jobs_final'`, "database file: row"},
	}
	broken := map[int]bool{}
	for _, tt := range tests {
		dir := t.TempDir()
		file := filepath.Join(dir, "tourney.db")
		must(t, os.WriteFile(file, db, 0o600))
		tamper(t, file, tt.breaks)
		r, err := store.OpenReadOnly(t.Context(), dir)
		must(t, err)
		faults, err := r.Check(t.Context())
		must(t, err)
		if !strings.Contains(strings.Join(faults, "\n"), tt.says) {
			t.Errorf("%s: want %q in\n%s", tt.breaks, tt.says, strings.Join(faults, "\n"))
		}
		numbers, err := r.Breached(t.Context())
		must(t, err)
		for _, n := range numbers {
			broken[n] = true
		}
		must(t, r.Close())
	}
	for n := range store.Invariants {
		if !broken[n] {
			t.Errorf("nothing breaks %s", store.InvariantName(n))
		}
	}
}
