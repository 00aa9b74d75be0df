package client

import (
	"context"
	"net/http"

	"tourney"
	"tourney/api/client/gen"
)

// Enrol takes part as a worker.
func (c *Client) Enrol(ctx context.Context, req tourney.EnrolRequest) (tourney.Enrolment, error) {
	return call[tourney.Enrolment](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.rest.EnrolWorker(ctx, req) })
}

// Drain has a worker leave: give back what it trains, or finish it. It returns
// tourney.ErrNotFound, and tourney.ErrConflict if it is gone.
func (c *Client) Drain(ctx context.Context, worker string, mode tourney.Drain) (tourney.Worker, error) {
	how := gen.DrainRequestMode(mode)
	return call[tourney.Worker](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.DrainWorker(ctx, worker, gen.DrainRequest{Mode: &how})
	})
}

// Lifetimes says how long workers last, by pool.
func (c *Client) Lifetimes(ctx context.Context) ([]tourney.Lifetime, error) {
	list, err := call[gen.WorkerList](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.rest.ListWorkers(ctx) })
	return list.Lifetimes, err
}

// Workers lists the workers heard of in the last hour, newest first.
func (c *Client) Workers(ctx context.Context) ([]tourney.Worker, error) {
	list, err := call[gen.WorkerList](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.rest.ListWorkers(ctx) })
	return list.Items, err
}
