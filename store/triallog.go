package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"tourney"
)

// writeLog adds a piece of a log, and lets go of what is too much: of an
// attempt what lies between its beginning and its end, and attempts before the
// last ones.
func writeLog(t *tx, sweep string, l *tourney.TrialLog) error {
	end := l.End()
	res, err := t.exec(`INSERT OR IGNORE INTO logs (sweep, trial, attempt, start, stop, text) VALUES (?, ?, ?, ?, ?, ?)`,
		sweep, l.Trial, l.Attempt, l.Offset, end, l.Text)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 { // it came again
		return err
	}
	if end > tourney.LogHead+tourney.LogTail {
		if _, err := t.exec(`DELETE FROM logs WHERE sweep = ? AND trial = ? AND attempt = ? AND stop > ? AND stop <= ?`,
			sweep, l.Trial, l.Attempt, tourney.LogHead, end-tourney.LogTail); err != nil {
			return err
		}
	}
	if l.Offset > 0 {
		return nil
	}
	_, err = t.exec(`DELETE FROM logs WHERE sweep = ? AND trial = ? AND attempt <= ?`, sweep, l.Trial, l.Attempt-tourney.LogAttempts)
	return err
}

func writeArtifact(t *tx, sweep string, a *tourney.TrialArtifact) error {
	_, err := t.exec(`INSERT OR REPLACE INTO artifacts (sweep, trial, name, attempt, size, sha256) VALUES (?, ?, ?, ?, ?, ?)`,
		sweep, a.Trial, a.Name, a.Attempt, a.Size, a.SHA256)
	return err
}

// pageBytes is how much of a log is read at once, about.
const pageBytes = 256 << 10

// Log returns a piece of the log of a trial's attempt, from an offset on. Attempt
// 0 is the last one that has printed anything. It returns tourney.ErrNotFound if
// there is no such trial.
func (r *Reader) Log(ctx context.Context, sweep string, number, attempt int, from int64) (page tourney.LogPage, err error) {
	const op = "read log"
	err = r.read(ctx, op, func(tx *sqlx.Tx) error {
		if err := trialThere(ctx, tx, sweep, number); err != nil {
			return err
		}
		page = tourney.LogPage{Attempt: attempt, Items: []tourney.LogChunk{}, Next: from}
		if attempt == 0 {
			if err := tx.GetContext(ctx, &page.Attempt, `SELECT COALESCE(MAX(attempt), 0) FROM logs WHERE sweep = ? AND trial = ?`, sweep, number); err != nil {
				return sqlError(op, err)
			}
		}
		rows, err := tx.QueryxContext(ctx, `SELECT start, text FROM logs WHERE sweep = ? AND trial = ? AND attempt = ? AND stop > ? ORDER BY start`,
			sweep, number, page.Attempt, from)
		if err != nil {
			return sqlError(op, err)
		}
		defer rows.Close()
		size, whole := 0, true
		for rows.Next() {
			if size >= pageBytes {
				whole = false
				break
			}
			var c tourney.LogChunk
			if err := rows.Scan(&c.Offset, &c.Text); err != nil {
				return sqlError(op, err)
			}
			if skip := from - c.Offset; skip > 0 {
				c.Offset, c.Text = from, c.Text[skip:]
			}
			size += len(c.Text)
			page.Items, page.Next = append(page.Items, c), c.End()
		}
		if err := rows.Err(); err != nil {
			return sqlError(op, err)
		}
		return r.logEnded(ctx, tx, &page, sweep, number, whole)
	})
	return page, err
}

// logEnded says whether something may follow: while the attempt runs, and while
// the trial may have another.
func (r *Reader) logEnded(ctx context.Context, tx *sqlx.Tx, page *tourney.LogPage, sweep string, number int, whole bool) error {
	var open, last int
	var state tourney.TrialState
	row := tx.QueryRowxContext(ctx, `SELECT state, attempts,
		(SELECT count(*) FROM attempts WHERE sweep = t.sweep AND trial = t.number AND attempt = ? AND outcome = '')
		FROM trials t WHERE sweep = ? AND number = ?`, page.Attempt, sweep, number)
	if err := row.Scan(&state, &last, &open); err != nil {
		return sqlError("read log", err)
	}
	page.Ended = whole && open == 0 && (state.Terminal() || page.Attempt < last && page.Attempt > 0)
	return nil
}

func trialThere(ctx context.Context, tx *sqlx.Tx, sweep string, number int) error {
	var there int
	err := tx.GetContext(ctx, &there, `SELECT 1 FROM trials t JOIN sweeps s ON s.id = t.sweep WHERE t.sweep = ? AND t.number = ? AND s.deleting = 0`, sweep, number)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("trial %s/%d: %w", sweep, number, tourney.ErrNotFound)
	}
	return sqlError("read trial", err)
}

// Artifacts lists the files that a trial has left, by name.
func (r *Reader) Artifacts(ctx context.Context, sweep string, number int) (list []tourney.Artifact, err error) {
	const op = "read artifacts"
	err = r.read(ctx, op, func(tx *sqlx.Tx) error {
		if err := trialThere(ctx, tx, sweep, number); err != nil {
			return err
		}
		var rows []struct {
			Name   string `db:"name"`
			Size   int64  `db:"size"`
			SHA256 string `db:"sha256"`
		}
		if err := tx.SelectContext(ctx, &rows, `SELECT name, size, sha256 FROM artifacts WHERE sweep = ? AND trial = ? ORDER BY name`, sweep, number); err != nil {
			return sqlError(op, err)
		}
		for _, row := range rows {
			list = append(list, tourney.Artifact(row))
		}
		return nil
	})
	return list, err
}
