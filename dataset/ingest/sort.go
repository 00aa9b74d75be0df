package ingest

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// sorter puts records in the order of two keys within a bound of memory: what
// does not fit is written to an unnamed temporary file as sorted runs, which
// are merged when the records are read back. No two records have equal keys,
// so the order does not depend on the runs.
type sorter struct {
	dir    string
	memory int // bytes of records and keys
	fixed  int // bytes of a record; 0: each has its own length

	chunks  [][]byte
	at      int // of the chunk that is being filled
	keys    []sortKey
	file    *os.File
	runs    []run
	written int64
	rows    int64
}

// sortKey is a record in memory.
type sortKey struct {
	k1, k2 uint64
	chunk  uint32
	from   uint32
}

func (a sortKey) compare(b sortKey) int {
	if a.k1 != b.k1 {
		return cmp.Compare(a.k1, b.k1)
	}
	return cmp.Compare(a.k2, b.k2)
}

// run is a part of the file.
type run struct{ from, to int64 }

const (
	sortKeyBytes = 24
	chunkBytes   = 1 << 20
)

func newSorter(dir string, memory, fixed int) *sorter {
	return &sorter{dir: dir, memory: memory, fixed: fixed}
}

// close gives everything up.
func (s *sorter) close() error {
	s.chunks, s.keys, s.runs = nil, nil, nil
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	return f.Close()
}

// reset makes the sorter empty, keeping its memory.
func (s *sorter) reset() error {
	s.clear()
	s.runs, s.written, s.rows = nil, 0, 0
	if s.file == nil {
		return nil
	}
	if err := s.file.Truncate(0); err != nil {
		return fmt.Errorf("sort rows: %w", err)
	}
	return nil
}

func (s *sorter) clear() {
	for i := range s.chunks {
		s.chunks[i] = s.chunks[i][:0]
	}
	s.at, s.keys = 0, s.keys[:0]
}

// add takes in a record, given in two pieces.
func (s *sorter) add(k1, k2 uint64, record, rest []byte) error {
	size := len(record) + len(rest)
	head := 0
	if s.fixed == 0 {
		head = 4
	}
	used := s.at*min(chunkBytes, max(4096, s.memory/16)) + (len(s.keys)+1)*sortKeyBytes
	if len(s.keys) > 0 && used+size > s.memory {
		if err := s.spill(); err != nil {
			return err
		}
	}
	c := s.room(head + size)
	s.keys = append(s.keys, sortKey{k1, k2, uint32(s.at), uint32(len(*c))})
	if head > 0 {
		*c = binary.LittleEndian.AppendUint32(*c, uint32(size))
	}
	*c = append(append(*c, record...), rest...)
	s.rows++
	return nil
}

// room returns a chunk that has so many bytes left.
func (s *sorter) room(n int) *[]byte {
	if s.at < len(s.chunks) {
		if c := &s.chunks[s.at]; cap(*c)-len(*c) >= n {
			return c
		}
		s.at++
	}
	size := max(n, min(chunkBytes, max(4096, s.memory/16)))
	if s.at < len(s.chunks) && cap(s.chunks[s.at]) < n {
		s.chunks[s.at] = make([]byte, 0, size)
	}
	if s.at == len(s.chunks) {
		s.chunks = append(s.chunks, make([]byte, 0, size))
	}
	return &s.chunks[s.at]
}

// record returns a record in memory.
func (s *sorter) record(k sortKey) []byte {
	data := s.chunks[k.chunk][k.from:]
	if s.fixed > 0 {
		return data[:s.fixed]
	}
	return data[4 : 4+binary.LittleEndian.Uint32(data)]
}

