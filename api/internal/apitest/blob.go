package apitest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"tourney"
)

// Upload implements api.Service.
func (w *World) Upload(_ context.Context, _ string, put func() (int64, error)) error {
	_, err := put()
	return err
}

// Seal makes a blob one that final attempts alone may read.
func (w *World) Seal(hash string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sealed[hash] = true
}

// MayRead implements api.Service: an attempt's number over 100 makes it final.
func (w *World) MayRead(_ context.Context, blob string, token *tourney.Token) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sealed[blob] && (token == nil || token.Attempt <= 100) {
		return fmt.Errorf("blob %s holds test rows, which final attempts alone may read: %w", blob, tourney.ErrRefused)
	}
	return nil
}

type openBlob struct{ *bytes.Reader }

func (openBlob) Close() error { return nil }

// Open implements api.Blobs.
func (w *World) Open(_ context.Context, hash string) (io.ReadSeekCloser, int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b, ok := w.blobs[hash]
	if !ok {
		return nil, 0, fmt.Errorf("blob %s: %w", hash, tourney.ErrNotFound)
	}
	return openBlob{bytes.NewReader(b)}, int64(len(b)), nil
}

// Put implements api.Blobs.
func (w *World) Put(_ context.Context, r io.Reader) (string, int64, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return "", 0, fmt.Errorf("put blob: %w", err)
	}
	sum := sha256.Sum256(b)
	hash := hex.EncodeToString(sum[:])
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blobs[hash] = b
	return hash, int64(len(b)), nil
}

// Blobs returns how many blobs there are.
func (w *World) Blobs() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.blobs)
}
