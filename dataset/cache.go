package dataset

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"weak"

	"tourney"
)

// DefaultMemory is how many bytes of matrices a Cache holds on to unless told
// otherwise.
const DefaultMemory = 2 << 30

// Cache is a worker's cache of datasets: blobs on disk, matrices in memory.
// Its methods may be called from many goroutines.
//
// Matrices are made once and shared. The Cache itself holds on to the most
// recently used ones within a bound, and to the last one whatever its size.
// What it lets go of but a trainer still uses is found again as long as it is
// used, and otherwise left to the garbage collector; so the bound is on what
// is kept for later, and nothing that is used is ever made twice.
type Cache struct {
	disk  *disk
	loads flights[loadKey, *Data]

	mu     sync.Mutex
	memory int64 // guarded by mu, like all that follows
	clock  int64 // counts uses
	loaded map[loadKey]*matrices
}

// loadKey names what Load returns.
type loadKey struct {
	version    string
	validation tourney.Validation // zero for a final job
	kind       tourney.JobKind
}

// matrices is one entry of the cache in memory.
type matrices struct {
	kept  *Data // nil once let go of
	alive weak.Pointer[Data]
	size  int64
	used  int64 // clock of the last use
}

// NewCache returns a cache in a directory, which several processes may share
// and which need not be there. limit bounds the blobs on disk, in bytes; those
// in use may exceed it for as long as they are.
func NewCache(dir string, limit int64, fetch Fetcher) (*Cache, error) {
	if limit <= 0 {
		return nil, fmt.Errorf("open cache: the limit must be positive, not %d bytes", limit)
	}
	d, err := openDisk(dir, limit, fetch)
	if err != nil {
		return nil, fmt.Errorf("open cache: %w", err)
	}
	return &Cache{disk: d, memory: DefaultMemory, loaded: map[loadKey]*matrices{}}, nil
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

// Versions returns the versions of the datasets whose matrices are in memory,
// sorted.
func (c *Cache) Versions() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var versions []string
	for key, m := range c.loaded {
		if m.alive.Value() != nil {
			versions = append(versions, key.version)
		}
	}
	slices.Sort(versions)
	return slices.Compact(versions)
}

// Load returns the matrices of a job on a version of a dataset.
//
// A rung trains on the rows that are not test rows but the last share of them
// in shuffled order, and validates on those. A final job trains on all of them
// and tests on the test rows: it needs a token, and fails with
// tourney.ErrRefused without one or if the coordinator refuses it.
//
// An error that is ErrCorrupt means that a blob never matched its hash.
func (c *Cache) Load(ctx context.Context, version string, v tourney.Validation, kind tourney.JobKind, token *tourney.Token) (*Data, error) {
	key := loadKey{version: version, kind: kind}
	switch kind {
	case tourney.JobRung:
		if err := checkValidation(v); err != nil {
			return nil, err
		}
		key.validation = v
	case tourney.JobFinal:
		if token == nil {
			return nil, fmt.Errorf("dataset %.12s: %w: test rows are served to final attempts alone", version, tourney.ErrRefused)
		}
	default:
		return nil, tourney.Invalid("kind", "%q must be %s or %s", kind, tourney.JobRung, tourney.JobFinal)
	}
	data, err := c.loads.do(ctx, key, func() (*Data, error) {
		if data := c.find(key); data != nil {
			return data, nil
		}
		data, err := c.make(ctx, key, token)
		if err == nil {
			c.keep(key, data)
		}
		return data, err
	})
	if err != nil {
		return nil, fmt.Errorf("dataset %.12s: %w", version, err)
	}
	return data, nil
}

func checkValidation(v tourney.Validation) error {
	if v.Kind != "holdout" {
		return tourney.Invalid("validation.kind", "%q is not supported by this version; use holdout", v.Kind)
	}
	if !(v.Fraction > 0 && v.Fraction < 1) {
		return tourney.Invalid("validation.fraction", "must be greater than 0 and less than 1, not %v", v.Fraction)
	}
	return nil
}

// find returns matrices that are in memory, or nil.
func (c *Cache) find(key loadKey) *Data {
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
func (c *Cache) keep(key loadKey, data *Data) {
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
	slices.SortFunc(kept, func(a, b *matrices) int { return int(a.used - b.used) })
	for ; len(kept) > 1 && total > c.memory; kept = kept[1:] {
		total -= kept[0].size
		kept[0].kept = nil
	}
}

// make reads a dataset's shards and makes matrices of them.
func (c *Cache) make(ctx context.Context, key loadKey, token *tourney.Token) (*Data, error) {
	ds, err := c.manifest(ctx, key.version)
	if err != nil {
		return nil, err
	}
	rest := ds.Rows - ds.TestRows
	shards := ds.Shards
	train := rest
	if key.kind == tourney.JobFinal {
		shards = slices.Concat(ds.Shards, ds.Test)
	} else {
		train -= holdout(key.validation.Fraction, rest)
	}
	t, err := c.table(ctx, ds, shards, token)
	if err != nil {
		return nil, err
	}
	data, other, err := newData(ds, t, train)
	if err != nil {
		return nil, err
	}
	if key.kind == tourney.JobFinal {
		data.Test = other
	} else {
		data.Valid = other
	}
	return data, nil
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
	sum := func(shards []tourney.Shard) (rows int) {
		for _, s := range shards {
			if s.Rows <= 0 || s.Bytes <= 0 || s.Rows > ds.Rows-rows {
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

// table reads shards one after the other into one table. The token is shown
// for test shards alone.
func (c *Cache) table(ctx context.Context, ds *tourney.Dataset, shards []tourney.Shard, token *tourney.Token) (*Table, error) {
	t := &Table{}
	for _, s := range shards {
		t.Rows += s.Rows
	}
	for _, col := range ds.Columns {
		s := Series{Name: col.Name, Kind: col.Kind, Levels: col.Categories}
		switch {
		case col.Kind == tourney.Number:
			s.Numbers = make([]float64, t.Rows)
		case len(col.Categories) > 0:
			s.Codes = make([]int32, t.Rows)
		default:
			continue // without any value it is in no shard
		}
		t.Columns = append(t.Columns, s)
	}
	at := 0
	for i, s := range shards {
		show := token
		if i < len(ds.Shards) {
			show = nil
		}
		blob, err := c.disk.read(ctx, s.Hash, s.Bytes, show)
		if err != nil {
			return nil, fmt.Errorf("shard %d: %w", i, err)
		}
		if err := decodeShard(blob, t, at, s.Rows); err != nil {
			return nil, fmt.Errorf("shard %d, blob %s: %w", i, s.Hash, err)
		}
		at += s.Rows
	}
	return t, nil
}
