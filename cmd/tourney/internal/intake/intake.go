package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"tourney"
	"tourney/api"
	"tourney/blob"
	"tourney/dataset"
	"tourney/dataset/ingest"
)

// Catalog is where datasets are registered.
type Catalog interface {
	ingest.Catalog
	// DeleteDataset is as api.Datasets' Delete. It leaves the blobs.
	DeleteDataset(ctx context.Context, ref string) error
	// Loosen notes that perhaps no dataset refers to a blob.
	Loosen(ctx context.Context, hash string) error
	// LooseBlobs returns the blobs that may be removed.
	LooseBlobs(ctx context.Context) ([]string, error)
	// ForgetLoose says that these are removed, and ends what is noted of those
	// that a dataset refers to.
	ForgetLoose(ctx context.Context, removed []string) error
}

// Config is what a Desk is made of.
type Config struct {
	Catalog Catalog
	Blobs   blob.Store
	Fetch   dataset.Fetcher // of the same blobs
	TempDir string          // of files while they are taken in
	Logger  *slog.Logger

	Dirs     []string // whose files may be read for requests
	Hosts    []string // HOST, HOST:PORT, s3://BUCKET or gs://BUCKET whose files may be read for requests
	MaxBytes int64    // of the files of a table
	AtOnce   int      // tables taken in at a time; 0: 2
}

// Desk takes in tables and lets go of datasets. Its methods may be called from
// many goroutines.
type Desk struct {
	cfg      Config
	registry *ingest.Registry
	hosts    []host
	client   *http.Client
	free     chan struct{} // holds an entry for each table that is taken in
	wake     chan struct{} // has room for one call to sweep

	// sweeping is held for reading while tables are taken in.
	sweeping sync.RWMutex
}

var _ api.Datasets = (*Desk)(nil)

// New returns a desk. Its Run has to run.
func New(cfg Config) (*Desk, error) {
	if cfg.AtOnce == 0 {
		cfg.AtOnce = 2
	}
	hosts, err := parseHosts(cfg.Hosts)
	if err != nil {
		return nil, err
	}
	for _, dir := range cfg.Dirs {
		if err := checkDir(dir); err != nil {
			return nil, err
		}
	}
	d := &Desk{
		cfg:      cfg,
		registry: ingest.New(&loosening{cfg.Blobs, cfg.Catalog}, cfg.Catalog, ingest.Options{TempDir: cfg.TempDir}),
		hosts:    hosts,
		free:     make(chan struct{}, cfg.AtOnce),
		wake:     make(chan struct{}, 1),
	}
	d.client = d.newClient(isPublic)
	return d, nil
}

// Spool copies an upload to a file.
func (d *Desk) Spool(ctx context.Context, name string, r io.Reader, tell func(api.Progress)) (api.File, error) {
	f, remove, err := d.registry.Spool(ctx, name, &capped{r: r, left: d.cfg.MaxBytes, max: d.cfg.MaxBytes}, told(tell))
	return api.File{Name: f.Name, Path: f.Path, Hash: f.Hash, Remove: remove}, err
}

// Fetch copies the files of a path or URL, if the configuration allows it.
func (d *Desk) Fetch(ctx context.Context, place api.Place, tell func(api.Progress)) ([]api.File, error) {
	if place.Path != "" {
		return d.fetchPath(ctx, place.Path, tell)
	}
	return d.fetchURL(ctx, place.URL, tell)
}

// Add makes a dataset of files.
func (d *Desk) Add(ctx context.Context, req tourney.DatasetRequest, files []api.File, tell func(api.Progress)) (tourney.Dataset, bool, error) {
	list := make([]ingest.File, len(files))
	for i, f := range files {
		list[i] = ingest.File{Name: f.Name, Path: f.Path, Test: f.Test, Hash: f.Hash}
	}
	leave, err := d.enter(ctx)
	if err != nil {
		return tourney.Dataset{}, false, err
	}
	defer leave()
	begin := time.Now().Truncate(time.Microsecond) // as times are kept
	ds, err := d.registry.Add(ctx, req, list, told(tell))
	ds.CreatedAt = ds.CreatedAt.Truncate(time.Microsecond)
	return ds, !ds.CreatedAt.Before(begin), err
}

