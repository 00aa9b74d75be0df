package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"tourney"
)

// SaveAnswer keeps an answer for as long as tourney.AnswerKept, and forgets
// older ones. It returns tourney.ErrConflict if there is one of the key.
func (s *Store) SaveAnswer(ctx context.Context, a tourney.Answer) error {
	return s.writer.submit(ctx, func(t *tx) error { return writeAnswer(t, &a) }, false)
}

func writeAnswer(t *tx, a *tourney.Answer) error {
	const op = "save answer"
	if _, err := t.exec(`DELETE FROM answers WHERE at <= ?`, t.now-tourney.AnswerKept.Microseconds()); err != nil {
		return sqlError(op, err)
	}
	_, err := t.exec(`INSERT INTO answers (key, body, answer, at) VALUES (?, ?, ?, ?)`, a.Key[:], a.Body[:], a.Sealed, t.now)
	return sqlError(op, err)
}

// Answer returns the answer of a key, or tourney.ErrNotFound.
func (r *Reader) Answer(ctx context.Context, key [32]byte) (tourney.Answer, error) {
	var row struct {
		Body   []byte `db:"body"`
		Answer []byte `db:"answer"`
	}
	err := r.db.GetContext(ctx, &row, `SELECT body, answer FROM answers WHERE key = ?`, key[:])
	if errors.Is(err, sql.ErrNoRows) {
		return tourney.Answer{}, fmt.Errorf("answer: %w", tourney.ErrNotFound)
	}
	if err == nil && len(row.Body) != len(key) {
		err = fmt.Errorf("the hash of a body has %d bytes", len(row.Body))
	}
	if err != nil {
		return tourney.Answer{}, sqlError("read answer", err)
	}
	return tourney.Answer{Key: key, Body: [32]byte(row.Body), Sealed: row.Answer}, nil
}
