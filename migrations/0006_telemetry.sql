-- +goose Up

ALTER TABLE trials ADD COLUMN telemetry TEXT; -- JSON, of the last attempt that ended
