-- +goose Up

-- How many heats a worker's attempts train in: those of one heat go through the
-- rows together.
ALTER TABLE workers ADD COLUMN heats INTEGER NOT NULL DEFAULT 0;
