package coordinator

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"tourney"
)

// Trials that are brief cost the service more than their training: an offer, a
// claim, a report, and a commit for each of the last two. A worker whose trials
// end sooner than it would report of them says so with a claim, and is given
// others in their place: one question, one commit. The jobs that follow from the
// ends need not be offered; what the worker may not have is offered as ever.

// relay commits the ends of a claim and grants jobs in their place. The same
// claim again finds the ends void, and gets the same grants.
func (c *Coordinator) relay(ctx context.Context, worker string, req *tourney.ClaimRequest) tourney.ClaimReply {
	bySweep := map[string][]*tourney.Entry{}
	for i := range req.Ends {
		e := &req.Ends[i]
		bySweep[e.Token.Sweep] = append(bySweep[e.Token.Sweep], e)
	}
	r := round{worker: worker, req: req, room: req.Capacity}
	if !c.fleet.mayClaim(worker) {
		r.room = 0
	}
	r.pool, _ = c.fleet.terms(worker)
	for _, id := range slices.Sorted(maps.Keys(bySweep)) {
		entries := bySweep[id]
		if s := c.lookup(id); s != nil {
			err := s.do(ctx, func(ctx context.Context) error { return s.relay(ctx, &r, entries) })
			if err != nil && !errors.Is(err, errEnded) {
				c.log.Warn("claim failed", "worker", worker, "error", err)
				return tourney.ClaimReply{Error: "the claim could not be committed; ask again"}
			}
		}
	}
	if !c.fleet.mayClaim(worker) { // asked to leave or shut out meanwhile, perhaps
		c.leaveNothing(ctx, worker, r.grants)
		return tourney.ClaimReply{}
	}
	c.counts.claims.Add(1)
	c.counts.grants.Add(int64(len(r.grants)))
	return tourney.ClaimReply{Grants: r.grants}
}

// round is a claim with ends while its sweeps are asked one after the other.
type round struct {
	worker, pool string
	req          *tourney.ClaimRequest
	room         float64 // cores that are left
	bytes        int     // of the answer, about
	grants       []tourney.Grant
}

// relay takes in ends, and grants the worker in the same change what it may have
// of this sweep.
func (s *sweep) relay(ctx context.Context, r *round, entries []*tourney.Entry) error {
	start := time.Now()
	ch := s.begin()
	for _, e := range entries {
		if err := ch.entry(ctx, r.worker, e); err != nil {
			return s.spoil(ctx, err)
		}
	}
	if err := ch.foldTimed(ctx); err != nil {
		return s.spoil(ctx, err)
	}
	delete(ch.settled, r.worker) // it hears with the answer
	known := s.regranted(r)
	fresh := ch.take(r)
	if err := s.commit(ctx, ch); err != nil {
		return err
	}
	charged := s.c.fair.Charge(s.id, len(fresh))
	for _, j := range fresh {
		j.charged = charged
		s.trace(tourney.SpanClaim, j, start, "granted", false)
	}
	r.grants = append(r.grants, s.grants(r.worker, append(known, fresh...))...)
	return nil
}

// regranted returns what the same claim was granted before.
func (s *sweep) regranted(r *round) []*job {
	var known []*job
	if !r.req.Again {
		return nil
	}
	for _, j := range s.jobs {
		if j.State == tourney.JobRunning && j.Worker == r.worker && j.Claim == r.req.ID {
			known = append(known, j)
			r.room -= s.row.Plan.Weight
		}
	}
	slices.SortFunc(known, func(a, b *job) int { return cmp.Compare(a.Trial, b.Trial) })
	return known
}

// take gives a worker queued jobs that are not on offer.
func (ch *change) take(r *round) (taken []*job) {
	s := ch.s
	if s.c.fair.Waits(r.pool, s.id) { // the shares decide, by claims of what is on offer
		return nil
	}
	if s.terms.Pool != r.pool || s.row.Spec.External() || s.row.Spec.Runs() || !s.runs() {
		return nil
	}
	most := min(s.room(), s.quota(r.worker, r.pool))
	left := s.toOffer[:0]
	for _, j := range s.toOffer {
		switch {
		case s.jobs[j.Trial] != j || j.State != tourney.JobQueued || !j.offered.IsZero():
		case len(taken) < most && r.room >= s.row.Plan.Weight-1e-9 && r.bytes <= maxAnswer && !j.Alone:
			r.room -= s.row.Plan.Weight
			r.bytes += grantBytes + paramBytes*len(s.row.Spec.Parameters)
			ch.attempt(j, r.worker, r.req.ID)
			taken = append(taken, j)
		default:
			left = append(left, j)
		}
	}
	clear(s.toOffer[len(left):])
	s.toOffer = left
	ch.queued = len(left) > 0
	return taken
}

// quota is how many more jobs of the sweep a worker may have without a claim of
// its own: no more than its slots' share of those that are open, so that others
// find work too.
func (s *sweep) quota(worker, pool string) int {
	open, own := 0, 0
	for _, j := range s.jobs {
		switch j.State {
		case tourney.JobQueued:
			open++
		case tourney.JobRunning:
			open++
			if j.Worker == worker {
				own++
			}
		}
	}
	part := s.c.fleet.part(worker, pool)
	return max(int(math.Ceil(part*float64(open)))-own, 0)
}

// part returns a worker's share of the slots of its pool that are alive.
func (f *fleet) part(worker, pool string) float64 {
	_, slots := f.capacity(pool)
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.workers[worker]
	if m == nil || slots == 0 {
		return 0
	}
	return min(float64(m.Slots)/float64(slots), 1)
}
