package heats

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"

	"tourney"
	"tourney/blob"
	"tourney/dataset/ingest"
	"tourney/dataset/shard"
	"tourney/dataset/table"
)

// Seal writes a made-up table of so many rows and columns of numbers, and a
// class that some of them say, straight into shards: a table that is too large
// for a text file to be made of it first. The last held rows are sealed.
func Seal(ctx context.Context, dir string, rows, held, columns int) (*Shelf, error) {
	blobs, err := blob.OpenDir(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, err
	}
	ds := tourney.Dataset{
		Name: "bench", Task: tourney.Classification, Target: "label", Classes: []string{"0", "1"},
		Rows: rows, TestRows: held, Split: tourney.Split{Kind: tourney.SplitLast, Rows: held},
	}
	for j := range columns {
		ds.Columns = append(ds.Columns, tourney.Column{Name: fmt.Sprint("x", j), Kind: tourney.Number})
	}
	ds.Columns = append(ds.Columns, tourney.Column{Name: "label", Kind: tourney.Category, Categories: ds.Classes})
	rng := rand.New(rand.NewPCG(3, 5))
	for _, part := range []struct {
		use    shard.Use
		rows   int
		shards *[]tourney.Shard
	}{{shard.Train, rows - held, &ds.Shards}, {shard.Test, held, &ds.Test}} {
		schema := shard.Of(&ds, part.use)
		for done := 0; done < part.rows; {
			n := min(shard.RowsMax(schema), part.rows-done)
			var b bytes.Buffer
			if err := shard.Encode(&b, schema, madeUp(rng, n, &ds)); err != nil {
				return nil, err
			}
			size := int64(b.Len())
			hash, _, err := blobs.Put(ctx, &b)
			if err != nil {
				return nil, err
			}
			*part.shards = append(*part.shards, tourney.Shard{Hash: hash, Rows: n, Bytes: size})
			ds.Bytes += size
			done += n
		}
	}
	manifest, err := ingest.Manifest(ds)
	if err != nil {
		return nil, err
	}
	if ds.Version, _, err = blobs.Put(ctx, bytes.NewReader(manifest)); err != nil {
		return nil, err
	}
	return &Shelf{ds, dir, blobs}, nil
}

// madeUp makes rows whose class is that of a sum with a product in it.
func madeUp(rng *rand.Rand, n int, ds *tourney.Dataset) *table.Frame {
	f := &table.Frame{Rows: n, Series: make([]table.Series, len(ds.Columns))}
	d := len(ds.Columns) - 1
	for j := range d {
		numbers := make([]float64, n)
		for i := range numbers {
			numbers[i] = 2*rng.Float64() - 1
		}
		f.Series[j] = table.Series{Name: ds.Columns[j].Name, Kind: tourney.Number, Numbers: numbers}
	}
	codes := make([]int32, n)
	at := func(i, j int) float64 { return f.Series[j%d].Numbers[i] }
	for i := range codes {
		if at(i, 0)*at(i, 1)+at(i, 2)-at(i, 3)/2+0.3*rng.NormFloat64() > 0 {
			codes[i] = 1
		}
	}
	f.Series[d] = table.Series{Name: "label", Kind: tourney.Category, Codes: codes, Levels: ds.Classes}
	return f
}
