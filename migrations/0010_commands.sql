-- +goose Up

-- What the programs of trials have printed: of an attempt its beginning and its
-- end, of a trial the last attempts. Offsets count bytes.
CREATE TABLE logs (
    sweep   TEXT    NOT NULL,
    trial   INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    start   INTEGER NOT NULL,
    stop    INTEGER NOT NULL,
    text    TEXT    NOT NULL,
    PRIMARY KEY (sweep, trial, attempt, start),
    FOREIGN KEY (sweep, trial) REFERENCES trials (sweep, number)
) STRICT, WITHOUT ROWID;

-- Files that trials have left, which are blobs.
CREATE TABLE artifacts (
    sweep   TEXT    NOT NULL,
    trial   INTEGER NOT NULL,
    name    TEXT    NOT NULL,
    attempt INTEGER NOT NULL,
    size    INTEGER NOT NULL,
    sha256  TEXT    NOT NULL,
    PRIMARY KEY (sweep, trial, name),
    FOREIGN KEY (sweep, trial) REFERENCES trials (sweep, number)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER artifacts_gone AFTER DELETE ON artifacts
BEGIN
    INSERT OR IGNORE INTO loose (hash) VALUES (OLD.sha256);
END;
-- +goose StatementEnd
