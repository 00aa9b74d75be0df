package coordinator

import (
	"context"

	"tourney"
	"tourney/search"
)

// Importance says how much each parameter of a sweep mattered. What is wrong
// with the request is a *tourney.InvalidError.
func (c *Coordinator) Importance(ctx context.Context, sweep string, req tourney.ImportanceRequest) (tourney.Importance, error) {
	row, trials, err := c.trialsOf(ctx, sweep)
	if err != nil {
		return tourney.Importance{}, err
	}
	return search.Importance(row.Spec, trials, req)
}

// Pareto returns the trials of a sweep that none is better than in every
// objective.
func (c *Coordinator) Pareto(ctx context.Context, sweep string) (tourney.Front, error) {
	row, trials, err := c.trialsOf(ctx, sweep)
	if err != nil {
		return tourney.Front{}, err
	}
	return search.Pareto(row.Spec, trials), nil
}

// trialsOf returns a sweep and all its trials, in the order of the board.
func (c *Coordinator) trialsOf(ctx context.Context, sweep string) (tourney.Sweep, []tourney.Trial, error) {
	row, err := c.cfg.Store.Sweep(ctx, sweep)
	if err != nil {
		return row, nil, err
	}
	var trials []tourney.Trial
	page := tourney.Page{Limit: tourney.MaxPage}
	for {
		rows, next, err := c.cfg.Store.Leaderboard(ctx, sweep, page)
		if err != nil {
			return row, nil, err
		}
		trials = append(trials, rows...)
		if next == "" {
			return row, trials, nil
		}
		page.Cursor = next
	}
}
