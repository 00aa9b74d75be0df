package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tourney"
	"tourney/failpoint"
)

// A deletion takes its rows away a few at a time, so that others commit in
// between: first of all the sweep is no longer there for readers, and last its
// row goes. One that was broken off goes on when the store is opened.

// deletionSlice is how long the writer is held at a time, about.
const deletionSlice = 20 * time.Millisecond

// A slice of a table begins with so many rows, and never has more than maxSlice,
// so that even those of which each takes ten times as long as those before hold
// the writer for 50 ms at most.
const (
	firstSlice = 250
	maxSlice   = 4_000
)

// deletions are what is deleted of a sweep, what refers to others first. Each
// takes the sweep and how many rows.
var deletions = []string{
	`DELETE FROM points WHERE (sweep, trial, step) IN (SELECT sweep, trial, step FROM points WHERE sweep = ? LIMIT ?)`,
	`DELETE FROM attempts WHERE (sweep, trial, attempt) IN (SELECT sweep, trial, attempt FROM attempts WHERE sweep = ? LIMIT ?)`,
	`DELETE FROM jobs WHERE (sweep, trial, rung) IN (SELECT sweep, trial, rung FROM jobs WHERE sweep = ? ORDER BY trial, rung LIMIT ?)`,
	`DELETE FROM logs WHERE (sweep, trial, attempt, start) IN (SELECT sweep, trial, attempt, start FROM logs WHERE sweep = ? LIMIT ?)`,
	`DELETE FROM artifacts WHERE (sweep, trial, name) IN (SELECT sweep, trial, name FROM artifacts WHERE sweep = ? LIMIT ?)`,
	`DELETE FROM trials WHERE (sweep, number) IN (SELECT sweep, number FROM trials WHERE sweep = ? LIMIT ?)`,
	`DELETE FROM events WHERE id IN (SELECT id FROM events WHERE sweep = ? LIMIT ?)`,
	`DELETE FROM tallies WHERE (sweep, state) IN (SELECT sweep, state FROM tallies WHERE sweep = ? LIMIT ?)`,
	`DELETE FROM sweeps WHERE id = ? AND ? > 0`,
}

// loosenJobs notes the blobs of the jobs that the next slice deletes, if they
// are not noted yet: nobody may refer to them then.
const loosenJobs = `INSERT OR IGNORE INTO uploads (hash, at, size) SELECT checkpoint ->> '$.blob', 0, 0 FROM (
	SELECT checkpoint FROM jobs WHERE sweep = ? ORDER BY trial, rung LIMIT ?) WHERE checkpoint ->> '$.blob' <> ''`

// DeleteSweep removes a sweep that has ended, and all that is known of it. What
// its trials have left in blobs is collected later. It returns tourney.ErrConflict
// if the sweep has not ended, and tourney.ErrNotFound.
func (s *Store) DeleteSweep(ctx context.Context, id string) error {
	err := s.writer.submit(ctx, func(t *tx) error {
		var state tourney.SweepState
		err := t.get(&state, `SELECT state FROM sweeps WHERE id = ? AND deleting = 0`, id)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("sweep %s: %w", id, tourney.ErrNotFound)
		case err != nil:
			return sqlError("delete sweep "+id, err)
		case !state.Terminal():
			return fmt.Errorf("%w: sweep %s is %s", tourney.ErrConflict, id, state)
		}
		_, err = t.exec(`UPDATE sweeps SET deleting = 1, key = NULL WHERE id = ?`, id)
		return sqlError("delete sweep "+id, err)
	}, true)
	if err != nil {
		return err
	}
	// Whoever asked may hang up: what was begun is brought to its end.
	return s.finishDeletion(context.WithoutCancel(ctx), id)
}

// finishDeletions brings those to their end that were broken off.
func (s *Store) finishDeletions(ctx context.Context) error {
	var ids []string
	if err := s.db.SelectContext(ctx, &ids, `SELECT id FROM sweeps WHERE deleting = 1 ORDER BY id`); err != nil {
		return sqlError("read deletions", err)
	}
	for _, id := range ids {
		if err := s.finishDeletion(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) finishDeletion(ctx context.Context, id string) error {
	for i, statement := range deletions {
		rows := firstSlice // rows of one table tell nothing of those of the next
		for {
			var n int64
			var took time.Duration
			err := s.writer.submit(ctx, func(t *tx) error {
				start := time.Now()
				if i == 2 {
					if _, err := t.exec(loosenJobs, id, rows); err != nil {
						return err
					}
				}
				res, err := t.exec(statement, id, rows)
				if err == nil {
					n, err = res.RowsAffected()
				}
				took = time.Since(start)
				return err
			}, false)
			if err != nil {
				return sqlError("delete rows of sweep "+id, err)
			}
			failpoint.Pass(failpoint.SliceDeleted)
			if n < int64(rows) {
				break
			}
			switch {
			case took < deletionSlice/2 && rows < maxSlice:
				rows *= 2
			case took > deletionSlice && rows > 50:
				rows /= 2
			}
		}
	}
	return nil
}
