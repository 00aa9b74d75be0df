package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"tourney"
)

// testHistory compares curves with the definition, at all limits.
func testHistory(t *testing.T, open Opener) {
	s := start(t, open)
	for seed := range uint64(6) {
		rng := random(seed)
		goal := []tourney.Goal{tourney.Minimize, tourney.Maximize}[seed%2]
		sweep := fmt.Sprint("s", seed)
		create(t, s, sweep, goal)
		c := &tourney.Change{Sweep: sweep}
		var want []tourney.HistoryPoint
		improved := map[int]bool{} // by trial
		for n := range 80 {
			value := float64(rng.IntN(60)) - float64(seed)*float64(n)/4
			end := tourney.End{Outcome: tourney.OutcomeDone, Step: 3, BestStep: 2, Value: &value}
			job := queuedJob(sweep, n, 0)
			job.State = tourney.JobDone
			counts := true
			switch rng.IntN(8) {
			case 0:
				end.Outcome, counts = tourney.OutcomeFailed, false
			case 1:
				end.Value, counts = nil, false
			case 2:
				job.Kind, counts = tourney.JobFinal, false
			}
			c.Trials = append(c.Trials, queuedTrial(sweep, n))
			c.Jobs = append(c.Jobs, job)
			c.Events = append(c.Events,
				tourney.Event{Seq: int64(len(c.Events)) + 2, Body: tourney.Proposed{Trial: n}},
				tourney.Event{Seq: int64(len(c.Events)) + 3, Body: tourney.Reported{Trial: n, Rung: 0, End: end}})
			if !counts {
				continue
			}
			p := tourney.HistoryPoint{Trial: n, Step: 3, Value: value, Best: value}
			if len(want) > 0 {
				last := want[len(want)-1].Best
				if goal == tourney.Minimize && value >= last || goal == tourney.Maximize && value <= last {
					p.Best = last
				}
			}
			improved[n] = len(want) == 0 || p.Best != want[len(want)-1].Best
			want = append(want, p)
		}
		must(t, s.Commit(t.Context(), c))
		for i := range want {
			want[i].At = c.Events[0].At
		}
		for limit := 1; limit <= len(want)+1; limit++ {
			got, err := s.History(t.Context(), sweep, limit)
			must(t, err)
			checkHistory(t, got, want, improved, limit)
		}
	}
}

func checkHistory(t *testing.T, got, want []tourney.HistoryPoint, improved map[int]bool, limit int) {
	t.Helper()
	if len(got) != min(limit, len(want)) {
		t.Fatalf("limit %d of %d gave %d points", limit, len(want), len(got))
	}
	if limit >= len(want) && !slices.Equal(got, want) {
		t.Fatalf("history is %+v, want %+v", got, want)
	}
	kept, improvements := map[int]bool{}, 0
	at := 0
	for _, p := range got {
		kept[p.Trial] = true
		for at < len(want) && want[at] != p {
			at++
		}
		if at == len(want) {
			t.Fatalf("limit %d: point %+v is none of the history's, or is out of order", limit, p)
		}
	}
	for _, up := range improved {
		if up {
			improvements++
		}
	}
	for n, up := range improved {
		if up && improvements <= limit && !kept[n] {
			t.Errorf("limit %d lost the improvement of trial %d", limit, n)
		}
	}
}

func testEventsAfter(t *testing.T, open Opener) {
	s := start(t, open)
	rng := random(1)
	seqs := map[string]int64{}
	var all []tourney.Event
	for i := range 5 {
		id := fmt.Sprint("s", i)
		c := creation(t, id, tourney.Minimize)
		must(t, s.Commit(t.Context(), c))
		all, seqs[id] = append(all, c.Events...), 1
	}
	for range 60 {
		id := fmt.Sprint("s", rng.IntN(4)) // the fifth stays as it is
		c := &tourney.Change{Sweep: id}
		for range 1 + rng.IntN(3) {
			seqs[id]++
			c.Events = append(c.Events, tourney.Event{Seq: seqs[id], Body: tourney.Lost{Trial: rng.IntN(100)}})
		}
		must(t, s.Commit(t.Context(), c))
		all = append(all, c.Events...)
	}
	for i := 1; i < len(all); i++ {
		if all[i].ID <= all[i-1].ID {
			t.Fatalf("event id %d was given after %d", all[i].ID, all[i-1].ID)
		}
	}
	for _, sweep := range []string{"", "s0", "s1", "s4"} {
		for after := range all[len(all)-1].ID + 2 {
			limit := rng.IntN(12)
			var want []tourney.Event
			for _, e := range all {
				if e.ID > after && (sweep == "" || sweep == e.Sweep) && len(want) < limit {
					want = append(want, e)
				}
			}
			got, err := s.EventsAfter(t.Context(), sweep, after, limit)
			must(t, err)
			if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("events of %q after %d, at most %d: got %+v, want %+v", sweep, after, limit, got, want)
			}
		}
	}
}

func testChanged(t *testing.T, open Opener) {
	s := start(t, open)
	before := s.Changed()
	select {
	case <-before:
		t.Fatal("woken before a commit")
	default:
	}
	var woken sync.WaitGroup
	for range 3 {
		woken.Go(func() { <-before })
	}
	create(t, s, "s", tourney.Minimize)
	woken.Wait()
	after := s.Changed()
	wantError(t, s.Commit(t.Context(), proposal("s", 0, 9)), tourney.ErrConflict)
	select {
	case <-after:
		t.Error("woken by a change that was not written")
	default:
	}
	must(t, s.Commit(t.Context(), proposal("s", 0, 2)))
	<-after
}

// testReadWhileWriting reads a sweep to which each change adds as many trials
// as events: a snapshot has as many of each.
func testReadWhileWriting(t *testing.T, open Opener) {
	s := start(t, open)
	create(t, s, "s", tourney.Minimize)
	var done atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			last := int64(0)
			for !done.Load() {
				sw, err := s.Sweep(t.Context(), "s")
				if err != nil {
					t.Error(err)
					return
				}
				trials := int64(sw.Counts[tourney.TrialQueued])
				if sw.Cursor != trials+1 || sw.Cursor < last {
					t.Errorf("a snapshot has %d trials and event %d, after one with %d", trials, sw.Cursor, last)
					return
				}
				last = sw.Cursor
			}
		})
	}
	for n := range 150 {
		c := proposal("s", 2*n, int64(2*n)+2)
		c2 := proposal("s", 2*n+1, int64(2*n)+3)
		c.Events, c.Trials, c.Jobs = append(c.Events, c2.Events...), append(c.Trials, c2.Trials...), append(c.Jobs, c2.Jobs...)
		if err := s.Commit(t.Context(), c); err != nil {
			t.Error(err)
			break
		}
	}
	done.Store(true)
	wg.Wait()
}
