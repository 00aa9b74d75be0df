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

// Workers lists the workers heard of in the last hour, newest first.
func (c *Client) Workers(ctx context.Context) ([]tourney.Worker, error) {
	list, err := call[gen.WorkerList](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.rest.ListWorkers(ctx) })
	return list.Items, err
}
