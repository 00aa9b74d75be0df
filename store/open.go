package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"

	"tourney"
	"tourney/failpoint"
	"tourney/migrations"
)

const (
	fileName      = "tourney.db"
	applicationID = 1416785529 // as in 0001_init.sql
)

// Open opens a data directory for the process that runs sweeps. It makes what
// is missing and brings an older schema up to date. It returns
// tourney.ErrInUse if another process holds the directory, and
// tourney.ErrRefused if the database is damaged, newer than this program, or
// not Tourney's.
func Open(ctx context.Context, dir string, opts ...Option) (*Store, error) {
	o := options{now: time.Now}
	for _, opt := range opts {
		opt(&o)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	dir, lock, err := hold(dir)
	if err != nil {
		return nil, err
	}
	s, err := open(ctx, filepath.Join(dir, fileName), o)
	if err != nil {
		return nil, errors.Join(err, unlock(lock))
	}
	s.lock = lock
	return s, nil
}

// OpenReadOnly opens a data directory to verify it or to replay its sweeps. It
// takes the same lock as Open, so that what it reads stands still, and returns
// tourney.ErrInUse while a coordinator, or another reader, holds it. It writes
// the lock file and, beside the log of a crash, SQLite's index of it; nothing
// else. An older schema is refused, since it must not be changed.
func OpenReadOnly(ctx context.Context, dir string) (*Reader, error) {
	if _, err := os.Stat(filepath.Join(dir, fileName)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("data directory %s: %w: it holds no %s", dir, tourney.ErrNotFound, fileName)
		}
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	dir, lock, err := hold(dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, fileName)
	db := openDB(path, heldDSN(path), pragmas, readers())
	r, err := openReader(ctx, path, db)
	if err != nil {
		return nil, errors.Join(err, db.Close(), unlock(lock))
	}
	r.lock = lock
	return r, nil
}

// readers is how many connections read at once. Pages are short, so a few
// more than there are cores keep them busy.
func readers() int { return max(4, runtime.GOMAXPROCS(0)+2) }

func hold(dir string) (string, *os.File, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", nil, fmt.Errorf("open data directory: %w", err)
	}
	lock, err := lockDir(abs)
	return abs, lock, err
}

func open(ctx context.Context, path string, o options) (*Store, error) {
	if err := ensure(ctx, path); err != nil {
		return nil, err
	}
	// Nothing is written before the file is known to be ours and whole.
	if err := inspect(ctx, path); err != nil {
		return nil, err
	}
	db := openDB(path, writerDSN, writerPragmas, 1)
	s, err := openStore(ctx, path, db, o)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func openStore(ctx context.Context, path string, db *sqlx.DB, o options) (*Store, error) {
	if err := migrate(ctx, path, db); err != nil {
		return nil, err
	}
	r := &Reader{now: o.now}
	var err error
	if r.epoch, err = readEpoch(ctx, path, db); err != nil {
		return nil, err
	}
	w, err := newWriter(ctx, db, o.now)
	if err != nil {
		return nil, sqlError("open database "+path, err)
	}
	r.db = openDB(path, readerDSN, pragmas, readers())
	go w.run()
	s := &Store{Reader: r, writer: w}
	if err := s.finishDeletions(ctx); err != nil {
		return nil, errors.Join(err, r.db.Close(), w.close())
	}
	return s, nil
}

// ensure builds the database if there is none.
func ensure(ctx context.Context, path string) error {
	_, err := os.Stat(path)
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("open database: %w", err)
	}
	if _, err := os.Stat(path + "-wal"); err == nil {
		return fmt.Errorf("database %s: %w: it is gone, but its log %s-wal is there; put it back, or move the log away to start anew",
			path, tourney.ErrRefused, fileName)
	}
	if err := build(ctx, path); err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	return nil
}

