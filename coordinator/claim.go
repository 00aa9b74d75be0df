package coordinator

import (
	"context"
	"errors"
	"slices"
	"time"

	"tourney"
	"tourney/failpoint"
)

// Claim grants as many of the offered jobs as the worker has room for. The
// same claim again gets the same grants, for the answer may have been lost.
func (c *Coordinator) Claim(ctx context.Context, worker string, req tourney.ClaimRequest) tourney.ClaimReply {
	if req.ID == "" || len(req.Jobs) > maxClaim || len(req.Ends) > maxClaim || !(req.Capacity >= 0) {
		return tourney.ClaimReply{Error: "invalid claim: it needs an id, a capacity, and at most 4096 jobs and ends"}
	}
	c.fleet.seen(worker)
	c.fleet.allows(worker, req.Commands)
	if len(req.Ends) > 0 {
		return c.relay(ctx, worker, &req)
	}
	reply := tourney.ClaimReply{}
	room, bytes := req.Capacity, 0 // of the answer, about
	if !c.fleet.mayClaim(worker) {
		req.Capacity = 0 // what it was offered is offered to others
		room = 0
	}
	pool, _ := c.fleet.terms(worker)
	for _, part := range c.divide(worker, pool, &req) {
		s := c.lookup(part.sweep)
		if s == nil {
			continue
		}
		err := s.do(ctx, func(ctx context.Context) error {
			if s.terms.Pool != pool {
				return nil
			}
			grants, err := s.claim(ctx, worker, req, part, &room, &bytes)
			reply.Grants = append(reply.Grants, grants...)
			return err
		})
		if err != nil && !errors.Is(err, errEnded) {
			// What was granted before is committed: the worker asks again with
			// the same id and hears of it.
			c.log.Warn("claim failed", "worker", worker, "error", err)
			return tourney.ClaimReply{Error: "the claim could not be committed; ask again"}
		}
	}
	if !c.fleet.mayClaim(worker) { // asked to leave or shut out meanwhile, perhaps
		c.leaveNothing(ctx, worker, reply.Grants)
		return tourney.ClaimReply{}
	}
	c.counts.claims.Add(1)
	c.counts.grants.Add(int64(len(reply.Grants)))
	c.remember(worker, req.ID, unasked(reply.Grants, req.Jobs))
	return reply
}

// unasked returns the jobs that were granted without having been asked for.
func unasked(grants []tourney.Grant, asked []tourney.JobID) []tourney.JobID {
	var jobs []tourney.JobID
	for i := range grants {
		if id := grants[i].Job.JobID; !slices.Contains(asked, id) {
			jobs = append(jobs, id)
		}
	}
	return jobs
}

// maxClaim is the most jobs in a claim.
const maxClaim = 4096

// An answer must fit into one message of the bus. Jobs beyond are offered again.
const (
	maxAnswer  = 512 << 10
	grantBytes = 768 // of a grant without its parameters, about
	paramBytes = 64  // of a parameter, about
)

// claim grants jobs of this sweep to a worker and commits the attempts.
func (s *sweep) claim(ctx context.Context, worker string, req tourney.ClaimRequest, part portion, room *float64, bytes *int) ([]tourney.Grant, error) {
	id := req.ID
	if s.row.Spec.External() {
		return nil, nil
	}
	if !s.fits(&req) {
		s.await(part.jobs)
		return nil, nil
	}
	var granted []*job
	start := time.Now()
	ch := s.begin()
	gpus := req.GPUs
	again := false // jobs that go back to be offered
	most := s.room()
	if part.most >= 0 {
		most = min(most, part.most)
	}
	fresh := 0
	take := func(j *job) {
		fresh++
		*room -= s.row.Plan.Weight
		gpus -= s.gpus()
		*bytes += grantBytes + paramBytes*len(s.row.Spec.Parameters)
		ch.attempt(j, worker, id)
		granted = append(granted, j)
	}
	for _, want := range part.jobs {
		j := s.jobs[want.Trial]
		if j == nil || j.Rung != want.Rung {
			continue
		}
		switch {
		case j.State == tourney.JobRunning && j.Worker == worker && j.Claim == id:
			granted = append(granted, j)
			*room -= s.row.Plan.Weight
		case j.State != tourney.JobQueued:
		case !s.runs() || *room < s.row.Plan.Weight-1e-9 || fresh == most || *bytes > maxAnswer || gpus < s.gpus():
			if s.row.Spec.Runs() { // nobody may have so much room
				j.offered = time.Now().Add(notFor - offerAge)
				continue
			}
			j.offered = time.Time{}
			s.toOffer = append(s.toOffer, j)
			again = true
		default:
			take(j)
		}
	}
	if rest := min(most, part.most) - fresh; rest > 0 && s.runs() && !s.row.Spec.Runs() {
		for _, j := range s.spare(rest) {
			if *room < s.row.Plan.Weight-1e-9 || *bytes > maxAnswer {
				j.offered = time.Time{}
				s.toOffer = append(s.toOffer, j)
				continue
			}
			take(j)
		}
	}
	failpoint.Pass(failpoint.ClaimDecided)
	if err := s.commit(ctx, ch); err != nil {
		return nil, err
	}
	failpoint.Pass(failpoint.ClaimCommitted)
	charged := s.c.fair.Charge(s.id, fresh)
	for _, j := range granted[len(granted)-fresh:] {
		j.charged = charged
		s.trace(tourney.SpanClaim, j, start, "granted", false)
	}
	if again {
		s.c.offers.wake()
	}
	return s.grants(worker, granted), nil
}

