package api

import (
	"context"

	"tourney/api/gen"
)

// ListTrainers lists the trainers that sweeps may name.
func (s *Server) ListTrainers(context.Context, gen.ListTrainersRequestObject) (gen.ListTrainersResponseObject, error) {
	return gen.ListTrainers200JSONResponse{Items: list(s.cfg.Trainers)}, nil
}
