package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tourney"
	"tourney/dataset/table"
)

// joined is a table whose test rows came as a table of their own, behind its
// other rows.
type joined struct {
	train, test table.Source
	columns     []int // of test, in the order of train's
	rows        int64 // of train, once they are read
	batch       table.Batch
}

// join puts two tables one behind the other. They have the same columns, of
// the same types, in any order; without header, in the same one.
func join(train, test table.Source, name string) (*joined, error) {
	j := &joined{train: train, test: test}
	have := test.Fields()
	var names []string
	for _, f := range have {
		names = append(names, f.Name)
	}
	var bad []tourney.FieldError
	for _, f := range train.Fields() {
		at := slices.Index(names, f.Name)
		switch {
		case at < 0:
			bad = append(bad, tourney.FieldError{Path: columnPath(f.Name), Message: fmt.Sprintf("is missing from the test file, which has %s%s", list(names), tourney.DidYouMean(f.Name, names))})
		case have[at].Type != f.Type:
			bad = append(bad, tourney.FieldError{Path: columnPath(f.Name), Message: "holds another type than in the file to train on"})
		}
		j.columns = append(j.columns, at)
	}
	if len(bad) > 0 {
		return nil, &tourney.InvalidError{Source: name, Fields: bad}
	}
	j.batch.Columns = make([]table.Column, len(j.columns))
	return j, nil
}

// Fields implements table.Source.
func (j *joined) Fields() []table.Field { return j.train.Fields() }

// Hints implements table.Source.
func (j *joined) Hints() table.Hints {
	const most = 100
	h, t := j.train.Hints(), j.test.Hints()
	h.TestFrom = j.rows
	h.Features = max(h.Features, t.Features)
	h.Bytes += t.Bytes
	h.SkippedRows += t.SkippedRows
	h.Skipped = append(slices.Clone(h.Skipped), t.Skipped...)
	h.Skipped = h.Skipped[:min(most, len(h.Skipped))]
	h.Read = slices.Clone(h.Read)
	for _, note := range t.Read {
		if !slices.Contains(h.Read, note) {
			h.Read = append(h.Read, "test file: "+note)
		}
	}
	return h
}

// Scan implements table.Source.
func (j *joined) Scan(ctx context.Context, yield func(*table.Batch) error) error {
	rows := int64(0)
	err := j.train.Scan(ctx, func(b *table.Batch) error {
		rows += int64(b.Rows)
		return yield(b)
	})
	if err != nil {
		return err
	}
	j.rows = rows
	return j.test.Scan(ctx, func(b *table.Batch) error {
		j.batch.Rows, j.batch.Lines = b.Rows, b.Lines
		for i, at := range j.columns {
			j.batch.Columns[i] = b.Columns[at]
		}
		return yield(&j.batch)
	})
}

// Close implements table.Source.
func (j *joined) Close() error { return errors.Join(j.train.Close(), j.test.Close()) }
