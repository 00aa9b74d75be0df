-- +goose Up

-- What an hour of a slot cost when the attempt began.
ALTER TABLE attempts ADD COLUMN price REAL NOT NULL DEFAULT 0;

-- What the attempts of a sweep have used that have ended: seconds of a core, and
-- what those cost. How often a value was the best so far.
ALTER TABLE sweeps ADD COLUMN used REAL NOT NULL DEFAULT 0;
ALTER TABLE sweeps ADD COLUMN cost REAL NOT NULL DEFAULT 0;
ALTER TABLE sweeps ADD COLUMN improvements INTEGER NOT NULL DEFAULT 0;

UPDATE sweeps SET used = COALESCE(NULLIF(plan ->> '$.weight', 0), 1) * (
    SELECT total(max(a.ended - a.started, 0)) / 1e6 FROM attempts a WHERE a.sweep = sweeps.id AND a.ended IS NOT NULL
);

-- Messages to somebody outside, each written with what it tells of. One goes
-- when it is taken, or given up.
CREATE TABLE notices (
    id      TEXT    NOT NULL PRIMARY KEY,
    sweep   TEXT    NOT NULL,
    url     TEXT    NOT NULL,
    body    BLOB    NOT NULL, -- JSON
    created INTEGER NOT NULL,
    due     INTEGER NOT NULL, -- when to send it
    tries   INTEGER NOT NULL, -- so far
    error   TEXT    NOT NULL  -- of the last try
) STRICT;

CREATE INDEX notices_due ON notices (due);
