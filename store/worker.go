package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"time"

	"tourney"
)

// workersFor is how long a worker that is not heard of is listed.
const workersFor = time.Hour

// workerRow is a row of workers.
type workerRow struct {
	ID        string              `db:"id"`
	Host      string              `db:"host"`
	Pool      string              `db:"pool"`
	Slots     int                 `db:"slots"`
	Version   string              `db:"version"`
	Enrolled  int64               `db:"enrolled"`
	LastSeen  int64               `db:"last_seen"`
	Running   int                 `db:"running"`
	Heats     int                 `db:"heats"`
	Machine   string              `db:"machine"`
	Datasets  string              `db:"datasets"`
	Token     string              `db:"token"`
	State     tourney.WorkerState `db:"state"`
	Drain     tourney.Drain       `db:"drain"`
	Reason    tourney.Leave       `db:"reason"`
	Why       string              `db:"why"`
	Ended     sql.Null[int64]     `db:"ended"`
	Preempted int                 `db:"preempted"`
	Lost      int                 `db:"lost"`
}

const workerColumns = `id, host, pool, slots, version, enrolled, last_seen, running, heats, machine, datasets, token, state, drain, reason, why, ended, preempted, lost`

// worker returns the row as what it stands for.
func (r *workerRow) worker() (tourney.Worker, error) {
	w := tourney.Worker{
		ID: r.ID, Host: r.Host, Pool: r.Pool, Slots: r.Slots, Version: r.Version,
		Enrolled: fromMicros(r.Enrolled), LastSeen: fromMicros(r.LastSeen), Running: r.Running, Heats: r.Heats,
		Token: r.Token, State: r.State, Drain: r.Drain, Reason: r.Reason, Why: r.Why, Preempted: r.Preempted, Lost: r.Lost,
	}
	if r.Ended.Valid {
		left := fromMicros(r.Ended.V)
		w.Left = &left
	}
	if err := decodeJSON("machine of worker "+r.ID, r.Machine, &w.Machine); err != nil {
		return w, err
	}
	return w, decodeJSON("datasets of worker "+r.ID, r.Datasets, &w.Datasets)
}

// SaveWorker writes what is known of a worker.
func (s *Store) SaveWorker(ctx context.Context, w tourney.Worker) error {
	op := "save worker " + w.ID
	machine, err := encodeJSON("machine", w.Machine)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if w.Datasets == nil {
		w.Datasets = []string{}
	}
	datasets, err := encodeJSON("datasets", w.Datasets)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	var ended sql.Null[int64]
	if w.Left != nil {
		ended = sql.Null[int64]{V: micros(*w.Left), Valid: true}
	}
	state := cmp.Or(w.State, tourney.WorkerActive)
	return s.writer.submit(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO workers (`+workerColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET host = excluded.host, pool = excluded.pool, slots = excluded.slots, version = excluded.version,
				enrolled = excluded.enrolled, last_seen = excluded.last_seen, running = excluded.running, heats = excluded.heats,
				machine = excluded.machine, datasets = excluded.datasets, token = excluded.token, state = excluded.state, drain = excluded.drain,
				reason = excluded.reason, why = excluded.why, ended = excluded.ended, preempted = excluded.preempted, lost = excluded.lost`,
			w.ID, w.Host, w.Pool, w.Slots, w.Version, orNow(w.Enrolled, t.now), orNow(w.LastSeen, t.now), w.Running, w.Heats,
			machine, datasets, w.Token, state, w.Drain, w.Reason, w.Why, ended, w.Preempted, w.Lost)
		return sqlError(op, err)
	}, false)
}

// Workers lists the workers heard of in the last hour, newest first.
func (r *Reader) Workers(ctx context.Context) ([]tourney.Worker, error) {
	var rows []workerRow
	err := r.db.SelectContext(ctx, &rows, `SELECT `+workerColumns+` FROM workers
		WHERE last_seen >= ? ORDER BY enrolled DESC, id DESC`, micros(r.now().Add(-workersFor)))
	if err != nil {
		return nil, sqlError("list workers", err)
	}
	workers := make([]tourney.Worker, len(rows))
	for i := range rows {
		if workers[i], err = rows[i].worker(); err != nil {
			return nil, err
		}
	}
	return workers, nil
}

// lifetimesFor is how far back Lifetimes looks.
const lifetimesFor = 7 * 24 * time.Hour

// Lifetimes says how long workers last, by pool, from those of the last week
// that are not part of the coordinator's process.
func (r *Reader) Lifetimes(ctx context.Context) ([]tourney.Lifetime, error) {
	var rows []struct {
		Pool  string `db:"pool"`
		Spent int64  `db:"spent"`
		Ends  int    `db:"ends"`
	}
	err := r.db.SelectContext(ctx, &rows, `SELECT pool, SUM(MAX(COALESCE(ended, last_seen) - enrolled, 0)) AS spent,
			SUM(reason IN ('preempted', 'terminated', 'unheard') AND state IN ('left', 'lost')) AS ends
		FROM workers WHERE last_seen >= ? AND id NOT LIKE 'i%' GROUP BY pool ORDER BY pool`, micros(r.now().Add(-lifetimesFor)))
	if err != nil {
		return nil, sqlError("read lifetimes", err)
	}
	out := make([]tourney.Lifetime, len(rows))
	for i, row := range rows {
		out[i] = tourney.Lifetime{Pool: row.Pool, Hours: float64(row.Spent) / 3.6e9, Ends: row.Ends}
	}
	return out, nil
}
