package read

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"tourney/dataset/table"
)

// arrowSource is Arrow IPC files or streams as one table. Feather of version 2
// is the file format.
type arrowSource struct {
	*fileSet
	files   []*arrowFile
	columns []arrowColumn
	batch   builder
	scratch []byte
}

// arrowFile is one of the files.
type arrowFile struct {
	*stream
	seekable string // the path of a file in the file format; empty for a stream
	columns  []arrowColumn
	perm     []int // column i of the table is columns[perm[i]]
}

const arrowMagic = "ARROW1"

// isArrowStream reports whether bytes are the beginning of an IPC stream: a
// mark, and the length of a message.
func isArrowStream(head []byte) bool {
	return len(head) >= 8 && string(head[:4]) == "\xff\xff\xff\xff" && binary.LittleEndian.Uint32(head[4:]) > 0 && head[7] == 0
}

func openArrow(ctx context.Context, set *fileSet) (*arrowSource, error) {
	s := &arrowSource{fileSet: set}
	for _, st := range set.streams {
		f, err := s.openFile(ctx, st)
		if err != nil {
			return nil, err
		}
		s.files = append(s.files, f)
		if err := s.match(f); err != nil {
			return nil, err
		}
	}
	if err := s.findLarge(ctx); err != nil {
		return nil, err
	}
	for _, c := range s.columns {
		s.fields = append(s.fields, table.Field{Name: c.name, Type: c.kind})
	}
	return s, nil
}

// openFile reads a file's schema. A packed file in the file format is unpacked
// to a temporary one first, for its index is at its end.
func (s *arrowSource) openFile(ctx context.Context, st *stream) (*arrowFile, error) {
	f := &arrowFile{stream: st}
	if bytes.HasPrefix(firstBytes(st), []byte(arrowMagic[:4])) && st.path != "" {
		f.seekable = st.path
	} else if err := s.spool(ctx, f); err != nil {
		return nil, err
	}
	r, err := s.reader(ctx, f, &budget{left: st.lim.Bytes})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if f.columns, err = arrowColumns(st.name, r.schema, s.opts.Limits.Columns); err != nil {
		return nil, err
	}
	return f, nil
}

// spool copies a packed file to disk if it is in the file format.
func (s *arrowSource) spool(ctx context.Context, f *arrowFile) (err error) {
	r, err := f.reader(ctx, &budget{left: f.lim.Bytes})
	if err != nil {
		return err
	}
	defer r.Close()
	head := make([]byte, len(arrowMagic))
	if _, err := io.ReadFull(r, head); err != nil || string(head) != arrowMagic {
		return nil // a stream, or damaged: its reader says so
	}
	temp, err := os.CreateTemp("", "tourney-arrow-*")
	if err != nil {
		return fmt.Errorf("unpack %s: %w", f.name, err)
	}
	s.closers = append(s.closers, removal(temp.Name()))
	_, err = io.Copy(temp, io.MultiReader(bytes.NewReader(head), r))
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	f.seekable = temp.Name()
	return nil
}

// removal deletes a file when it is closed.
type removal string

func (r removal) Close() error { return os.Remove(string(r)) }

// match finds the first file's columns in another one.
func (s *arrowSource) match(f *arrowFile) error {
	if len(s.files) == 1 {
		s.columns = append(s.columns, f.columns...)
	}
	at := make(map[string]int, len(f.columns))
	for i, c := range f.columns {
		at[c.name] = i
	}
	other := s.files[0].name
	if len(f.columns) != len(s.columns) {
		return invalid(f.name, 0, "", "it has %s where %s has %d; the files of one table have the same columns", count(len(f.columns), "column"), other, len(s.columns))
	}
	for i, c := range s.columns {
		k, ok := at[c.name]
		if !ok {
			return invalid(f.name, 0, columnPath(c.name), "it is in %s but not in this file; the files of one table have the same columns", other)
		}
		if got := f.columns[k].kind; got != c.kind {
			return invalid(f.name, 0, columnPath(c.name), "it is %s where in %s it is %s; write both with the same type", f.columns[k].dtype, other, c.dtype)
		}
		f.perm = append(f.perm, k)
		s.columns[i].integer = s.columns[i].integer || f.columns[k].integer
	}
	return nil
}

// findLarge makes columns of integers Text that hold some which float64 does
// not.
func (s *arrowSource) findLarge(ctx context.Context) error {
	var integers []int
	for i, c := range s.columns {
		if c.integer {
			integers = append(integers, i)
		}
	}
	if len(integers) == 0 {
		return nil
	}
	return s.each(ctx, func(f *arrowFile, rec arrow.RecordBatch) error {
		return careful(f.name, func() error {
			for _, i := range integers {
				c := &f.columns[f.perm[i]]
				if s.columns[i].kind == table.Text || !c.integer {
					continue
				}
				leaf := c.leaf(rec)
				for row := range int(rec.NumRows()) {
					if at, ok := leaf.at(row); ok && leaf.large(at) {
						s.columns[i].kind = table.Text
						break
					}
				}
			}
			return nil
		})
	}, func() error { return nil })
}

