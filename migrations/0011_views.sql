-- +goose Up

-- The attempts of a sweep as they began, for its timeline.
CREATE INDEX attempts_started ON attempts (sweep, started);
