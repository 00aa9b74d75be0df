-- +goose Up

-- 'Trny': tells the file from other programs' SQLite databases.
PRAGMA application_id = 1416785529;

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sweeps (
    id       TEXT    NOT NULL PRIMARY KEY,
    name     TEXT    NOT NULL,
    spec     TEXT    NOT NULL, -- JSON
    plan     TEXT    NOT NULL, -- JSON
    dataset  TEXT    NOT NULL, -- version
    goal     TEXT    NOT NULL, -- of the metric
    state    TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    created  INTEGER NOT NULL,
    started  INTEGER,
    ended    INTEGER,
    last_seq INTEGER NOT NULL, -- of its events
    key      TEXT UNIQUE,      -- idempotency key of its creation
    key_body TEXT    NOT NULL  -- hash of what was asked with it
) STRICT;

CREATE INDEX sweeps_created ON sweeps (created, id);
CREATE INDEX sweeps_open ON sweeps (created, id) WHERE state NOT IN ('completed', 'failed', 'cancelled');

CREATE TABLE events (
    id    INTEGER PRIMARY KEY AUTOINCREMENT, -- over all sweeps, in the order of commits
    sweep TEXT    NOT NULL REFERENCES sweeps (id),
    seq   INTEGER NOT NULL,                  -- in the sweep, from 1 without gaps
    at    INTEGER NOT NULL,
    kind  TEXT    NOT NULL,
    body  TEXT    NOT NULL,                  -- JSON
    UNIQUE (sweep, seq)
) STRICT;

CREATE INDEX events_reported ON events (sweep, seq) WHERE kind = 'reported';

-- The board of a sweep is the order of the index trials_board. Its generated
-- columns turn "best first" into "ascending", so that one comparison of row
-- values finds a page. A trial without a value has loss 0, which blank hides.
CREATE TABLE trials (
    sweep     TEXT    NOT NULL REFERENCES sweeps (id),
    number    INTEGER NOT NULL,
    state     TEXT    NOT NULL,
    params    TEXT    NOT NULL, -- JSON
    rung      INTEGER NOT NULL, -- highest finished, -1 before the first
    step      INTEGER NOT NULL,
    best_step INTEGER NOT NULL,
    value     REAL,
    loss      REAL    NOT NULL, -- of value, lower is better
    metrics   TEXT,             -- JSON
    reason    TEXT    NOT NULL,
    error     TEXT    NOT NULL,
    attempts  INTEGER NOT NULL,
    created   INTEGER NOT NULL,
    ended     INTEGER,
    bad       INTEGER NOT NULL GENERATED ALWAYS AS (state IN ('diverged', 'failed')) VIRTUAL,
    depth     INTEGER NOT NULL GENERATED ALWAYS AS (-rung) VIRTUAL,
    blank     INTEGER NOT NULL GENERATED ALWAYS AS (value IS NULL) VIRTUAL,
    PRIMARY KEY (sweep, number)
) STRICT;

CREATE INDEX trials_board ON trials (sweep, bad, depth, blank, loss, number);
CREATE INDEX trials_open ON trials (sweep, number) WHERE state IN ('queued', 'running', 'paused');