// build makes a database under another name and renames it when it is whole
// and on disk.
func build(ctx context.Context, path string) (err error) {
	temp := path + ".new"
	discard := func() {
		_ = os.Remove(temp)
		_ = os.Remove(temp + "-journal")
	}
	discard() // what a crash left
	f, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	defer func() {
		if err != nil {
			discard()
		}
	}()
	db := openDB(temp, builderDSN, pragmas, 1)
	if err := errors.Join(fill(ctx, temp, db), db.Close()); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	failpoint.Pass(failpoint.DatabaseBuilt)
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// fill writes the schema and draws the epoch.
func fill(ctx context.Context, path string, db *sqlx.DB) error {
	if err := migrate(ctx, path, db); err != nil {
		return err
	}
	epoch := make([]byte, 8)
	if _, err := rand.Read(epoch); err != nil {
		return fmt.Errorf("draw epoch: %w", err)
	}
	_, err := db.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ('epoch', ?)`, hex.EncodeToString(epoch))
	return sqlError("write epoch", err)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// inspect looks at a database without changing it.
func inspect(ctx context.Context, path string) error {
	if err := inspectHeader(path); err != nil {
		return err
	}
	db := openDB(path, heldDSN(path), pragmas, 1)
	return errors.Join(inspectPages(ctx, path, db), db.Close())
}

// heldDSN is how a database is read that nobody writes, since its directory is
// locked. Without a log it can be read as it stands, which leaves no file
// behind.
func heldDSN(path string) string {
	if _, err := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) {
		return readerDSN + "&immutable=1"
	}
	return readerDSN
}

// inspectHeader tells a SQLite file from others, before SQLite takes an empty
// one for a new database.
func inspectHeader(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	defer f.Close()
	const magic = "SQLite format 3\x00"
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(f, head); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("read database: %w", err)
	}
	if !bytes.Equal(head, []byte(magic)) {
		return fmt.Errorf("database %s: %w: it is not a SQLite file, or its first page is damaged; %s", path, tourney.ErrRefused, restore)
	}
	return nil
}

const restore = "restore a backup to a new directory (tourney restore), or put a sound copy in its place"

func inspectPages(ctx context.Context, path string, db *sqlx.DB) error {
	var id int64
	if err := db.GetContext(ctx, &id, `PRAGMA application_id`); err != nil {
		return damage(path, err)
	}
	if id != applicationID {
		return fmt.Errorf("database %s: %w: it is a SQLite file of another program; use another data directory", path, tourney.ErrRefused)
	}
	var faults []string
	if err := db.SelectContext(ctx, &faults, `PRAGMA quick_check(1)`); err != nil {
		return damage(path, err)
	}
	if len(faults) != 1 || faults[0] != "ok" {
		return fmt.Errorf("database %s: %w: it is damaged (%s); %s", path, tourney.ErrRefused, faults, restore)
	}
	_, _, _, err := versions(ctx, path, db)
	return err
}

// damage names the file in an error, as refused if it is damaged.
func damage(path string, err error) error {
	if isDamage(err) {
		return fmt.Errorf("database %s: %w: it is damaged (%w); %s", path, tourney.ErrRefused, err, restore)
	}
	return sqlError("open database "+path, err)
}

// versions returns the schema's version in the database and the newest that
// this program knows, and refuses a newer one.
func versions(ctx context.Context, path string, db *sqlx.DB) (p *goose.Provider, have, know int64, err error) {
	p, err = goose.NewProvider(goose.DialectSQLite3, db.DB, migrations.FS,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return nil, 0, 0, fmt.Errorf("read migrations: %w", err)
	}
	have, know, err = p.GetVersions(ctx)
	if err != nil {
		return nil, 0, 0, damage(path, err)
	}
	if have > know {
		return nil, 0, 0, fmt.Errorf("database %s: %w: its schema has version %d and this program knows versions up to %d; use a newer tourney",
			path, tourney.ErrRefused, have, know)
	}
	return p, have, know, nil
}

func migrate(ctx context.Context, path string, db *sqlx.DB) error {
	p, have, know, err := versions(ctx, path, db)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return sqlError(fmt.Sprintf("migrate database %s from version %d to %d", path, have, know), err)
	}
	return nil
}

func openReader(ctx context.Context, path string, db *sqlx.DB) (*Reader, error) {
	if err := inspectHeader(path); err != nil {
		return nil, err
	}
	if err := inspectPages(ctx, path, db); err != nil {
		return nil, err
	}
	_, have, know, err := versions(ctx, path, db)
	if err != nil {
		return nil, err
	}
	if have < know {
		return nil, fmt.Errorf("database %s: %w: its schema has version %d, older than this program's %d; start the service on it once",
			path, tourney.ErrRefused, have, know)
	}
	r := &Reader{db: db, now: time.Now}
	r.epoch, err = readEpoch(ctx, path, db)
	return r, err
}

func readEpoch(ctx context.Context, path string, db *sqlx.DB) (string, error) {
	var epoch string
	err := db.GetContext(ctx, &epoch, `SELECT value FROM meta WHERE key = 'epoch'`)
	return epoch, sqlError("read epoch of "+path, err)
}
