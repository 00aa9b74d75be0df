package store_test

import (
	"fmt"
	"testing"
	"time"

	"tourney"
	"tourney/failpoint"
	"tourney/store"
)

// ofSweep counts the rows of a sweep in all tables that a deletion empties.
const ofSweep = `SELECT (SELECT count(*) FROM points WHERE sweep = ?1) + (SELECT count(*) FROM attempts WHERE sweep = ?1) +
	(SELECT count(*) FROM jobs WHERE sweep = ?1) + (SELECT count(*) FROM trials WHERE sweep = ?1) + (SELECT count(*) FROM events WHERE sweep = ?1)`

// A deletion takes a bounded number of rows at a time, and leaves the writer to
// others after each slice: a change that comes in between is committed before the
// next one.
func TestADeletionGoesInSlices(t *testing.T) {
	const trials = 6000
	var s *store.Store
	slices, most, left := 0, 0, -1
	failpoint.OnPass(func(p failpoint.Point) { // the deletion's goroutine, between two slices
		if p != failpoint.SliceDeleted {
			return
		}
		slices++
		n := 0
		must(t, s.ReadPool().Get(&n, ofSweep, "big"))
		if left >= 0 {
			most = max(most, left-n)
		}
		left = n
		must(t, s.Commit(t.Context(), trial("other", slices, int64(slices))))
	})
	t.Cleanup(func() { failpoint.OnPass(nil) })
	s = start(t)
	full(t, s, "big", "own", trials)
	must(t, s.Commit(t.Context(), newSweep(t, "other")))
	must(t, s.ReadPool().Get(&left, ofSweep, "big"))
	rows := left
	must(t, s.DeleteSweep(t.Context(), "big"))
	if most > store.MaxSlice || most < store.FirstSlice {
		t.Errorf("the largest slice has %d rows, want %d to %d", most, store.FirstSlice, store.MaxSlice)
	}
	if least := rows / store.MaxSlice; slices < least {
		t.Errorf("%d rows went in %d slices, want %d or more", rows, slices, least)
	}
	if left != 0 {
		t.Errorf("%d rows are left", left)
	}
	if n := 0; s.ReadPool().Get(&n, `SELECT count(*) FROM trials WHERE sweep = 'other'`) != nil || n != slices {
		t.Errorf("%d of %d changes were committed in between", n, slices)
	}
}

// BenchmarkDeletion deletes a sweep of 20,000 trials, and reports the longest time
// that one slice of it has held the writer: the goal is 50 ms.
func BenchmarkDeletion(b *testing.B) {
	const trials = 20_000
	for b.Loop() {
		b.StopTimer()
		var before time.Time
		var longest, all time.Duration
		slices := 0
		failpoint.OnPass(func(p failpoint.Point) {
			if p == failpoint.SliceDeleted {
				now := time.Now()
				longest, all = max(longest, now.Sub(before)), all+now.Sub(before)
				slices++
				before = now
			}
		})
		s, err := store.Open(b.Context(), b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		bigSweep(b, s, "big", trials)
		b.StartTimer()
		before = time.Now()
		if err := s.DeleteSweep(b.Context(), "big"); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		failpoint.OnPass(nil)
		b.ReportMetric(float64(longest.Microseconds())/1000, "ms/longest-hold")
		b.ReportMetric(float64(all.Microseconds())/1000/float64(slices), "ms/slice")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// bigSweep commits a sweep that has ended, a thousand trials at a time.
func bigSweep(b *testing.B, s *store.Store, id string, trials int) {
	b.Helper()
	ch := newSweep(b, id)
	seq := int64(0)
	for n := range trials {
		seq++
		job := tourney.JobID{Sweep: id, Trial: n}
		ch.Events = append(ch.Events, tourney.Event{Seq: seq, Body: tourney.Proposed{Trial: n}})
		ch.Trials = append(ch.Trials, tourney.Trial{Number: n, State: tourney.TrialCancelled, Rung: -1, Attempts: 1})
		ch.Jobs = append(ch.Jobs, tourney.JobRow{
			JobID: job, Kind: tourney.JobRung, Budget: 1, State: tourney.JobVoid, Attempt: 1, New: true,
			Checkpoint: &tourney.Checkpoint{Blob: fmt.Sprintf("blob-%d", n), Size: 1, Step: 1},
		})
		ch.Attempts = append(ch.Attempts, tourney.AttemptRow{
			Token: tourney.Token{Epoch: s.Epoch(), Sweep: id, Trial: n, Attempt: 1}, Worker: "w", Outcome: tourney.OutcomeStopped, New: true,
		})
		points := make([]tourney.Point, 8)
		for i := range points {
			points[i] = tourney.Point{Step: i + 1, Metrics: tourney.Metrics{"accuracy": 1 / float64(i+2), "logloss": float64(n)}}
		}
		ch.Points = append(ch.Points, tourney.TrialPoints{Trial: n, Points: points})
		if n%1000 == 999 {
			if n == trials-1 {
				ch.State = tourney.SweepCancelled
			}
			if err := s.Commit(b.Context(), ch); err != nil {
				b.Fatal(err)
			}
			ch = &tourney.Change{Sweep: id}
		}
	}
}
