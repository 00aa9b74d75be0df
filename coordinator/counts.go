package coordinator

import (
	"context"
	"sync/atomic"
	"time"
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

// foldTimed is foldHeld, told to who measures it.
func (ch *change) foldTimed(ctx context.Context) error {
	start := time.Now()
	err := ch.foldHeld(ctx)
	if f := ch.s.c.cfg.OnFold; f != nil {
		f(time.Since(start).Seconds())
	}
	return err
}
