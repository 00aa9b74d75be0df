package ingest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"

	"tourney"
	"tourney/dataset/shard"
	"tourney/dataset/table"
)

// writer gathers records, in the order in which a dataset keeps its rows, and
// stores them as shards of one use.
type writer struct {
	ctx    context.Context
	blobs  Blobs
	plan   *plan
	schema shard.Schema
	most   int
	frame  table.Frame
	order  []uint64 // second keys of the frame's rows
	stats  []*stats // nil for test rows, which nobody looks at
	shards []tourney.Shard
	rows   int64
	tell   *teller
}

func newWriter(ctx context.Context, blobs Blobs, p *plan, use shard.Use, st []*stats, tell *teller) *writer {
	w := &writer{ctx: ctx, blobs: blobs, plan: p, schema: p.schema(use), stats: st, tell: tell}
	w.most = shard.RowsMax(w.schema)
	w.frame.Series = make([]table.Series, len(p.columns))
	for i := range p.columns {
		c := &p.columns[i]
		s := table.Series{Name: c.field.Name, Kind: c.kind, Levels: c.names}
		switch {
		case c.kind.Numeric():
			s.Numbers = []float64{}
		case c.kind == tourney.Category:
			s.Codes = []int32{}
		case c.kind == tourney.Text:
			s.Hashes = []uint64{}
		case c.kind == tourney.Sparse:
			s.Starts = []int64{0}
		}
		w.frame.Series[i] = s
	}
	return w
}

// add appends a record.
func (w *writer) add(order uint64, record []byte) error {
	for i := range w.plan.columns {
		c, s := &w.plan.columns[i], &w.frame.Series[i]
		switch c.kind {
		case tourney.Category:
			s.Codes = append(s.Codes, c.code(record))
		case tourney.Text:
			s.Hashes = append(s.Hashes, c.hash(record))
		case tourney.Sparse:
			for rest := record[w.plan.record:]; len(rest) > 0; rest = rest[8:] {
				s.Index = append(s.Index, le.Uint32(rest))
				s.Values = append(s.Values, math.Float32frombits(le.Uint32(rest[4:])))
			}
			s.Starts = append(s.Starts, int64(len(s.Index)))
		default:
			s.Numbers = append(s.Numbers, c.number(record))
		}
	}
	w.order = append(w.order, order)
	w.frame.Rows++
	if w.frame.Rows == w.most {
		return w.flush()
	}
	return nil
}

// flush stores what there is as a shard.
func (w *writer) flush() error {
	if w.frame.Rows == 0 {
		return nil
	}
	if w.stats != nil {
		err := each(len(w.stats), w.frame.Rows*len(w.stats), func(i int) error {
			w.stats[i].observe(&w.frame.Series[i], w.order)
			return nil
		})
		if err != nil {
			return err
		}
	}
	s, err := w.put()
	if err != nil {
		return err
	}
	w.shards = append(w.shards, s)
	w.rows += int64(w.frame.Rows)
	w.tell.rows(w.rows)
	w.frame.Rows, w.order = 0, w.order[:0]
	for i := range w.frame.Series {
		s := &w.frame.Series[i]
		s.Numbers, s.Codes, s.Hashes, s.Index, s.Values = s.Numbers[:0], s.Codes[:0], s.Hashes[:0], s.Index[:0], s.Values[:0]
		if s.Kind == tourney.Sparse {
			s.Starts = s.Starts[:1]
		}
	}
	return nil
}

// put encodes the frame straight into the blob store.
func (w *writer) put() (tourney.Shard, error) {
	r, pipe := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := bufio.NewWriterSize(pipe, 256<<10)
		err := shard.Encode(buf, w.schema, &w.frame)
		if err == nil {
			err = buf.Flush()
		}
		_ = pipe.CloseWithError(err) // it never fails
	}()
	hash, size, err := w.blobs.Put(w.ctx, r)
	_ = r.Close() // ends the encoder where Put gave up
	<-done
	if err != nil {
		return tourney.Shard{}, fmt.Errorf("store shard: %w", err)
	}
	return tourney.Shard{Hash: hash, Rows: w.frame.Rows, Bytes: size}, nil
}
