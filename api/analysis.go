package api

import (
	"context"
	"strconv"
	"strings"

	"tourney"
	"tourney/api/gen"
)

// GetImportance says how much each parameter of a sweep matters.
func (s *Server) GetImportance(ctx context.Context, req gen.GetImportanceRequestObject) (gen.GetImportanceResponseObject, error) {
	p := req.Params
	trials, err := numbers(value(p.Trials))
	if err != nil {
		return nil, err
	}
	found, err := s.cfg.Service.Importance(ctx, req.ID, tourney.ImportanceRequest{
		Method: string(value(p.Method)), Metric: value(p.Metric), Trials: trials, Pairs: value(p.Pairs),
	})
	if err != nil {
		return nil, err
	}
	return gen.GetImportance200JSONResponse(found), nil
}

// numbers reads a list of numbers and ranges of them, as 0,3,10-20.
func numbers(text string) ([]int, error) {
	if text == "" {
		return nil, nil
	}
	var list []int
	for part := range strings.SplitSeq(text, ",") {
		first, last, ranged := strings.Cut(part, "-")
		if !ranged {
			last = first
		}
		from, err := strconv.Atoi(first)
		to, errTo := strconv.Atoi(last)
		if err != nil || errTo != nil || from > to || to >= tourney.MaxTrials || len(list)+to-from >= tourney.MaxTrials {
			return nil, tourney.Invalid("trials", "%q is no trial nor a range of trials; write 0,3,10-20", part)
		}
		for n := from; n <= to; n++ {
			list = append(list, n)
		}
	}
	return list, nil
}

// GetPareto returns the trials that none is better than in every objective.
func (s *Server) GetPareto(ctx context.Context, req gen.GetParetoRequestObject) (gen.GetParetoResponseObject, error) {
	front, err := s.cfg.Service.Pareto(ctx, req.ID)
	if err != nil {
		return nil, err
	}
	front.Trials = each(front.Trials, presentTrial)
	return gen.GetPareto200JSONResponse(front), nil
}
