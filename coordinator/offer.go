package coordinator

import (
	"context"
	"errors"
	"math"
	"time"

	"tourney"
	"tourney/failpoint"
)

// offerAge is after how long a job that was offered and not claimed is offered
// again: the offer may be lost. Sooner would only fill the stream.
const offerAge = 60 * time.Second

// maxOffer is the most jobs in one offer.
const maxOffer = 64

// offerer keeps enough queued jobs on offer. The queued state in the store is
// the outbox; what was offered when is known to this process alone, so that
// after a restart everything is offered again, and claims refuse what is
// twice.
type offerer struct {
	c    *Coordinator
	poke chan struct{}
}

func newOfferer(c *Coordinator) *offerer { return &offerer{c, make(chan struct{}, 1)} }

// wake makes the offerer look.
func (o *offerer) wake() {
	select {
	case o.poke <- struct{}{}:
	default:
	}
}

func (o *offerer) run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		for _, s := range o.c.live() {
			if err := o.offer(ctx, s); err != nil && ctx.Err() == nil {
				o.c.log.Warn("offer jobs", "sweep", s.id, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-o.poke:
		case <-tick.C:
		}
	}
}

// offer publishes jobs of one sweep, so many that about twice the fleet's
// capacity is on offer.
func (o *offerer) offer(ctx context.Context, s *sweep) error {
	var jobs []tourney.JobID
	var workers, slots int
	var pool string
	err := s.do(ctx, func(context.Context) error {
		pool = s.terms.Pool
		workers, slots = o.c.fleet.capacity(pool)
		window := min(2*int(math.Ceil(float64(max(slots, 1))/s.row.Plan.Weight)), s.room())
		jobs = s.offerable(time.Now(), window)
		return nil
	})
	if errors.Is(err, errEnded) {
		return nil
	}
	if err != nil {
		return err
	}
	chunk := min(max(1, len(jobs)/(4*max(workers, 1))), maxOffer)
	for len(jobs) > 0 {
		n := min(chunk, len(jobs))
		failpoint.Pass(failpoint.OfferTaken)
		if err := o.c.cfg.Bus.Offer(ctx, pool, s.id, tourney.Offer{Jobs: jobs[:n]}); err != nil {
			return err // the age gate brings them again
		}
		failpoint.Pass(failpoint.OfferPublished)
		jobs = jobs[n:]
	}
	return nil
}

// offerable takes jobs to offer and marks them as offered, as long as fewer
// than window are on offer.
func (s *sweep) offerable(now time.Time, window int) []tourney.JobID {
	if !s.runs() || s.row.Spec.External() || !s.c.fleet.canRun(&s.row.Spec) { // those wait until somebody asks, or may
		return nil
	}
	out := 0
	for _, j := range s.jobs {
		if j.State != tourney.JobQueued || j.offered.IsZero() {
			continue
		}
		if now.Sub(j.offered) < offerAge {
			out++
			continue
		}
		j.offered = time.Time{}
		s.toOffer = append(s.toOffer, j)
	}
	var jobs []tourney.JobID
	rest := s.toOffer[:0]
	for _, j := range s.toOffer {
		switch {
		case s.jobs[j.Trial] != j || j.State != tourney.JobQueued || !j.offered.IsZero():
		case out+len(jobs) < window:
			j.offered = now
			jobs = append(jobs, j.JobID)
		default:
			rest = append(rest, j)
		}
	}
	clear(s.toOffer[len(rest):])
	s.toOffer = rest
	return jobs
}
