package store

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"tourney"
)

// Reader reads a data directory. Its methods may be called from many
// goroutines.
type Reader struct {
	db    *sqlx.DB
	epoch string
	now   func() time.Time
	lock  *os.File
	once  sync.Once

	specs specs
	views viewCache
}

// Store reads and writes a data directory. Its methods may be called from many
// goroutines.
type Store struct {
	*Reader
	writer *writer
}

// Option changes how a store is opened.
type Option func(*options)

type options struct {
	now func() time.Time
}

// WithClock sets the clock that dates events, which is time.Now otherwise.
func WithClock(now func() time.Time) Option { return func(o *options) { o.now = now } }

// Epoch returns the epoch of the data directory, drawn when the database was
// created.
func (r *Reader) Epoch() string { return r.epoch }

// Close ends reading and releases the directory.
func (r *Reader) Close() error {
	var err error
	r.once.Do(func() {
		err = r.db.Close()
		if r.lock != nil { // a snapshot has none
			err = errors.Join(err, unlock(r.lock))
		}
	})
	return err
}

// Close commits what waits, ends reading and writing, and releases the
// directory.
func (s *Store) Close() error {
	var err error
	s.once.Do(func() {
		// The writer's connection is the last to go: it then folds the log into
		// the database.
		err = errors.Join(s.db.Close(), s.writer.close(), unlock(s.lock))
	})
	return err
}

// Changed returns a channel that is closed when the next change, or the next
// dataset, is committed.
func (s *Store) Changed() <-chan struct{} { return s.writer.changed.wait() }

// Failed returns a channel that is closed when the disk has failed to keep what
// was written. Nothing is committed from then on; what was before is kept, and
// read again by the next process.
func (s *Store) Failed() <-chan struct{} { return s.writer.failed }

// Failure returns why, once Failed is closed.
func (s *Store) Failure() error {
	select {
	case <-s.writer.failed:
		return s.writer.failure
	default:
		return nil
	}
}

// Commit writes a change in one durable transaction, perhaps together with
// other changes, each of which succeeds or fails by itself. It sets the ID and
// At of the change's events. It returns tourney.ErrConflict, and writes
// nothing of the change, if the rows are not as the change says they were, and
// tourney.ErrUnavailable if the disk is full or fails.
//
// Times that the change leaves out are the time of the commit: when a sweep or
// trial was created, first ran and ended. If ctx ends before the change's turn
// has come, nothing is written; after that Commit waits for the disk.
func (s *Store) Commit(ctx context.Context, c *tourney.Change) error {
	ch, err := s.encode(c)
	if err != nil {
		return err
	}
	if err := s.writer.submit(ctx, ch.write, true); err != nil {
		return err
	}
	for i := range c.Events {
		c.Events[i].Sweep = c.Sweep
		c.Events[i].ID = ch.firstID + int64(i)
		c.Events[i].At = fromMicros(ch.at)
	}
	return nil
}

// read runs f on one snapshot of the database.
func (r *Reader) read(ctx context.Context, op string, f func(tx *sqlx.Tx) error) error {
	tx, err := r.db.BeginTxx(ctx, nil)
	if err != nil {
		return sqlError(op, err)
	}
	defer tx.Rollback() // nothing to undo: it ends the snapshot
	return f(tx)
}

// queryer is a pool or a snapshot.
type queryer interface {
	sqlx.QueryerContext
	GetContext(ctx context.Context, dest any, query string, args ...any) error
	SelectContext(ctx context.Context, dest any, query string, args ...any) error
}
