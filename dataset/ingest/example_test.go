package ingest_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"tourney"
	"tourney/dataset/ingest"
)

func Example() {
	dir, err := os.MkdirTemp("", "example-*")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "flowers.csv")
	table := "petal,white,kind\n1.4,yes,daisy\n1.3,yes,daisy\n4.7,no,rose\n4.5,no,rose\n4.9,,rose\n"
	if err := os.WriteFile(path, []byte(table), 0o600); err != nil {
		fmt.Println(err)
		return
	}

	store := newMemory() // both the blobs and the catalog
	registry := ingest.New(store, store, ingest.Options{TempDir: dir})
	ds, err := registry.Add(context.Background(), tourney.DatasetRequest{Name: "flowers", Target: "kind"}, []ingest.File{{Name: "flowers.csv", Path: path}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ds.Rows, "rows,", ds.TestRows, "of them test rows;", ds.Task, "of", ds.Classes)
	for _, c := range ds.Columns {
		fmt.Printf("%s is a %s: %s\n", c.Name, c.Kind, c.Why)
	}
	// Output:
	// 5 rows, 2 of them test rows; classification of [daisy rose]
	// petal is a number: each of 5 values is a number
	// white is a boolean: each of 4 values is yes or no
	// kind is a category: 2 distinct texts
}

func ExampleSynth() {
	var table bytes.Buffer
	o := ingest.SynthOptions{Kind: ingest.SynthRegression, Rows: 1000, Numbers: 3, Seed: 1}
	if err := ingest.Synth(&table, o); err != nil {
		fmt.Println(err)
		return
	}
	header, _ := table.ReadString('\n')
	fmt.Print(header)
	// Output:
	// y,x1,x2,x3
}
