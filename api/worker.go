package api

import (
	"cmp"
	"context"
	"net/http"

	"tourney"
	"tourney/api/gen"
)

// EnrolWorker takes in a worker.
func (s *Server) EnrolWorker(ctx context.Context, req gen.EnrolWorkerRequestObject) (gen.EnrolWorkerResponseObject, error) {
	body := *req.Body
	if who := callerOf(ctx); who != nil && who.token.ID != insideID {
		pool := who.token.Pool
		if pool != "" && body.Pool != "" && body.Pool != pool {
			return nil, failf(http.StatusForbidden, tourney.ErrRefused, "your token is for workers of pool %s, not of %s", pool, quote(body.Pool))
		}
		body.Pool = cmp.Or(body.Pool, pool)
		body.Inside = false
		body.Token, body.Until = who.token.ID, who.token.Expires
	}
	enrolment, err := s.cfg.Service.Enrol(ctx, body)
	if err != nil {
		return nil, err
	}
	enrolment.Expires = enrolment.Expires.UTC()
	return gen.EnrolWorker201JSONResponse(enrolment), nil
}

// ListWorkers lists the workers heard of lately.
func (s *Server) ListWorkers(ctx context.Context, _ gen.ListWorkersRequestObject) (gen.ListWorkersResponseObject, error) {
	workers, err := s.cfg.Reader.Workers(ctx)
	if err != nil {
		return nil, err
	}
	lifetimes, err := s.cfg.Reader.Lifetimes(ctx)
	if err != nil {
		return nil, err
	}
	return gen.ListWorkers200JSONResponse{Items: each(workers, presentWorker), Lifetimes: list(lifetimes)}, nil
}

// DrainWorker has a worker leave.
func (s *Server) DrainWorker(ctx context.Context, req gen.DrainWorkerRequestObject) (gen.DrainWorkerResponseObject, error) {
	mode := tourney.DrainRelease
	if m := req.Body.Mode; m != nil {
		mode = tourney.Drain(*m)
	}
	w, err := s.cfg.Service.Drain(ctx, req.ID, mode)
	if err != nil {
		return nil, err
	}
	return gen.DrainWorker202JSONResponse(presentWorker(w)), nil
}
