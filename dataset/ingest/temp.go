package ingest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// tempPrefix begins the names of all files that this package makes beside
// blobs.
const tempPrefix = "tourney-ingest-"

// createTemp makes a temporary file that is locked as long as it is open, so
// that sweepTemp can tell it from one that a killed process has left.
func createTemp(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, tempPrefix+"*")
	if err != nil {
		return nil, fmt.Errorf("make temporary file: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil && !errors.Is(err, unix.EWOULDBLOCK) {
		return nil, errors.Join(fmt.Errorf("lock temporary file: %w", err), f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

// createUnnamed makes a temporary file that goes with the process, however
// that ends.
func createUnnamed(dir string) (*os.File, error) {
	f, err := createTemp(dir)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("unlink temporary file: %w", err), f.Close())
	}
	return f, nil
}

// sweepTemp removes the temporary files of processes that are gone.
func sweepTemp(dir string) error {
	if dir == "" {
		dir = os.TempDir()
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("look for temporary files: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), tempPrefix) || !e.Type().IsRegular() {
			continue
		}
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			continue // it went meanwhile, or is another user's
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			errs = append(errs, os.Remove(f.Name()))
		}
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
