-- +goose Up

-- Blobs that perhaps no dataset refers to: those of deleted datasets, and those
-- of tables that are being taken in. Those that indeed none refers to are
-- removed while no table is taken in, at the latest when the server starts.
CREATE TABLE loose (
    hash TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE INDEX sweeps_dataset ON sweeps (dataset) WHERE state NOT IN ('completed', 'failed', 'cancelled');
