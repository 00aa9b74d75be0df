package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"

	"tourney"
)

// connector opens connections with pragmas that a DSN cannot carry. It stands
// in for a driver registered by name, which would be global.
type connector struct {
	dsn    string
	driver *sqlite3.SQLiteDriver
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c connector) Driver() driver.Driver                        { return c.driver }

// pragmas for every connection. Memory-mapped reads are left off, since an I/O
// error would then be a signal instead of an error. The stored schema is not
// trusted with side effects, since the file may come from elsewhere.
const pragmas = `
PRAGMA temp_store = MEMORY;
PRAGMA trusted_schema = OFF;
`

// writerPragmas let the log grow to 16 MB between checkpoints, and shrink to
// 64 MB after one that readers held up.
const writerPragmas = pragmas + `
PRAGMA cache_size = -65536;
PRAGMA wal_autocheckpoint = 4000;
PRAGMA journal_size_limit = 67108864;
`

// Connections have no lock of their own: a pool gives one to one goroutine at a
// time.
const (
	writerDSN = "mode=rw&_journal_mode=WAL&_synchronous=FULL&_foreign_keys=on&_busy_timeout=10000&_txlock=immediate&_stmt_cache_size=64&_mutex=no"
	// builderDSN has no log, so that a new database is one file.
	builderDSN = "mode=rw&_journal_mode=DELETE&_synchronous=FULL&_foreign_keys=on&_txlock=immediate"
	readerDSN  = "mode=ro&_foreign_keys=on&_busy_timeout=10000&_txlock=deferred&_query_only=on&_cache_size=-16384&_stmt_cache_size=64&_mutex=no"
)

// openDB returns a pool of at most n connections to the file. The driver keeps
// the prepared statements of each connection.
func openDB(path, params, pragmas string, n int) *sqlx.DB {
	file := url.URL{Path: path} // SQLite decodes what EscapedPath encodes
	db := sql.OpenDB(connector{
		dsn: "file:" + file.EscapedPath() + "?" + params,
		driver: &sqlite3.SQLiteDriver{ConnectHook: func(conn *sqlite3.SQLiteConn) error {
			_, err := conn.Exec(pragmas, nil)
			return err
		}},
	})
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return sqlx.NewDb(db, "sqlite3")
}

// outages are the errors of SQLite that are not the fault of a statement: they
// fail whatever else is in the transaction.
var outages = []sqlite3.ErrNo{
	sqlite3.ErrFull, sqlite3.ErrIoErr, sqlite3.ErrNomem, sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrReadonly,
	sqlite3.ErrCantOpen, sqlite3.ErrCorrupt, sqlite3.ErrNotADB, sqlite3.ErrInterrupt, sqlite3.ErrProtocol,
}

// broken are the constraints that tell that rows are not as the caller thought.
var broken = []sqlite3.ErrNoExtended{
	sqlite3.ErrConstraintUnique, sqlite3.ErrConstraintPrimaryKey, sqlite3.ErrConstraintRowID,
	sqlite3.ErrConstraintForeignKey, sqlite3.ErrConstraintTrigger,
}

// isOutage reports whether err is the database's fault.
func isOutage(err error) bool {
	var e sqlite3.Error
	if errors.As(err, &e) {
		return slices.Contains(outages, e.Code)
	}
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone)
}

// isUnsynced reports whether err says that what was written may never reach the
// disk. The system then forgets what it could not write, and says nothing the
// next time (Rebello et al., Can Applications Recover from fsync Failures?,
// USENIX ATC 2020), so that trying again would prove nothing.
func isUnsynced(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.ExtendedCode == sqlite3.ErrIoErrFsync || e.ExtendedCode == sqlite3.ErrIoErrDirFsync)
}

// isDamage reports whether err says that the file is not a whole database.
func isDamage(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrCorrupt || e.Code == sqlite3.ErrNotADB)
}

// sqlError wraps an error of the driver with what was done, and with the
// sentinel that it amounts to. Nil stays nil.
func sqlError(op string, err error) error {
	var e sqlite3.Error
	switch {
	case err == nil:
		return nil
	case isOutage(err):
		return fmt.Errorf("%s: %w: the database: %w", op, tourney.ErrUnavailable, err)
	case errors.As(err, &e) && slices.Contains(broken, e.ExtendedCode):
		return fmt.Errorf("%s: %w: %w", op, tourney.ErrConflict, err)
	}
	return fmt.Errorf("%s: %w", op, err)
}

// micros is how times are stored.
func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// nullMicros stores the time that t points to, or NULL.
func nullMicros(t *time.Time) sql.Null[int64] {
	if t == nil || t.IsZero() {
		return sql.Null[int64]{}
	}
	return sql.Null[int64]{V: micros(*t), Valid: true}
}

func fromNullMicros(us sql.Null[int64]) *time.Time {
	if !us.Valid {
		return nil
	}
	t := fromMicros(us.V)
	return &t
}

// orNow is t, or now if t is not set.
func orNow(t time.Time, now int64) int64 {
	if t.IsZero() {
		return now
	}
	return micros(t)
}
