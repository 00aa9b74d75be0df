package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"tourney"
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

// Registry takes tables in. Its methods may be called from many goroutines.
type Registry struct {
	blobs   Blobs
	catalog Catalog
	tmp     string
}

// NewRegistry returns a registry that writes uploads to the directory tmp (the
// system's own if it is empty) while it reads them.
func NewRegistry(blobs Blobs, catalog Catalog, tmp string) *Registry {
	return &Registry{blobs: blobs, catalog: catalog, tmp: tmp}
}

// Add reads a CSV table and registers it. If the catalog knows the same bytes
// with the same options, that dataset is returned, under the name asked for.
//
// What is wrong with the table or the request is a *tourney.InvalidError, the
// first error of the file with its line and column. Nothing is registered
// then; shards written before the error stay behind as blobs that nothing
// refers to.
func (r *Registry) Add(ctx context.Context, req tourney.DatasetRequest, src io.Reader) (tourney.Dataset, error) {
	if err := checkRequest(&req); err != nil {
		return tourney.Dataset{}, err
	}
	file, hash, err := r.spool(ctx, src)
	if err != nil {
		return tourney.Dataset{}, fmt.Errorf("add dataset %s: %w", req.Name, err)
	}
	defer func() {
		_ = file.Close()
		_ = os.Remove(file.Name()) // where spool could not
	}()
	source := Source(req, hash)
	ds, err := r.catalog.DatasetBySource(ctx, source)
	switch {
	case err == nil && ds.Name == req.Name:
		return ds, nil
	case errors.Is(err, tourney.ErrNotFound):
		if ds, err = r.ingest(ctx, &req, file, source); err != nil {
			return tourney.Dataset{}, wrap(err, "add dataset "+req.Name)
		}
	case err != nil:
		return tourney.Dataset{}, fmt.Errorf("add dataset %s: %w", req.Name, err)
	}
	ds.Name, ds.CreatedAt = req.Name, time.Now().UTC()
	if err := r.catalog.SaveDataset(ctx, ds); err != nil {
		return tourney.Dataset{}, fmt.Errorf("add dataset %s: %w", req.Name, err)
	}
	return ds, nil
}

// Source names bytes and the options that decide what is made of them. Two
// requests with equal sources make the same dataset, so a client can ask for
// it before it uploads anything. fileHash is the SHA-256 of the file, in hex.
func Source(req tourney.DatasetRequest, fileHash string) string {
	if req.Test == 0 {
		req.Test = tourney.DefaultTestShare
	}
	drop := slices.Clone(req.Drop)
	slices.Sort(drop)
	options := struct {
		Format int          `json:"format"` // of this text and of what ingestion makes
		Target string       `json:"target"`
		Task   tourney.Task `json:"task"`
		Test   string       `json:"test"`
		Drop   []string     `json:"drop"`
		Seed   uint64       `json:"seed"`
		File   string       `json:"file"`
	}{1, req.Target, req.Task, strconv.FormatFloat(req.Test, 'g', -1, 64), append([]string{}, slices.Compact(drop)...), req.Seed, fileHash}
	text, err := json.Marshal(options)
	if err != nil {
		panic(err) // texts and integers can always be written
	}
	return hashOf(text)
}

// Manifest returns the bytes whose SHA-256 is a dataset's version: its JSON
// form with Name, Version and CreatedAt zeroed, since they are not the table's.
func Manifest(ds tourney.Dataset) ([]byte, error) {
	ds.Name, ds.Version, ds.CreatedAt = "", "", time.Time{}
	// nil and empty are one and the same, whoever kept them in between.
	ds.Columns = append([]tourney.Column{}, ds.Columns...)
	ds.Shards = append([]tourney.Shard{}, ds.Shards...)
	ds.Test = append([]tourney.Shard{}, ds.Test...)
	data, err := json.Marshal(ds)
	if err != nil {
		return nil, fmt.Errorf("write manifest: %w", err)
	}
	return data, nil
}

// maxManifest bounds a manifest, for the sake of those who read it whole.
const maxManifest = 256 << 20

func checkRequest(req *tourney.DatasetRequest) error {
	var bad []tourney.FieldError
	if err := tourney.CheckName(req.Name); err != nil {
		bad = append(bad, tourney.FieldError{Path: "name", Message: err.Error()})
	}
	if req.Test != 0 && !(req.Test > 0 && req.Test <= 0.9) {
		bad = append(bad, tourney.FieldError{Path: "test", Message: fmt.Sprintf("must be greater than 0 and at most 0.9, not %v", req.Test)})
	}
	switch req.Task {
	case "", tourney.Classification, tourney.Regression:
	default:
		bad = append(bad, tourney.FieldError{Path: "task", Message: fmt.Sprintf("%q must be classification or regression", req.Task)})
	}
	if len(bad) > 0 {
		return &tourney.InvalidError{Fields: bad}
	}
	if req.Test == 0 {
		req.Test = tourney.DefaultTestShare
	}
	return nil
}

// spool copies a table to a temporary file and hashes it: the options are
// looked up by the hash, and ingestion reads the file twice.
func (r *Registry) spool(ctx context.Context, src io.Reader) (*os.File, string, error) {
	f, err := os.CreateTemp(r.tmp, "upload-*")
	if err != nil {
		return nil, "", err
	}
	// Without a name the file goes with the process, however that ends. Where
	// an open file cannot be removed, Add does it later.
	_ = os.Remove(f.Name())
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, sum), &contextReader{ctx, src}); err != nil {
		_ = f.Close()
		_ = os.Remove(f.Name())
		return nil, "", fmt.Errorf("read upload: %w", err)
	}
	return f, hex.EncodeToString(sum.Sum(nil)), nil
}

// wrap adds the operation to an error, unless it speaks to the user as it is.
func wrap(err error, op string) error {
	var invalid *tourney.InvalidError
	if errors.As(err, &invalid) {
		return err
	}
	return fmt.Errorf("%s: %w", op, err)
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
