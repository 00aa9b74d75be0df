package dataset

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

// maxMakes is how often a matrix is made in a row before it is given up: other
// processes may evict it before it is mapped.
const maxMakes = 3

// lockWait is between two looks whether another process is done with a matrix.
const lockWait = 20 * time.Millisecond

// matrix maps the matrix file of a key. If it is not there, or damaged, it is
// made by make, in one process while others wait for it. A process that dies
// on the way leaves a temporary file whose lock is gone, which the next one
// that wants the matrix begins again.
func (d *disk) matrix(ctx context.Context, key string, make func(*os.File) error) (*mapping, error) {
	name := hashOf([]byte(key))
	d.pin(name)
	defer d.unpin(name)
	for makes := 0; ; {
		m, err := d.mapped(name, key)
		if m != nil || err != nil {
			return m, err
		}
		f, err := d.lockTemp(ctx, name)
		if err != nil {
			return nil, err
		}
		if f == nil {
			continue // another process was at it
		}
		if makes++; makes > maxMakes {
			_ = f.Close()
			break
		}
		if err := d.fill(f, name, make); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("matrix %s: made %d times, and gone each time: the cache is too small, or its disk damaged", name, maxMakes)
}

// mapped maps a matrix that is there. A damaged one is removed.
func (d *disk) mapped(name, key string) (*mapping, error) {
	file := path.Join(diskMatrices, name)
	f, err := d.root.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := mapFile(f, key)
	if errors.Is(err, errMatrix) {
		return nil, d.remove(file)
	}
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if err := d.root.Chtimes(file, now, now); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return m, nil
}

func (d *disk) remove(file string) error {
	if err := d.root.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// lockTemp opens the temporary file of a matrix and waits until it is this
// process's. It returns nil if another process finished the file meanwhile.
func (d *disk) lockTemp(ctx context.Context, name string) (*os.File, error) {
	temp := path.Join(diskTemp, name)
	f, err := d.root.OpenFile(temp, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = f.Close()
			return nil, fmt.Errorf("lock matrix: %w", err)
		}
		timer := time.NewTimer(lockWait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			_ = f.Close()
			return nil, context.Cause(ctx)
		}
	}
	// The file that was locked may have been renamed by who held it.
	mine, err := f.Stat()
	if err == nil {
		var there fs.FileInfo
		if there, err = d.root.Stat(temp); err == nil && os.SameFile(mine, there) {
			return f, nil
		}
	}
	_ = f.Close()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return nil, nil
}

// fill makes a matrix in its temporary file and puts it in its place.
func (d *disk) fill(f *os.File, name string, make func(*os.File) error) error {
	temp, file := path.Join(diskTemp, name), path.Join(diskMatrices, name)
	defer f.Close() // and with it the lock
	// Whoever held the lock before may have put the matrix in its place and
	// gone on to make it once more; then this costs time alone.
	err := f.Truncate(0)
	if err == nil {
		err = make(f)
	}
	if err == nil {
		err = d.root.Rename(temp, file)
	}
	if err != nil {
		_ = d.root.Remove(temp) // a leftover is swept later
	}
	return err
}

// scratch returns a file without a name, which goes with the process.
func (d *disk) scratch() (*os.File, error) {
	name := path.Join(diskTemp, rand.Text())
	f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return f, d.root.Remove(name)
}
