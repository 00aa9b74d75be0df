package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"tourney"
	"tourney/api/gen"
)

// CreateSweep reads a sweep file and starts the sweep.
func (s *Server) CreateSweep(ctx context.Context, req gen.CreateSweepRequestObject) (gen.CreateSweepResponseObject, error) {
	data, err := sweepFile(req.JSONBody, req.Body)
	if err != nil {
		return nil, err
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
	if sweep, err = s.awaited(ctx, sweep); err != nil {
		return nil, err
	}
	return gen.CreateSweep201JSONResponse{
		Body:    presentSweep(sweep),
		Headers: gen.CreateSweep201ResponseHeaders{Location: "/api/v1/sweeps/" + sweep.ID},
	}, nil
}

// ValidateSweep says what a sweep would do, or what is wrong with its file.
func (s *Server) ValidateSweep(ctx context.Context, req gen.ValidateSweepRequestObject) (gen.ValidateSweepResponseObject, error) {
	data, err := sweepFile(req.JSONBody, req.Body)
	if err != nil {
		return nil, err
	}
	spec, err := tourney.ParseSpec(data, "")
	if err == nil && strings.Contains(spec.Dataset, "/") {
		err = tourney.Invalid("dataset", "is a path or a URL, and nothing is registered to validate a sweep: register it first, or create the sweep")
	}
	var forecast tourney.Forecast
	if err == nil {
		forecast, err = s.cfg.Service.Forecast(ctx, spec)
	}
	if inv := tourney.AsInvalid(err); inv != nil {
		forecast, err = tourney.Forecast{Errors: inv.Fields}, nil
	}
	if err != nil {
		return nil, err
	}
	for _, key := range spec.Ignored {
		forecast.Warnings = append(forecast.Warnings, tourney.FieldError{Path: key, Message: "means nothing here and is ignored"})
	}
	forecast.Errors, forecast.Warnings = list(forecast.Errors), list(forecast.Warnings)
	return gen.ValidateSweep200JSONResponse(forecast), nil
}

// sweepFile reads a sweep file from a body, JSON or YAML.
func sweepFile(asJSON *json.RawMessage, body io.Reader) ([]byte, error) {
	if asJSON != nil {
		return *asJSON, nil
	}
	return io.ReadAll(body)
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
	if err == nil {
		sweep, err = s.awaited(ctx, sweep)
	}
	if err != nil {
		return nil, err
	}
	return gen.GetSweep200JSONResponse{Body: presentSweep(sweep), Headers: gen.GetSweep200ResponseHeaders{ETag: etag(sweep)}}, nil
}

// PauseSweep starts no more jobs of a sweep.
func (s *Server) PauseSweep(ctx context.Context, req gen.PauseSweepRequestObject) (gen.PauseSweepResponseObject, error) {
	sweep, err := s.act(ctx, req.ID, tourney.ActionPause)
	if err != nil {
		return nil, err
	}
	return gen.PauseSweep200JSONResponse(presentSweep(sweep)), nil
}

// ResumeSweep goes on with a paused sweep.
func (s *Server) ResumeSweep(ctx context.Context, req gen.ResumeSweepRequestObject) (gen.ResumeSweepResponseObject, error) {
	sweep, err := s.act(ctx, req.ID, tourney.ActionResume)
	if err != nil {
		return nil, err
	}
	return gen.ResumeSweep200JSONResponse(presentSweep(sweep)), nil
}

// CancelSweep ends a sweep now.
func (s *Server) CancelSweep(ctx context.Context, req gen.CancelSweepRequestObject) (gen.CancelSweepResponseObject, error) {
	sweep, err := s.act(ctx, req.ID, tourney.ActionCancel)
	if err != nil {
		return nil, err
	}
	return gen.CancelSweep200JSONResponse(presentSweep(sweep)), nil
}

func (s *Server) act(ctx context.Context, id string, action tourney.Action) (tourney.Sweep, error) {
	sweep, err := s.cfg.Service.Act(ctx, id, action)
	if err != nil {
		return sweep, err
	}
	return s.awaited(ctx, sweep)
}
