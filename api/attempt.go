package api

import (
	"context"

	"tourney"
	"tourney/api/gen"
)

// ListAttempts lists where a trial ran.
func (s *Server) ListAttempts(ctx context.Context, req gen.ListAttemptsRequestObject) (gen.ListAttemptsResponseObject, error) {
	attempts, err := s.cfg.Reader.Attempts(ctx, req.ID, req.N)
	if err != nil {
		return nil, err
	}
	return gen.ListAttempts200JSONResponse{Items: each(attempts, presentAttempt)}, nil
}

func presentAttempt(a tourney.Attempt) tourney.Attempt {
	a.Started, a.Ended = a.Started.UTC(), utc(a.Ended)
	return a
}
