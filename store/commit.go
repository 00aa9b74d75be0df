package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"tourney"
	"tourney/failpoint"
)

// maxGroup bounds how many requests share a transaction.
const maxGroup = 1024

// errClosed is what a request gets that comes after Close.
var errClosed = fmt.Errorf("commit: %w: the store is closed", tourney.ErrUnavailable)

// writer is the one goroutine that writes. Its connection belongs to it.
type writer struct {
	db      *sqlx.DB
	conn    *sqlx.Conn
	save    *sqlx.Stmt // SAVEPOINT and its RELEASE, which frame each request
	release *sqlx.Stmt
	now     func() time.Time
	memory  memory
	direct  *statements
	queue   chan *request
	closing chan struct{} // closed by close
	gone    chan struct{} // closed when run has returned
	changed signal

	failing sync.Once
	failed  chan struct{} // closed when the disk has failed
	failure error         // why; to be read when failed is closed
}

// request is something to do in the writer's next transaction.
type request struct {
	ctx  context.Context
	do   func(*tx) error
	wake bool       // it changes what Changed tells of
	done chan error // has room for the answer
}

// tx is a transaction as a request sees it. It ignores contexts: a statement
// takes microseconds, and the driver would start a goroutine to watch one.
type tx struct {
	conn   *sqlx.Conn
	direct *statements
	now    int64 // the time of the commit, microseconds
	memory *memory
}

// newWriter takes the one connection of db. It does not start run.
func newWriter(ctx context.Context, db *sqlx.DB, now func() time.Time) (*writer, error) {
	w := &writer{
		db: db, now: now,
		queue:   make(chan *request, maxGroup),
		closing: make(chan struct{}),
		gone:    make(chan struct{}),
		failed:  make(chan struct{}),
		changed: signal{c: make(chan struct{})},
	}
	var err error
	if w.conn, err = db.Connx(ctx); err != nil {
		return nil, err
	}
	if w.direct, err = newStatements(w.conn); err != nil {
		return nil, errors.Join(err, w.conn.Close())
	}
	if w.save, err = w.conn.PreparexContext(ctx, "SAVEPOINT request"); err == nil {
		w.release, err = w.conn.PreparexContext(ctx, "RELEASE request")
	}
	if err != nil {
		return nil, errors.Join(err, w.conn.Close())
	}
	return w, nil
}

// submit has f run in a transaction and returns when that is on disk, or was
// undone.
func (w *writer) submit(ctx context.Context, f func(*tx) error, wake bool) error {
	r := &request{ctx: ctx, do: f, wake: wake, done: make(chan error, 1)}
	select {
	case <-w.closing:
		return errClosed
	case <-w.failed:
		return w.failure
	default:
	}
	select {
	case w.queue <- r:
	case <-w.closing:
		return errClosed
	case <-ctx.Done():
		return fmt.Errorf("commit: %w", ctx.Err())
	}
	select {
	case err := <-r.done:
		return err
	case <-w.gone:
	}
	select {
	case err := <-r.done: // answered just before
		return err
	default:
		return errClosed // it came too late
	}
}

// close has run commit what waits and end, and closes the database.
func (w *writer) close() error {
	close(w.closing)
	<-w.gone
	return errors.Join(w.direct.close(), w.save.Close(), w.release.Close(), w.conn.Close(), w.db.Close())
}

// run commits until close. What waits when it is free is the next group.
func (w *writer) run() {
	defer close(w.gone)
	for {
		select {
		case r := <-w.queue:
			w.commit(w.gather([]*request{r}))
			continue
		case <-w.closing:
		}
		group := w.gather(nil)
		if len(group) == 0 {
			return
		}
		w.commit(group)
	}
}

func (w *writer) gather(group []*request) []*request {
	for len(group) < maxGroup {
		select {
		case r := <-w.queue:
			group = append(group, r)
		default:
			return group
		}
	}
	return group
}

// fail has nothing more committed.
func (w *writer) fail(err error) {
	w.failing.Do(func() {
		w.failure = fmt.Errorf("%w: the disk has failed to keep what was written (%w); nothing that was answered is lost: start again when the disk is sound", tourney.ErrUnavailable, err)
		close(w.failed)
	})
}

// commit runs a group and answers each request.
func (w *writer) commit(group []*request) {
	errs := make([]error, len(group))
	err := w.failure // which only this goroutine writes
	if err == nil {
		err = w.transact(group, errs)
	}
	if err != nil {
		w.undo("ROLLBACK") // after some errors SQLite has done so itself
		w.memory.forget()
		if isUnsynced(err) {
			w.fail(err)
		}
		for i := range errs {
			if errs[i] == nil {
				errs[i] = sqlError("commit", err)
			}
		}
	}
	wake := false
	for i, r := range group {
		wake = wake || r.wake && errs[i] == nil
	}
	if wake { // before anybody is answered, who may read again at once
		w.changed.fire()
	}
	for i, r := range group {
		r.done <- errs[i]
	}
}

// transact runs a group in one transaction and puts the errors of single
// requests into errs. An error of its own means that nothing is written.
func (w *writer) transact(group []*request, errs []error) error {
	t := &tx{conn: w.conn, direct: w.direct, now: micros(w.now()), memory: &w.memory}
	if _, err := t.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	written := false
	// A savepoint has SQLite keep a copy of each page that is touched, and go
	// through these copies after statements that have one of their own. What is
	// alone in its transaction is undone with that.
	alone := len(group) == 1
	for i, r := range group {
		if err := r.ctx.Err(); err != nil {
			errs[i] = fmt.Errorf("commit: %w", err)
			continue
		}
		if !alone {
			if _, err := w.save.Exec(); err != nil {
				return err
			}
		}
		errs[i] = r.do(t)
		switch {
		case errs[i] == nil:
			written = true
		case isOutage(errs[i]):
			return errs[i]
		case alone:
			w.memory.forget()
		default:
			w.memory.forget()
			if _, err := t.exec("ROLLBACK TO request"); err != nil {
				return err
			}
		}
		if !alone {
			if _, err := w.release.Exec(); err != nil {
				return err
			}
		}
	}
	if !written {
		w.undo("ROLLBACK")
		return nil
	}
	failpoint.Pass(failpoint.CommitWritten)
	_, err := t.exec("COMMIT")
	failpoint.Pass(failpoint.CommitDone)
	return err
}

func (w *writer) undo(statement string) {
	_, _ = w.conn.ExecContext(context.Background(), statement)
}

// exec runs a statement that returns no rows. Its text must be one of few, since
// it stays prepared.
func (t *tx) exec(statement string, args ...any) (sql.Result, error) {
	if len(args) == 0 {
		return t.conn.ExecContext(context.Background(), statement)
	}
	return t.direct.exec(statement, args)
}

// change runs a statement that must change one row.
func (t *tx) change(statement string, args ...any) error {
	res, err := t.exec(statement, args...)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n != 1 {
		return errNoRow
	}
	return err
}

// get reads one row, or returns sql.ErrNoRows.
func (t *tx) get(dest any, query string, args ...any) error {
	return t.conn.GetContext(context.Background(), dest, query, args...)
}

// list reads rows.
func (t *tx) list(dest any, query string, args ...any) error {
	return t.conn.SelectContext(context.Background(), dest, query, args...)
}

// errNoRow means that the row that a statement is about is not there, or not
// in the state that the statement asks for.
var errNoRow = errors.New("no such row")

// signal tells many at once.
type signal struct {
	mu sync.Mutex
	c  chan struct{}
}

func (s *signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.c
}

func (s *signal) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.c)
	s.c = make(chan struct{})
}
