package read_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset/read"
	"tourney/dataset/table"
)

// sharedData holds public tables that are not part of the repository.
const sharedData = "../../../shared/data"

// rows is a table as texts, for comparison.
type rows struct {
	fields []table.Field
	names  []string
	cells  [][]string
	lines  []int64
	hints  table.Hints
	most   int // rows of a batch
}

// write puts a file into a temporary directory.
func write(t testing.TB, name, content string) read.File {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return read.File{Name: name, Path: p}
}

// load opens files and reads all rows.
func load(files []read.File, opts read.Options) (*rows, error) {
	source, err := read.Open(context.Background(), files, opts)
	if err != nil {
		return nil, err
	}
	r, err := scan(source)
	return r, errors.Join(err, source.Close())
}

func scan(source table.Source) (*rows, error) {
	r := &rows{fields: source.Fields()}
	for _, f := range r.fields {
		r.names = append(r.names, f.Name)
	}
	err := source.Scan(context.Background(), func(b *table.Batch) error {
		if err := check(b, r.fields); err != nil {
			return err
		}
		r.most = max(r.most, b.Rows)
		r.lines = append(r.lines, b.Lines...)
		for i := range b.Rows {
			row := make([]string, len(b.Columns))
			for c := range b.Columns {
				row[c] = cell(&b.Columns[c], i)
			}
			r.cells = append(r.cells, row)
		}
		return nil
	})
	r.hints = source.Hints()
	return r, err
}

// check refuses a batch whose columns do not have as many rows as it says.
func check(b *table.Batch, fields []table.Field) error {
	if len(b.Columns) != len(fields) || len(b.Lines) != b.Rows || b.Rows == 0 {
		return fmt.Errorf("a batch of %d rows, %d lines, %d columns", b.Rows, len(b.Lines), len(b.Columns))
	}
	for i, c := range b.Columns {
		n := map[table.Type]int{table.Text: len(c.Ends), table.Sparse: len(c.Starts) - 1}
		have, ok := n[c.Type]
		if !ok {
			have = len(c.Numbers)
		}
		if have != b.Rows || c.Type != fields[i].Type {
			return fmt.Errorf("column %d of type %d has %d values for %d rows", i, c.Type, have, b.Rows)
		}
	}
	return nil
}

func cell(c *table.Column, i int) string {
	switch c.Type {
	case table.Text:
		return string(c.Text(i))
	case table.Sparse:
		var pairs []string
		for k := c.Starts[i]; k < c.Starts[i+1]; k++ {
			pairs = append(pairs, fmt.Sprintf("%d:%g", c.Index[k], c.Values[k]))
		}
		return strings.Join(pairs, " ")
	}
	if c.Numbers[i] != c.Numbers[i] {
		return ""
	}
	return strconv.FormatFloat(c.Numbers[i], 'f', -1, 64)
}

// text renders a table: names, then rows.
func (r *rows) text() string {
	var b strings.Builder
	b.WriteString(strings.Join(r.names, "|"))
	for _, row := range r.cells {
		b.WriteString("\n" + strings.Join(row, "|"))
	}
	return b.String()
}

// message returns an error's text, which must be one for people.
func message(t *testing.T, err error) string {
	t.Helper()
	var bad *tourney.InvalidError
	if !errors.As(err, &bad) {
		t.Fatalf("want an InvalidError, got %v (%T)", err, err)
	}
	return err.Error()
}
