package store

import (
	"context"
	"database/sql"
	"slices"

	"tourney"
)

// attemptsListed is how many attempts of a trial are told at most.
const attemptsListed = 1000

// attemptRow is a row of attempts with its worker's.
type attemptRow struct {
	Attempt int             `db:"attempt"`
	Rung    int             `db:"rung"`
	Worker  string          `db:"worker"`
	Host    string          `db:"host"`
	Pool    string          `db:"pool"`
	Outcome string          `db:"outcome"`
	Step    int             `db:"step"`
	Started int64           `db:"started"`
	Ended   sql.Null[int64] `db:"ended"`
}

// Attempts returns where a trial ran, the first attempt first, of many the
// newest. A trial that is not there is tourney.ErrNotFound.
func (r *Reader) Attempts(ctx context.Context, sweep string, number int) ([]tourney.Attempt, error) {
	if _, err := r.Trial(ctx, sweep, number); err != nil {
		return nil, err
	}
	var rows []attemptRow
	err := r.db.SelectContext(ctx, &rows, `SELECT a.attempt, a.rung, a.worker, COALESCE(w.host, '') AS host, COALESCE(w.pool, '') AS pool,
			a.outcome, a.step, a.started, a.ended
		FROM attempts a LEFT JOIN workers w ON w.id = a.worker
		WHERE a.sweep = ? AND a.trial = ? ORDER BY a.attempt DESC LIMIT ?`, sweep, number, attemptsListed)
	if err != nil {
		return nil, sqlError("list attempts of "+sweep, err)
	}
	out := make([]tourney.Attempt, len(rows))
	for i, row := range rows {
		out[i] = tourney.Attempt{
			Number: row.Attempt, Rung: row.Rung, Worker: row.Worker, Host: row.Host, Pool: row.Pool,
			Outcome: row.Outcome, Step: row.Step, Started: fromMicros(row.Started),
		}
		if row.Ended.Valid {
			ended := fromMicros(row.Ended.V)
			out[i].Ended = &ended
		}
	}
	slices.Reverse(out)
	return out, nil
}
