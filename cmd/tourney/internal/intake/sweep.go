package intake

import (
	"context"
	"errors"
	"fmt"
	"io"

	"tourney"
	"tourney/blob"
	"tourney/failpoint"
)

// loosening puts blobs of datasets that are not registered yet.
type loosening struct {
	blobs   blob.Store
	catalog Catalog
}

// Put stores a blob and notes that perhaps nothing will refer to it.
func (l *loosening) Put(ctx context.Context, r io.Reader) (string, int64, error) {
	hash, size, err := l.blobs.Put(ctx, r)
	failpoint.Pass(failpoint.ShardStored)
	if err == nil {
		err = l.catalog.Loosen(ctx, hash)
	}
	return hash, size, err
}

// Run sweeps what an earlier process has left, and then whenever there may be
// something to sweep, until ctx is done.
func (d *Desk) Run(ctx context.Context) error {
	for {
		if _, err := d.Sweep(ctx); err != nil && ctx.Err() == nil {
			d.cfg.Logger.Warn("blobs of deleted datasets are left for the next time", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.wake:
		}
	}
}

func (d *Desk) awake() {
	select {
	case d.wake <- struct{}{}:
	default: // it will see this too
	}
}

// Sweep removes the blobs that no dataset refers to any more and returns how
// many there were. While a table is taken in it does nothing; the end of that
// wakes Run.
func (d *Desk) Sweep(ctx context.Context) (int, error) {
	if !d.sweeping.TryLock() {
		return 0, nil
	}
	defer d.sweeping.Unlock()
	hashes, err := d.cfg.Catalog.LooseBlobs(ctx)
	if err != nil {
		return 0, fmt.Errorf("sweep blobs: %w", err)
	}
	for n, hash := range hashes {
		if err := d.cfg.Blobs.Delete(ctx, hash); err != nil && !errors.Is(err, tourney.ErrNotFound) {
			return n, fmt.Errorf("sweep blobs: %w", err)
		}
		failpoint.Pass(failpoint.RowsDeleted)
	}
	if err := d.cfg.Catalog.ForgetLoose(ctx, hashes); err != nil {
		return len(hashes), fmt.Errorf("sweep blobs: %w", err)
	}
	return len(hashes), nil
}
