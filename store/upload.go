package store

import (
	"context"
	"fmt"
	"time"

	"tourney"
)

// What workers have uploaded is removed when nothing refers to it: first it is
// doomed, in a transaction that makes sure of that, then it goes from where blobs
// are, and last its row. A crash in between leaves it doomed, and uploading it
// again ends that.

// unreferred is the condition of a row of uploads that no job refers to.
const unreferred = `NOT EXISTS (SELECT 1 FROM jobs j WHERE j.checkpoint IS NOT NULL AND j.checkpoint ->> '$.blob' = hash)`

// NoteUpload notes that a blob is being put by a worker, or was; its size in
// bytes is 0 until then.
func (s *Store) NoteUpload(ctx context.Context, hash string, size int64) error {
	return s.writer.submit(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO uploads (hash, at, size) VALUES (?, ?, ?)
			ON CONFLICT (hash) DO UPDATE SET at = excluded.at, size = max(size, excluded.size), doomed = 0`, hash, t.now, size)
		return sqlError("note upload", err)
	}, false)
}

// Uploaded returns how many bytes workers have uploaded that something refers
// to.
func (r *Reader) Uploaded(ctx context.Context) (bytes int64, err error) {
	err = r.db.GetContext(ctx, &bytes, `SELECT COALESCE(SUM(size), 0) FROM uploads WHERE NOT `+unreferred)
	return bytes, sqlError("count uploads", err)
}

// DoomUploads dooms uploads from before a time that nothing refers to, and
// returns them and those that were doomed before, at most limit.
func (s *Store) DoomUploads(ctx context.Context, before time.Time, limit int) ([]string, error) {
	const op = "doom uploads"
	var found []string
	err := s.db.SelectContext(ctx, &found, `SELECT hash FROM uploads
		WHERE (doomed = 1 OR at < ?) AND `+unreferred+` AND hash NOT IN (`+referred+` EXCEPT SELECT NULL) ORDER BY hash LIMIT ?`, micros(before), limit)
	if err != nil || len(found) == 0 {
		return nil, sqlError(op, err)
	}
	list, err := encodeJSON("hashes", found)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	var doomed []string
	err = s.writer.submit(ctx, func(t *tx) error {
		doomed = doomed[:0]
		err := t.list(&doomed, `UPDATE uploads SET doomed = 1
			WHERE hash IN (SELECT value FROM json_each(?)) AND (doomed = 1 OR at < ?) AND `+unreferred+` RETURNING hash`, list, micros(before))
		return sqlError(op, err)
	}, false)
	return doomed, err
}

// IsDoomed reports whether a blob is still to be removed.
func (r *Reader) IsDoomed(ctx context.Context, hash string) (bool, error) {
	var doomed bool
	err := r.db.GetContext(ctx, &doomed, `SELECT EXISTS (SELECT 1 FROM uploads WHERE hash = ? AND doomed = 1 AND `+unreferred+`)`, hash)
	return doomed, sqlError("read upload", err)
}

// ForgetUpload says that a doomed blob is removed.
func (s *Store) ForgetUpload(ctx context.Context, hash string) error {
	return s.writer.submit(ctx, func(t *tx) error {
		_, err := t.exec(`DELETE FROM uploads WHERE hash = ? AND doomed = 1`, hash)
		return sqlError("forget upload", err)
	}, false)
}

// spent is the condition of a job j whose checkpoint nobody goes on from: its
// trial t has ended, or a later job of it has the state. A population's trials
// go on from each other's states, whenever the sweep is extended.
const spent = `j.checkpoint IS NOT NULL
	AND (j.state = 'void' OR j.state = 'done' AND j.kind = 'rung')
	AND (t.state NOT IN ('queued', 'running', 'paused')
		OR EXISTS (SELECT 1 FROM jobs l WHERE l.sweep = j.sweep AND l.trial = j.trial AND l.rung > j.rung))
	AND COALESCE(s.spec ->> '$.early_terminate.type', '') <> 'pbt'`

// ShedCheckpoints lets go of checkpoints that nobody goes on from, of at most
// limit jobs, and returns of how many.
func (s *Store) ShedCheckpoints(ctx context.Context, limit int) (n int, err error) {
	const op = "shed checkpoints"
	var rows []struct {
		Sweep string `db:"sweep"`
		Trial int    `db:"trial"`
		Rung  int    `db:"rung"`
	}
	err = s.db.SelectContext(ctx, &rows, `SELECT j.sweep, j.trial, j.rung FROM jobs j INDEXED BY jobs_blob
		JOIN trials t ON t.sweep = j.sweep AND t.number = j.trial JOIN sweeps s ON s.id = j.sweep WHERE `+spent+` LIMIT ?`, limit)
	if err != nil || len(rows) == 0 {
		return 0, sqlError(op, err)
	}
	err = s.writer.submit(ctx, func(t *tx) error {
		for _, r := range rows { // what is spent stays so: no need to look again
			if _, err := t.exec(`UPDATE jobs SET checkpoint = NULL WHERE sweep = ? AND trial = ? AND rung = ? AND state IN ('done', 'void')`, r.Sweep, r.Trial, r.Rung); err != nil {
				return sqlError(op, err)
			}
		}
		return nil
	}, false)
	return len(rows), err
}

// PausedCheckpoints returns the checkpoints of paused trials that may be let go
// of, with the share of their rung that is better: the higher, the less likely
// is their promotion. Those of a population are not among them.
func (r *Reader) PausedCheckpoints(ctx context.Context) ([]tourney.PausedCheckpoint, error) {
	var out []tourney.PausedCheckpoint
	err := r.db.SelectContext(ctx, &out, `SELECT * FROM (
		SELECT j.sweep AS sweep, j.trial AS trial, j.rung AS rung, j.checkpoint ->> '$.blob' AS blob, t.state AS state,
			percent_rank() OVER (PARTITION BY j.sweep, j.rung ORDER BY t.blank, t.loss, t.number) AS behind
		FROM jobs j JOIN trials t ON t.sweep = j.sweep AND t.number = j.trial JOIN sweeps s ON s.id = j.sweep
		WHERE j.kind = 'rung' AND j.state = 'done' AND t.rung >= j.rung
			AND COALESCE(s.spec ->> '$.early_terminate.type', '') <> 'pbt'
			AND s.`+isOpenSweep+`) p
		WHERE state = 'paused' AND blob IS NOT NULL
			AND NOT EXISTS (SELECT 1 FROM jobs l WHERE l.sweep = p.sweep AND l.trial = p.trial AND l.rung > p.rung)
		ORDER BY behind DESC, sweep, trial`)
	return out, sqlError("read paused checkpoints", err)
}

// UploadSize returns the size of an upload in bytes, 0 if it is not known.
func (r *Reader) UploadSize(ctx context.Context, hash string) (size int64, err error) {
	err = r.db.GetContext(ctx, &size, `SELECT COALESCE((SELECT size FROM uploads WHERE hash = ?), 0)`, hash)
	return size, sqlError("read upload", err)
}

// DropCheckpoints lets go of the checkpoints of jobs that are done.
func (s *Store) DropCheckpoints(ctx context.Context, jobs []tourney.JobID) error {
	return s.writer.submit(ctx, func(t *tx) error {
		for _, j := range jobs {
			if _, err := t.exec(`UPDATE jobs SET checkpoint = NULL WHERE sweep = ? AND trial = ? AND rung = ? AND state = 'done' AND kind = 'rung'`, j.Sweep, j.Trial, j.Rung); err != nil {
				return sqlError("drop checkpoint of "+j.String(), err)
			}
		}
		return nil
	}, false)
}
