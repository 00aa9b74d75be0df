package dataset

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"slices"

	"tourney"
)

// ingest makes a dataset of a table, all but its name and time.
func (r *Registry) ingest(ctx context.Context, req *tourney.DatasetRequest, file io.ReadSeeker, source string) (tourney.Dataset, error) {
	open := func() (rowSource, error) {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return nil, fmt.Errorf("read table: %w", err)
		}
		return newCSV(req.File, file)
	}
	t, tg, err := readTable(ctx, req, open)
	if err != nil {
		return tourney.Dataset{}, err
	}
	ds := tourney.Dataset{
		Source: source, Task: tg.task, Target: req.Target, Classes: tg.classes,
		Rows: t.Rows, Columns: describe(t), Seed: req.Seed,
	}
	test, rest := seal(shuffle(t.Rows, req.Seed), tg, req.Test)
	if len(test) == 0 {
		return tourney.Dataset{}, &tourney.InvalidError{Source: req.File, Fields: []tourney.FieldError{{Path: columnPath(req.Target), Message: "no class has two rows, so none can be set aside for the test"}}}
	}
	ds.TestRows = len(test)
	for _, part := range []struct {
		use    string
		rows   []int32
		shards *[]tourney.Shard
	}{{rowsTrain, rest, &ds.Shards}, {rowsTest, test, &ds.Test}} {
		if *part.shards, err = r.putShards(ctx, t, req.Target, part.use, part.rows); err != nil {
			return tourney.Dataset{}, err
		}
		for _, s := range *part.shards {
			ds.Bytes += s.Bytes
		}
	}
	return r.putManifest(ctx, ds)
}

// putShards cuts rows into shards. Columns without any value are left out.
func (r *Registry) putShards(ctx context.Context, t *Table, target, use string, rows []int32) ([]tourney.Shard, error) {
	kept := &Table{Rows: t.Rows}
	for _, s := range t.Columns {
		if s.Kind == tourney.Number || len(s.Levels) > 0 {
			kept.Columns = append(kept.Columns, s)
		}
	}
	schema, err := shardSchema(kept, target, use)
	if err != nil {
		return nil, fmt.Errorf("write shard: %w", err)
	}
	var shards []tourney.Shard
	for _, n := range cut(len(rows), rowsPerShard(len(kept.Columns))) {
		data, err := encodeShard(schema, kept, rows[:n])
		if err != nil {
			return nil, err
		}
		hash, size, err := r.blobs.Put(ctx, bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		shards = append(shards, tourney.Shard{Hash: hash, Rows: n, Bytes: size})
		rows = rows[n:]
	}
	return shards, nil
}

// putManifest names a dataset by its manifest and stores that beside the
// shards.
func (r *Registry) putManifest(ctx context.Context, ds tourney.Dataset) (tourney.Dataset, error) {
	manifest, err := Manifest(ds)
	if err != nil {
		return tourney.Dataset{}, err
	}
	if len(manifest) > maxManifest {
		return tourney.Dataset{}, tourney.Invalid("", "the names of columns and categories come to %d MB; at most %d are taken: drop columns that name rows", len(manifest)>>20, maxManifest>>20)
	}
	if ds.Version, _, err = r.blobs.Put(ctx, bytes.NewReader(manifest)); err != nil {
		return tourney.Dataset{}, err
	}
	return ds, nil
}

// readTable reads a table in two passes and returns the columns that are kept and
// what is to be learnt.
func readTable(ctx context.Context, req *tourney.DatasetRequest, open func() (rowSource, error)) (*Table, *target, error) {
	src, err := open()
	if err != nil {
		return nil, nil, err
	}
	header := src.Header()
	at, err := findTarget(req, header)
	if err != nil {
		return nil, nil, err
	}
	keep, err := kept(req, header)
	if err != nil {
		return nil, nil, err
	}
	profiles, rows, err := scan(ctx, src)
	if err != nil {
		return nil, nil, err
	}
	if err := checkTable(req, header, profiles, rows, keep, at); err != nil {
		return nil, nil, err
	}
	if src, err = open(); err != nil {
		return nil, nil, err
	}
	t, err := collect(ctx, src, profiles, rows, keep)
	if err != nil {
		return nil, nil, err
	}
	tg, err := newTarget(req, &t.Columns[t.column(req.Target)], &profiles[at])
	return t, tg, err
}

// kept returns the positions of the columns that are not dropped.
func kept(req *tourney.DatasetRequest, header []string) ([]int, error) {
	var bad []tourney.FieldError
	for i, name := range req.Drop {
		if !slices.Contains(header, name) {
			bad = append(bad, tourney.FieldError{Path: fmt.Sprintf("drop[%d]", i), Message: fmt.Sprintf("there is no column %q%s", shorten(name), tourney.DidYouMean(name, header))})
		}
	}
	if len(bad) > 0 {
		return nil, &tourney.InvalidError{Source: req.File, Fields: bad}
	}
	var keep []int
	for i, name := range header {
		if !slices.Contains(req.Drop, name) {
			keep = append(keep, i)
		}
	}
	return keep, nil
}

// checkTable refuses a table from which nothing can be learnt.
func checkTable(req *tourney.DatasetRequest, header []string, profiles []profile, rows int, keep []int, at int) error {
	bad := func(line int, path, format string, args ...any) error {
		return &tourney.InvalidError{Source: req.File, Fields: []tourney.FieldError{{Line: line, Path: path, Message: fmt.Sprintf(format, args...)}}}
	}
	if rows == 0 {
		return bad(0, "", "there are no rows below the header")
	}
	if p := &profiles[at]; p.missing > 0 {
		return bad(p.firstMissing, columnPath(header[at]), "the target is missing here, and in %s in all; fill it in or remove the rows", count(p.missing, "row"))
	}
	if rows < 3 {
		return bad(0, "", "there are %s; at least 3 are needed, to train, to validate and to test", count(rows, "row"))
	}
	for _, c := range keep {
		if c != at && profiles[c].missing < rows {
			return nil
		}
	}
	return bad(0, "", "there is no column to learn from beside the target: all others are dropped or empty")
}

// describe returns the columns of a table with their statistics.
func describe(t *Table) []tourney.Column {
	columns := make([]tourney.Column, len(t.Columns))
	for i := range t.Columns {
		s := &t.Columns[i]
		c := tourney.Column{Name: s.Name, Kind: s.Kind, Categories: s.Levels}
		for row := range t.Rows {
			if s.Missing(row) {
				c.Missing++
			}
		}
		if s.Kind == tourney.Number {
			lo, hi, _ := extent(s.Numbers)
			mean, _ := moments(s.Numbers)
			mean = math.Max(lo, math.Min(hi, mean)) // rounding may step over an end
			c.Min, c.Max, c.Mean = &lo, &hi, &mean
		}
		columns[i] = c
	}
	return columns
}
