package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tourney"
)

// tokenRow is a row of tokens.
type tokenRow struct {
	ID       string          `db:"id"`
	Hash     []byte          `db:"hash"`
	Name     string          `db:"name"`
	Scope    string          `db:"scope"`
	Pool     string          `db:"pool"`
	Created  int64           `db:"created"`
	Expires  sql.Null[int64] `db:"expires"`
	LastUsed sql.Null[int64] `db:"last_used"`
	Revoked  sql.Null[int64] `db:"revoked"`
}

const tokenColumns = `id, hash, name, scope, pool, created, expires, last_used, revoked` //nolint:gosec // names of columns

func (r *tokenRow) token() tourney.AccessToken {
	at := func(us sql.Null[int64]) time.Time {
		if !us.Valid {
			return time.Time{}
		}
		return fromMicros(us.V)
	}
	return tourney.AccessToken{
		ID: r.ID, Name: r.Name, Scope: tourney.Scope(r.Scope), Pool: r.Pool,
		Created: fromMicros(r.Created), Expires: at(r.Expires), LastUsed: at(r.LastUsed), Revoked: at(r.Revoked),
	}
}

// SaveToken registers a token by the hash of its secret, and keeps the answer
// to who asked for it, if there is one.
func (s *Store) SaveToken(ctx context.Context, token tourney.AccessToken, hash [32]byte, answer *tourney.Answer) error {
	return s.writer.submit(ctx, func(t *tx) error {
		if answer != nil {
			if err := writeAnswer(t, answer); err != nil {
				return err
			}
		}
		_, err := t.exec(`INSERT INTO tokens (id, hash, name, scope, pool, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			token.ID, hash[:], token.Name, string(token.Scope), token.Pool, micros(token.Created), nullMicros(&token.Expires))
		return sqlError("save token "+token.ID, err)
	}, false)
}

// RevokeToken ends a token and its sessions. A token that was revoked before
// stays as it is. It returns tourney.ErrNotFound if there is none.
func (s *Store) RevokeToken(ctx context.Context, id string) error {
	return s.writer.submit(ctx, func(t *tx) error {
		result, err := t.exec(`UPDATE tokens SET revoked = coalesce(revoked, ?) WHERE id = ?`, t.now, id)
		if err != nil {
			return sqlError("revoke token "+id, err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fmt.Errorf("token %s: %w", id, tourney.ErrNotFound))
		}
		_, err = t.exec(`DELETE FROM sessions WHERE token = ?`, id)
		return sqlError("revoke token "+id, err)
	}, false)
}

// TouchToken notes that a token was used.
func (s *Store) TouchToken(ctx context.Context, id string) error {
	return s.writer.submit(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE tokens SET last_used = ? WHERE id = ?`, t.now, id)
		return sqlError("touch token "+id, err)
	}, false)
}

// SaveSession registers a session of a token by the hash of its cookie, and
// forgets those that have expired.
func (s *Store) SaveSession(ctx context.Context, hash [32]byte, token string, expires time.Time) error {
	return s.writer.submit(ctx, func(t *tx) error {
		if _, err := t.exec(`DELETE FROM sessions WHERE expires <= ?`, t.now); err != nil {
			return sqlError("save session", err)
		}
		_, err := t.exec(`INSERT INTO sessions (hash, token, expires) VALUES (?, ?, ?)`, hash[:], token, micros(expires))
		return sqlError("save session", err)
	}, false)
}

// DeleteSession ends a session; it is no error if there is none.
func (s *Store) DeleteSession(ctx context.Context, hash [32]byte) error {
	return s.writer.submit(ctx, func(t *tx) error {
		_, err := t.exec(`DELETE FROM sessions WHERE hash = ?`, hash[:])
		return sqlError("delete session", err)
	}, false)
}

// SaveAudit appends what was changed.
func (s *Store) SaveAudit(ctx context.Context, a tourney.Audit) error {
	return s.writer.submit(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO audit (at, token, ip, action, object, status) VALUES (?, ?, ?, ?, ?, ?)`,
			orNow(a.At, t.now), a.Token, a.IP, a.Action, a.Object, a.Status)
		return sqlError("save audit", err)
	}, false)
}

// Token returns a token and the hash of its secret, or tourney.ErrNotFound.
func (r *Reader) Token(ctx context.Context, id string) (token tourney.AccessToken, hash [32]byte, err error) {
	return r.tokenBy(ctx, "token "+id, `SELECT `+tokenColumns+` FROM tokens WHERE id = ?`, id)
}

// SessionToken returns the token of a session that has not expired, or
// tourney.ErrNotFound.
func (r *Reader) SessionToken(ctx context.Context, session [32]byte) (tourney.AccessToken, error) {
	token, _, err := r.tokenBy(ctx, "session", `SELECT `+tokenColumns+` FROM tokens
		WHERE id = (SELECT token FROM sessions WHERE hash = ? AND expires > ?)`, session[:], micros(r.now()))
	return token, err
}

func (r *Reader) tokenBy(ctx context.Context, what, query string, args ...any) (token tourney.AccessToken, hash [32]byte, err error) {
	var row tokenRow
	switch err := r.db.GetContext(ctx, &row, query, args...); {
	case errors.Is(err, sql.ErrNoRows):
		return token, hash, fmt.Errorf("%s: %w", what, tourney.ErrNotFound)
	case err != nil:
		return token, hash, sqlError("read "+what, err)
	}
	copy(hash[:], row.Hash)
	return row.token(), hash, nil
}

// Tokens lists all tokens, newest first.
func (r *Reader) Tokens(ctx context.Context) ([]tourney.AccessToken, error) {
	var rows []tokenRow
	if err := r.db.SelectContext(ctx, &rows, `SELECT `+tokenColumns+` FROM tokens ORDER BY created DESC, id`); err != nil {
		return nil, sqlError("list tokens", err)
	}
	tokens := make([]tourney.AccessToken, len(rows))
	for i := range rows {
		tokens[i] = rows[i].token()
	}
	return tokens, nil
}

// Audits lists what was changed, newest first, at most limit of it.
func (r *Reader) Audits(ctx context.Context, limit int) ([]tourney.Audit, error) {
	var rows []struct {
		ID     int64  `db:"id"`
		At     int64  `db:"at"`
		Token  string `db:"token"`
		IP     string `db:"ip"`
		Action string `db:"action"`
		Object string `db:"object"`
		Status int    `db:"status"`
	}
	if err := r.db.SelectContext(ctx, &rows, `SELECT id, at, token, ip, action, object, status FROM audit ORDER BY id DESC LIMIT ?`, limit); err != nil {
		return nil, sqlError("list audit", err)
	}
	out := make([]tourney.Audit, len(rows))
	for i, a := range rows {
		out[i] = tourney.Audit{ID: a.ID, At: fromMicros(a.At), Token: a.Token, IP: a.IP, Action: a.Action, Object: a.Object, Status: a.Status}
	}
	return out, nil
}
