package worker

import (
	"context"
	"errors"
	"time"

	"tourney"
)

// isBrief reports whether a draft that ends is all that an attempt says, within the time
// in which nothing is sent: then it goes with a claim, and others come in its
// place. The attempt of a program may be stopped by what was said before, so
// that its reports keep their way, and what is given back is no end.
func (d *draft) isBrief() bool {
	return !d.task.told && d.task.grant.Job.Command == nil &&
		d.End.Outcome != tourney.OutcomePreempted && time.Since(d.task.granted) < sendEvery
}

// relay has ends committed and starts what is granted in their place. Without an
// answer the next claim has the same id, so that what was granted comes then.
func (s *spool) relay(ctx context.Context, ends []tourney.Entry) error {
	w := s.w
	req := tourney.ClaimRequest{ID: s.claim, Again: s.claim != "", Ends: ends}
	if req.ID == "" {
		req.ID = newClaimID()
	}
	select {
	case w.asking <- struct{}{}:
		defer func() { <-w.asking }()
		if _, leaving := w.Leaving(); !leaving {
			req.Capacity = w.room()
		}
	case <-s.late.Done(): // there is no time left to wait for another claim, and nothing is to be had
	case <-ctx.Done():
	}
	reply, err := w.cfg.Bus.Claim(ctx, req)
	if err == nil && reply.Error != "" {
		err = errors.New(reply.Error)
	}
	if err != nil {
		s.claim = req.ID
		return err
	}
	s.claim = ""
	settled := make([]tourney.Token, len(ends))
	for i := range ends {
		settled[i] = ends[i].Token
	}
	s.settle(settled)
	for _, g := range reply.Grants {
		w.start(g)
	}
	return nil
}
