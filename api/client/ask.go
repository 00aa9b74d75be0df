package client

import (
	"context"
	"net/http"

	"tourney"
	"tourney/api/client/gen"
)

// Ask asks for trials of a sweep with trainer external. The same key gets the
// same trials while they are out; it may be empty.
func (c *Client) Ask(ctx context.Context, sweep string, req tourney.AskRequest, key string) (tourney.AskReply, error) {
	return call[tourney.AskReply](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.AskTrials(ctx, sweep, &gen.AskTrialsParams{IdempotencyKey: unless(key)}, req)
	})
}

// Tell says what came of trials that were asked for. The same may be told again.
func (c *Client) Tell(ctx context.Context, sweep string, tells ...tourney.Tell) ([]tourney.Told, error) {
	reply, err := call[struct {
		Items []tourney.Told `json:"items"`
	}](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.TellTrials(ctx, sweep, gen.TellTrialsJSONRequestBody{Tells: tells})
	})
	return reply.Items, err
}
