package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"tourney"
	"tourney/api/gen"
)

// GetTrialAppraisal serves how the model that a trial leaves did on the sealed
// test rows.
func (s *Server) GetTrialAppraisal(ctx context.Context, req gen.GetTrialAppraisalRequestObject) (gen.GetTrialAppraisalResponseObject, error) {
	if _, err := s.cfg.Reader.Trial(ctx, req.ID, req.N); err != nil {
		return nil, err
	}
	models, err := s.models(ctx, req.ID)
	if err != nil {
		return nil, err
	}
	for _, j := range models {
		if j.Trial != req.N {
			continue
		}
		body, err := s.openModel(ctx, j.Checkpoint)
		if err != nil {
			return nil, err
		}
		a, err := readAppraisal(body)
		if err := errors.Join(err, body.Close()); err != nil {
			return nil, err
		}
		if a != nil {
			return gen.GetTrialAppraisal200JSONResponse(*a), nil
		}
		return nil, failf(http.StatusNotFound, tourney.ErrNotFound, "the model of trial %d of sweep %s was not appraised: it is of an older version", req.N, req.ID)
	}
	return nil, failf(http.StatusNotFound, tourney.ErrNotFound, "trial %d of sweep %s has no model, and so nothing that could be appraised", req.N, req.ID)
}

// readAppraisal finds the appraisal in a model document, or returns nil if it
// has none. It stands before the model, which may be long and is not read.
func readAppraisal(r io.Reader) (*tourney.Appraisal, error) {
	d := json.NewDecoder(r)
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("read appraisal: %w", err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("read appraisal: %w", err)
		}
		switch key {
		case "appraisal":
			a := &tourney.Appraisal{}
			if err := d.Decode(a); err != nil {
				return nil, fmt.Errorf("read appraisal: %w", err)
			}
			return a, nil
		case "model":
			return nil, nil
		}
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			return nil, fmt.Errorf("read appraisal: %w", err)
		}
	}
	return nil, nil
}
