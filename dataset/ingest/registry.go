package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"tourney"
	"tourney/dataset/table"
)

// Blobs is where shards and manifests are put.
type Blobs interface {
	// Put stores what r holds and returns its hash, SHA-256 in hex, and size.
	Put(ctx context.Context, r io.Reader) (hash string, size int64, err error)
}

// Catalog is where datasets are registered.
type Catalog interface {
	// SaveDataset registers a dataset. The same name and version again is no
	// error.
	SaveDataset(ctx context.Context, ds tourney.Dataset) error
	// DatasetBySource returns the dataset made of these bytes and options, or
	// tourney.ErrNotFound.
	DatasetBySource(ctx context.Context, source string) (tourney.Dataset, error)
}

// Options bound a registry.
type Options struct {
	TempDir string // of files while they are taken in; empty: the system's
	Memory  int64  // bytes of rows that are held at once; 0: 256 MiB. What is made does not depend on it
}

// The phases of taking a table in.
const (
	PhaseHash    Phase = "hash"    // the files' bytes are read to see whether they are known
	PhaseScan    Phase = "scan"    // all rows are read to know the columns
	PhaseShuffle Phase = "shuffle" // all rows are typed and put in order
	PhaseWrite   Phase = "write"   // shards are written
)

// Phase is a part of the work.
type Phase string

// Progress says how far the work is. A total of 0 is not known.
type Progress struct {
	Phase      Phase
	Rows       int64 // of this phase so far
	TotalRows  int64
	Bytes      int64 // of the files, as they are stored
	TotalBytes int64
}

// Registry takes tables in. Its methods may be called from many goroutines.
type Registry struct {
	blobs   Blobs
	catalog Catalog
	opts    Options
}

// New returns a registry, after it has removed the temporary files of
// processes that are gone.
func New(blobs Blobs, catalog Catalog, opts Options) *Registry {
	opts.Memory = clampMemory(opts.Memory)
	// What cannot be removed now is no hindrance, and is tried again next time.
	_ = sweepTemp(opts.TempDir)
	return &Registry{blobs: blobs, catalog: catalog, opts: opts}
}

// AddSource makes a dataset of a table and registers it. hash names the bytes
// of the source: see HashFiles. If the catalog knows the same bytes with the
// same options, that dataset is returned, under the name asked for, and src is
// not read. progress may be nil; it is called from one goroutine at a time.
//
// What is wrong with the table or the request is a *tourney.InvalidError, with
// the line and column. Nothing is registered then; shards written before the
// error stay behind as blobs that nothing refers to.
func (r *Registry) AddSource(ctx context.Context, req tourney.DatasetRequest, src table.Source, hash string, progress func(Progress)) (tourney.Dataset, error) {
	open := func() (table.Source, error) { return src, nil }
	return r.add(ctx, req, open, hash, newTeller(progress))
}

// add makes and registers a dataset, of a source that is opened only if the
// dataset is new.
func (r *Registry) add(ctx context.Context, req tourney.DatasetRequest, open func() (table.Source, error), hash string, tell *teller) (tourney.Dataset, error) {
	if err := checkRequest(&req); err != nil {
		return tourney.Dataset{}, err
	}
	op := "add dataset " + req.Name
	source := Source(req, hash)
	ds, err := r.catalog.DatasetBySource(ctx, source)
	switch {
	case err == nil && ds.Name == req.Name:
		return ds, nil
	case errors.Is(err, tourney.ErrNotFound):
		src, err := open()
		if err != nil {
			return tourney.Dataset{}, explain(err, op, req.File)
		}
		j := &job{Registry: r, ctx: ctx, req: &req, src: src, tell: tell}
		if ds, err = j.run(source); err != nil {
			return tourney.Dataset{}, explain(err, op, req.File)
		}
	case err != nil:
		return tourney.Dataset{}, fmt.Errorf("%s: %w", op, err)
	}
	ds.Name, ds.CreatedAt = req.Name, time.Now().UTC()
	if err := r.catalog.SaveDataset(ctx, ds); err != nil {
		return tourney.Dataset{}, fmt.Errorf("%s: %w", op, err)
	}
	return ds, nil
}

// explain adds the file to an error that speaks to the user, and the operation
// to others.
func explain(err error, op, file string) error {
	var bad *tourney.InvalidError
	if !errors.As(err, &bad) {
		return fmt.Errorf("%s: %w", op, err)
	}
	if bad.Source == "" {
		bad = &tourney.InvalidError{Source: file, Fields: bad.Fields}
	}
	return bad
}

// teller passes progress on, at every so many rows.
type teller struct {
	to    func(Progress)
	now   Progress
	every int64
	next  int64
}

func newTeller(to func(Progress)) *teller {
	if to == nil {
		to = func(Progress) {}
	}
	return &teller{to: to, every: 1 << 16}
}

func (t *teller) begin(p Phase, rows, bytes int64) {
	t.now = Progress{Phase: p, TotalRows: rows, TotalBytes: bytes}
	t.next = 0
	t.to(t.now)
}

// rows says how many rows are done.
func (t *teller) rows(n int64) {
	t.now.Rows = n
	if t.now.TotalRows > 0 && t.now.TotalBytes > 0 {
		// Rows are of about equal length.
		t.now.Bytes = int64(float64(t.now.TotalBytes) * float64(n) / float64(t.now.TotalRows))
	}
	if n >= t.next || n == t.now.TotalRows {
		t.to(t.now)
		t.next = n + t.every
	}
}

// done says that a phase has come to its end.
func (t *teller) done(n int64) {
	t.next = n
	t.rows(n)
}

// bytes says how many bytes are done.
func (t *teller) bytes(n int64) {
	t.now.Bytes = n
	t.to(t.now)
}
