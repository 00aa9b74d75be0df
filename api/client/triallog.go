package client

import (
	"context"
	"net/http"

	"tourney"
	"tourney/api/client/gen"
)

// Log returns a part of what a trial's program has printed, from an offset on.
// Attempt 0 is the last one that has printed anything.
func (c *Client) Log(ctx context.Context, sweep string, number, attempt int, from int64) (tourney.LogPage, error) {
	params := &gen.GetTrialLogParams{From: &from}
	if attempt > 0 {
		params.Attempt = &attempt
	}
	return call[tourney.LogPage](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.GetTrialLog(ctx, sweep, number, params)
	})
}

// Artifacts lists the files that a trial has left, by name.
func (c *Client) Artifacts(ctx context.Context, sweep string, number int) ([]tourney.Artifact, error) {
	list, err := call[gen.ArtifactList](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.ListArtifacts(ctx, sweep, number)
	})
	return list.Items, err
}
