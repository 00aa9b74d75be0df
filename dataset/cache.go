package dataset

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"weak"

	"tourney"
	"tourney/dataset/shard"
)

// DefaultMemory is how many bytes of matrices a Cache keeps mapped for later
// unless told otherwise.
const DefaultMemory = 2 << 30

// Cache is a worker's cache of datasets: blobs, and matrices made of them, on
// disk. Its methods may be called from many goroutines.
//
// A matrix is made once, shard by shard, in a file of the cache's directory,
// and mapped: its pages are shared by all that use it, in this process and in
// others, and are no part of the memory that a process has to itself. The
// Cache itself keeps the most recently used mappings within a bound, and the
// last one whatever its size. What it lets go of but a trainer still uses is
// found again as long as it is used.
type Cache struct {
	disk  *disk
	loads flights[Request, *Data]

	mu     sync.Mutex
	memory int64 // guarded by mu, like all that follows
	clock  int64 // counts uses
	loaded map[Request]*matrices
}

// Request names what Load returns.
type Request struct {
	Version    string
	Validation tourney.Validation // of a rung
	Preprocess tourney.Preprocess // as a trial's parameters have it
	Kind       tourney.JobKind
	Form       Form // empty: Dense; Auto: as fits
}

// matrices is one entry of what is kept for later.
type matrices struct {
	kept  *Data // nil once let go of
	alive weak.Pointer[Data]
	size  int64
	used  int64 // clock of the last use
}

// NewCache returns a cache in a directory, which several processes may share
// and which need not be there. limit bounds the blobs and matrices on disk, in
// bytes; those in use may exceed it for as long as they are.
func NewCache(dir string, limit int64, fetch Fetcher) (*Cache, error) {
	if limit <= 0 {
		return nil, fmt.Errorf("open cache: the limit must be positive, not %d bytes", limit)
	}
	d, err := openDisk(dir, limit, fetch)
	if err != nil {
		return nil, fmt.Errorf("open cache: %w", err)
	}
	return &Cache{disk: d, memory: DefaultMemory, loaded: map[Request]*matrices{}}, nil
}

// LimitMemory bounds the matrices that are kept for later, in bytes.
func (c *Cache) LimitMemory(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.memory = bytes
	c.shrink()
}

// Close releases the directory. What was loaded stays usable.
func (c *Cache) Close() error { return c.disk.root.Close() }

// Versions returns the versions of the datasets whose matrices are at hand,
// sorted.
func (c *Cache) Versions() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var versions []string
	for key, m := range c.loaded {
		if m.alive.Value() != nil {
			versions = append(versions, key.Version)
		}
	}
	slices.Sort(versions)
	return slices.Compact(versions)
}

// Load returns the matrices of a job.
//
// A rung trains on some of the rows that are not test rows and validates on
// others, as its validation says. A final job trains on all of them and tests
// on the test rows: it needs a token, and fails with tourney.ErrRefused without
// one or if the coordinator refuses it.
//
// An error that is ErrCorrupt means that a blob is not what it should be; one
// that is a *tourney.InvalidError, that the dataset cannot be used as asked.
func (c *Cache) Load(ctx context.Context, req Request, token *tourney.Token) (*Data, error) {
	if err := req.normalise(); err != nil {
		return nil, err
	}
	if req.Kind == tourney.JobFinal && token == nil {
		return nil, fmt.Errorf("dataset %.12s: %w: test rows are served to final attempts alone", req.Version, tourney.ErrRefused)
	}
	data, err := c.loads.do(ctx, req, func() (*Data, error) {
		if data := c.find(req); data != nil {
			return data, nil
		}
		data, err := c.make(ctx, req, token)
		if err == nil {
			c.keep(req, data)
		}
		return data, err
	})
	if err != nil {
		return nil, fmt.Errorf("dataset %.12s: %w", req.Version, err)
	}
	return data, nil
}

// normalise leaves in a request what the matrices depend on, and nothing else.
func (r *Request) normalise() error {
	r.Form = cmp.Or(r.Form, Dense)
	switch r.Kind {
	case tourney.JobRung:
		if fields := r.Validation.Check(); len(fields) > 0 {
			return tourney.Invalid("validation."+fields[0].Path, "%s", fields[0].Message)
		}
	case tourney.JobFinal:
		r.Validation = tourney.Validation{}
	default:
		return tourney.Invalid("kind", "%q must be %s or %s", r.Kind, tourney.JobRung, tourney.JobFinal)
	}
	switch r.Form {
	case Dense, CSR, Auto:
	case Binned:
		r.Preprocess = tourney.Preprocess{} // values in bins need none
	default:
		return tourney.Invalid("form", "%q must be %s, %s, %s or %s", r.Form, Dense, CSR, Binned, Auto)
	}
	if fields := r.Preprocess.Normalise(); len(fields) > 0 {
		return tourney.Invalid("preprocess."+fields[0].Path, "%s", fields[0].Message)
	}
	return nil
}

// find returns matrices that are in memory, or nil.
func (c *Cache) find(key Request) *Data {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.loaded[key]
	if m == nil {
		return nil
	}
	data := m.alive.Value()
	if data == nil {
		delete(c.loaded, key)
		return nil
	}
	c.clock++
	m.kept, m.used = data, c.clock
	c.shrink()
	return data
}

