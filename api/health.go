package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"tourney"
	"tourney/api/gen"
)

// GetHealth says that the process answers.
func (s *Server) GetHealth(context.Context, gen.GetHealthRequestObject) (gen.GetHealthResponseObject, error) {
	return gen.GetHealth200JSONResponse{Status: "ok", Version: s.cfg.Version}, nil
}

// GetReady says whether the service can take work. Whatever keeps it from
// that, the answer is 503: it is not the request's fault and may pass.
func (s *Server) GetReady(ctx context.Context, _ gen.GetReadyRequestObject) (gen.GetReadyResponseObject, error) {
	err := s.cfg.Service.Healthy(ctx)
	if err == nil && s.cfg.Ready != nil {
		err = s.cfg.Ready(ctx)
	}
	if err == nil {
		return gen.GetReady200JSONResponse{Status: "ok", Version: s.cfg.Version}, nil
	}
	if !errors.Is(err, tourney.ErrUnavailable) {
		s.log.Warn("not ready", "error", err)
		err = fmt.Errorf("not ready: %w", tourney.ErrUnavailable)
	}
	return nil, err
}

// GetContract returns openapi.yaml.
func (s *Server) GetContract(context.Context, gen.GetContractRequestObject) (gen.GetContractResponseObject, error) {
	return gen.GetContract200ApplicationYamlResponse{Body: bytes.NewReader(contractYAML), ContentLength: int64(len(contractYAML))}, nil
}
