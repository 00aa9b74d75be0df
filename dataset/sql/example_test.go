package sql_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"tourney/dataset/sql"
	"tourney/dataset/table"
)

// Two files are joined before ingestion. The program's main calls sql.Main
// first; here TestMain does.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	orders, customers := filepath.Join(dir, "orders.csv"), filepath.Join(dir, "customers.csv")
	for name, text := range map[string]string{orders: "customer,amount\n1,10\n2,20\n1,5\n", customers: "id,city\n1,Bonn\n2,Köln\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			log.Fatal(err)
		}
	}

	ctx := context.Background()
	src, err := sql.Open(ctx, sql.Request{
		Files: []sql.File{{Name: "orders.csv", Path: orders}, {Name: "customers.csv", Path: customers}},
		Query: "SELECT city, sum(amount) AS total FROM orders JOIN customers ON id = customer GROUP BY city",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	err = src.Scan(ctx, func(b *table.Batch) error {
		for row := range b.Rows {
			fmt.Printf("%s %g\n", b.Columns[0].Text(row), b.Columns[1].Numbers[row])
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// Bonn 15
	// Köln 20
	// <nil>
}
