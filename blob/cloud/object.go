package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"

	"tourney"
)

// OpenObject opens an object that is no blob, such as a table at
// s3://bucket/path/table.parquet, for reading. Its errors are those of Open.
func OpenObject(ctx context.Context, url string) (io.ReadCloser, int64, error) {
	place, err := parse(url)
	if err != nil {
		return nil, 0, err
	}
	if place.prefix == "" {
		return nil, 0, tourney.Invalid("url", "it names a bucket and no object in it; %s/NAME is needed", place)
	}
	name := place.String()
	key := place.prefix
	place.prefix = ""
	bucket, err := place.open(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("open %s: %w", name, err)
	}
	b := &Bucket{bucket: bucket, name: name}
	body, err := bucket.NewReader(ctx, key, nil)
	if err != nil {
		return nil, 0, errors.Join(b.explain(ctx, "open", "", err), bucket.Close())
	}
	return &object{body, bucket}, body.Size(), nil
}

// object is an open object with the connection that is its own.
type object struct {
	io.ReadCloser

	bucket io.Closer
}

// Close closes both.
func (o *object) Close() error { return errors.Join(o.ReadCloser.Close(), o.bucket.Close()) }
