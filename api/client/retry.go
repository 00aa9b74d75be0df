package client

import (
	"context"
	"net/http"

	"tourney"
	"tourney/api/client/gen"
)

// Retry has a failed trial tried again, as a new one. The same key with the same
// trial gives the same answer; key may be empty.
func (c *Client) Retry(ctx context.Context, sweep string, number int, key string) (tourney.Retry, error) {
	return call[tourney.Retry](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.RetryTrial(ctx, sweep, number, &gen.RetryTrialParams{IdempotencyKey: unless(key)})
	})
}
