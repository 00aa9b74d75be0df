package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"tourney"
	"tourney/dataset/read"
	"tourney/dataset/sql"
	"tourney/dataset/table"
)

// File is a file on this machine that holds a table, or a part of it.
type File struct {
	Name string // for messages; its extension helps where the content does not tell
	Path string
	Test bool   // its rows are test rows
	Hash string // SHA-256 in hex, if it is known already
}

// Add makes a dataset of files, as AddSource does of a source. Files are read
// as one table in their order, those with Test after the others. The request's
// query, if it has one, sees the files as tables.
func (r *Registry) Add(ctx context.Context, req tourney.DatasetRequest, files []File, progress func(Progress)) (_ tourney.Dataset, err error) {
	if req.File == "" && len(files) == 1 {
		req.File = files[0].Name
	}
	if err := checkFiles(&req, files); err != nil {
		return tourney.Dataset{}, err
	}
	tell := newTeller(progress)
	hash, err := hashFiles(ctx, files, tell)
	if err != nil {
		return tourney.Dataset{}, fmt.Errorf("add dataset %s: %w", req.Name, err)
	}
	var src table.Source
	defer func() {
		if src != nil {
			err = errors.Join(err, src.Close())
		}
	}()
	return r.add(ctx, req, func() (table.Source, error) {
		var err error
		src, err = r.open(ctx, &req, files)
		return src, err
	}, hash, tell)
}

func checkFiles(req *tourney.DatasetRequest, files []File) error {
	train, test := 0, 0
	for _, f := range files {
		if f.Test {
			test++
		} else {
			train++
		}
	}
	switch {
	case train == 0:
		return tourney.Invalid("file", "is missing: give a file, or several, to train on")
	case test > 0 && req.SQL != "":
		return tourney.Invalid("sql", "does not go with a test file: let the query yield a column that tells the test rows, and split by it")
	case test > 0 && req.Split.Kind != "" && req.Split.Kind != tourney.SplitFile:
		return tourney.Invalid("split.kind", "%q does not go with a test file, whose rows are the test rows", req.Split.Kind)
	}
	return nil
}

// open opens the files, those with test rows behind the others.
func (r *Registry) open(ctx context.Context, req *tourney.DatasetRequest, files []File) (table.Source, error) {
	var train, test []File
	for _, f := range files {
		if f.Test {
			test = append(test, f)
		} else {
			train = append(train, f)
		}
	}
	first, err := r.openTable(ctx, req, train)
	if err != nil || len(test) == 0 {
		return first, err
	}
	second, err := r.openTable(ctx, req, test)
	if err != nil {
		return nil, errors.Join(err, first.Close())
	}
	src, err := join(first, second, test[0].Name)
	if err != nil {
		return nil, errors.Join(err, first.Close(), second.Close())
	}
	return src, nil
}

// openTable opens files as one table. A query is for the SQL engine.
func (r *Registry) openTable(ctx context.Context, req *tourney.DatasetRequest, files []File) (table.Source, error) {
	if req.SQL == "" {
		return OpenTable(ctx, files, req.Format, r.opts.TempDir)
	}
	return openSQL(ctx, files, req.SQL, r.opts.TempDir)
}

// OpenTable opens files as one table. The format may be empty: it is told from
// what they hold. Parquet is read by the SQL engine, which writes to tempDir
// what does not fit in memory.
func OpenTable(ctx context.Context, files []File, format, tempDir string) (table.Source, error) {
	plain := make([]read.File, len(files))
	for i, f := range files {
		plain[i] = read.File{Name: f.Name, Path: f.Path}
	}
	src, err := read.Open(ctx, plain, read.Options{Format: read.Format(format)})
	if !errors.Is(err, read.ErrParquet) {
		return src, err
	}
	return openSQL(ctx, files, "", tempDir)
}

func openSQL(ctx context.Context, files []File, query, tempDir string) (table.Source, error) {
	tables := make([]sql.File, len(files))
	for i, f := range files {
		tables[i] = sql.File{Name: f.Name, Path: f.Path}
	}
	return sql.Open(ctx, sql.Request{Files: tables, Query: query, TempDir: tempDir})
}

// hashFiles reads the files whose hash is not known.
func hashFiles(ctx context.Context, files []File, tell *teller) (string, error) {
	var total int64
	for _, f := range files {
		info, err := os.Stat(f.Path)
		if err != nil {
			return "", err
		}
		total += info.Size()
	}
	tell.begin(PhaseHash, 0, total)
	hashes := make([]FileHash, len(files))
	done := int64(0)
	for i, f := range files {
		hashes[i] = FileHash{Hash: f.Hash, Test: f.Test, Name: f.Name}
		if f.Hash != "" {
			continue
		}
		in, err := os.Open(f.Path)
		if err != nil {
			return "", err
		}
		sum := sha256.New()
		n, err := io.Copy(sum, &meter{ctx: ctx, r: in, done: done, tell: tell})
		if err = errors.Join(err, in.Close()); err != nil {
			return "", fmt.Errorf("read %s: %w", f.Name, err)
		}
		done += n
		hashes[i].Hash = hex.EncodeToString(sum.Sum(nil))
	}
	return HashFiles(hashes), nil
}

// Spool writes what r holds to a temporary file, which remove removes, and
// hashes it on the way. If the process is killed before, the next registry
// with the same directory removes it.
func (r *Registry) Spool(ctx context.Context, name string, in io.Reader, progress func(Progress)) (f File, remove func() error, err error) {
	tell := newTeller(progress)
	tell.begin(PhaseHash, 0, 0)
	file, err := createTemp(r.opts.TempDir)
	if err != nil {
		return File{}, nil, err
	}
	remove = func() error { return errors.Join(os.Remove(file.Name()), file.Close()) }
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(file, sum), &meter{ctx: ctx, r: in, tell: tell}); err != nil {
		return File{}, nil, errors.Join(fmt.Errorf("read upload of %s: %w", name, err), remove())
	}
	return File{Name: name, Path: file.Name(), Hash: hex.EncodeToString(sum.Sum(nil))}, remove, nil
}

// meter stops reading when its context ends, and tells how far it is.
type meter struct {
	ctx  context.Context
	r    io.Reader
	done int64
	told int64
	tell *teller
}

func (m *meter) Read(p []byte) (int, error) {
	const every = 8 << 20
	if err := context.Cause(m.ctx); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p)
	m.done += int64(n)
	if m.done-m.told >= every || err != nil {
		m.tell.bytes(m.done)
		m.told = m.done
	}
	return n, err
}
