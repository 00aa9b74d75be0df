package client

import (
	"bytes"
	"context"
	"iter"
	"net/http"
	"strconv"
	"strings"

	"tourney"
	"tourney/api/client/gen"
)

// CreateSweep starts the sweep that a sweep file, YAML or JSON, describes. The
// same key with the same file returns the sweep that it created before; key
// may be empty.
func (c *Client) CreateSweep(ctx context.Context, file []byte, key string) (tourney.Sweep, error) {
	params := &gen.CreateSweepParams{}
	if key != "" {
		params.IdempotencyKey = &key
	}
	return call[tourney.Sweep](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.CreateSweepWithBody(ctx, params, "application/yaml", bytes.NewReader(file))
	})
}

// Validate says what the sweep that a sweep file describes would do. Nothing is
// created.
func (c *Client) Validate(ctx context.Context, file []byte) (tourney.Forecast, error) {
	return call[tourney.Forecast](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.ValidateSweepWithBody(ctx, "application/yaml", bytes.NewReader(file))
	})
}

// Sweep returns a sweep.
func (c *Client) Sweep(ctx context.Context, id string) (tourney.Sweep, error) {
	return call[tourney.Sweep](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.GetSweep(ctx, id, &gen.GetSweepParams{})
	})
}

// Sweeps lists sweeps, newest first.
func (c *Client) Sweeps(ctx context.Context) iter.Seq2[tourney.Sweep, error] {
	return pages(func(limit int, cursor *string) ([]tourney.Sweep, string, error) {
		list, err := call[gen.SweepList](ctx, c, func(ctx context.Context) (*http.Response, error) {
			return c.rest.ListSweeps(ctx, &gen.ListSweepsParams{Limit: &limit, Cursor: cursor})
		})
		return list.Items, list.Next, err
	})
}

// Act pauses, resumes or cancels a sweep.
func (c *Client) Act(ctx context.Context, id string, action tourney.Action) (tourney.Sweep, error) {
	send := map[tourney.Action]func(context.Context) (*http.Response, error){
		tourney.ActionPause:  func(ctx context.Context) (*http.Response, error) { return c.rest.PauseSweep(ctx, id, nil) },
		tourney.ActionResume: func(ctx context.Context) (*http.Response, error) { return c.rest.ResumeSweep(ctx, id, nil) },
		tourney.ActionCancel: func(ctx context.Context) (*http.Response, error) { return c.rest.CancelSweep(ctx, id, nil) },
	}[action]
	if send == nil {
		return tourney.Sweep{}, tourney.Invalid("action", "%q must be pause, resume or cancel", action)
	}
	return call[tourney.Sweep](ctx, c, send)
}

// Amend changes the name, the cap or the limits of a sweep. A revision that is
// not empty says as which the caller knows it, see tourney.Sweep.Revision.
func (c *Client) Amend(ctx context.Context, id string, a tourney.Amendment, revision string) (tourney.Sweep, error) {
	match := "*"
	if revision != "" {
		match = `"` + revision + `"`
	}
	return call[tourney.Sweep](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.AmendSweep(ctx, id, &gen.AmendSweepParams{IfMatch: &match}, gen.AmendRequest{Name: a.Name, RunCap: a.RunCap, Limits: a.Limits})
	})
}

// Extend gives a sweep more trials, or other limits, also one that is completed.
func (c *Client) Extend(ctx context.Context, id string, a tourney.Amendment) (tourney.Sweep, error) {
	return call[tourney.Sweep](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.ExtendSweep(ctx, id, nil, gen.ExtendRequest{RunCap: a.RunCap, Limits: a.Limits})
	})
}

// DeleteSweep removes a sweep that has ended, or cancels it first.
func (c *Client) DeleteSweep(ctx context.Context, id string, cancel bool) error {
	p := &gen.DeleteSweepParams{}
	if cancel {
		p.Force = unless(gen.Cancel)
	}
	_, err := call[nothing](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.rest.DeleteSweep(ctx, id, p) })
	return err
}

// Importance says how much each parameter of a sweep matters.
func (c *Client) Importance(ctx context.Context, id string, req tourney.ImportanceRequest) (tourney.Importance, error) {
	p := &gen.GetImportanceParams{Metric: unless(req.Metric), Pairs: unless(req.Pairs)}
	p.Method = unless(gen.GetImportanceParamsMethod(req.Method))
	var trials []string
	for _, n := range req.Trials {
		trials = append(trials, strconv.Itoa(n))
	}
	p.Trials = unless(strings.Join(trials, ","))
	return call[tourney.Importance](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.rest.GetImportance(ctx, id, p) })
}

// Pareto returns the trials that none is better than in every objective.
func (c *Client) Pareto(ctx context.Context, id string) (tourney.Front, error) {
	return call[tourney.Front](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.rest.GetPareto(ctx, id) })
}
