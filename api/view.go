package api

import (
	"context"
	"net/http"

	"tourney"
	"tourney/api/gen"
)

// Views reduces a sweep's trials to what charts show. All of them return
// tourney.ErrNotFound, and a *tourney.InvalidError for a request that names
// what is not there.
type Views interface {
	// ViewTable returns a stretch of the trials of a selection, in some order.
	ViewTable(ctx context.Context, sweep string, req tourney.ViewRequest) (tourney.ViewTable, error)
	// ViewParallel samples trials for parallel coordinates.
	ViewParallel(ctx context.Context, sweep string, req tourney.ViewRequest) (tourney.ViewParallel, error)
	// ViewSlice returns values over one axis.
	ViewSlice(ctx context.Context, sweep string, req tourney.ViewRequest) (tourney.ViewSlice, error)
	// ViewContour returns values over two axes, in cells.
	ViewContour(ctx context.Context, sweep string, req tourney.ViewRequest) (tourney.ViewContour, error)
	// ViewCurves returns learning curves of some trials.
	ViewCurves(ctx context.Context, sweep string, req tourney.ViewRequest) (tourney.ViewCurves, error)
	// ViewDistribution returns the empirical distribution of values.
	ViewDistribution(ctx context.Context, sweep string, req tourney.ViewRequest) (tourney.ViewDistribution, error)
	// ViewFailures groups trials that failed by what went wrong.
	ViewFailures(ctx context.Context, sweep string, req tourney.ViewRequest) (tourney.ViewFailures, error)
	// ViewTimeline returns what workers did when.
	ViewTimeline(ctx context.Context, sweep string, req tourney.ViewRequest) (tourney.ViewTimeline, error)
	// ViewBracket returns a tournament as rounds.
	ViewBracket(ctx context.Context, sweep string, req tourney.ViewRequest) (tourney.ViewBracket, error)
	// ViewProgress returns how fast a sweep goes and what it has cost.
	ViewProgress(ctx context.Context, sweep string, req tourney.ViewRequest) (tourney.ViewProgress, error)
}

// selected reads the selection of a request for a view.
func (s *Server) selected(where *gen.Where) (tourney.ViewRequest, error) {
	clauses, err := tourney.ParseWhere(value(where))
	return tourney.ViewRequest{Where: clauses, Price: s.cfg.PricePerHour}, err
}

// view asks for a view and has present make an answer of it.
func view[V, A any](ctx context.Context, sweep string, req tourney.ViewRequest, look func(context.Context, string, tourney.ViewRequest) (V, error), present func(V) A) (answer A, err error) {
	v, err := look(ctx, sweep, req)
	if err != nil {
		return answer, err
	}
	return present(v), nil
}

// ViewTable returns a stretch of the trials of a selection.
func (s *Server) ViewTable(ctx context.Context, req gen.ViewTableRequestObject) (gen.ViewTableResponseObject, error) {
	r, err := s.selected(req.Params.Where)
	if err != nil {
		return nil, err
	}
	r.Sort, r.Offset, r.Limit = value(req.Params.Sort), value(req.Params.Offset), value(req.Params.Limit)
	return view(ctx, req.ID, r, s.cfg.Views.ViewTable, func(v tourney.ViewTable) gen.ViewTableResponseObject {
		v.Items = each(v.Items, presentTrial)
		return gen.ViewTable200JSONResponse(v)
	})
}

// ViewParallel samples trials for parallel coordinates.
func (s *Server) ViewParallel(ctx context.Context, req gen.ViewParallelRequestObject) (gen.ViewParallelResponseObject, error) {
	r, err := s.selected(req.Params.Where)
	if err != nil {
		return nil, err
	}
	r.Limit = value(req.Params.Limit)
	return view(ctx, req.ID, r, s.cfg.Views.ViewParallel, func(v tourney.ViewParallel) gen.ViewParallelResponseObject {
		return gen.ViewParallel200JSONResponse(v)
	})
}

// ViewSlice returns values over one parameter.
func (s *Server) ViewSlice(ctx context.Context, req gen.ViewSliceRequestObject) (gen.ViewSliceResponseObject, error) {
	r, err := s.selected(req.Params.Where)
	if err != nil {
		return nil, err
	}
	r.Axis = req.Params.Axis
	return view(ctx, req.ID, r, s.cfg.Views.ViewSlice, func(v tourney.ViewSlice) gen.ViewSliceResponseObject {
		return gen.ViewSlice200JSONResponse(v)
	})
}

// ViewContour returns values over two parameters.
func (s *Server) ViewContour(ctx context.Context, req gen.ViewContourRequestObject) (gen.ViewContourResponseObject, error) {
	r, err := s.selected(req.Params.Where)
	if err != nil {
		return nil, err
	}
	r.Axis, r.Other = req.Params.X, req.Params.Y
	return view(ctx, req.ID, r, s.cfg.Views.ViewContour, func(v tourney.ViewContour) gen.ViewContourResponseObject {
		return gen.ViewContour200JSONResponse(v)
	})
}

