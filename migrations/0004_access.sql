-- +goose Up

-- Tokens, of which only hashes are kept. A revoked one stays, for the audit.
CREATE TABLE tokens (
    id        TEXT    NOT NULL PRIMARY KEY,
    hash      BLOB    NOT NULL, -- SHA-256 of the secret
    name      TEXT    NOT NULL,
    scope     TEXT    NOT NULL,
    pool      TEXT    NOT NULL,
    created   INTEGER NOT NULL,
    expires   INTEGER,
    last_used INTEGER,
    revoked   INTEGER
) STRICT;

-- Sessions of browsers, each of a token, with which it ends.
CREATE TABLE sessions (
    hash    BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of the cookie's value
    token   TEXT    NOT NULL REFERENCES tokens (id),
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_expires ON sessions (expires);

-- Who has changed what. Nothing is ever changed or removed here.
CREATE TABLE audit (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    token  TEXT    NOT NULL, -- id; empty: no token was asked for
    ip     TEXT    NOT NULL,
    action TEXT    NOT NULL, -- of the API
    object TEXT    NOT NULL, -- its path
    status INTEGER NOT NULL  -- of the answer
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER audit_is_final BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is never changed');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_stays BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is never changed');
END;
-- +goose StatementEnd

-- Otherwise INSERT OR REPLACE would delete without the trigger above.
-- +goose StatementBegin
CREATE TRIGGER audit_grows BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'the audit is never changed');
END;
-- +goose StatementEnd
