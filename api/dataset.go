package api

import (
	"context"
	"errors"
	"net/http"

	"tourney"
	"tourney/api/gen"
)

// AddDataset makes a dataset of a table that comes as the body, in parts, or
// from a place that the body names.
func (s *Server) AddDataset(ctx context.Context, req gen.AddDatasetRequestObject) (gen.AddDatasetResponseObject, error) {
	entry, err := s.ingests.begin(value(req.Params.Ingest))
	if err != nil {
		return nil, err
	}
	ds, fresh, err := s.addDataset(ctx, entry, &req)
	entry.ended(ds, err)
	if err != nil {
		return nil, err
	}
	location := "/api/v1/datasets/" + ds.Name + "@" + ds.Version
	if !fresh {
		return gen.AddDataset200JSONResponse{Body: presentDataset(ds), Headers: gen.AddDataset200ResponseHeaders{Location: location}}, nil
	}
	return gen.AddDataset201JSONResponse{Body: presentDataset(ds), Headers: gen.AddDataset201ResponseHeaders{Location: location}}, nil
}

func (s *Server) addDataset(ctx context.Context, entry *ingest, req *gen.AddDatasetRequestObject) (ds tourney.Dataset, fresh bool, err error) {
	u := &upload{s: s, ctx: ctx, entry: entry, total: bodyLength(ctx)}
	defer func() { err = errors.Join(err, u.remove()) }()
	u.key = req.Params.IdempotencyKey
	req.Params.IdempotencyKey = nil
	switch {
	case req.JSONBody != nil:
		err = u.readPlace(*req.JSONBody, req.Params)
	case req.MultipartBody != nil:
		err = u.readParts(req.MultipartBody, req.Params)
	default:
		err = u.readBody(req.Body, req.Params)
	}
	if err != nil {
		return ds, false, err
	}
	return u.add()
}

// added is what is kept of the answer to a table.
type added struct {
	Ref   string `json:"ref"`
	Fresh bool   `json:"fresh"`
}

// add makes the dataset, unless the same key has made it before.
func (u *upload) add() (ds tourney.Dataset, fresh bool, err error) {
	asked := []any{u.req, u.known, u.place}
	if u.place == (Place{}) { // what a place holds may have changed since
		for _, f := range u.files {
			asked = append(asked, f.Name, f.Hash, f.Test)
		}
	}
	k, err := keyOf(u.ctx, "addDataset", u.key, false, asked...)
	if err != nil {
		return ds, false, err
	}
	made := false
	answer, err := once(u.ctx, u.s, k, func() (added, bool, error) {
		made = true
		if u.known != "" {
			ds, fresh, err = u.s.cfg.Datasets.AddKnown(u.ctx, u.req, u.known)
		} else {
			ds, fresh, err = u.s.cfg.Datasets.Add(u.ctx, u.req, u.files, u.entry.tell)
			err = u.located(err)
		}
		return added{ds.Name + "@" + ds.Version, fresh}, false, err
	})
	if err == nil && !made {
		ds, err = u.s.cfg.Reader.Dataset(u.ctx, answer.Ref)
	}
	return ds, answer.Fresh, err
}

// DeleteDataset deletes a dataset, or one version of it.
func (s *Server) DeleteDataset(ctx context.Context, req gen.DeleteDatasetRequestObject) (gen.DeleteDatasetResponseObject, error) {
	revision, err := matched(req.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if revision != "" {
		ds, err := s.cfg.Reader.Dataset(ctx, req.Name)
		if err != nil {
			return nil, err
		}
		if ds.Version != revision {
			return nil, failf(http.StatusPreconditionFailed, tourney.ErrConflict, "the newest version of %s is another by now: get it again", ds.Name)
		}
	}
	if err := s.cfg.Datasets.Delete(ctx, req.Name); err != nil {
		return nil, err
	}
	return gen.DeleteDataset204Response{}, nil
}

// defaultSample is how many rows of a dataset are shown.
const defaultSample = 20

// SampleDataset shows some rows of a dataset, never test rows.
func (s *Server) SampleDataset(ctx context.Context, req gen.SampleDatasetRequestObject) (gen.SampleDatasetResponseObject, error) {
	ds, err := s.cfg.Reader.Dataset(ctx, req.Name)
	if err != nil {
		return nil, err
	}
	n := defaultSample
	if req.Params.Rows != nil {
		n = *req.Params.Rows
	}
	columns, rows, err := s.cfg.Datasets.Sample(ctx, ds, n)
	if err != nil {
		return nil, err
	}
	return gen.SampleDataset200JSONResponse{Columns: list(columns), Rows: list(rows)}, nil
}

// value returns what p points to, or the zero value.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// ListDatasets lists datasets by name, or the one made of a source.
func (s *Server) ListDatasets(ctx context.Context, req gen.ListDatasetsRequestObject) (gen.ListDatasetsResponseObject, error) {
	if source := req.Params.Source; source != nil {
		ds, err := s.cfg.Reader.DatasetBySource(ctx, *source)
		switch {
		case errors.Is(err, tourney.ErrNotFound):
			return gen.ListDatasets200JSONResponse{Items: []gen.Dataset{}}, nil
		case err != nil:
			return nil, err
		}
		return gen.ListDatasets200JSONResponse{Items: []gen.Dataset{presentDataset(ds)}}, nil
	}
	datasets, next, err := s.cfg.Reader.Datasets(ctx, page(req.Params.Limit, req.Params.Cursor))
	if err != nil {
		return nil, err
	}
	return gen.ListDatasets200JSONResponse{Items: each(datasets, presentDataset), Next: next}, nil
}

// GetDataset shows a dataset.
func (s *Server) GetDataset(ctx context.Context, req gen.GetDatasetRequestObject) (gen.GetDatasetResponseObject, error) {
	ds, err := s.cfg.Reader.Dataset(ctx, req.Name)
	if err != nil {
		return nil, err
	}
	return gen.GetDataset200JSONResponse{Body: presentDataset(ds), Headers: gen.GetDataset200ResponseHeaders{ETag: `"` + ds.Version + `"`}}, nil
}
