package model_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"tourney/dataset/read"
	"tourney/model"
)

// A model that was exported scores a table of its own.
func Example() {
	document, err := os.Open("testdata/churn.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer document.Close()
	m, err := model.Read(document)
	if err != nil {
		fmt.Println(err)
		return
	}

	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "new.csv")
	if err := os.WriteFile(path, []byte("plan,age\ngold,6\n,\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	table, err := read.Open(ctx, []read.File{{Name: "new.csv", Path: path}}, read.Options{Format: read.CSV})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer table.Close()
	if err := m.Predict(ctx, table, "new.csv", os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// prediction,probability_no,probability_yes
	// yes,0.11920292,0.880797
	// no,0.7310586,0.26894143
}
