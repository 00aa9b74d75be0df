package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"tourney"
	"tourney/store"
)

// full commits a sweep that has ended, with a trial whose job has left a
// checkpoint.
func full(t *testing.T, s *store.Store, id, blob string, trials int) {
	t.Helper()
	ch := newSweep(t, id)
	ch.Create.Spec.Name = id
	ch.State = tourney.SweepCancelled
	ch.Events = []tourney.Event{{Seq: 1, Body: tourney.Engine{}}}
	for n := range trials {
		ch.Events = append(ch.Events, tourney.Event{Seq: int64(n) + 2, Body: tourney.Proposed{Trial: n}})
		ch.Trials = append(ch.Trials, tourney.Trial{Number: n, State: tourney.TrialCancelled, Rung: -1, Attempts: 1})
		id := tourney.JobID{Sweep: id, Trial: n}
		ch.Jobs = append(ch.Jobs, tourney.JobRow{
			JobID: id, Kind: tourney.JobRung, Budget: 1, State: tourney.JobVoid, Attempt: 1, New: true, Checkpoint: &tourney.Checkpoint{Blob: blob, Size: 1, Step: 1},
		})
		ch.Attempts = append(ch.Attempts, tourney.AttemptRow{
			Token: tourney.Token{Epoch: s.Epoch(), Sweep: id.Sweep, Trial: n, Attempt: 1}, Worker: "w", Outcome: tourney.OutcomeStopped, New: true,
		})
		ch.Points = append(ch.Points, tourney.TrialPoints{Trial: n, Points: []tourney.Point{{Step: 1, Metrics: tourney.Metrics{"a": 1}}, {Step: 2, Metrics: tourney.Metrics{"a": 1}}}})
	}
	must(t, s.Commit(t.Context(), ch))
}

// gone wants nothing of a sweep, and all of the other.
func gone(t *testing.T, s *store.Store, id, other string) {
	t.Helper()
	if _, err := s.Sweep(t.Context(), id); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("the sweep: %v", err)
	}
	if _, _, err := s.Trials(t.Context(), id, tourney.Page{}); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("its trials: %v", err)
	}
	for _, table := range []string{"sweeps WHERE id", "trials WHERE sweep", "jobs WHERE sweep", "attempts WHERE sweep", "points WHERE sweep", "events WHERE sweep", "tallies WHERE sweep"} {
		for which, want := range map[string]bool{id: false, other: true} {
			var n int
			must(t, s.ReadPool().Get(&n, "SELECT count(*) FROM "+table+" = ?", which))
			if (n > 0) != want {
				t.Errorf("%d rows of %s in %s", n, which, table)
			}
		}
	}
	problems, err := s.Check(t.Context())
	if must(t, err); len(problems) > 0 {
		t.Errorf("check: %v", problems)
	}
}

func TestADeletedSweepIsGoneAndItsCheckpointsGo(t *testing.T) {
	s := start(t)
	full(t, s, "a", "own", 1300) // more than two slices
	full(t, s, "b", "shared", 3)
	full(t, s, "c", "shared", 3)
	must(t, s.DeleteSweep(t.Context(), "a"))
	gone(t, s, "a", "b")
	loose, err := s.DoomUploads(t.Context(), time.Now(), 10)
	if must(t, err); !slices.Equal(loose, []string{"own"}) {
		t.Errorf("loose: %v", loose)
	}
	must(t, s.DeleteSweep(t.Context(), "b"))
	loose, err = s.DoomUploads(t.Context(), time.Now(), 10)
	if must(t, err); !slices.Equal(loose, []string{"own"}) {
		t.Errorf("loose, while another sweep has the blob: %v", loose)
	}
	if err := s.DeleteSweep(t.Context(), "a"); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
	must(t, s.Commit(t.Context(), newSweep(t, "open")))
	if err := s.DeleteSweep(t.Context(), "open"); !errors.Is(err, tourney.ErrConflict) {
		t.Errorf("one that runs: %v", err)
	}
}

// A deletion that was broken off goes on at the next start, and until then
// nobody sees the sweep.
func TestADeletionGoesOnAfterACrash(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), dir)
	must(t, err)
	full(t, s, "a", "own", 10)
	full(t, s, "b", "other", 1)
	must(t, s.Exec(`UPDATE sweeps SET deleting = 1 WHERE id = 'a'`))
	must(t, s.Exec(`DELETE FROM points WHERE sweep = 'a' AND trial < 5`))
	if _, err := s.Sweep(t.Context(), "a"); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("while it goes: %v", err)
	}
	if sweeps, _, err := s.Sweeps(t.Context(), tourney.Page{}); err != nil || len(sweeps) != 1 {
		t.Errorf("the list has %d sweeps, %v", len(sweeps), err)
	}
	if err := s.Commit(t.Context(), trial("a", 10, 12)); !errors.Is(err, tourney.ErrConflict) {
		t.Errorf("a change meanwhile: %v", err)
	}
	must(t, s.Close())
	s, err = store.Open(t.Context(), dir)
	must(t, err)
	gone(t, s, "a", "b")
	must(t, s.Close())
}
