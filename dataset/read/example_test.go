package read_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"tourney/dataset/read"
	"tourney/dataset/table"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "sales.csv")
	if err := os.WriteFile(path, []byte("# exported\nshop;sold\nNorth;1,5\nSouth\nEast;2,5\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	source, err := read.Open(context.Background(), []read.File{{Name: "sales.csv", Path: path}}, read.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer source.Close()
	err = source.Scan(context.Background(), func(b *table.Batch) error {
		for i, line := range b.Lines {
			fmt.Printf("%d: %s sold %s\n", line, b.Columns[0].Text(i), b.Columns[1].Text(i))
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	hints := source.Hints()
	fmt.Println(hints.Read)
	for _, s := range hints.Skipped {
		fmt.Printf("%s:%d: %s\n", s.File, s.Line, s.Reason)
	}
	// Output:
	// 3: North sold 1,5
	// 5: East sold 2,5
	// [delimiter ; lines that begin with # left out]
	// sales.csv:4: the row has 1 field where the table has 2 columns
}
