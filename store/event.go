package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sort"

	"github.com/jmoiron/sqlx"

	"tourney"
)

// eventRow is a row of events.
type eventRow struct {
	ID    int64  `db:"id"`
	Sweep string `db:"sweep"`
	Seq   int64  `db:"seq"`
	At    int64  `db:"at"`
	Kind  string `db:"kind"`
	Body  string `db:"body"`
}

const eventColumns = `id, sweep, seq, at, kind, body`

func newEventRow(sweep string, e *tourney.Event) (row eventRow, err error) {
	what := fmt.Sprintf("event %d", e.Seq)
	if err := belongs(what, sweep, e.Sweep); err != nil {
		return row, err
	}
	if e.Body == nil {
		return row, errors.New(what + " has no body")
	}
	row = eventRow{Sweep: sweep, Seq: e.Seq, Kind: e.Body.Kind()}
	row.Body, err = encodeJSON(what, e.Body)
	return row, err
}

// write inserts the event and notes its id.
func (r *eventRow) write(t *tx) error {
	res, err := t.exec(`INSERT INTO events (sweep, seq, at, kind, body) VALUES (?, ?, ?, ?, ?)`, r.Sweep, r.Seq, t.now, r.Kind, r.Body)
	if err != nil {
		return err
	}
	r.ID, err = res.LastInsertId()
	return err
}

func (r *eventRow) event() (tourney.Event, error) {
	body, err := tourney.DecodeEvent(r.Kind, []byte(r.Body))
	if err != nil {
		return tourney.Event{}, fmt.Errorf("event %d of sweep %s: %w", r.Seq, r.Sweep, err)
	}
	return tourney.Event{ID: r.ID, Sweep: r.Sweep, Seq: r.Seq, At: fromMicros(r.At), Body: body}, nil
}

func selectEvents(ctx context.Context, q queryer, op, where string, args ...any) ([]tourney.Event, error) {
	var rows []eventRow
	if err := q.SelectContext(ctx, &rows, `SELECT `+eventColumns+` FROM events `+where, args...); err != nil {
		return nil, sqlError(op, err)
	}
	events := make([]tourney.Event, len(rows))
	for i := range rows {
		var err error
		if events[i], err = rows[i].event(); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// Events returns events of one sweep with Seq > after, in order, at most limit
// of them.
func (r *Reader) Events(ctx context.Context, sweep string, after int64, limit int) ([]tourney.Event, error) {
	return selectEvents(ctx, r.db, "read events", `WHERE sweep = ? AND seq > ? ORDER BY seq LIMIT ?`, sweep, after, max(limit, 0))
}

// EventsAfter returns events with ID > after, of one sweep or, if sweep is
// empty, of all, in order, at most limit of them.
func (r *Reader) EventsAfter(ctx context.Context, sweep string, after int64, limit int) (events []tourney.Event, err error) {
	const op = "read events"
	if sweep == "" {
		return selectEvents(ctx, r.db, op, `WHERE id > ? ORDER BY id LIMIT ?`, after, max(limit, 0))
	}
	err = r.read(ctx, op, func(tx *sqlx.Tx) error {
		seq, err := seqAt(ctx, tx, op, sweep, after)
		if err != nil {
			return err
		}
		events, err = selectEvents(ctx, tx, op, `WHERE sweep = ? AND seq > ? ORDER BY seq LIMIT ?`, sweep, seq, max(limit, 0))
		return err
	})
	return events, err
}

// seqAt returns the Seq of the last event of a sweep with ID ≤ id, or 0. In a
// sweep both grow together, so that an id which is another sweep's is found by
// halving, without an index of its own.
func seqAt(ctx context.Context, q queryer, op, sweep string, id int64) (int64, error) {
	var last int64
	err := q.GetContext(ctx, &last, `SELECT last_seq FROM sweeps WHERE id = ?`, sweep)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("sweep %s: %w", sweep, tourney.ErrNotFound)
	}
	if err != nil || id <= 0 {
		return 0, sqlError(op, err)
	}
	var own int64
	err = q.GetContext(ctx, &own, `SELECT seq FROM events WHERE id = ? AND sweep = ?`, id, sweep)
	if !errors.Is(err, sql.ErrNoRows) {
		return own, sqlError(op, err)
	}
	err = nil
	n := sort.Search(int(last), func(i int) bool {
		var at int64
		if err == nil {
			err = q.GetContext(ctx, &at, `SELECT id FROM events WHERE sweep = ? AND seq = ?`, sweep, i+1)
		}
		return at > id
	})
	return int64(n), sqlError(op, err)
}
