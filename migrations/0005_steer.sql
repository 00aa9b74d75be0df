-- +goose Up

-- Sweeps whose trials are trained outside. Who asks says for how long (seconds,
-- 0: as long as workers have); told is what ended an attempt and what was
-- answered, so that the same said twice is answered the same.
ALTER TABLE jobs ADD COLUMN lease REAL NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN told TEXT NOT NULL DEFAULT '';

-- What a user has changed of a sweep since it was created: its name, its cap,
-- its limits. The spec stays as it was, since the log goes on from that.
ALTER TABLE sweeps ADD COLUMN amended TEXT; -- JSON
ALTER TABLE sweeps ADD COLUMN deleting INTEGER NOT NULL DEFAULT 0; -- its rows go, a few at a time

DROP TRIGGER sweeps_end;
-- +goose StatementBegin
CREATE TRIGGER sweeps_end BEFORE UPDATE OF state ON sweeps
WHEN OLD.state IN ('completed', 'failed', 'cancelled') AND NEW.state <> OLD.state
    AND NOT (OLD.state = 'completed' AND NEW.state IN ('running', 'finishing')) -- extended
BEGIN
    SELECT RAISE(ABORT, 'the sweep has ended');
END;
-- +goose StatementEnd

-- Trials by state, and how many of each state have come to which rung.
CREATE INDEX trials_state ON trials (sweep, state, number, rung);
