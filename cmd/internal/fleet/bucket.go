package fleet

import (
	"context"
	"io"
	"log/slog"

	"tourney"
	"tourney/blob"
	"tourney/dataset"
)

// bucket reads the blobs of a store as a worker reads those of a server.
type bucket struct{ store blob.Store }

// Open implements dataset.Fetcher.
func (b bucket) Open(ctx context.Context, hash string, offset, size int64, _ *tourney.Token) (io.ReadCloser, error) {
	return blob.OpenPart(ctx, b.store, hash, offset, size)
}

// straight reads blobs from the bucket that the worker may read, and through
// the server those that take a token and those that the bucket does not give.
type straight struct {
	*blob.Client

	bucket dataset.Fetcher
	log    *slog.Logger
}

// Open implements dataset.Fetcher and worker.Blobs.
func (s *straight) Open(ctx context.Context, hash string, offset, size int64, token *tourney.Token) (io.ReadCloser, error) {
	if token == nil {
		body, err := s.bucket.Open(ctx, hash, offset, size, nil)
		if err == nil {
			return body, nil
		}
		s.log.Warn("the bucket does not give a blob; asking the server", "blob", hash, "error", err)
	}
	return s.Client.Open(ctx, hash, offset, size, token)
}
