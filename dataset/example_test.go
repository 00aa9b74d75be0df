package dataset_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"tourney"
	"tourney/dataset"
)

// A table is taken in once; a worker then loads matrices by its version.
func Example() {
	ctx := context.Background()
	blobs := newMemory() // in life a blob.Dir here and a blob.Client at the worker

	table := strings.NewReader("size,colour,price\n1,red,10.5\n2,blue,20.5\n3,red,30.5\n4,,40.5\n5,blue,50.5\n")
	ds, err := dataset.NewRegistry(blobs, blobs, "").Add(ctx, tourney.DatasetRequest{Name: "toys", Target: "price", File: "toys.csv"}, table)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ds.Task, ds.Rows, "rows,", ds.TestRows, "of them sealed")

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
	data, err := cache.Load(ctx, ds.Version, tourney.Validation{Kind: "holdout", Fraction: 0.25}, tourney.JobRung, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(data.Train.N, "rows to train on,", data.Valid.N, "to validate")
	// Output:
	// regression 5 rows, 1 of them sealed
	// 3 rows to train on, 1 to validate
}
