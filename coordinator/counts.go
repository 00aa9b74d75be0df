package coordinator

import (
	"context"
	"sync/atomic"
	"time"

	"tourney"
)

// Counts is what a coordinator has counted since it was made.
type Counts struct {
	Claims    int64 // requests for jobs
	Grants    int64 // jobs that they were given, also again
	Lost      int64 // attempts not heard of for a lease
	Preempted int64 // attempts given back
	Stale     int64 // entries of reports dropped for their token
}

// counts is Counts while it counts.
type counts struct{ claims, grants, preempted atomic.Int64 }

// Counts returns what was counted so far.
func (c *Coordinator) Counts() Counts {
	return Counts{
		Claims: c.counts.claims.Load(), Grants: c.counts.grants.Load(), Preempted: c.counts.preempted.Load(),
		Lost: c.leases.lost.Load(), Stale: c.leases.stale.Load(),
	}
}

// trace tells of a piece of the trials' life, if anybody listens.
func (s *sweep) trace(kind tourney.SpanKind, j *job, start time.Time, result string, failed bool) {
	f := s.c.cfg.Trace
	if f == nil || start.IsZero() {
		return
	}
	span := tourney.Span{Kind: kind, Sweep: s.id, Trial: j.Trial, Rung: j.Rung, Start: start, End: time.Now(), Result: result, Failed: failed}
	if kind == tourney.SpanClaim {
		span.Attempt, span.Worker = j.Attempt, j.Worker
	}
	f(span)
}

// traceEnds tells of the jobs and trials that end with the change.
func (ch *change) traceEnds() {
	s := ch.s
	f := s.c.cfg.Trace
	if f == nil {
		return
	}
	for _, j := range ch.jobs {
		if j.State == tourney.JobDone || j.State == tourney.JobVoid {
			s.trace(tourney.SpanJob, j, j.born, string(j.State), false)
		}
	}
	for n := range ch.trials {
		if t := s.trials[n]; t.State.Terminal() && t.Ended != nil && t.Ended.Equal(ch.now) {
			f(tourney.Span{
				Kind: tourney.SpanTrial, Sweep: s.id, Trial: n, Start: t.Created, End: ch.now, Result: string(t.State), Failed: t.State == tourney.TrialFailed,
			})
		}
	}
}

// foldTimed is foldHeld, told to who measures it.
func (ch *change) foldTimed(ctx context.Context) error {
	start := time.Now()
	err := ch.foldHeld(ctx)
	if f := ch.s.c.cfg.OnFold; f != nil {
		f(time.Since(start).Seconds())
	}
	return err
}
