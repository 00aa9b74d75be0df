package api

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"time"

	"tourney"
	"tourney/api/gen"
)

// GetTrialLog returns a part of what a trial's program has printed.
func (s *Server) GetTrialLog(ctx context.Context, req gen.GetTrialLogRequestObject) (gen.GetTrialLogResponseObject, error) {
	attempt, from := 0, int64(0)
	if req.Params.Attempt != nil {
		attempt = *req.Params.Attempt
	}
	if req.Params.From != nil {
		from = *req.Params.From
	}
	page, err := s.cfg.Reader.Log(ctx, req.ID, req.N, attempt, from)
	if err != nil {
		return nil, err
	}
	return gen.GetTrialLog200JSONResponse(page), nil
}

// ListArtifacts lists the files that a trial has left.
func (s *Server) ListArtifacts(ctx context.Context, req gen.ListArtifactsRequestObject) (gen.ListArtifactsResponseObject, error) {
	files, err := s.cfg.Reader.Artifacts(ctx, req.ID, req.N)
	if err != nil {
		return nil, err
	}
	return gen.ListArtifacts200JSONResponse{Items: list(files)}, nil
}

// GetArtifact serves a file that a trial has left. Its content is the
// program's: a browser is told to keep it, not to show it.
func (s *Server) GetArtifact(ctx context.Context, req gen.GetArtifactRequestObject) (gen.GetArtifactResponseObject, error) {
	files, err := s.cfg.Reader.Artifacts(ctx, req.ID, req.N)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if f.Name != req.Params.Name {
			continue
		}
		// A worker has named the blob: it must be none that it may not read itself.
		if err := s.cfg.Service.MayRead(ctx, f.SHA256, nil); err != nil {
			return nil, err
		}
		blob, size, err := s.cfg.Blobs.Open(ctx, f.SHA256)
		if err != nil {
			return nil, err
		}
		return &artifactAnswer{blob, size, f}, nil
	}
	return nil, fmt.Errorf("artifact %s of trial %d: %w", quote(req.Params.Name), req.N, tourney.ErrNotFound)
}

// artifactAnswer writes a file.
type artifactAnswer struct {
	blob io.ReadSeekCloser
	size int64
	file tourney.Artifact
}

// VisitGetArtifactResponse writes the answer.
func (a *artifactAnswer) VisitGetArtifactResponse(w http.ResponseWriter) error {
	defer a.blob.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(a.file.Name)}))
	h.Set("Content-Length", strconv.FormatInt(a.size, 10))
	within := writeWithin + time.Duration(a.size/slowest)*time.Second
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(within)) //nolint:errcheck // not every writer has deadlines
	w.WriteHeader(http.StatusOK)
	_, err := io.Copy(w, a.blob)
	return err
}
