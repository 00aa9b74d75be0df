package storetest

import (
	"fmt"
	"sync"
	"testing"

	"tourney"
)

// BenchmarkCommit measures changes a second, each with a trial, a job and an
// event, by one sweep and by 256 at once.
func BenchmarkCommit(b *testing.B, open Opener) {
	for _, waiters := range []int{1, 256} {
		b.Run(fmt.Sprintf("waiters=%d", waiters), func(b *testing.B) {
			s := start(b, open)
			for w := range waiters {
				create(b, s, fmt.Sprintf("s%03d", w), tourney.Minimize)
			}
			b.ResetTimer()
			var wg sync.WaitGroup
			for w := range waiters {
				wg.Go(func() {
					sweep := fmt.Sprintf("s%03d", w)
					for n, i := 0, w; i < b.N; n, i = n+1, i+waiters {
						if err := s.Commit(b.Context(), proposal(sweep, n, int64(n)+2)); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}

// BenchmarkRead measures the pages of a sweep with 100,000 trials, each with a
// report.
func BenchmarkRead(b *testing.B, open Opener) {
	const trials, batch = 100_000, 1000
	s := start(b, open)
	create(b, s, "s", tourney.Minimize)
	rng := random(1)
	for n := 0; n < trials; n += batch {
		c := &tourney.Change{Sweep: "s"}
		for i := range batch {
			t, value := queuedTrial("s", n+i), rng.NormFloat64()
			t.State, t.Rung, t.Value, t.Metrics = tourney.TrialPruned, rng.IntN(4), &value, tourney.Metrics{"logloss": value}
			c.Trials = append(c.Trials, t)
			c.Events = append(c.Events, tourney.Event{Seq: int64(n+i) + 2, Body: tourney.Reported{
				Trial: n + i, End: tourney.End{Outcome: tourney.OutcomeDone, Step: 3, BestStep: 3, Value: &value, Metrics: t.Metrics},
			}})
		}
		must(b, s.Commit(b.Context(), c))
	}
	cursor := ""
	for range 50 {
		_, next, err := s.Leaderboard(b.Context(), "s", tourney.Page{Limit: tourney.MaxPage, Cursor: cursor})
		must(b, err)
		cursor = next
	}
	for _, bench := range []struct {
		name string
		read func() error
	}{
		{"board", func() error { _, _, err := s.Leaderboard(b.Context(), "s", tourney.Page{Limit: 100}); return err }},
		{"board from 50000", func() error {
			_, _, err := s.Leaderboard(b.Context(), "s", tourney.Page{Limit: 100, Cursor: cursor})
			return err
		}},
		{"sweep", func() error { _, err := s.Sweep(b.Context(), "s"); return err }},
		{"history of 1000", func() error { _, err := s.History(b.Context(), "s", 1000); return err }},
		{"check", func() error { _, err := s.Check(b.Context()); return err }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				must(b, bench.read())
			}
		})
	}
}