// ViewCurves returns learning curves.
func (s *Server) ViewCurves(ctx context.Context, req gen.ViewCurvesRequestObject) (gen.ViewCurvesResponseObject, error) {
	r, err := s.selected(req.Params.Where)
	if err != nil {
		return nil, err
	}
	r.Metric, r.Pick, r.Limit = value(req.Params.Metric), string(value(req.Params.Pick)), value(req.Params.Limit)
	return view(ctx, req.ID, r, s.cfg.Views.ViewCurves, func(v tourney.ViewCurves) gen.ViewCurvesResponseObject {
		return gen.ViewCurves200JSONResponse(v)
	})
}

// ViewDistribution returns the empirical distribution of values.
func (s *Server) ViewDistribution(ctx context.Context, req gen.ViewDistributionRequestObject) (gen.ViewDistributionResponseObject, error) {
	r, err := s.selected(req.Params.Where)
	if err != nil {
		return nil, err
	}
	return view(ctx, req.ID, r, s.cfg.Views.ViewDistribution, func(v tourney.ViewDistribution) gen.ViewDistributionResponseObject {
		return gen.ViewDistribution200JSONResponse(v)
	})
}

// ViewFailures groups trials that failed by what went wrong.
func (s *Server) ViewFailures(ctx context.Context, req gen.ViewFailuresRequestObject) (gen.ViewFailuresResponseObject, error) {
	r, err := s.selected(req.Params.Where)
	if err != nil {
		return nil, err
	}
	return view(ctx, req.ID, r, s.cfg.Views.ViewFailures, func(v tourney.ViewFailures) gen.ViewFailuresResponseObject {
		return gen.ViewFailures200JSONResponse(v)
	})
}

// ViewTimeline returns what workers did when.
func (s *Server) ViewTimeline(ctx context.Context, req gen.ViewTimelineRequestObject) (gen.ViewTimelineResponseObject, error) {
	return view(ctx, req.ID, tourney.ViewRequest{}, s.cfg.Views.ViewTimeline, func(v tourney.ViewTimeline) gen.ViewTimelineResponseObject {
		return gen.ViewTimeline200JSONResponse(v)
	})
}

// ViewBracket returns a tournament as rounds.
func (s *Server) ViewBracket(ctx context.Context, req gen.ViewBracketRequestObject) (gen.ViewBracketResponseObject, error) {
	return view(ctx, req.ID, tourney.ViewRequest{}, s.cfg.Views.ViewBracket, func(v tourney.ViewBracket) gen.ViewBracketResponseObject {
		return gen.ViewBracket200JSONResponse(v)
	})
}

// ViewProgress returns how fast a sweep goes and what it has cost.
func (s *Server) ViewProgress(ctx context.Context, req gen.ViewProgressRequestObject) (gen.ViewProgressResponseObject, error) {
	return view(ctx, req.ID, tourney.ViewRequest{Price: s.cfg.PricePerHour}, s.cfg.Views.ViewProgress, func(v tourney.ViewProgress) gen.ViewProgressResponseObject {
		return gen.ViewProgress200JSONResponse(v)
	})
}

// noViews is what a server is given that has no views: no sweep is known to it.
type noViews struct{}

func none(sweep string) error {
	return failf(http.StatusNotFound, tourney.ErrNotFound, "this server has no views of sweep %s", sweep)
}

func (noViews) ViewTable(_ context.Context, id string, _ tourney.ViewRequest) (tourney.ViewTable, error) {
	return tourney.ViewTable{}, none(id)
}

func (noViews) ViewParallel(_ context.Context, id string, _ tourney.ViewRequest) (tourney.ViewParallel, error) {
	return tourney.ViewParallel{}, none(id)
}

func (noViews) ViewSlice(_ context.Context, id string, _ tourney.ViewRequest) (tourney.ViewSlice, error) {
	return tourney.ViewSlice{}, none(id)
}

func (noViews) ViewContour(_ context.Context, id string, _ tourney.ViewRequest) (tourney.ViewContour, error) {
	return tourney.ViewContour{}, none(id)
}

func (noViews) ViewCurves(_ context.Context, id string, _ tourney.ViewRequest) (tourney.ViewCurves, error) {
	return tourney.ViewCurves{}, none(id)
}

func (noViews) ViewDistribution(_ context.Context, id string, _ tourney.ViewRequest) (tourney.ViewDistribution, error) {
	return tourney.ViewDistribution{}, none(id)
}

func (noViews) ViewFailures(_ context.Context, id string, _ tourney.ViewRequest) (tourney.ViewFailures, error) {
	return tourney.ViewFailures{}, none(id)
}

func (noViews) ViewTimeline(_ context.Context, id string, _ tourney.ViewRequest) (tourney.ViewTimeline, error) {
	return tourney.ViewTimeline{}, none(id)
}

func (noViews) ViewBracket(_ context.Context, id string, _ tourney.ViewRequest) (tourney.ViewBracket, error) {
	return tourney.ViewBracket{}, none(id)
}

func (noViews) ViewProgress(_ context.Context, id string, _ tourney.ViewRequest) (tourney.ViewProgress, error) {
	return tourney.ViewProgress{}, none(id)
}