// spill writes what is in memory as a run.
func (s *sorter) spill() error {
	if s.file == nil {
		f, err := createUnnamed(s.dir)
		if err != nil {
			return fmt.Errorf("sort rows: %w", err)
		}
		s.file = f
	}
	slices.SortFunc(s.keys, sortKey.compare)
	w := bufio.NewWriterSize(io.NewOffsetWriter(s.file, s.written), 1<<20)
	from := s.written
	var head [20]byte
	for _, k := range s.keys {
		record := s.record(k)
		binary.LittleEndian.PutUint64(head[0:], k.k1)
		binary.LittleEndian.PutUint64(head[8:], k.k2)
		n := 16
		if s.fixed == 0 {
			binary.LittleEndian.PutUint32(head[16:], uint32(len(record)))
			n = 20
		}
		// What goes wrong is said by Flush.
		_, _ = w.Write(head[:n])
		_, _ = w.Write(record)
		s.written += int64(n + len(record))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("sort rows: write to the temporary directory: %w", err)
	}
	s.runs = append(s.runs, run{from, s.written})
	s.clear()
	return nil
}

// drain hands over all records in order. They are valid until yield returns.
// It may be called again.
func (s *sorter) drain(ctx context.Context, yield func(k1, k2 uint64, record []byte) error) error {
	if len(s.runs) == 0 {
		slices.SortFunc(s.keys, sortKey.compare)
		for i, k := range s.keys {
			if i%1024 == 0 {
				if err := context.Cause(ctx); err != nil {
					return err
				}
			}
			if err := yield(k.k1, k.k2, s.record(k)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(s.keys) > 0 {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.chunks, s.keys, s.at = nil, nil, 0
	return s.merge(ctx, yield)
}

// merge reads the runs side by side.
func (s *sorter) merge(ctx context.Context, yield func(k1, k2 uint64, record []byte) error) error {
	buffer := max(4096, min(1<<20, s.memory/(2*len(s.runs))))
	heap := make([]*cursor, 0, len(s.runs))
	for _, r := range s.runs {
		c := &cursor{r: bufio.NewReaderSize(io.NewSectionReader(s.file, r.from, r.to-r.from), buffer), record: make([]byte, s.fixed), fixed: s.fixed > 0}
		if err := c.next(); err != nil {
			return fmt.Errorf("sort rows: %w", err)
		}
		heap = append(heap, c)
	}
	for i := len(heap)/2 - 1; i >= 0; i-- {
		sink(heap, i)
	}
	for n := 0; len(heap) > 0; n++ {
		if n%1024 == 0 {
			if err := context.Cause(ctx); err != nil {
				return err
			}
		}
		c := heap[0]
		if err := yield(c.key.k1, c.key.k2, c.record); err != nil {
			return err
		}
		switch err := c.next(); {
		case errors.Is(err, io.EOF):
			heap[0] = heap[len(heap)-1]
			heap = heap[:len(heap)-1]
		case err != nil:
			return fmt.Errorf("sort rows: %w", err)
		}
		sink(heap, 0)
	}
	return nil
}

// cursor is a run that is being read.
type cursor struct {
	r      *bufio.Reader
	key    sortKey
	record []byte
	fixed  bool
}

// next reads a record; after the last one it returns io.EOF.
func (c *cursor) next() error {
	var head [20]byte
	n := 20
	if c.fixed {
		n = 16
	}
	if _, err := io.ReadFull(c.r, head[:n]); err != nil {
		return err
	}
	c.key.k1, c.key.k2 = binary.LittleEndian.Uint64(head[0:]), binary.LittleEndian.Uint64(head[8:])
	if !c.fixed {
		size := int(binary.LittleEndian.Uint32(head[16:]))
		c.record = slices.Grow(c.record[:0], size)[:size]
	}
	if _, err := io.ReadFull(c.r, c.record); err != nil {
		return fmt.Errorf("a run ends within a record: %w", io.ErrUnexpectedEOF)
	}
	return nil
}

// sink restores the heap after its element i has grown.
func sink(heap []*cursor, i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(heap); child++ {
			if heap[child].key.compare(heap[least].key) < 0 {
				least = child
			}
		}
		if least == i {
			return
		}
		heap[i], heap[least] = heap[least], heap[i]
		i = least
	}
}
