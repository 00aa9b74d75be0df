package client

import (
	"context"
	"encoding/json"
	"net/http"

	"tourney/api/client/gen"
)

// ModelInfo says which trial has a model.
type ModelInfo = gen.ModelInfo

// Models lists the trials of a sweep that leave a model, by number.
func (c *Client) Models(ctx context.Context, sweep string) ([]ModelInfo, error) {
	list, err := call[gen.ModelList](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.rest.ListModels(ctx, sweep) })
	return list.Items, err
}

// Model returns the document of the model that a trial leaves.
func (c *Client) Model(ctx context.Context, sweep string, number int) (json.RawMessage, error) {
	return receive[json.RawMessage](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.GetTrialModel(ctx, sweep, number)
	})
}
