package heats

import (
	"context"
	"io"
	"path/filepath"

	"tourney"
	"tourney/blob"
	"tourney/dataset"
	"tourney/dataset/ingest"
)

// Folder fetches blobs from a directory of package blob.
type Folder struct{ Dir *blob.Dir }

// Open returns a blob.
func (f Folder) Open(ctx context.Context, hash string, offset, size int64, _ *tourney.Token) (io.ReadCloser, error) {
	r, _, err := f.Dir.Open(ctx, hash)
	if err != nil {
		return nil, err
	}
	if _, err := r.Seek(offset, io.SeekStart); err != nil {
		_ = r.Close()
		return nil, err
	}
	if size < 0 {
		return r, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r, size), r}, nil
}

// Catalog knows no dataset, so that each is made anew.
type Catalog struct{}

// SaveDataset forgets it.
func (Catalog) SaveDataset(context.Context, tourney.Dataset) error { return nil }

// DatasetBySource finds none.
func (Catalog) DatasetBySource(context.Context, string) (tourney.Dataset, error) {
	return tourney.Dataset{}, tourney.ErrNotFound
}

// Shelf is a dataset with what its matrices are made of.
type Shelf struct {
	Dataset tourney.Dataset
	dir     string
	blobs   *blob.Dir
}

// Ingest takes a file in, with its blobs under dir.
func Ingest(ctx context.Context, dir, file string, req tourney.DatasetRequest) (*Shelf, error) {
	blobs, err := blob.OpenDir(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, err
	}
	r := ingest.New(blobs, Catalog{}, ingest.Options{TempDir: dir})
	ds, err := r.Add(ctx, req, []ingest.File{{Name: filepath.Base(file), Path: file}}, nil)
	if err != nil {
		return nil, err
	}
	return &Shelf{ds, dir, blobs}, nil
}

// Cache opens a cache of that name, which is empty if the name is new.
func (s *Shelf) Cache(name string) (*dataset.Cache, error) {
	return dataset.NewCache(filepath.Join(s.dir, name), 1<<40, Folder{s.blobs})
}

// Load makes or maps the matrices of a kind of job.
func (s *Shelf) Load(ctx context.Context, c *dataset.Cache, kind tourney.JobKind, v tourney.Validation, form dataset.Form) (*dataset.Data, error) {
	return c.Load(ctx, dataset.Request{Version: s.Dataset.Version, Kind: kind, Validation: v, Form: form}, &tourney.Token{})
}
