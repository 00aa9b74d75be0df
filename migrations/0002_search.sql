-- +goose Up

-- Bounds on metrics: a trial beyond them comes after all that are not.
ALTER TABLE trials ADD COLUMN violation REAL NOT NULL DEFAULT 0;
ALTER TABLE trials ADD COLUMN beyond INTEGER GENERATED ALWAYS AS (violation > 0) VIRTUAL;
ALTER TABLE trials ADD COLUMN parent TEXT; -- JSON; whose state it went on from

DROP INDEX trials_board;
CREATE INDEX trials_board ON trials (sweep, bad, beyond, depth, blank, loss, number);
