package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"tourney"
	"tourney/api/gen"
)

// etag is what a sweep's ETag says.
func etag(s tourney.Sweep) string { return `"` + s.Revision() + `"` }

// matched reads If-Match; whatever there is does if it is empty.
func matched(header *string) (revision string, err error) {
	if header == nil {
		return "", nil
	}
	tag := strings.TrimSpace(*header)
	if tag == "*" {
		return "", nil
	}
	if revision = strings.Trim(tag, `"`); revision == "" || tag != `"`+revision+`"` {
		return "", tourney.Invalid("If-Match", "must be one ETag in double quotes, as GET has given it, or *")
	}
	return revision, nil
}

// changed answers who knows a sweep as it was before.
func changed(err error) error {
	if errors.Is(err, tourney.ErrChanged) {
		return failf(http.StatusPreconditionFailed, tourney.ErrConflict, "somebody else has changed the sweep: get it again")
	}
	return err
}

// AmendSweep changes the name, the cap or the limits of a sweep.
func (s *Server) AmendSweep(ctx context.Context, req gen.AmendSweepRequestObject) (gen.AmendSweepResponseObject, error) {
	if req.Params.IfMatch == nil {
		return nil, failf(http.StatusPreconditionRequired, tourney.ErrInvalid, "If-Match is missing: send the ETag that GET has given, or *")
	}
	revision, err := matched(req.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	b := req.Body
	a := tourney.Amendment{
		Name: b.Name, RunCap: b.RunCap, Limits: b.Limits,
		Pool: b.Pool, Weight: b.Weight, Priority: b.Priority, MaxConcurrency: b.MaxConcurrency,
	}
	if a.Name == "" && a.RunCap == 0 && a.Limits == nil && !a.ChangesTerms() {
		return nil, tourney.Invalid("", "the body changes nothing: give name, run_cap, limits, pool, weight, priority or max_concurrency")
	}
	sweep, err := s.cfg.Service.Amend(ctx, req.ID, a, revision)
	if err != nil {
		return nil, changed(err)
	}
	return gen.AmendSweep200JSONResponse{Body: presentSweep(sweep), Headers: gen.AmendSweep200ResponseHeaders{ETag: etag(sweep)}}, nil
}

// ExtendSweep lets a sweep have more trials, or other limits.
func (s *Server) ExtendSweep(ctx context.Context, req gen.ExtendSweepRequestObject) (gen.ExtendSweepResponseObject, error) {
	sweep, err := s.cfg.Service.Extend(ctx, req.ID, tourney.Amendment{RunCap: req.Body.RunCap, Limits: req.Body.Limits})
	if err == nil {
		sweep, err = s.awaited(ctx, sweep)
	}
	if err != nil {
		return nil, err
	}
	return gen.ExtendSweep200JSONResponse{Body: presentSweep(sweep), Headers: gen.ExtendSweep200ResponseHeaders{ETag: etag(sweep)}}, nil
}

// DeleteSweep removes a sweep that has ended.
func (s *Server) DeleteSweep(ctx context.Context, req gen.DeleteSweepRequestObject) (gen.DeleteSweepResponseObject, error) {
	revision, err := matched(req.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Service.DeleteSweep(ctx, req.ID, req.Params.Force != nil, revision); err != nil {
		return nil, changed(err)
	}
	return gen.DeleteSweep204Response{}, nil
}
