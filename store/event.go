package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/jmoiron/sqlx"

	"tourney"
)

// A row of events holds one of them, or several of one sweep that were committed
// together: of kind batch, with the ids and numbers up to those of the last, which
// are its own. What happens to single trials is packed so, since a row costs more
// than what it says; the few other kinds have rows of their own, to be found by
// kind.
const batchKind = "batch"

const (
	// minPacked is how many events share a row at least.
	minPacked = 3
	// maxPacked is how many do at most, and so how much is read for one.
	maxPacked = 512
)

// packed reports whether events of the kind may share a row.
func packed(kind string) bool {
	switch kind {
	case "proposed", "queued", "reported", "ended", "lost":
		return true
	}
	return false
}

// eventRow is a row of events.
type eventRow struct {
	ID    int64  `db:"id"`
	Sweep string `db:"sweep"`
	Seq   int64  `db:"seq"`
	At    int64  `db:"at"`
	Kind  string `db:"kind"`
	Body  string `db:"body"`

	count int // events in a row to be written
}

const eventColumns = `id, sweep, seq, at, kind, body`

// newEventRows packs the events of a change into rows. IDs are set when they are
// written.
func newEventRows(sweep string, events []tourney.Event) (rows []eventRow, err error) {
	var body []byte
	for i := 0; i < len(events); {
		e := &events[i]
		what := fmt.Sprintf("event %d", e.Seq)
		if err := belongs(what, sweep, e.Sweep); err != nil {
			return nil, err
		}
		if e.Body == nil {
			return nil, errors.New(what + " has no body")
		}
		n := packable(events[i:])
		if n < minPacked {
			row := eventRow{Sweep: sweep, Seq: e.Seq, Kind: e.Body.Kind(), count: 1}
			if row.Body, err = encodeJSON(what, e.Body); err != nil {
				return nil, err
			}
			rows = append(rows, row)
			i++
			continue
		}
		body = append(body[:0], '[')
		for k := range events[i : i+n] {
			e := &events[i+k]
			if err := belongs("event", sweep, e.Sweep); err != nil {
				return nil, err
			}
			if k > 0 {
				body = append(body, ',')
			}
			if body, err = appendEvent(body, e.Body); err != nil {
				return nil, fmt.Errorf("write event %d: %w", e.Seq, err)
			}
		}
		rows = append(rows, eventRow{Sweep: sweep, Seq: events[i+n-1].Seq, Kind: batchKind, Body: string(append(body, ']')), count: n})
		i += n
	}
	return rows, nil
}

// packable returns how many of the first events may share a row.
func packable(events []tourney.Event) int {
	n := 0
	for n < len(events) && n < maxPacked && events[n].Body != nil && packed(events[n].Body.Kind()) {
		n++
	}
	return n
}

// appendEvent appends an event of a batch: its kind, and its body.
func appendEvent(dst []byte, body tourney.EventBody) ([]byte, error) {
	dst = append(dst, `["`...)
	dst = append(dst, body.Kind()...)
	dst = append(dst, `",`...)
	dst, err := tourney.AppendEvent(dst, body)
	return append(dst, ']'), err
}

// write inserts the row, whose last event gets the id.
func (r *eventRow) write(t *tx, id int64) error {
	r.ID = id
	_, err := t.exec(`INSERT INTO events (id, sweep, seq, at, kind, body) VALUES (?, ?, ?, ?, ?, ?)`, id, r.Sweep, r.Seq, t.now, r.Kind, r.Body)
	return err
}

