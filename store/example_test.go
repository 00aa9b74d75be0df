package store_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"tourney"
	"tourney/store"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "tourney-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	s, err := store.Open(ctx, dir)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if err := s.SaveDataset(ctx, tourney.Dataset{Name: "churn", Version: "9f86d081884c7d65", Rows: 7043}); err != nil {
		log.Fatal(err)
	}
	d, err := s.Dataset(ctx, "churn@9f86d081")
	fmt.Println(d.Name, d.Rows, err)
	// Output: churn 7043 <nil>
}
