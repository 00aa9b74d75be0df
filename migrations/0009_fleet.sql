-- +goose Up

-- What workers tell of themselves, and how they end.
ALTER TABLE workers ADD COLUMN machine TEXT NOT NULL DEFAULT '{}';    -- JSON
ALTER TABLE workers ADD COLUMN datasets TEXT NOT NULL DEFAULT '[]';   -- JSON: versions in its cache
ALTER TABLE workers ADD COLUMN token TEXT NOT NULL DEFAULT '';        -- id of that it enrolled with
ALTER TABLE workers ADD COLUMN state TEXT NOT NULL DEFAULT 'active';
ALTER TABLE workers ADD COLUMN drain TEXT NOT NULL DEFAULT '';        -- how it was asked to leave
ALTER TABLE workers ADD COLUMN reason TEXT NOT NULL DEFAULT '';       -- why it leaves, of a closed list
ALTER TABLE workers ADD COLUMN why TEXT NOT NULL DEFAULT '';          -- the same in words
ALTER TABLE workers ADD COLUMN ended INTEGER;                         -- when it left
ALTER TABLE workers ADD COLUMN preempted INTEGER NOT NULL DEFAULT 0;  -- attempts that it gave back
ALTER TABLE workers ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;       -- attempts that ended without a word

-- The blobs that workers have put: checkpoints and models. One that nothing
-- refers to is removed a while after it was put; meanwhile it is doomed, so that
-- a crash in between leaves no doubt.
CREATE TABLE uploads (
    hash   TEXT    NOT NULL PRIMARY KEY,
    at     INTEGER NOT NULL, -- when it was put last
    size   INTEGER NOT NULL, -- bytes; 0: not known
    doomed INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

INSERT INTO uploads (hash, at, size)
SELECT DISTINCT checkpoint ->> '$.blob', 0, 0 FROM jobs WHERE checkpoint ->> '$.blob' <> '';

CREATE INDEX jobs_blob ON jobs (checkpoint ->> '$.blob') WHERE checkpoint IS NOT NULL;