// lastID returns the id of the newest event of all sweeps, also of those that
// are gone.
func (t *tx) lastID() (id int64, err error) {
	err = t.get(&id, `SELECT seq FROM sqlite_sequence WHERE name = 'events'`)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

// unpack appends the events of the row.
func (r *eventRow) unpack(events []tourney.Event) ([]tourney.Event, error) {
	event := func(id, seq int64, kind string, text []byte) error {
		body, err := tourney.DecodeEvent(kind, text)
		if err != nil {
			return fmt.Errorf("event %d of sweep %s: %w", seq, r.Sweep, err)
		}
		events = append(events, tourney.Event{ID: id, Sweep: r.Sweep, Seq: seq, At: fromMicros(r.At), Body: body})
		return nil
	}
	if r.Kind != batchKind {
		return events, event(r.ID, r.Seq, r.Kind, []byte(r.Body))
	}
	items, err := splitBatch(r.Body)
	if err != nil {
		return nil, fmt.Errorf("event %d of sweep %s: %w", r.Seq, r.Sweep, err)
	}
	for i, item := range items {
		back := int64(len(items) - 1 - i)
		if err := event(r.ID-back, r.Seq-back, item.kind, item.body); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// batched is an event of a batch.
type batched struct {
	kind string
	body []byte
}

var errBatch = errors.New("not the list of events that a batch is")

// splitBatch finds the events of a batch without reading what they say.
func splitBatch(body string) ([]batched, error) {
	rest, ok := strings.CutPrefix(body, "[")
	var items []batched
	for ok && !strings.HasPrefix(rest, "]") {
		if len(items) > 0 {
			if rest, ok = strings.CutPrefix(rest, ","); !ok {
				break
			}
		}
		var kind string
		if rest, ok = strings.CutPrefix(rest, `["`); !ok {
			break
		}
		if kind, rest, ok = strings.Cut(rest, `",`); !ok {
			break
		}
		n := valueLength(rest)
		if ok = n > 0; !ok {
			break
		}
		items = append(items, batched{kind, []byte(rest[:n])})
		rest, ok = strings.CutPrefix(rest[n:], "]")
	}
	if !ok || rest != "]" {
		return nil, errBatch
	}
	return items, nil
}

// valueLength returns how many bytes the object takes with which text begins, or
// 0 if there is none.
func valueLength(text string) int {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth <= 0 {
				return i + 1
			}
		case depth == 0:
			return 0
		}
	}
	return 0
}

// selectEvents reads events from rows, as long as want takes them, at most limit.
func selectEvents(ctx context.Context, q queryer, op string, limit int, want func(e *tourney.Event) bool, where string, args ...any) ([]tourney.Event, error) {
	limit = max(limit, 0)
	rows, err := q.QueryxContext(ctx, `SELECT `+eventColumns+` FROM events `+where+` LIMIT ?`, append(args, limit)...)
	if err != nil {
		return nil, sqlError(op, err)
	}
	defer rows.Close()
	events := []tourney.Event{}
	var some []tourney.Event
	for len(events) < limit && rows.Next() {
		var row eventRow
		if err := rows.Scan(&row.ID, &row.Sweep, &row.Seq, &row.At, &row.Kind, &row.Body); err != nil {
			return nil, sqlError(op, err)
		}
		if some, err = row.unpack(some[:0]); err != nil {
			return nil, err
		}
		for i := range some {
			if len(events) < limit && want(&some[i]) {
				events = append(events, some[i])
			}
		}
	}
	return events, sqlError(op, rows.Err())
}

// Events returns events of one sweep with Seq > after, in order, at most limit
// of them.
func (r *Reader) Events(ctx context.Context, sweep string, after int64, limit int) ([]tourney.Event, error) {
	return selectEvents(ctx, r.db, "read events", limit, func(e *tourney.Event) bool { return e.Seq > after },
		`WHERE sweep = ? AND seq > ? ORDER BY seq`, sweep, after)
}

// EventsAfter returns events with ID > after, of one sweep or, if sweep is
// empty, of all, in order, at most limit of them.
func (r *Reader) EventsAfter(ctx context.Context, sweep string, after int64, limit int) (events []tourney.Event, err error) {
	const op = "read events"
	want := func(e *tourney.Event) bool { return e.ID > after }
	if sweep == "" {
		return selectEvents(ctx, r.db, op, limit, want, `WHERE id > ? ORDER BY id`, after)
	}
	err = r.read(ctx, op, func(tx *sqlx.Tx) error {
		seq, err := seqAt(ctx, tx, op, sweep, after)
		if err != nil {
			return err
		}
		events, err = selectEvents(ctx, tx, op, limit, want, `WHERE sweep = ? AND seq > ? ORDER BY seq`, sweep, seq)
		return err
	})
	return events, err
}

// seqAt returns the Seq of the last event of a sweep with ID ≤ id, or 0. In a
// sweep both grow together, so that it is found by halving, without an index of
// its own; in a row both grow by one.
func seqAt(ctx context.Context, q queryer, op, sweep string, id int64) (int64, error) {
	var last int64
	err := q.GetContext(ctx, &last, `SELECT last_seq FROM sweeps WHERE id = ?`, sweep)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("sweep %s: %w", sweep, tourney.ErrNotFound)
	}
	if err != nil || id <= 0 {
		return 0, sqlError(op, err)
	}
	var row struct {
		ID  int64 `db:"id"`
		Seq int64 `db:"seq"`
	}
	// Those who follow a sweep ask for its newest.
	err = q.GetContext(ctx, &row, `SELECT id, seq FROM events WHERE sweep = ? AND seq = ?`, sweep, last)
	if err == nil && row.ID <= id {
		return last, nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	n := sort.Search(int(last), func(i int) bool {
		seq := int64(i + 1)
		if err == nil {
			err = q.GetContext(ctx, &row, `SELECT id, seq FROM events WHERE sweep = ? AND seq >= ? ORDER BY seq LIMIT 1`, sweep, seq)
		}
		return row.ID-(row.Seq-seq) > id
	})
	return int64(n), sqlError(op, err)
}
