package client

import (
	"context"
	"io"
	"iter"
	"math"
	"net/http"

	"tourney"
	"tourney/api/client/gen"
)

// AddDataset registers a CSV table. It takes as long as the table does. Errors
// in the table are a *tourney.InvalidError with the lines and the name of the
// file.
func (c *Client) AddDataset(ctx context.Context, req tourney.DatasetRequest, src io.Reader) (tourney.Dataset, error) {
	if req.Seed > math.MaxInt64 {
		return tourney.Dataset{}, tourney.Invalid("seed", "must be at most 2^63-1, not %d", req.Seed)
	}
	seed := int64(req.Seed)
	params := &gen.AddDatasetParams{
		Name: req.Name, Target: req.Target, Task: unless(req.Task), Test: unless(req.Test), Seed: unless(seed), File: unless(req.File),
	}
	if len(req.Drop) > 0 {
		params.Drop = &req.Drop
	}
	ds, err := receive[tourney.Dataset](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.AddDatasetWithBody(ctx, params, "text/csv", src, askFirst)
	})
	if inv := tourney.AsInvalid(err); inv != nil {
		inv.Source = req.File
	}
	return ds, err
}

// askFirst lets the server refuse a request before its body is sent.
func askFirst(_ context.Context, r *http.Request) error {
	r.Header.Set("Expect", "100-continue")
	return nil
}

// unless returns a pointer to v, or nil if v is the zero value.
func unless[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// Dataset returns a dataset by NAME, NAME@VERSION or version.
func (c *Client) Dataset(ctx context.Context, ref string) (tourney.Dataset, error) {
	return call[tourney.Dataset](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.rest.GetDataset(ctx, ref) })
}

// DatasetBySource returns the dataset that was made of these bytes and
// options, or tourney.ErrNotFound.
func (c *Client) DatasetBySource(ctx context.Context, source string) (tourney.Dataset, error) {
	list, err := call[gen.DatasetList](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.ListDatasets(ctx, &gen.ListDatasetsParams{Source: &source})
	})
	if err != nil {
		return tourney.Dataset{}, err
	}
	if len(list.Items) == 0 {
		return tourney.Dataset{}, tourney.ErrNotFound
	}
	return list.Items[0], nil
}

// Datasets lists the newest version of each dataset, by name.
func (c *Client) Datasets(ctx context.Context) iter.Seq2[tourney.Dataset, error] {
	return pages(func(limit int, cursor *string) ([]tourney.Dataset, string, error) {
		list, err := call[gen.DatasetList](ctx, c, func(ctx context.Context) (*http.Response, error) {
			return c.rest.ListDatasets(ctx, &gen.ListDatasetsParams{Limit: &limit, Cursor: cursor})
		})
		return list.Items, list.Next, err
	})
}
