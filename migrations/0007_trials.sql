-- +goose Up

-- A failed trial that a user retries stays as it is: there is a new one.
ALTER TABLE trials ADD COLUMN retry_of INTEGER; -- number of the failed trial

DROP TRIGGER sweeps_end;
-- +goose StatementBegin
CREATE TRIGGER sweeps_end BEFORE UPDATE OF state ON sweeps
WHEN OLD.state IN ('completed', 'failed', 'cancelled') AND NEW.state <> OLD.state
    AND NOT (OLD.state = 'completed' AND NEW.state IN ('running', 'finishing')) -- extended
    AND NOT (OLD.state = 'failed' AND NEW.state = 'running') -- a trial is retried
BEGIN
    SELECT RAISE(ABORT, 'the sweep has ended');
END;
-- +goose StatementEnd

-- The orders of a sweep's trials beside those by number, by state and of the
-- board. Those that lack what is sorted by come after the others, by number.
ALTER TABLE trials ADD COLUMN duration INTEGER GENERATED ALWAYS AS (ended - created) VIRTUAL;
CREATE INDEX trials_value ON trials (sweep, value, number);
CREATE INDEX trials_rung ON trials (sweep, rung, number);
CREATE INDEX trials_duration ON trials (sweep, duration, number) WHERE ended IS NOT NULL;

-- What was answered to a creation with an idempotency key, so that the same
-- asked again is answered the same.
CREATE TABLE answers (
    key    BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of who asked, what for, and the key
    body   BLOB    NOT NULL,             -- SHA-256 of what was asked
    answer BLOB    NOT NULL,             -- encrypted with what the key is made of
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX answers_at ON answers (at);