-- How many trials of a sweep are in each state. The writer keeps it, since a
-- trigger would double the cost of a trial.
CREATE TABLE tallies (
    sweep  TEXT    NOT NULL REFERENCES sweeps (id),
    state  TEXT    NOT NULL,
    trials INTEGER NOT NULL,
    PRIMARY KEY (sweep, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    sweep      TEXT    NOT NULL,
    trial      INTEGER NOT NULL,
    rung       INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    budget     INTEGER NOT NULL, -- steps
    start      INTEGER NOT NULL, -- virtual time
    finish     INTEGER NOT NULL, -- virtual time
    state      TEXT    NOT NULL,
    attempt    INTEGER NOT NULL, -- the fencing token; 0 before the first claim
    worker     TEXT    NOT NULL,
    claim      TEXT    NOT NULL,
    losses     INTEGER NOT NULL,
    failures   INTEGER NOT NULL,
    alone      INTEGER NOT NULL,
    checkpoint TEXT,             -- JSON
    held       TEXT,             -- JSON
    PRIMARY KEY (sweep, trial, rung),
    FOREIGN KEY (sweep, trial) REFERENCES trials (sweep, number)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX jobs_open ON jobs (sweep, trial) WHERE state IN ('queued', 'running', 'held');
CREATE INDEX jobs_final ON jobs (sweep, trial, rung) WHERE kind = 'final';

CREATE TABLE attempts (
    sweep   TEXT    NOT NULL,
    trial   INTEGER NOT NULL,
    attempt INTEGER NOT NULL, -- from 1 without gaps
    epoch   TEXT    NOT NULL,
    rung    INTEGER NOT NULL,
    worker  TEXT    NOT NULL,
    outcome TEXT    NOT NULL, -- '' while it is open
    step    INTEGER NOT NULL,
    started INTEGER NOT NULL,
    ended   INTEGER,
    PRIMARY KEY (sweep, trial, attempt),
    FOREIGN KEY (sweep, trial) REFERENCES trials (sweep, number)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX attempts_open ON attempts (sweep, trial) WHERE outcome = '';

CREATE TABLE points (
    sweep   TEXT    NOT NULL,
    trial   INTEGER NOT NULL,
    step    INTEGER NOT NULL,
    metrics TEXT    NOT NULL, -- JSON
    PRIMARY KEY (sweep, trial, step),
    FOREIGN KEY (sweep, trial) REFERENCES trials (sweep, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE workers (
    id        TEXT    NOT NULL PRIMARY KEY,
    host      TEXT    NOT NULL,
    pool      TEXT    NOT NULL,
    slots     INTEGER NOT NULL,
    version   TEXT    NOT NULL,
    enrolled  INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    running   INTEGER NOT NULL
) STRICT;

CREATE INDEX workers_seen ON workers (last_seen);

CREATE TABLE datasets (
    id       INTEGER PRIMARY KEY, -- the highest of a name is its newest version
    name     TEXT    NOT NULL,
    version  TEXT    NOT NULL,
    source   TEXT    NOT NULL,
    created  INTEGER NOT NULL,
    saved_at INTEGER NOT NULL,
    manifest TEXT    NOT NULL,    -- JSON
    UNIQUE (name, version)
) STRICT;

CREATE INDEX datasets_version ON datasets (version);
CREATE INDEX datasets_source ON datasets (source);

-- The test shards: which versions of datasets keep a blob sealed.
CREATE TABLE sealed (
    hash    TEXT NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (hash, version)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER sweeps_end BEFORE UPDATE OF state ON sweeps
WHEN OLD.state IN ('completed', 'failed', 'cancelled') AND NEW.state <> OLD.state
BEGIN
    SELECT RAISE(ABORT, 'the sweep has ended');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER trials_end BEFORE UPDATE OF state ON trials
WHEN OLD.state IN ('completed', 'pruned', 'diverged', 'failed', 'cancelled') AND NEW.state <> OLD.state
BEGIN
    SELECT RAISE(ABORT, 'the trial has ended');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER attempts_gap BEFORE INSERT ON attempts
WHEN NEW.attempt <> 1 + (
    SELECT COALESCE(max(attempt), 0) FROM attempts WHERE sweep = NEW.sweep AND trial = NEW.trial
)
BEGIN
    SELECT RAISE(ABORT, 'the number of the attempt is not the next one');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER attempts_end BEFORE UPDATE ON attempts
WHEN OLD.outcome <> ''
BEGIN
    SELECT RAISE(ABORT, 'the attempt has ended');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER events_stay BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events never change');
END;
-- +goose StatementEnd
