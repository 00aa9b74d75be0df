package blob_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"tourney/blob"
)

// A blob is put once and named by what it holds.
func ExampleDir() {
	root, err := os.MkdirTemp("", "blobs")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	dir, err := blob.OpenDir(root)
	if err != nil {
		log.Fatal(err)
	}
	defer dir.Close()

	ctx := context.Background()
	hash, size, err := dir.Put(ctx, strings.NewReader("abc"))
	fmt.Println(hash[:8], size, err)
	fmt.Println(dir.Verify(ctx, hash))
	// Output:
	// ba7816bf 3 <nil>
	// <nil>
}
