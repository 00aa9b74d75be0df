package api

import (
	"context"
	"time"

	"tourney"
	"tourney/api/gen"
)

// defaultHistory is the most points of a history, unless the request says.
const defaultHistory = 2000

// GetLeaderboard lists the trials of a sweep, best first.
func (s *Server) GetLeaderboard(ctx context.Context, req gen.GetLeaderboardRequestObject) (gen.GetLeaderboardResponseObject, error) {
	metric, err := s.metricOf(ctx, req.ID)
	if err != nil {
		return nil, err
	}
	p := page(req.Params.Limit, req.Params.Cursor)
	if p.Where, err = tourney.ParseTrialFilter(value(req.Params.Filter)); err != nil {
		return nil, err
	}
	trials, next, err := s.cfg.Reader.Leaderboard(ctx, req.ID, p)
	if err != nil {
		return nil, err
	}
	return gen.GetLeaderboard200JSONResponse{Metric: metric, Items: each(trials, presentTrial), Next: next}, nil
}

// maxMetrics is how many sweeps' metrics are kept in mind.
const maxMetrics = 4096

// metricOf returns the metric of a sweep, which never changes: reading a sweep
// for it would cost more than a page of its board.
func (s *Server) metricOf(ctx context.Context, id string) (tourney.Metric, error) {
	s.metricsMu.Lock()
	metric, ok := s.metrics[id]
	s.metricsMu.Unlock()
	if ok {
		return metric, nil // whether the sweep is still there the board says
	}
	sweep, err := s.cfg.Reader.Sweep(ctx, id)
	if err != nil {
		return tourney.Metric{}, err
	}
	s.metricsMu.Lock()
	defer s.metricsMu.Unlock()
	if s.metrics == nil || len(s.metrics) >= maxMetrics {
		s.metrics = map[string]tourney.Metric{}
	}
	s.metrics[id] = sweep.Spec.Metric
	return sweep.Spec.Metric, nil
}

// ListTrials lists the trials of a sweep by number, or as sort says.
func (s *Server) ListTrials(ctx context.Context, req gen.ListTrialsRequestObject) (gen.ListTrialsResponseObject, error) {
	p := page(req.Params.Limit, req.Params.Cursor)
	p.Sort = tourney.TrialSort(value(req.Params.Sort))
	var err error
	if p.Where, err = tourney.ParseTrialFilter(value(req.Params.Filter)); err != nil {
		return nil, err
	}
	trials, next, err := s.cfg.Reader.Trials(ctx, req.ID, p)
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

// ListRungs says how many trials each rung of a sweep has seen.
func (s *Server) ListRungs(ctx context.Context, req gen.ListRungsRequestObject) (gen.ListRungsResponseObject, error) {
	rungs, err := s.cfg.Reader.Rungs(ctx, req.ID)
	if err != nil {
		return nil, err
	}
	return gen.ListRungs200JSONResponse{Items: list(rungs)}, nil
}