// keep holds on to matrices that were just made.
func (c *Cache) keep(key Request, data *Data) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock++
	c.loaded[key] = &matrices{kept: data, alive: weak.Make(data), size: data.bytes(), used: c.clock}
	c.shrink()
}

// shrink lets go of the least recently used matrices until the rest is within
// the bound or one is left, and forgets those that nobody uses any more.
func (c *Cache) shrink() {
	var kept []*matrices
	var total int64
	for key, m := range c.loaded {
		switch {
		case m.kept != nil:
			kept = append(kept, m)
			total += m.size
		case m.alive.Value() == nil:
			delete(c.loaded, key)
		}
	}
	slices.SortFunc(kept, func(a, b *matrices) int { return cmp.Compare(a.used, b.used) })
	for ; len(kept) > 1 && total > c.memory; kept = kept[1:] {
		total -= kept[0].size
		kept[0].kept = nil
	}
}

// make maps the matrices of a job, which it makes where they are missing.
func (c *Cache) make(ctx context.Context, req Request, token *tourney.Token) (*Data, error) {
	ds, err := c.manifest(ctx, req.Version)
	if err != nil {
		return nil, err
	}
	r := &rows{ds: ds, disk: c.disk, token: token}
	if req.Form == Auto {
		if req.Form, err = r.autoForm(ctx, req.Preprocess); err != nil {
			return nil, err
		}
	}
	data := &Data{Version: ds.Version, Form: req.Form, Task: ds.Task, Target: ds.Target, Classes: ds.Classes}
	if req.Form == Binned {
		return data, c.makeBinned(ctx, r, req, data)
	}
	if req.Kind == tourney.JobRung {
		if err := CheckValidation(req.Validation, ds); err != nil {
			return nil, err
		}
	}
	for i := range Folds(req.Validation) {
		m, err := c.matrix(ctx, r, &recipe{ds.Version, req.Kind, req.Validation, i, req.Preprocess, req.Form})
		if err != nil {
			return nil, err
		}
		fold := &Fold{Train: m.matrix(0, m.Train), Prep: m.Prep}
		data.Folds = append(data.Folds, fold)
		if other := m.matrix(m.Train, m.Rows); req.Kind == tourney.JobFinal {
			data.Test = other
		} else {
			fold.Valid = other
		}
	}
	return data, nil
}

// makeBinned maps the bins of all rows, of which each fold has its own.
func (c *Cache) makeBinned(ctx context.Context, r *rows, req Request, data *Data) error {
	n := r.ds.Rows - r.ds.TestRows
	cuts := []cutting{{[]span{{0, n}}, span{n, r.ds.Rows}}}
	if req.Kind == tourney.JobRung {
		var err error
		if cuts, err = r.cut(ctx, req.Validation); err != nil {
			return err
		}
	}
	m, err := c.matrix(ctx, r, &recipe{version: r.ds.Version, kind: req.Kind, form: Binned})
	if err != nil {
		return err
	}
	for _, cut := range cuts {
		fold := &Fold{Train: m.binned(cut.train...), Bins: m.Bins}
		data.Folds = append(data.Folds, fold)
		if other := m.binned(cut.other); req.Kind == tourney.JobFinal {
			data.Test = other
		} else {
			fold.Valid = other
		}
	}
	return nil
}

// matrix maps a matrix file, which it makes if it is missing.
func (c *Cache) matrix(ctx context.Context, r *rows, recipe *recipe) (*mapping, error) {
	return c.disk.matrix(ctx, recipe.key(), func(f *os.File) error {
		w := &fileWriter{file: f, directory: directory{Key: recipe.key(), Arrays: map[string]region{}}}
		if err := (&maker{rows: r, recipe: recipe, fileWriter: w}).make(ctx); err != nil {
			return err
		}
		return w.finish()
	})
}

// manifest reads the description of a version.
func (c *Cache) manifest(ctx context.Context, version string) (*tourney.Dataset, error) {
	data, err := c.disk.read(ctx, version, unknown, nil)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	ds := &tourney.Dataset{}
	if err := json.Unmarshal(data, ds); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	ds.Version = version
	if err := checkManifest(ds); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return ds, nil
}

// checkManifest refuses numbers that do not add up, before anything is
// allocated by them.
func checkManifest(ds *tourney.Dataset) error {
	schema := shard.Of(ds, shard.Train)
	sum := func(shards []tourney.Shard) (rows int) {
		for _, s := range shards {
			if s.Rows <= 0 || s.Rows > shard.RowsMax(schema) || s.Bytes <= 0 || s.Rows > ds.Rows-rows {
				return -1
			}
			rows += s.Rows
		}
		return rows
	}
	if rest := sum(ds.Shards); rest < 2 || rest != ds.Rows-ds.TestRows || sum(ds.Test) != ds.TestRows {
		return fmt.Errorf("%d rows, %d of them test rows, are not what the shards hold", ds.Rows, ds.TestRows)
	}
	if ds.Task != tourney.Classification && ds.Task != tourney.Regression {
		return fmt.Errorf("unknown task %q", ds.Task)
	}
	return nil
}
