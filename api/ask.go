package api

import (
	"context"
	"errors"
	"net/http"

	"tourney"
	"tourney/api/gen"
)

// asksAndTells are the operations of loops that train trials themselves. They
// come many a second, and the sweep's own log says what they did: so they have
// a rate of their own, and no line in the audit.
var asksAndTells = map[string]bool{"askTrials": true, "tellTrials": true}

// askRate is how much more often than others those operations may be called.
const askRate = 20

// AskTrials gives out trials of a sweep that are trained outside.
func (s *Server) AskTrials(ctx context.Context, req gen.AskTrialsRequestObject) (gen.AskTrialsResponseObject, error) {
	key := ""
	if req.Params.IdempotencyKey != nil {
		key = *req.Params.IdempotencyKey
	}
	reply, err := s.cfg.Service.Ask(ctx, req.ID, *req.Body, key)
	if errors.Is(err, tourney.ErrKeyUsed) {
		return nil, failf(http.StatusUnprocessableEntity, tourney.ErrConflict,
			"the Idempotency-Key %q was used before to ask for something else; use a new key", key)
	}
	if err != nil {
		return nil, err
	}
	reply.Trials = list(reply.Trials)
	return gen.AskTrials200JSONResponse(reply), nil
}

// TellTrials takes in what came of them.
func (s *Server) TellTrials(ctx context.Context, req gen.TellTrialsRequestObject) (gen.TellTrialsResponseObject, error) {
	if len(req.Body.Tells) == 0 {
		return nil, tourney.Invalid("tells", "is empty: tell of one trial at least")
	}
	told, err := s.cfg.Service.Tell(ctx, req.ID, req.Body.Tells)
	if err != nil {
		return nil, err
	}
	return gen.TellTrials200JSONResponse{Items: list(told)}, nil
}