// AddKnown registers a dataset that is known under the name asked for.
func (d *Desk) AddKnown(ctx context.Context, req tourney.DatasetRequest, hash string) (tourney.Dataset, bool, error) {
	leave, err := d.enter(ctx)
	if err != nil {
		return tourney.Dataset{}, false, err
	}
	defer leave()
	ds, err := d.cfg.Catalog.DatasetBySource(ctx, ingest.Source(req, hash))
	switch {
	case err != nil:
		return tourney.Dataset{}, false, err
	case ds.Name == req.Name:
		return ds, false, nil
	}
	ds.Name, ds.CreatedAt = req.Name, time.Now().UTC()
	return ds, true, d.cfg.Catalog.SaveDataset(ctx, ds)
}

// Delete removes a dataset, or one version of it. Its blobs go by and by.
func (d *Desk) Delete(ctx context.Context, ref string) error {
	err := d.cfg.Catalog.DeleteDataset(ctx, ref)
	if err == nil {
		d.awake()
	}
	return err
}

// Sample returns the first rows of those that are not test rows.
func (d *Desk) Sample(ctx context.Context, ds tourney.Dataset, n int) ([]string, [][]string, error) {
	rows, err := dataset.Sample(ctx, d.cfg.Fetch, ds, n)
	return rows.Columns, rows.Rows, err
}

// enter waits for a free place, and keeps the sweep away until leave.
func (d *Desk) enter(ctx context.Context) (leave func(), err error) {
	select {
	case d.free <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	d.sweeping.RLock()
	return func() {
		d.sweeping.RUnlock()
		<-d.free
		d.awake()
	}, nil
}

// told passes progress on.
func told(tell func(api.Progress)) func(ingest.Progress) {
	return func(p ingest.Progress) {
		tell(api.Progress{Phase: string(p.Phase), Rows: p.Rows, TotalRows: p.TotalRows, Bytes: p.Bytes, TotalBytes: p.TotalBytes})
	}
}

// capped refuses what is longer than may be.
type capped struct {
	r         io.Reader
	left, max int64
}

func (c *capped) Read(p []byte) (int, error) {
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, tourney.Invalid("file", "the files are too large: at most %d bytes are taken", c.max)
	}
	return n, err
}

// fetched is files on their way: as far as they have come they are removed if
// one more cannot be had.
type fetched struct {
	d     *Desk
	files []api.File
	done  int64
	total int64
	left  int64
	tell  func(api.Progress)
}

func (f *fetched) add(ctx context.Context, name string, r io.Reader) error {
	in := &capped{r: r, left: f.left, max: f.d.cfg.MaxBytes}
	file, remove, err := f.d.registry.Spool(ctx, name, in, func(p ingest.Progress) {
		f.tell(api.Progress{Phase: string(ingest.PhaseHash), Bytes: f.done + p.Bytes, TotalBytes: f.total})
	})
	if err != nil {
		return err
	}
	f.done += f.left - in.left
	f.left = in.left
	f.files = append(f.files, api.File{Name: file.Name, Path: file.Path, Hash: file.Hash, Remove: remove})
	return nil
}

// end returns the files, or none if something went wrong.
func (f *fetched) end(err error) ([]api.File, error) {
	if err == nil {
		return f.files, nil
	}
	errs := []error{err}
	for _, file := range f.files {
		errs = append(errs, file.Remove())
	}
	if len(errs) == 1 {
		return nil, err
	}
	return nil, errors.Join(errs...)
}

func (d *Desk) newFetched(total int64, tell func(api.Progress)) *fetched {
	return &fetched{d: d, left: d.cfg.MaxBytes, total: total, tell: tell}
}

// refusef is an error about what the configuration does not allow.
func refusef(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{tourney.ErrRefused}, args...)...)
}
