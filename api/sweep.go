package api

import (
	"context"
	"errors"
	"io"
	"net/http"

	"tourney"
	"tourney/api/gen"
)

// CreateSweep reads a sweep file and starts the sweep.
func (s *Server) CreateSweep(ctx context.Context, req gen.CreateSweepRequestObject) (gen.CreateSweepResponseObject, error) {
	var data []byte
	if req.JSONBody != nil {
		data = *req.JSONBody
	} else {
		var err error
		if data, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	spec, err := tourney.ParseSpec(data, "")
	if err != nil {
		return nil, err
	}
	if err := s.register(ctx, &spec); err != nil {
		return nil, err
	}
	key := ""
	if req.Params.IdempotencyKey != nil {
		key = *req.Params.IdempotencyKey
	}
	sweep, err := s.cfg.Service.CreateSweep(ctx, spec, key)
	if key != "" && errors.Is(err, tourney.ErrConflict) {
		return nil, failf(http.StatusUnprocessableEntity, tourney.ErrConflict,
			"the Idempotency-Key %q was used before with another sweep file; use a new key", key)
	}
	if err != nil {
		return nil, err
	}
	return gen.CreateSweep201JSONResponse{
		Body:    presentSweep(sweep),
		Headers: gen.CreateSweep201ResponseHeaders{Location: "/api/v1/sweeps/" + sweep.ID},
	}, nil
}

// ListSweeps lists sweeps, newest first.
func (s *Server) ListSweeps(ctx context.Context, req gen.ListSweepsRequestObject) (gen.ListSweepsResponseObject, error) {
	sweeps, next, err := s.cfg.Reader.Sweeps(ctx, page(req.Params.Limit, req.Params.Cursor))
	if err != nil {
		return nil, err
	}
	return gen.ListSweeps200JSONResponse{Items: each(sweeps, presentSweep), Next: next}, nil
}

// GetSweep shows a sweep.
func (s *Server) GetSweep(ctx context.Context, req gen.GetSweepRequestObject) (gen.GetSweepResponseObject, error) {
	sweep, err := s.cfg.Reader.Sweep(ctx, req.ID)
	if err != nil {
		return nil, err
	}
	return gen.GetSweep200JSONResponse(presentSweep(sweep)), nil
}

// PauseSweep starts no more jobs of a sweep.
func (s *Server) PauseSweep(ctx context.Context, req gen.PauseSweepRequestObject) (gen.PauseSweepResponseObject, error) {
	sweep, err := s.cfg.Service.Act(ctx, req.ID, tourney.ActionPause)
	if err != nil {
		return nil, err
	}
	return gen.PauseSweep200JSONResponse(presentSweep(sweep)), nil
}

// ResumeSweep goes on with a paused sweep.
func (s *Server) ResumeSweep(ctx context.Context, req gen.ResumeSweepRequestObject) (gen.ResumeSweepResponseObject, error) {
	sweep, err := s.cfg.Service.Act(ctx, req.ID, tourney.ActionResume)
	if err != nil {
		return nil, err
	}
	return gen.ResumeSweep200JSONResponse(presentSweep(sweep)), nil
}

// CancelSweep ends a sweep now.
func (s *Server) CancelSweep(ctx context.Context, req gen.CancelSweepRequestObject) (gen.CancelSweepResponseObject, error) {
	sweep, err := s.cfg.Service.Act(ctx, req.ID, tourney.ActionCancel)
	if err != nil {
		return nil, err
	}
	return gen.CancelSweep200JSONResponse(presentSweep(sweep)), nil
}
