package sql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"tourney/dataset/table"
)

// ErrClosed is what a scan returns whose Source is closed meanwhile.
var ErrClosed = errors.New("the SQL source is closed")

// Open runs a query over files, or reads the schema of Parquet files if there
// is none, and returns the table. What is wrong with query or files is a
// *tourney.InvalidError: with path "sql" for the query, with the file as its
// source for a file. The program must call Main first.
func Open(ctx context.Context, req Request) (table.Source, error) {
	s, err := open(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("open table by SQL: %w", err)
	}
	return s, nil
}

func open(ctx context.Context, req Request) (_ *source, err error) {
	if req, err = req.check(); err != nil {
		return nil, err
	}
	files, size, err := req.plan()
	if err != nil {
		return nil, err
	}
	s := &source{job: job{Files: files, Query: req.Query, Memory: req.Memory, Threads: req.Threads}}
	s.hints.Bytes = size
	if s.dir, err = os.MkdirTemp(req.TempDir, "tourney-sql-"); err != nil {
		return nil, err
	}
	s.alive, s.end = context.WithCancelCause(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := s.link(req.Files); err != nil {
		return nil, err
	}
	var answer opened
	err = s.run(ctx, s.job, func(r io.Reader) error { return json.NewDecoder(r).Decode(&answer) })
	if err != nil {
		return nil, err
	}
	s.job.Scan, s.hints.Read = answer.Fields, answer.Read
	return s, nil
}

// source is a table that a child yields anew for each scan.
type source struct {
	job   job // with Scan
	dir   string
	hints table.Hints

	alive context.Context // ended by Close
	end   context.CancelCauseFunc
	scans sync.WaitGroup
}

var _ table.Source = (*source)(nil)

// Fields returns the columns.
func (s *source) Fields() []table.Field {
	fields := make([]table.Field, len(s.job.Scan))
	for i, f := range s.job.Scan {
		fields[i] = table.Field{Name: f.Name, Type: f.Type}
	}
	return fields
}

// Hints returns what is known beside the rows.
func (s *source) Hints() table.Hints { return s.hints }

// Scan yields all rows. Lines are the numbers of the rows, from 1.
func (s *source) Scan(ctx context.Context, yield func(*table.Batch) error) error {
	var stopped error // by yield
	err := s.run(ctx, s.job, func(r io.Reader) error {
		return readBatches(r, s.job.Scan, func(b *table.Batch) error {
			stopped = yield(b)
			return stopped
		})
	})
	if stopped != nil {
		return stopped
	}
	if err != nil {
		return fmt.Errorf("read table by SQL: %w", err)
	}
	return nil
}

// Close ends a scan that is under way and removes the engine's directory.
func (s *source) Close() error {
	s.end(ErrClosed)
	s.scans.Wait()
	return os.RemoveAll(s.dir)
}

// link puts the files where the child looks for them.
func (s *source) link(files []File) error {
	for i, f := range s.job.Files {
		name := filepath.Join(s.dir, filepath.FromSlash(f.Link))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		target, err := filepath.Abs(files[i].Path)
		if err != nil {
			return err
		}
		if err := os.Symlink(target, name); err != nil {
			return err
		}
	}
	return nil
}

// run has a child do a job and returns why it did not.
func (s *source) run(ctx context.Context, j job, read func(io.Reader) error) error {
	s.scans.Add(1)
	defer s.scans.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.alive, func() { cancel(ErrClosed) })()
	if err := errors.Join(ended(s.alive), ended(ctx)); err != nil {
		return err
	}
	err := runChild(ctx, s.dir, j, read)
	if f, ok := errors.AsType[*failure](err); ok {
		return explain(f, j.Memory)
	}
	return err
}
