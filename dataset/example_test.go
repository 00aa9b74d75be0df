package dataset_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"tourney"
	"tourney/dataset"
	"tourney/dataset/shard"
	"tourney/dataset/table"
)

// A worker loads the matrices of a job by the version of its dataset.
func ExampleCache() {
	ctx := context.Background()
	blobs := newMemory() // in life a client of the coordinator's blobs
	version := toys(ctx, blobs)

	dir, err := os.MkdirTemp("", "cache")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cache, err := dataset.NewCache(dir, 1<<30, blobs)
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close()
	data, err := cache.Load(ctx, dataset.Request{
		Version: version, Kind: tourney.JobRung,
		Validation: tourney.Validation{Kind: tourney.KFold, Folds: 2},
		Preprocess: tourney.Preprocess{Scale: "min_max"},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, fold := range data.Folds {
		fmt.Println(fold.Train.N, "rows to train on,", fold.Valid.N, "to validate;", fold.Prep.Features(), fold.Train.X)
	}
	// Output:
	// 2 rows to train on, 2 to validate; [size colour=blue colour=red] [0 0 1 1 1 0]
	// 2 rows to train on, 2 to validate; [size colour=blue colour=red] [0 0 1 1 1 0]
}

// toys stores a small dataset, as ingestion does.
func toys(ctx context.Context, blobs *memory) string {
	ds := tourney.Dataset{Target: "price", Task: tourney.Regression, Rows: 4, Columns: []tourney.Column{
		{Name: "size", Kind: tourney.Number},
		{Name: "colour", Kind: tourney.Category, Categories: []string{"blue", "red"}},
		{Name: "price", Kind: tourney.Number},
	}}
	var b bytes.Buffer
	if err := shard.Encode(&b, shard.Of(&ds, shard.Train), &table.Frame{Rows: 4, Series: []table.Series{
		{Name: "size", Kind: tourney.Number, Numbers: []float64{1, 2, 3, 4}},
		{Name: "colour", Kind: tourney.Category, Codes: []int32{1, 0, 1, 0}},
		{Name: "price", Kind: tourney.Number, Numbers: []float64{10, 20, 30, 40}},
	}}); err != nil {
		log.Fatal(err)
	}
	hash, size, _ := blobs.Put(ctx, &b)
	ds.Shards = []tourney.Shard{{Hash: hash, Rows: 4, Bytes: size}}
	manifest, err := json.Marshal(ds)
	if err != nil {
		log.Fatal(err)
	}
	version, _, _ := blobs.Put(ctx, bytes.NewReader(manifest))
	return version
}
