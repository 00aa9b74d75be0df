package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"

	"tourney"
)

// statements are the prepared statements of the writer's connection, by their
// text. They go to the driver itself: what database/sql does around a statement
// costs as much as a small one, and here there is one connection and one
// goroutine.
type statements struct {
	conn  *sqlite3.SQLiteConn
	known map[string]*sqlite3.SQLiteStmt
	args  []driver.NamedValue
}

// newStatements takes the driver's side of a connection that nobody else uses.
func newStatements(conn *sqlx.Conn) (*statements, error) {
	s := &statements{known: map[string]*sqlite3.SQLiteStmt{}}
	err := conn.Raw(func(c any) error {
		var ok bool
		if s.conn, ok = c.(*sqlite3.SQLiteConn); !ok {
			return fmt.Errorf("the connection is a %T", c)
		}
		return nil
	})
	return s, err
}

// exec runs a statement that returns no rows.
func (s *statements) exec(text string, args []any) (driver.Result, error) {
	st := s.known[text]
	if st == nil {
		prepared, err := s.conn.Prepare(text)
		if err != nil {
			return nil, err
		}
		st = prepared.(*sqlite3.SQLiteStmt) //nolint:forcetypeassert // what the driver's Prepare returns
		s.known[text] = st
	}
	s.args = s.args[:0]
	for i, arg := range args {
		v, err := driverValue(arg)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return st.ExecContext(context.Background(), s.args)
}

func (s *statements) close() error {
	var errs []error
	for _, st := range s.known {
		errs = append(errs, st.Close())
	}
	return errors.Join(errs...)
}

// driverValue is an argument as the driver takes it: the common ones at once, the
// others as database/sql does.
func driverValue(arg any) (driver.Value, error) {
	switch v := arg.(type) {
	case string, int64, float64, bool, nil:
		return v, nil
	case int:
		return int64(v), nil
	case tourney.TrialState:
		return string(v), nil
	case tourney.JobState:
		return string(v), nil
	case tourney.JobKind:
		return string(v), nil
	case tourney.Outcome:
		return string(v), nil
	case tourney.Reason:
		return string(v), nil
	case sql.Null[string]:
		if !v.Valid {
			return nil, nil
		}
		return v.V, nil
	case sql.Null[int64]:
		if !v.Valid {
			return nil, nil
		}
		return v.V, nil
	case sql.Null[float64]:
		if !v.Valid {
			return nil, nil
		}
		return v.V, nil
	}
	return driver.DefaultParameterConverter.ConvertValue(arg)
}
