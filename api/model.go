package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tourney"
	"tourney/api/gen"
)

// ListModels lists the trials of a sweep that leave a model.
func (s *Server) ListModels(ctx context.Context, req gen.ListModelsRequestObject) (gen.ListModelsResponseObject, error) {
	models, err := s.models(ctx, req.ID)
	if err != nil {
		return nil, err
	}
	list := gen.ListModels200JSONResponse{Items: make([]gen.ModelInfo, len(models))}
	for i, j := range models {
		list.Items[i] = gen.ModelInfo{Trial: j.Trial, Step: j.Checkpoint.Step, Bytes: j.Checkpoint.Size}
	}
	return list, nil
}

// GetTrialModel serves the model that a trial leaves.
func (s *Server) GetTrialModel(ctx context.Context, req gen.GetTrialModelRequestObject) (gen.GetTrialModelResponseObject, error) {
	if _, err := s.cfg.Reader.Trial(ctx, req.ID, req.N); err != nil {
		return nil, err
	}
	models, err := s.models(ctx, req.ID)
	if err != nil {
		return nil, err
	}
	var others []string
	for _, j := range models {
		if j.Trial == req.N {
			body, err := s.openModel(ctx, j.Checkpoint)
			if err != nil {
				return nil, err
			}
			return &modelAnswer{body: body, size: j.Checkpoint.Size}, nil
		}
		others = append(others, strconv.Itoa(j.Trial))
	}
	detail := "none of its trials has: a sweep that is completed has the model of its finalist"
	if len(others) > 0 {
		detail = "of its trials " + strings.Join(others, ", ") + " has"
	}
	return nil, failf(http.StatusNotFound, tourney.ErrNotFound, "trial %d of sweep %s has no model; %s", req.N, req.ID, detail)
}

// models returns the final jobs of a sweep that have left a model.
func (s *Server) models(ctx context.Context, sweep string) ([]tourney.JobRow, error) {
	jobs, err := s.cfg.Reader.FinalJobs(ctx, sweep)
	if err != nil {
		return nil, err
	}
	var out []tourney.JobRow
	for _, j := range jobs {
		if j.Checkpoint == nil {
			continue
		}
		body, err := s.openModel(ctx, j.Checkpoint)
		if errors.Is(err, tourney.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := body.Close(); err != nil {
			return nil, err
		}
		out = append(out, j)
	}
	return out, nil
}

// openModel opens a model. What is in its place is tourney.ErrNotFound if it is
// none, as the states that final jobs left before there were models, and those
// of a job that failed.
func (s *Server) openModel(ctx context.Context, c *tourney.Checkpoint) (io.ReadCloser, error) {
	blob, size, err := s.cfg.Blobs.Open(ctx, c.Blob)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	none := func(err error) (io.ReadCloser, error) {
		return nil, errors.Join(fmt.Errorf("open model: %w", err), blob.Close())
	}
	if c.Offset < 0 || c.Size < 1 || c.Offset > size-c.Size {
		return none(fmt.Errorf("%w: blob %s has %d bytes", tourney.ErrNotFound, c.Blob, size))
	}
	if _, err := blob.Seek(c.Offset, io.SeekStart); err != nil {
		return none(err)
	}
	r := bufio.NewReader(io.LimitReader(blob, c.Size))
	head, err := r.Peek(1)
	if err != nil {
		return none(err)
	}
	if head[0] != '{' {
		return none(fmt.Errorf("%w: the job left a state", tourney.ErrNotFound))
	}
	return struct {
		io.Reader
		io.Closer
	}{r, blob}, nil
}

// modelAnswer writes a model as it is stored.
type modelAnswer struct {
	body io.ReadCloser
	size int64
}

// VisitGetTrialModelResponse writes the answer.
func (a *modelAnswer) VisitGetTrialModelResponse(w http.ResponseWriter) error {
	defer a.body.Close()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.FormatInt(a.size, 10))
	within := writeWithin + time.Duration(a.size/slowest)*time.Second
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(within)) //nolint:errcheck // not every writer has deadlines
	w.WriteHeader(http.StatusOK)
	_, err := io.Copy(w, a.body)
	return err
}
