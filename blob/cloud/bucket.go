package cloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	gocloud "gocloud.dev/blob"

	"tourney/blob"
)

// dirBlobs is where blobs lie below the prefix.
const dirBlobs = "sha256/"

// Options are what may be different from one use of a bucket to another.
type Options struct {
	// TempDir is where blobs beyond 8 MiB wait for their upload; empty means
	// the system's.
	TempDir string
}

// Bucket keeps blobs in a bucket. Its methods may be called from many
// goroutines.
type Bucket struct {
	bucket *gocloud.Bucket
	name   string // for messages, as in s3://bucket/prefix
	temp   string
}

var _ blob.Store = (*Bucket)(nil)

// Open opens the bucket at a URL and makes sure that it is there and may be
// read. A URL that cannot be is a *tourney.InvalidError; a bucket that is not
// there is tourney.ErrNotFound, credentials that do not suffice are
// tourney.ErrRefused, and a service that cannot be reached is
// tourney.ErrUnavailable.
func Open(ctx context.Context, url string, opts Options) (*Bucket, error) {
	place, err := parse(url)
	if err != nil {
		return nil, err
	}
	bucket, err := place.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", place, err)
	}
	b := &Bucket{bucket: bucket, name: place.String(), temp: opts.TempDir}
	if _, _, err := bucket.ListPage(ctx, gocloud.FirstPageToken, 1, &gocloud.ListOptions{Prefix: dirBlobs}); err != nil {
		return nil, errors.Join(b.explain(ctx, "open", "", err), bucket.Close())
	}
	return b, nil
}

// Close releases the connection. Blobs that are open are not readable then.
func (b *Bucket) Close() error { return b.bucket.Close() }

// Open returns a blob and its size in bytes, or tourney.ErrNotFound. The
// context governs the reading too.
func (b *Bucket) Open(ctx context.Context, hash string) (io.ReadSeekCloser, int64, error) {
	if !blob.IsHash(hash) {
		return nil, 0, absent("open", hash)
	}
	body, err := b.bucket.NewReader(ctx, place(hash), nil)
	if err != nil {
		return nil, 0, b.explain(ctx, "open", hash, err)
	}
	return newReader(ctx, b, hash, body, body.Size()), body.Size(), nil
}

// Put stores what r holds and returns its hash and size.
func (b *Bucket) Put(ctx context.Context, r io.Reader) (string, int64, error) {
	s, err := spoolAll(ctx, r, b.temp)
	if err != nil {
		return "", 0, fmt.Errorf("put blob: %w", err)
	}
	defer s.close()
	if b.has(ctx, s) {
		return s.hash, s.size, nil
	}
	content, err := s.reader()
	if err != nil {
		return "", 0, fmt.Errorf("put blob: %w", err)
	}
	// Two parts of 8 MiB at a time bound the memory, and 10,000 of them, which
	// is all that S3 takes, hold 80 GB.
	err = b.bucket.Upload(ctx, place(s.hash), content, &gocloud.WriterOptions{
		ContentType: "application/octet-stream", BufferSize: partBytes, MaxConcurrency: 2, ContentMD5: s.md5,
	})
	if err != nil {
		return "", 0, b.explain(ctx, "put", s.hash, err)
	}
	return s.hash, s.size, nil
}

// has reports whether the bucket says that it has these very bytes. If it does
// not say so, for whatever reason, they are sent.
func (b *Bucket) has(ctx context.Context, s *spool) bool {
	attrs, err := b.bucket.Attributes(ctx, place(s.hash))
	return err == nil && attrs.Size == s.size && bytes.Equal(attrs.MD5, s.md5)
}

// Stat returns the size of a blob in bytes, or tourney.ErrNotFound.
func (b *Bucket) Stat(ctx context.Context, hash string) (int64, error) {
	if !blob.IsHash(hash) {
		return 0, absent("stat", hash)
	}
	attrs, err := b.bucket.Attributes(ctx, place(hash))
	if err != nil {
		return 0, b.explain(ctx, "stat", hash, err)
	}
	return attrs.Size, nil
}

// Delete removes a blob, or returns tourney.ErrNotFound.
func (b *Bucket) Delete(ctx context.Context, hash string) error {
	if !blob.IsHash(hash) {
		return absent("delete", hash)
	}
	if err := b.bucket.Delete(ctx, place(hash)); err != nil {
		return b.explain(ctx, "delete", hash, err)
	}
	return nil
}

// Walk calls fn with each blob, in the order of the hashes, until fn returns
// an error, which it passes on.
func (b *Bucket) Walk(ctx context.Context, fn func(hash string, size int64) error) error {
	list := b.bucket.List(&gocloud.ListOptions{Prefix: dirBlobs})
	for {
		object, err := list.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return b.explain(ctx, "walk", "", err)
		}
		hash := path.Base(object.Key)
		if !blob.IsHash(hash) || object.Key != place(hash) {
			continue // not put there by us
		}
		if err := fn(hash, object.Size); err != nil {
			return err
		}
	}
}

// Verify reads a blob and returns blob.ErrCorrupt if it is not what its name
// says.
func (b *Bucket) Verify(ctx context.Context, hash string) error {
	f, _, err := b.Open(ctx, hash)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(io.Discard, f); err != nil {
		return fmt.Errorf("verify blob: %w", err)
	}
	return nil
}

// place is where a blob lies below the prefix.
func place(hash string) string { return dirBlobs + hash[:2] + "/" + hash }
