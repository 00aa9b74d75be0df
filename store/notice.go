package store

import (
	"context"
	"time"

	"tourney"
)

// noticeRow is a row of notices.
type noticeRow struct {
	ID    string `db:"id"`
	Sweep string `db:"sweep"`
	URL   string `db:"url"`
	Body  []byte `db:"body"`
	Due   int64  `db:"due"`
	Tries int    `db:"tries"`
}

// notify writes the notice of a change.
func (ch *change) notify(t *tx) error {
	n := ch.Notice
	if n == nil {
		return nil
	}
	_, err := t.exec(`INSERT INTO notices (id, sweep, url, body, created, due, tries, error) VALUES (?, ?, ?, ?, ?, ?, 0, '')`,
		n.ID, ch.Sweep, n.URL, n.Body, t.now, t.now)
	return err
}

// DueNotices returns the notices to be sent by a moment, the one that waits
// longest first, at most limit of them.
func (r *Reader) DueNotices(ctx context.Context, now time.Time, limit int) ([]tourney.Notice, error) {
	var rows []noticeRow
	if err := r.db.SelectContext(ctx, &rows, `SELECT id, sweep, url, body, due, tries FROM notices WHERE due <= ? ORDER BY due, id LIMIT ?`,
		micros(now), limit); err != nil {
		return nil, sqlError("read notices", err)
	}
	notices := make([]tourney.Notice, len(rows))
	for i, row := range rows {
		notices[i] = tourney.Notice{ID: row.ID, Sweep: row.Sweep, URL: row.URL, Body: row.Body, Tries: row.Tries, Due: fromMicros(row.Due)}
	}
	return notices, nil
}

// PutOff says that a notice was not taken, why, and when to try again.
func (s *Store) PutOff(ctx context.Context, id string, due time.Time, why string) error {
	return s.writer.submit(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE notices SET tries = tries + 1, due = ?, error = ? WHERE id = ?`, micros(due), why, id)
		return sqlError("put off notice "+id, err)
	}, false)
}

// DropNotice removes a notice that was taken, or is given up.
func (s *Store) DropNotice(ctx context.Context, id string) error {
	return s.writer.submit(ctx, func(t *tx) error {
		_, err := t.exec(`DELETE FROM notices WHERE id = ?`, id)
		return sqlError("drop notice "+id, err)
	}, false)
}

// Expired returns the sweeps that have ended longer ago than they are kept,
// oldest first: as long as their spec says, else for keep. With a keep of 0
// those that say nothing are kept for ever.
func (r *Reader) Expired(ctx context.Context, now time.Time, keep time.Duration) ([]string, error) {
	var ids []string
	err := r.db.SelectContext(ctx, &ids, `SELECT id FROM sweeps
		WHERE deleting = 0 AND NOT (`+isOpenSweep+`) AND ended IS NOT NULL
			AND COALESCE(spec ->> '$.retention', ?) > 0
			AND ended + COALESCE(spec ->> '$.retention', ?) * 1e6 <= ?
		ORDER BY ended, id LIMIT 1000`, keep.Seconds(), keep.Seconds(), micros(now))
	return ids, sqlError("read expired sweeps", err)
}
