-- +goose Up

-- What a trial costs to write. A trigger that may ABORT, or a constraint beside
-- one, makes SQLite keep a copy of each page that a statement touches, which
-- costs several times the statement; one that may FAIL does not, and the store
-- undoes what has failed anyway. IN with three values and more fills a table of
-- its own each time that it is looked at, where OR does not.

-- Whether a trial is ranked last, which does not change when it is claimed: so a
-- claim leaves the board alone. It takes the place of the column bad.
ALTER TABLE trials ADD COLUMN sunk INTEGER NOT NULL DEFAULT 0;
DROP TRIGGER trials_end;
UPDATE trials SET sunk = 1 WHERE state IN ('diverged', 'failed');
DROP INDEX trials_board;
CREATE INDEX trials_board ON trials (sweep, sunk, beyond, depth, blank, loss, number);

DROP INDEX trials_open; -- trials_state finds them too

DROP INDEX events_reported; -- most reports are in rows with other events

DROP INDEX jobs_open;
CREATE UNIQUE INDEX jobs_open ON jobs (sweep, trial) WHERE (state = 'queued' OR state = 'running' OR state = 'held');

-- +goose StatementBegin
CREATE TRIGGER trials_end BEFORE UPDATE OF state ON trials
WHEN NEW.state <> OLD.state AND NOT (OLD.state = 'queued' OR OLD.state = 'running' OR OLD.state = 'paused')
BEGIN
    SELECT RAISE(FAIL, 'the trial has ended');
END;
-- +goose StatementEnd

DROP TRIGGER attempts_gap;
-- +goose StatementBegin
CREATE TRIGGER attempts_gap BEFORE INSERT ON attempts
WHEN NEW.attempt <> 1 + (
    SELECT COALESCE(max(attempt), 0) FROM attempts WHERE sweep = NEW.sweep AND trial = NEW.trial
)
BEGIN
    SELECT RAISE(FAIL, 'the number of the attempt is not the next one');
END;
-- +goose StatementEnd

DROP TRIGGER attempts_end;
-- +goose StatementBegin
CREATE TRIGGER attempts_end BEFORE UPDATE ON attempts
WHEN OLD.outcome <> ''
BEGIN
    SELECT RAISE(FAIL, 'the attempt has ended');
END;
-- +goose StatementEnd
