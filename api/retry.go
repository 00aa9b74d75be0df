package api

import (
	"context"
	"fmt"

	"tourney"
	"tourney/api/gen"
)

// RetryTrial has a failed trial tried again, as a new one.
func (s *Server) RetryTrial(ctx context.Context, req gen.RetryTrialRequestObject) (gen.RetryTrialResponseObject, error) {
	k, err := keyOf(ctx, "retryTrial", req.Params.IdempotencyKey, false, req.ID, req.N)
	if err != nil {
		return nil, err
	}
	retry, err := once(ctx, s, k, func() (tourney.Retry, bool, error) {
		retry, err := s.cfg.Service.Retry(ctx, req.ID, req.N)
		return retry, false, err
	})
	if err != nil {
		return nil, err
	}
	return gen.RetryTrial202JSONResponse{
		Body:    retry,
		Headers: gen.RetryTrial202ResponseHeaders{Location: fmt.Sprintf("/api/v1/sweeps/%s/trials/%d", req.ID, retry.Trial)},
	}, nil
}
