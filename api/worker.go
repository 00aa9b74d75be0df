package api

import (
	"context"

	"tourney/api/gen"
)

// EnrolWorker takes in a worker.
func (s *Server) EnrolWorker(ctx context.Context, req gen.EnrolWorkerRequestObject) (gen.EnrolWorkerResponseObject, error) {
	enrolment, err := s.cfg.Service.Enrol(ctx, *req.Body)
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
	return gen.ListWorkers200JSONResponse{Items: each(workers, presentWorker)}, nil
}
