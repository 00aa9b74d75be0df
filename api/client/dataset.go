package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"net/http"

	"tourney"
	"tourney/api/client/gen"
)

// File is a file to upload.
type File struct {
	Name string // with slashes; for messages and queries
	Size int64
	Test bool // its rows are test rows
	Open func() (io.ReadCloser, error)
}

// AddDataset uploads files and has a dataset made of them. It takes as long as
// the table does. Errors in the table are a *tourney.InvalidError with the
// lines and the name of the file. ingest is a name under which Ingest tells how
// far it is, or empty; sent, which may be nil, is told how many bytes are on
// their way, from another goroutine.
func (c *Client) AddDataset(ctx context.Context, req tourney.DatasetRequest, files []File, ingest string, sent func(int64)) (tourney.Dataset, error) {
	if err := checkSeed(&req); err != nil {
		return tourney.Dataset{}, err
	}
	body, contentType, err := newParts(req, files, sent)
	if err != nil {
		return tourney.Dataset{}, err
	}
	ds, err := receive[tourney.Dataset](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.AddDatasetWithBody(ctx, &gen.AddDatasetParams{Ingest: unless(ingest)}, contentType, body, func(_ context.Context, r *http.Request) error {
			r.ContentLength = body.size
			r.Header.Set("Expect", "100-continue") // the server may refuse before the files are sent
			return nil
		})
	})
	if broken := body.broken.Load(); broken != nil && err != nil {
		return ds, *broken // rather than that it could not be sent
	}
	if inv := tourney.AsInvalid(err); inv != nil && len(files) == 1 {
		inv.Source = req.File
	}
	return ds, err
}

// Source is where the server finds a table; one field is set.
type Source struct {
	Path   string `json:"path,omitempty"`
	URL    string `json:"url,omitempty"`
	SHA256 string `json:"sha256,omitempty"` // of files that the server has seen before
}

// AddDatasetFrom has a dataset made of what the server itself can read, if its
// configuration allows that, or of what it has read before: a SHA256 from which
// no dataset was made with the same options is tourney.ErrNotFound.
func (c *Client) AddDatasetFrom(ctx context.Context, req tourney.DatasetRequest, source Source, ingest string) (tourney.Dataset, error) {
	if err := checkSeed(&req); err != nil {
		return tourney.Dataset{}, err
	}
	body, err := json.Marshal(struct {
		tourney.DatasetRequest

		Source Source `json:"source"`
	}{req, source})
	if err != nil {
		return tourney.Dataset{}, fmt.Errorf("write request: %w", err)
	}
	return receive[tourney.Dataset](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.AddDatasetWithBody(ctx, &gen.AddDatasetParams{Ingest: unless(ingest)}, "application/json", bytes.NewReader(body))
	})
}

// checkSeed refuses a seed that other readers of JSON cannot hold.
func checkSeed(req *tourney.DatasetRequest) error {
	if max(req.Seed, req.Split.Seed) > math.MaxInt64 {
		return tourney.Invalid("seed", "must be at most 2^63-1, not %d", max(req.Seed, req.Split.Seed))
	}
	return nil
}

// Ingest is how far the taking in of a table is.
type Ingest = gen.Ingest

// Ingest tells how far the taking in of a table is.
func (c *Client) Ingest(ctx context.Context, id string) (Ingest, error) {
	return call[Ingest](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.rest.GetIngest(ctx, id) })
}

// Ingests lists the tables that are being taken in, or were a short time ago.
func (c *Client) Ingests(ctx context.Context) ([]Ingest, error) {
	list, err := call[gen.IngestList](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.rest.ListIngests(ctx) })
	return list.Items, err
}

// DeleteDataset deletes NAME, all its versions, or NAME@VERSION.
func (c *Client) DeleteDataset(ctx context.Context, ref string) error {
	_, err := call[nothing](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.rest.DeleteDataset(ctx, ref, nil) })
	return err
}

// Sample is some rows of a dataset, as texts.
type Sample = gen.DatasetSample

// SampleDataset returns the first rows of a dataset that are not test rows.
func (c *Client) SampleDataset(ctx context.Context, ref string, rows int) (Sample, error) {
	return call[Sample](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.SampleDataset(ctx, ref, &gen.SampleDatasetParams{Rows: &rows})
	})
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
