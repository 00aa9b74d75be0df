package dataset

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tourney"
	"tourney/dataset/shard"
	"tourney/dataset/table"
)

// Rows is some rows of a dataset for people.
type Rows struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"` // a text a column; "" where a value is missing
}

// Sample returns the first n rows of those that are not test rows, in the order
// in which the dataset keeps them, which was shuffled when it was made.
// Categories have their names, dates are RFC 3339 in UTC; of texts there is
// only the hash, since no more is kept of them.
func Sample(ctx context.Context, fetch Fetcher, ds tourney.Dataset, n int) (Rows, error) {
	out := Rows{Columns: make([]string, len(ds.Columns)), Rows: [][]string{}}
	for i := range ds.Columns {
		out.Columns[i] = ds.Columns[i].Name
	}
	schema := shard.Of(&ds, shard.Train)
	f := &table.Frame{}
	for i, s := range ds.Shards {
		if len(out.Rows) >= n {
			break
		}
		var blob bytes.Buffer
		if err := fetchBlob(ctx, fetch, &blob, s); err != nil {
			return Rows{}, fmt.Errorf("sample dataset %s: shard %d: %w", ds.Name, i, err)
		}
		if err := shard.Decode(blob.Bytes(), schema, s.Rows, f); err != nil {
			return Rows{}, fmt.Errorf("sample dataset %s: shard %d: %w", ds.Name, i, err)
		}
		for row := range min(f.Rows, n-len(out.Rows)) {
			texts := make([]string, len(f.Series))
			for k := range f.Series {
				texts[k] = show(&f.Series[k], row)
			}
			out.Rows = append(out.Rows, texts)
		}
	}
	return out, nil
}

// fetchBlob fetches a blob that is not sealed and checks it.
func fetchBlob(ctx context.Context, fetch Fetcher, w *bytes.Buffer, s tourney.Shard) error {
	body, err := fetch.Open(ctx, s.Hash, 0, -1, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	return copyBlob(ctx, w, body, s.Hash, s.Bytes)
}

// show writes a value for people.
func show(s *table.Series, row int) string {
	if s.Missing(row) {
		return ""
	}
	switch s.Kind {
	case tourney.Boolean:
		return strconv.FormatBool(s.Numbers[row] != 0)
	case tourney.Date:
		whole := int64(s.Numbers[row])
		return time.Unix(whole, int64((s.Numbers[row]-float64(whole))*1e9)).UTC().Format(time.RFC3339Nano)
	case tourney.Category:
		return s.Levels[s.Codes[row]]
	case tourney.Text:
		return fmt.Sprintf("#%016x", s.Hashes[row])
	case tourney.Sparse:
		var parts []string
		for k := s.Starts[row]; k < s.Starts[row+1]; k++ {
			parts = append(parts, fmt.Sprintf("%d:%v", s.Index[k], s.Values[k]))
		}
		return strings.Join(parts, " ")
	}
	return showNumber(s.Numbers[row])
}

// showNumber is as short as can be read back, without an exponent for ordinary
// magnitudes.
func showNumber(v float64) string {
	if v == 0 || 1e-6 <= max(v, -v) && max(v, -v) < 1e21 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'e', -1, 64)
}
