package client

import (
	"context"
	"iter"
	"net/http"

	"tourney"
	"tourney/api/client/gen"
)

// Leaderboard lists the trials of a sweep, best first.
func (c *Client) Leaderboard(ctx context.Context, sweep string) iter.Seq2[tourney.Trial, error] {
	return pages(func(limit int, cursor *string) ([]tourney.Trial, string, error) {
		list, err := call[gen.Leaderboard](ctx, c, func(ctx context.Context) (*http.Response, error) {
			return c.rest.GetLeaderboard(ctx, sweep, &gen.GetLeaderboardParams{Limit: &limit, Cursor: cursor})
		})
		return list.Items, list.Next, err
	})
}

// Trials lists the trials of a sweep by number.
func (c *Client) Trials(ctx context.Context, sweep string) iter.Seq2[tourney.Trial, error] {
	return pages(func(limit int, cursor *string) ([]tourney.Trial, string, error) {
		list, err := call[gen.TrialList](ctx, c, func(ctx context.Context) (*http.Response, error) {
			return c.rest.ListTrials(ctx, sweep, &gen.ListTrialsParams{Limit: &limit, Cursor: cursor})
		})
		return list.Items, list.Next, err
	})
}

// Trial returns one trial.
func (c *Client) Trial(ctx context.Context, sweep string, number int) (tourney.Trial, error) {
	return call[tourney.Trial](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.rest.GetTrial(ctx, sweep, number) })
}

// Points returns the learning curve of a trial, by step.
func (c *Client) Points(ctx context.Context, sweep string, number int) ([]tourney.Point, error) {
	list, err := call[gen.PointList](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.GetTrialMetrics(ctx, sweep, number)
	})
	return list.Items, err
}
