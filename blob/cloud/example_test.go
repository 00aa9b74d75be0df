package cloud_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"tourney/blob/cloud"
)

// A bucket of any service that speaks S3's protocol.
func ExampleOpen() {
	backend := s3mem.New()
	if err := backend.CreateBucket("shards"); err != nil {
		log.Fatal(err)
	}
	srv := httptest.NewServer(gofakes3.New(backend).Server())
	defer srv.Close()
	os.Setenv("AWS_ACCESS_KEY_ID", "key")
	os.Setenv("AWS_SECRET_ACCESS_KEY", "secret")

	ctx := context.Background()
	bucket, err := cloud.Open(ctx, "s3://shards/data?s3ForcePathStyle=true&endpoint="+srv.URL, cloud.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer bucket.Close()
	hash, size, err := bucket.Put(ctx, strings.NewReader("abc"))
	fmt.Println(hash[:8], size, err)
	fmt.Println(bucket.Verify(ctx, hash))
	// Output:
	// ba7816bf 3 <nil>
	// <nil>
}
