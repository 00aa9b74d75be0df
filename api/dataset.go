package api

import (
	"context"
	"errors"

	"tourney"
	"tourney/api/gen"
)

// AddDataset registers a CSV table.
func (s *Server) AddDataset(ctx context.Context, req gen.AddDatasetRequestObject) (gen.AddDatasetResponseObject, error) {
	p := req.Params
	if err := tourney.CheckName(p.Name); err != nil {
		return nil, tourney.Invalid("name", "%v", err)
	}
	ask := tourney.DatasetRequest{
		Name: p.Name, Target: p.Target, Task: value(p.Task), Test: value(p.Test), Drop: value(p.Drop),
		Seed: uint64(value(p.Seed)), File: value(p.File),
	}
	ds, err := s.cfg.Datasets.Add(ctx, ask, req.Body)
	if err != nil {
		return nil, err
	}
	return gen.AddDataset201JSONResponse{
		Body:    presentDataset(ds),
		Headers: gen.AddDataset201ResponseHeaders{Location: "/api/v1/datasets/" + ds.Name + "@" + ds.Version},
	}, nil
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
	return gen.GetDataset200JSONResponse(presentDataset(ds)), nil
}
