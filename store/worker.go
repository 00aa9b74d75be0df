package store

import (
	"context"
	"time"

	"tourney"
)

// workersFor is how long a worker that is not heard of is listed.
const workersFor = time.Hour

// workerRow is a row of workers.
type workerRow struct {
	ID       string `db:"id"`
	Host     string `db:"host"`
	Pool     string `db:"pool"`
	Slots    int    `db:"slots"`
	Version  string `db:"version"`
	Enrolled int64  `db:"enrolled"`
	LastSeen int64  `db:"last_seen"`
	Running  int    `db:"running"`

	Price float64 `db:"price"`
}

// SaveWorker writes what is known of a worker.
func (s *Store) SaveWorker(ctx context.Context, w tourney.Worker) error {
	return s.writer.submit(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO workers (id, host, pool, slots, version, enrolled, last_seen, running, price)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET host = excluded.host, pool = excluded.pool, slots = excluded.slots, version = excluded.version,
				enrolled = excluded.enrolled, last_seen = excluded.last_seen, running = excluded.running, price = excluded.price`,
			w.ID, w.Host, w.Pool, w.Slots, w.Version, orNow(w.Enrolled, t.now), orNow(w.LastSeen, t.now), w.Running, w.PricePerHour)
		return sqlError("save worker "+w.ID, err)
	}, false)
}

// Workers lists the workers heard of in the last hour, newest first.
func (r *Reader) Workers(ctx context.Context) ([]tourney.Worker, error) {
	var rows []workerRow
	err := r.db.SelectContext(ctx, &rows, `SELECT id, host, pool, slots, version, enrolled, last_seen, running, price FROM workers
		WHERE last_seen >= ? ORDER BY enrolled DESC, id DESC`, micros(r.now().Add(-workersFor)))
	if err != nil {
		return nil, sqlError("list workers", err)
	}
	workers := make([]tourney.Worker, len(rows))
	for i, w := range rows {
		workers[i] = tourney.Worker{
			ID: w.ID, Host: w.Host, Pool: w.Pool, Slots: w.Slots, Version: w.Version,
			Enrolled: fromMicros(w.Enrolled), LastSeen: fromMicros(w.LastSeen), Running: w.Running, PricePerHour: w.Price,
		}
	}
	return workers, nil
}
