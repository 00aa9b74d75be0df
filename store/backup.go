package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/jmoiron/sqlx"

	"tourney"
	"tourney/failpoint"
)

// A backup is a copy of the database as it was at one moment, and the blobs that
// it refers to. It is taken while the coordinator runs: the copy is a reader like
// any other, and takes neither the directory's lock nor the writer's time.

// Snapshot copies the database of a data directory to a new file, as of one
// moment, whether or not a coordinator works on it. It returns
// tourney.ErrNotFound if the directory holds no database.
func Snapshot(ctx context.Context, dir, to string) error {
	path := filepath.Join(dir, fileName)
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("data directory %s: %w: it holds no %s", dir, tourney.ErrNotFound, fileName)
		}
		return fmt.Errorf("back up: %w", err)
	}
	if err := inspectHeader(path); err != nil {
		return err
	}
	db := openDB(path, "mode=ro&_busy_timeout=10000&_txlock=deferred", pragmas, 1)
	_, err := db.ExecContext(ctx, `VACUUM INTO ?`, to)
	if err = errors.Join(sqlError("back up "+path, err), db.Close()); err != nil {
		return errors.Join(err, removeIfThere(to))
	}
	return syncFile(to)
}

// OpenSnapshot opens a copy that Snapshot has made, to read it.
func OpenSnapshot(ctx context.Context, file string) (*Reader, error) {
	db := openDB(file, heldDSN(file), pragmas, readers())
	if err := inspectHeader(file); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := inspectPages(ctx, file, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	r := &Reader{db: db, now: time.Now}
	var err error
	if r.epoch, err = readEpoch(ctx, file, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return r, nil
}

// BlobRef is a blob that rows refer to.
type BlobRef struct {
	Hash string `db:"hash"`
	// Needed tells that something is lost without the blob: rows of a dataset,
	// or a model. Without a checkpoint a trial starts over.
	Needed bool `db:"needed"`
}

// Blobs returns the blobs that rows refer to, by hash.
func (r *Reader) Blobs(ctx context.Context) ([]BlobRef, error) {
	var refs []BlobRef
	err := r.db.SelectContext(ctx, &refs, `SELECT hash, max(needed) AS needed FROM (
			SELECT version AS hash, 1 AS needed FROM datasets
			UNION ALL SELECT t.value ->> '$.hash', 1 FROM datasets d, json_each(d.manifest, '$.shards') t
			UNION ALL SELECT t.value ->> '$.hash', 1 FROM datasets d, json_each(d.manifest, '$.test') t
			UNION ALL SELECT checkpoint ->> '$.blob', kind = 'final' AND state = 'done' FROM jobs WHERE checkpoint IS NOT NULL
		) WHERE hash <> '' GROUP BY hash ORDER BY hash`)
	return refs, sqlError("read which blobs there are", err)
}

// Restored says what a restore has changed of what was backed up.
type Restored struct {
	Epoch    string `json:"epoch"`    // the new one, which refuses every older token
	Requeued int    `json:"requeued"` // attempts that were open, and are to be made again
}

// Restore makes a snapshot the database of a data directory that has none. It
// draws a new epoch, so that no token outlives the backup: what workers report
// of attempts from before or after it is dropped. Attempts that were open are
// lost, and their jobs queued again; that counts against no trial. It returns
// tourney.ErrConflict if there is a database, tourney.ErrInUse if a process
// holds the directory, and tourney.ErrRefused if the snapshot is damaged or
// newer than this program.
func Restore(ctx context.Context, snapshot, dir string) (done Restored, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return done, fmt.Errorf("restore: %w", err)
	}
	dir, lock, err := hold(dir)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, unlock(lock)) }()
	path := filepath.Join(dir, fileName)
	for _, name := range []string{path, path + "-wal"} {
		if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			return done, fmt.Errorf("restore to %s: %w: %s is there; restore to a new directory, and start the server on that", dir, tourney.ErrConflict, filepath.Base(name))
		}
	}
	temp := path + ".new"
	if err := copyFile(snapshot, temp); err != nil {
		return done, fmt.Errorf("restore: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeIfThere(temp), removeIfThere(temp+"-journal"))
		}
	}()
	if err := inspect(ctx, temp); err != nil {
		return done, err
	}
	db := openDB(temp, builderDSN, pragmas, 1)
	done, renewErr := renew(ctx, db)
	if err := errors.Join(renewErr, db.Close()); err != nil {
		return done, err
	}
	if err := syncFile(temp); err != nil {
		return done, err
	}
	failpoint.Pass(failpoint.EpochBegun)
	if err := os.Rename(temp, path); err != nil {
		return done, fmt.Errorf("restore: %w", err)
	}
	return done, syncDir(dir)
}

// renew begins a new epoch.
func renew(ctx context.Context, db *sqlx.DB) (done Restored, err error) {
	const op = "begin a new epoch"
	raw := make([]byte, 8)
	if _, err := rand.Read(raw); err != nil {
		return done, fmt.Errorf("%s: %w", op, err)
	}
	done.Epoch = hex.EncodeToString(raw)
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return done, sqlError(op, err)
	}
	defer tx.Rollback() // nothing, once it is committed
	now := micros(time.Now())
	for _, step := range []struct {
		statement string
		args      []any
	}{
		{`UPDATE meta SET value = ? WHERE key = 'epoch'`, []any{done.Epoch}},
		{`UPDATE trials SET state = 'queued' WHERE state = 'running' AND EXISTS (
			SELECT 1 FROM jobs j WHERE j.sweep = trials.sweep AND j.trial = trials.number AND j.kind = 'rung' AND j.state = 'running')`, nil},
		{`UPDATE jobs SET state = 'queued' WHERE state = 'running'`, nil},
		{`DELETE FROM tallies WHERE sweep IN (SELECT sweep FROM attempts WHERE outcome = '')`, nil},
		{`INSERT INTO tallies (sweep, state, trials) SELECT sweep, state, count(*) FROM trials
			WHERE sweep IN (SELECT sweep FROM attempts WHERE outcome = '') GROUP BY sweep, state`, nil},
		{`UPDATE attempts SET outcome = 'lost', ended = max(started, ?) WHERE outcome = ''`, []any{now}},
	} {
		var res sql.Result
		if res, err = tx.ExecContext(ctx, step.statement, step.args...); err != nil {
			return done, sqlError(op, err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return done, sqlError(op, err)
		}
		done.Requeued = int(n) // of the last: the attempts
	}
	return done, sqlError(op, tx.Commit())
}

// copyFile copies to a new file.
func copyFile(from, to string) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}

func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close(), syncDir(filepath.Dir(name)))
}

func removeIfThere(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
