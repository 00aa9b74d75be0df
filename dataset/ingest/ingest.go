package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"

	"tourney"
	"tourney/dataset/shard"
	"tourney/dataset/table"
)

// job is the making of one dataset.
type job struct {
	*Registry
	ctx  context.Context
	req  *tourney.DatasetRequest
	src  table.Source
	tell *teller
}

// run makes the dataset, all but its name and time.
func (j *job) run(source string) (_ tourney.Dataset, err error) {
	fields := j.src.Fields()
	roles, err := roles(j.req, fields, j.src.Hints())
	if err != nil {
		return tourney.Dataset{}, err
	}
	s := newScan(j.req, fields, roles)
	j.tell.begin(PhaseScan, 0, j.src.Hints().Bytes)
	if err := s.run(j.ctx, j.src, j.tell); err != nil {
		return tourney.Dataset{}, err
	}
	if err := s.check(); err != nil {
		return tourney.Dataset{}, err
	}
	hints := j.src.Hints()
	p, err := newPlan(s, hints)
	if err != nil {
		return tourney.Dataset{}, err
	}
	split, err := newSplitter(p, hints.TestFrom)
	if err != nil {
		return tourney.Dataset{}, err
	}
	fixed := p.record
	if p.sparse != nil {
		fixed = 0
	}
	sorter := newSorter(j.opts.TempDir, int(j.opts.Memory), fixed)
	defer func() { err = errors.Join(err, sorter.close()) }()
	pack := newPacker(p, split, sorter, j.tell)
	j.tell.begin(PhaseShuffle, s.rows, hints.Bytes)
	if err := pack.run(j.ctx, j.src, roles, s.profiles); err != nil {
		return tourney.Dataset{}, err
	}
	w, err := j.write(p, split, sorter, pack)
	if err != nil {
		return tourney.Dataset{}, err
	}
	warn := &warner{plan: p, stats: w.stats, warnings: s.leftOutWarnings()}
	warn.all(hints, pack.copies)
	ds := w.dataset(p, split, hints, warn.warnings)
	ds.Source = source
	return j.putManifest(ds)
}

// all looks for everything, what concerns the whole table first.
func (w *warner) all(hints table.Hints, copies *distinct) {
	w.skipped(hints)
	w.copies(copies)
	if w.task == tourney.Classification {
		w.classBalance()
	} else {
		w.capped()
	}
	w.columnsAlone()
	w.leaks()
}

// written is what has become of the rows.
type written struct {
	stats       []*stats
	train, test *writer
}

// write puts the rows into shards in the order in which they are kept.
func (j *job) write(p *plan, split *splitter, sorter *sorter, pack *packer) (*written, error) {
	trains := pack.kept - pack.tests
	if split.split.Kind == tourney.SplitTime {
		var err error
		if trains, err = j.byTime(p, split, sorter, pack); err != nil {
			return nil, err
		}
	}
	if trains == 0 || trains == pack.kept {
		return nil, invalid(0, "split", "of %s, %s are test rows; at least one must be, and one must not", count(pack.kept, "row"), grouped(pack.kept-trains))
	}
	w := &written{stats: make([]*stats, len(p.columns))}
	rows := perColumn(sampleCells, len(p.columns), 256, sampleRows)
	values := perColumn(sampleCells, len(p.columns), 256, sampleValues)
	for i := range p.columns {
		w.stats[i] = newStats(&p.columns[i], pack.moments[i], trains, rows, values)
	}
	j.tell.begin(PhaseWrite, pack.kept, 0)
	w.train = newWriter(j.ctx, j.blobs, p, shard.Train, w.stats, j.tell)
	add := w.train.add
	var blocks *blockShuffler
	if p.time != nil {
		blocks = &blockShuffler{ctx: j.ctx, to: w.train, rows: trains, sorter: newSorter(j.opts.TempDir, int(j.opts.Memory/2), sorter.fixed)}
		defer blocks.sorter.close() //nolint:errcheck // an unnamed file that is no longer needed
		add = blocks.add
	}
	n := int64(0)
	err := sorter.drain(j.ctx, func(_, k2 uint64, record []byte) error {
		if n++; n <= trains {
			return add(k2, record)
		}
		if w.test == nil {
			if err := w.closeTrain(); err != nil {
				return err
			}
			w.test = newWriter(j.ctx, j.blobs, p, shard.Test, nil, j.tell)
			w.test.rows = trains
		}
		return w.test.add(k2, record)
	})
	if err != nil {
		return nil, err
	}
	if err := w.test.flush(); err != nil {
		return nil, err
	}
	j.tell.done(n)
	return w, nil
}