// grants is what a worker hears of attempts that are committed.
func (s *sweep) grants(worker string, granted []*job) []tourney.Grant {
	grants := make([]tourney.Grant, len(granted))
	for i, j := range granted {
		grants[i] = tourney.Grant{Job: s.job(j), Token: s.token(&j.JobRow)}
		s.c.leases.hold(grants[i].Token, worker, 0)
	}
	return grants
}

// runs reports whether jobs of the sweep may be claimed.
func (s *sweep) runs() bool {
	return s.row.State == tourney.SweepRunning || s.row.State == tourney.SweepFinishing
}

// attempt gives a queued job to a worker.
func (ch *change) attempt(j *job, worker, claim string) {
	t := ch.s.trials[j.Trial]
	t.Attempts++
	ch.trials[j.Trial] = true
	if j.Kind == tourney.JobRung {
		t.State = tourney.TrialRunning
	}
	j.State, j.Attempt, j.Worker, j.Claim, j.Lease = tourney.JobRunning, t.Attempts, worker, claim, 0
	j.since, j.charged = time.Now(), 0
	j.Started, j.Price = j.since, ch.s.c.price(worker)
	ch.touch(j)
	ch.Attempts = append(ch.Attempts, tourney.AttemptRow{
		Token: ch.s.token(&j.JobRow), Rung: j.Rung, Worker: worker, New: true, Price: j.Price,
	})
}

// job returns what a worker needs to train a job.
func (s *sweep) job(j *job) tourney.Job {
	params := s.trials[j.Trial].Params
	prep, err := s.row.Spec.Preprocess.With(params)
	if err != nil {
		// The space was checked at its ends; what lies between them is legal.
		s.c.log.Error("preprocessing of a trial", "sweep", s.id, "trial", j.Trial, "error", err)
	}
	budget, share, most := j.Budget, 0.0, s.fold.MaxBudget(j.Trial)
	if s.row.Spec.ByRows() && j.Kind == tourney.JobRung {
		share = float64(j.Budget) / float64(most)
		budget, most = s.row.Plan.Steps(params), s.row.Plan.Steps(params)
	}
	return tourney.Job{
		JobID:      j.JobID,
		Kind:       j.Kind,
		Trainer:    s.row.Spec.Trainer,
		Params:     params,
		Metric:     s.row.Spec.Metric,
		Metrics:    s.row.Spec.MetricNames(),
		Dataset:    s.row.Plan.Dataset,
		Validation: s.row.Spec.Validation,
		Preprocess: prep,
		Budget:     budget,
		MaxBudget:  most,
		Share:      share,
		Seed:       s.fold.TrialSeed(j.Trial),
		Weight:     s.row.Plan.Weight,
		Alone:      j.Alone,
		Checkpoint: j.Checkpoint,
		Command:    s.command(),
		Rungs:      s.rungsAhead(j),
		Tiered:     s.row.Spec.Runs() && s.row.Spec.EarlyTerminate != nil,
		Counted:    s.row.Spec.Runs() && s.row.Spec.EarlyTerminate != nil && s.row.Spec.EarlyTerminate.Type == "hyperband",
	}
}