// Scan reads all rows.
func (s *arrowSource) Scan(ctx context.Context, yield func(*table.Batch) error) error {
	s.batch.reset(s.fields, s.rowsFor(len(s.fields)))
	var file *arrowFile
	number := int64(0)
	return s.each(ctx, func(f *arrowFile, rec arrow.RecordBatch) error {
		if f != file {
			file, number = f, 0
		}
		for row := 0; row < int(rec.NumRows()); {
			err := careful(f.name, func() (err error) {
				row, number, err = s.fill(f, rec, row, number)
				return err
			})
			if err != nil {
				return err
			}
			if err := s.batch.flush(yield); err != nil {
				return err
			}
		}
		return nil
	}, func() error { return nil })
}

// fill takes rows of a record batch from row on, until ours is full.
func (s *arrowSource) fill(f *arrowFile, rec arrow.RecordBatch, row int, number int64) (int, int64, error) {
	leaves := make([]*arrowLeaf, len(s.columns))
	for i := range s.columns {
		leaves[i] = f.columns[f.perm[i]].leaf(rec)
	}
	b := &s.batch
	first, end := row, min(int(rec.NumRows()), row+b.rows)
	for ; row < end && b.bytes < batchBytes; row++ {
		for i, leaf := range leaves {
			if s.fields[i].Type != table.Text {
				continue
			}
			at, ok := leaf.at(row)
			if !ok {
				continue
			}
			s.scratch = leaf.appendText(s.scratch[:0], at)
			if !utf8.Valid(s.scratch) || bytes.IndexByte(s.scratch, 0) >= 0 {
				return row, number, invalid(f.name, number+1, columnPath(s.fields[i].Name), "the value is not valid UTF-8")
			}
			b.text(i, bytes.TrimSpace(s.scratch))
		}
		number++
		b.batch.Rows++
		b.batch.Lines = append(b.batch.Lines, number)
	}
	for i, leaf := range leaves {
		if s.fields[i].Type == table.Text {
			continue
		}
		c := &b.batch.Columns[i]
		for r := first; r < row; r++ {
			if at, ok := leaf.at(r); ok {
				c.Numbers = append(c.Numbers, leaf.number(at))
			} else {
				c.Numbers = append(c.Numbers, nan)
			}
		}
	}
	return row, number, nil
}

// each reads all record batches of all files.
func (s *arrowSource) each(ctx context.Context, do func(*arrowFile, arrow.RecordBatch) error, end func() error) error {
	b := &budget{left: s.opts.Limits.Bytes}
	for _, f := range s.files {
		if err := s.eachOf(ctx, f, b, do); err != nil {
			return err
		}
		if err := end(); err != nil {
			return err
		}
	}
	return nil
}

func (s *arrowSource) eachOf(ctx context.Context, f *arrowFile, b *budget, do func(*arrowFile, arrow.RecordBatch) error) error {
	r, err := s.reader(ctx, f, b)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var rec arrow.RecordBatch
		err := careful(f.name, func() (err error) {
			rec, err = r.next()
			return err
		})
		switch {
		case errors.Is(err, errEnd):
			return nil
		case err != nil && ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		}
		if err := do(f, rec); err != nil {
			return err
		}
	}
}

// errEnd is the end of the record batches: io.EOF may also mean damage.
var errEnd = errors.New("no more record batches")

// arrowReader reads the record batches of a file or stream.
type arrowReader struct {
	schema *arrow.Schema
	next   func() (arrow.RecordBatch, error)
	close  func() error
}

func (r *arrowReader) Close() error { return r.close() }

// reader opens a file at its first record batch.
func (s *arrowSource) reader(ctx context.Context, f *arrowFile, b *budget) (r *arrowReader, err error) {
	mem := &boundedMemory{Allocator: memory.NewGoAllocator(), most: 2 * s.opts.Limits.Batch}
	options := []ipc.Option{ipc.WithAllocator(mem), ipc.WithBodySizeLimit(s.opts.Limits.Batch)}
	if f.seekable == "" {
		in, err := f.stream.reader(ctx, b)
		if err != nil {
			return nil, err
		}
		err = careful(f.name, func() error {
			stream, err := ipc.NewReaderFromMessageReader(ipc.NewMessageReader(in, options...), options...)
			if err != nil {
				return err
			}
			r = &arrowReader{schema: stream.Schema(), close: func() error { stream.Release(); return in.Close() }}
			r.next = func() (arrow.RecordBatch, error) {
				if stream.Next() {
					return stream.RecordBatch(), nil
				}
				if err := stream.Err(); err != nil {
					return nil, err
				}
				return nil, errEnd
			}
			return nil
		})
		if err != nil {
			return nil, errors.Join(err, in.Close())
		}
		return r, nil
	}
	in, err := os.Open(f.seekable)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", f.name, err)
	}
	err = careful(f.name, func() error {
		file, err := ipc.NewFileReader(in, options...)
		if err != nil {
			return err
		}
		at := 0
		r = &arrowReader{schema: file.Schema(), close: func() error { return errors.Join(file.Close(), in.Close()) }}
		r.next = func() (arrow.RecordBatch, error) {
			if at == file.NumRecords() {
				return nil, errEnd
			}
			at++
			return file.RecordBatch(at - 1)
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return r, nil
}
