package storetest

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

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

// BenchmarkLife measures what a trial costs from its proposal to its end, in
// changes of 256 trials: proposed, claimed and ended. cpu-µs/trial is the
// process's own time, which other programs disturb less.
func BenchmarkLife(b *testing.B, open Opener) {
	const batch = 256
	s := start(b, open)
	create(b, s, "s", tourney.Minimize)
	rng := random(1)
	seq := int64(1)
	log := func(c *tourney.Change, body tourney.EventBody) {
		seq++
		c.Events = append(c.Events, tourney.Event{Sweep: "s", Seq: seq, Body: body})
	}
	began := processTime()
	b.ResetTimer()
	for first := 0; first < b.N; first += batch {
		propose, grant, end := &tourney.Change{Sweep: "s"}, &tourney.Change{Sweep: "s"}, &tourney.Change{Sweep: "s"}
		for n := first; n < first+batch; n++ {
			t, j := queuedTrial("s", n), queuedJob("s", n, 0)
			log(propose, tourney.Proposed{Trial: n, Params: t.Params})
			log(propose, tourney.Queued{Trial: n, For: tourney.JobRung, Budget: 3, Finish: 3})
			propose.Trials, propose.Jobs = append(propose.Trials, t), append(propose.Jobs, j)
			a := claim(s, t, j, "w")
			grant.Trials, grant.Jobs, grant.Attempts = append(grant.Trials, a.Trials...), append(grant.Jobs, a.Jobs...), append(grant.Attempts, a.Attempts...)
		}
		must(b, s.Commit(b.Context(), propose))
		must(b, s.Commit(b.Context(), grant))
		for i := range batch {
			t, j, a, value := grant.Trials[i], grant.Jobs[i], grant.Attempts[i], rng.NormFloat64()
			t.State, t.Rung, t.Step, t.BestStep, t.Value, t.Metrics = tourney.TrialCompleted, 0, 3, 3, &value, tourney.Metrics{"logloss": value}
			j.State, j.Was, j.New = tourney.JobDone, j.Attempt, false
			a.Outcome, a.Step, a.New = tourney.OutcomeDone, 3, false
			log(end, tourney.Reported{Trial: t.Number, End: tourney.End{Outcome: tourney.OutcomeDone, Step: 3, BestStep: 3, Value: &value, Metrics: t.Metrics}})
			log(end, tourney.Ended{Trial: t.Number, State: t.State})
			end.Trials, end.Jobs, end.Attempts = append(end.Trials, t), append(end.Jobs, j), append(end.Attempts, a)
		}
		must(b, s.Commit(b.Context(), end))
	}
	trials := float64((b.N + batch - 1) / batch * batch)
	b.ReportMetric(1e6*(processTime()-began).Seconds()/trials, "cpu-µs/trial")
	b.ReportMetric(trials/b.Elapsed().Seconds(), "trials/s")
}

// processTime returns the time that processors have spent on this process.
func processTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
