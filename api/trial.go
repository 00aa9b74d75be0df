package api

import (
	"context"
	"time"

	"tourney/api/gen"
)

// defaultHistory is the most points of a history, unless the request says.
const defaultHistory = 2000

// GetLeaderboard lists the trials of a sweep, best first.
func (s *Server) GetLeaderboard(ctx context.Context, req gen.GetLeaderboardRequestObject) (gen.GetLeaderboardResponseObject, error) {
	sweep, err := s.cfg.Reader.Sweep(ctx, req.ID)
	if err != nil {
		return nil, err
	}
	trials, next, err := s.cfg.Reader.Leaderboard(ctx, req.ID, page(req.Params.Limit, req.Params.Cursor))
	if err != nil {
		return nil, err
	}
	return gen.GetLeaderboard200JSONResponse{Metric: sweep.Spec.Metric, Items: each(trials, presentTrial), Next: next}, nil
}

// ListTrials lists the trials of a sweep by number.
func (s *Server) ListTrials(ctx context.Context, req gen.ListTrialsRequestObject) (gen.ListTrialsResponseObject, error) {
	trials, next, err := s.cfg.Reader.Trials(ctx, req.ID, page(req.Params.Limit, req.Params.Cursor))
	if err != nil {
		return nil, err
	}
	return gen.ListTrials200JSONResponse{Items: each(trials, presentTrial), Next: next}, nil
}

// GetTrial shows a trial.
func (s *Server) GetTrial(ctx context.Context, req gen.GetTrialRequestObject) (gen.GetTrialResponseObject, error) {
	trial, err := s.cfg.Reader.Trial(ctx, req.ID, req.N)
	if err != nil {
		return nil, err
	}
	return gen.GetTrial200JSONResponse(presentTrial(trial)), nil
}

// GetTrialMetrics returns the learning curve of a trial.
func (s *Server) GetTrialMetrics(ctx context.Context, req gen.GetTrialMetricsRequestObject) (gen.GetTrialMetricsResponseObject, error) {
	points, err := s.cfg.Reader.Points(ctx, req.ID, req.N)
	if err != nil {
		return nil, err
	}
	return gen.GetTrialMetrics200JSONResponse{Items: each(points, presentPoint)}, nil
}

// GetHistory returns the reports of a sweep in columns: a tenth of the bytes
// of objects, and what charts want.
func (s *Server) GetHistory(ctx context.Context, req gen.GetHistoryRequestObject) (gen.GetHistoryResponseObject, error) {
	limit := defaultHistory
	if req.Params.Limit != nil {
		limit = *req.Params.Limit
	}
	points, err := s.cfg.Reader.History(ctx, req.ID, limit)
	if err != nil {
		return nil, err
	}
	n := len(points)
	h := gen.GetHistory200JSONResponse{
		At: make([]time.Time, n), Trial: make([]int, n), Rung: make([]int, n), Step: make([]int, n),
		Value: make([]float64, n), Best: make([]float64, n),
	}
	for i, p := range points {
		h.At[i], h.Trial[i], h.Rung[i], h.Step[i], h.Value[i], h.Best[i] = p.At.UTC(), p.Trial, p.Rung, p.Step, p.Value, p.Best
	}
	return h, nil
}
