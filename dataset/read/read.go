package read

import (
	"context"
	"errors"
	"io"

	"tourney"
	"tourney/dataset/table"
)

// File is a file on this machine.
type File struct {
	Name string // for messages; its extension helps where the content does not tell
	Path string
}

// Open opens files as one table. It reads as much as it needs to know the
// columns: the beginning of CSV, Arrow and IDX files, all of JSON and LIBSVM
// and of Arrow files with 64-bit integers. It returns an error that wraps
// ErrParquet if the files are Parquet.
func Open(ctx context.Context, files []File, opts Options) (table.Source, error) {
	opts, err := opts.complete()
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, tourney.Invalid("", "no file is given; a table is needed")
	}
	set := &fileSet{opts: opts}
	if err := set.open(ctx, files); err != nil {
		return nil, errors.Join(err, set.Close())
	}
	var source table.Source
	switch set.format {
	case JSON:
		source, err = openJSON(ctx, set)
	case Arrow:
		source, err = openArrow(ctx, set)
	case LIBSVM:
		source, err = openLIBSVM(ctx, set)
	case IDX:
		source, err = openIDX(ctx, set)
	default:
		source, err = openCSV(ctx, set)
	}
	if err != nil {
		return nil, errors.Join(err, set.Close())
	}
	return source, nil
}

// fileSet is the files of a table; the sources of all formats embed it.
type fileSet struct {
	opts    Options
	format  Format
	streams []*stream
	closers []io.Closer

	fields []table.Field
	hints  table.Hints
}

// open finds the streams in the files, and their one format.
func (s *fileSet) open(ctx context.Context, files []File) error {
	for _, f := range files {
		if f.Name == "" {
			f.Name = f.Path
		}
		found, closer, err := streams(f, s.opts.Limits)
		if err != nil {
			return err
		}
		if len(files) > 1 && len(found) == 1 && found[0].size == 0 {
			s.said(f.Name + " is empty")
			continue
		}
		if closer != nil {
			s.closers = append(s.closers, closer)
		}
		s.streams = append(s.streams, found...)
	}
	if len(s.streams) == 0 {
		return tourney.Invalid("", "all files are empty; a table is needed")
	}
	for i, st := range s.streams {
		format, err := detect(ctx, st, s.opts)
		if err != nil {
			return err
		}
		if i == 0 {
			s.format = format
		}
		if format != s.format {
			return invalid(st.name, 0, "", "looks like %s where %s looks like %s; the files of one table have one format", format, s.streams[0].name, s.format)
		}
		s.hints.Bytes += st.size
	}
	return nil
}

// Fields returns the columns.
func (s *fileSet) Fields() []table.Field { return s.fields }

// Hints returns what the source knows of itself.
func (s *fileSet) Hints() table.Hints { return s.hints }

// Close closes the archives that are open.
func (s *fileSet) Close() error {
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c.Close())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// said adds what people should know of how the files are read.
func (s *fileSet) said(note string) {
	const most = 50
	for _, n := range s.hints.Read {
		if n == note {
			return
		}
	}
	if note != "" && len(s.hints.Read) < most {
		s.hints.Read = append(s.hints.Read, note)
	}
}

// skip records a row that is left out.
func (s *fileSet) skip(file string, line int64, reason string) {
	const most = 100
	s.hints.SkippedRows++
	if len(s.hints.Skipped) < most {
		s.hints.Skipped = append(s.hints.Skipped, table.Skipped{File: file, Line: line, Reason: reason})
	}
}

// rowsFor returns how many rows of numbers a batch has.
func (s *fileSet) rowsFor(columns int) int {
	return min(s.opts.rows, max(1, batchBytes/(8*max(1, columns))))
}