// closeTrain ends the rows to train on, and gives up their memory.
func (w *written) closeTrain() error {
	err := w.train.flush()
	w.train.frame, w.train.order = table.Frame{}, nil
	return err
}

// byTime finds how many rows come before the test rows of a split by time, and
// what the others' moments are: both are known only now that rows are sorted.
func (j *job) byTime(p *plan, split *splitter, sorter *sorter, pack *packer) (int64, error) {
	at := pack.kept - split.take
	var time uint64    // of the row before
	var from, to int64 // the rows that share the time of row at
	n := int64(0)
	j.tell.begin(PhaseShuffle, pack.kept, 0)
	err := sorter.drain(j.ctx, func(k1, _ uint64, _ []byte) error {
		if n <= at && (n == 0 || k1 != time) {
			from = n
		}
		if n == at || n == to && k1 == time {
			to = n + 1
		}
		time = k1
		n++
		return nil
	})
	if err != nil {
		return 0, err
	}
	trains := timeBorder(pack.kept, split.take, from, to)
	pack.moments = make([]moments, len(p.columns))
	n = 0
	err = sorter.drain(j.ctx, func(_, _ uint64, record []byte) error {
		if n++; n > trains {
			return nil
		}
		for i := range p.columns {
			if c := &p.columns[i]; c.kind.Numeric() {
				pack.moments[i].add(c.number(record))
			}
		}
		return nil
	})
	return trains, err
}

// blockShuffler takes rows in order of time and passes them on shuffled within
// blocks: see TimeBlocks.
type blockShuffler struct {
	ctx    context.Context
	to     *writer
	sorter *sorter
	rows   int64 // in all
	n      int64 // so far
	block  int64
}

func (b *blockShuffler) add(order uint64, record []byte) error {
	if err := b.sorter.add(0, order, record, nil); err != nil {
		return err
	}
	b.n++
	if b.n < blockEnd(b.block, b.rows) {
		return nil
	}
	err := b.sorter.drain(b.ctx, func(_, k2 uint64, record []byte) error { return b.to.add(k2, record) })
	if err != nil {
		return err
	}
	for b.block < TimeBlocks && blockEnd(b.block, b.rows) <= b.n {
		b.block++
	}
	return b.sorter.reset()
}

// blockEnd is the row at which a block ends.
func blockEnd(block, rows int64) int64 { return (block + 1) * rows / TimeBlocks }

// dataset puts everything together.
func (w *written) dataset(p *plan, split *splitter, hints table.Hints, warnings []tourney.Warning) tourney.Dataset {
	ds := tourney.Dataset{
		Task: p.task, Target: p.target.field.Name, Classes: p.classes,
		Group: p.req.Group, Time: p.req.Time, Weight: p.req.Weight,
		Rows: int(p.kept), TestRows: int(p.kept - w.train.rows), Split: split.split, Seed: p.req.Seed,
		Shards: w.train.shards, Test: w.test.shards, Read: hints.Read, Warnings: warnings,
	}
	for _, s := range w.stats {
		ds.Columns = append(ds.Columns, s.describe())
	}
	for _, shards := range [][]tourney.Shard{ds.Shards, ds.Test} {
		for _, s := range shards {
			ds.Bytes += s.Bytes
		}
	}
	return ds
}

// maxManifest bounds a manifest, for the sake of those who read it whole.
const maxManifest = 256 << 20

// putManifest names a dataset by its manifest and stores that beside the
// shards.
func (j *job) putManifest(ds tourney.Dataset) (tourney.Dataset, error) {
	manifest, err := Manifest(ds)
	if err != nil {
		return tourney.Dataset{}, err
	}
	if len(manifest) > maxManifest {
		return tourney.Dataset{}, invalid(0, "", "the names of columns and categories come to %d MB; at most %d are taken: drop columns that name rows", len(manifest)>>20, maxManifest>>20)
	}
	ds.Version, _, err = j.blobs.Put(j.ctx, bytes.NewReader(manifest))
	if err != nil {
		return tourney.Dataset{}, fmt.Errorf("store manifest: %w", err)
	}
	return ds, nil
}

// clampMemory keeps the bound on memory within reason.
func clampMemory(n int64) int64 {
	const least, usual = 64 << 10, 256 << 20
	if n <= 0 {
		return usual
	}
	return max(least, min(n, math.MaxInt32))
}
