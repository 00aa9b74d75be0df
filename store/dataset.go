package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"tourney"
)

// datasetRow is a row of datasets.
type datasetRow struct {
	Name     string `db:"name"`
	Version  string `db:"version"`
	Created  int64  `db:"created"`
	Manifest string `db:"manifest"`
}

const datasetColumns = `d.name, d.version, d.created, d.manifest`

// prefixRE is what a version may be shortened to.
var prefixRE = regexp.MustCompile(`^[0-9a-f]{8,64}$`)

// SaveDataset registers a dataset: it becomes the newest of its name. If that
// version is registered under that name already, nothing changes.
func (s *Store) SaveDataset(ctx context.Context, d tourney.Dataset) error {
	op := fmt.Sprintf("save dataset %s@%s", d.Name, d.Version)
	if d.Name == "" || d.Version == "" {
		return errors.New(op + ": it needs a name and a version")
	}
	manifest := d
	manifest.Name, manifest.CreatedAt = "", time.Time{}
	text, err := encodeJSON("manifest", manifest)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return s.writer.submit(ctx, func(t *tx) error {
		if _, err := t.exec(`INSERT INTO datasets (name, version, source, created, saved_at, manifest) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (name, version) DO NOTHING`, d.Name, d.Version, d.Source, orNow(d.CreatedAt, t.now), t.now, text); err != nil {
			return sqlError(op, err)
		}
		for _, shard := range d.Test {
			if _, err := t.exec(`INSERT OR IGNORE INTO sealed (hash, version) VALUES (?, ?)`, shard.Hash, d.Version); err != nil {
				return sqlError(op, err)
			}
		}
		return nil
	}, true)
}

// DeleteDataset removes NAME, all its versions, or NAME@VERSION. The blobs that
// no other dataset refers to are then among those of LooseBlobs. It returns
// tourney.ErrInUse, and removes nothing, while a sweep that has not ended uses
// what would be gone. Sweeps that have ended keep their trials.
func (s *Store) DeleteDataset(ctx context.Context, ref string) error {
	op := "delete dataset " + ref
	name, version, versioned := strings.Cut(ref, "@")
	if versioned {
		d, err := s.datasetVersion(ctx, name, version)
		if err != nil {
			return err
		}
		version = d.Version
	}
	return s.writer.submit(ctx, func(t *tx) error {
		var ids []int64
		if err := t.list(&ids, `SELECT id FROM datasets WHERE name = ? AND (? = '' OR version = ?)`, name, version, version); err != nil {
			return sqlError(op, err)
		}
		if len(ids) == 0 {
			return fmt.Errorf("dataset %s: %w", ref, tourney.ErrNotFound)
		}
		for _, id := range ids {
			if err := deleteVersion(t, id); err != nil {
				return sqlError(op, err)
			}
		}
		return nil
	}, true)
}

// deleteVersion removes one row of datasets.
func deleteVersion(t *tx, id int64) error {
	var user string
	err := t.get(&user, `SELECT s.id FROM datasets d JOIN sweeps s ON s.dataset = d.version AND s.`+isOpenSweep+`
		WHERE d.id = ? AND NOT EXISTS (SELECT 1 FROM datasets o WHERE o.version = d.version AND o.id <> d.id) LIMIT 1`, id)
	switch {
	case err == nil:
		return fmt.Errorf("%w: sweep %s uses it; cancel the sweep, or wait for its end", tourney.ErrInUse, user)
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	for _, statement := range []string{
		`INSERT OR IGNORE INTO loose (hash) SELECT version FROM datasets WHERE id = ?`,
		`INSERT OR IGNORE INTO loose (hash) SELECT b.value ->> '$.hash' FROM datasets d, json_each(d.manifest, '$.shards') b WHERE d.id = ?`,
		`INSERT OR IGNORE INTO loose (hash) SELECT b.value ->> '$.hash' FROM datasets d, json_each(d.manifest, '$.test') b WHERE d.id = ?`,
		`DELETE FROM datasets WHERE id = ?`,
	} {
		if _, err := t.exec(statement, id); err != nil {
			return err
		}
	}
	return nil
}

// mustHaveDataset refuses a sweep whose dataset was deleted since the sweep was
// planned.
func mustHaveDataset(t *tx, version string) error {
	var there bool
	if err := t.get(&there, `SELECT ? = '' OR EXISTS (SELECT 1 FROM datasets WHERE version = ?)`, version, version); err != nil {
		return err
	}
	if !there {
		return tourney.Invalid("dataset", "version %.12s is not there any more: it was deleted just now", version)
	}
	return nil
}

// Loosen notes that perhaps no dataset refers to a blob. Whoever stores blobs
// of a dataset that is not registered yet says so, since it may never be.
func (s *Store) Loosen(ctx context.Context, hash string) error {
	return s.writer.submit(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT OR IGNORE INTO loose (hash) VALUES (?)`, hash)
		return sqlError("loosen blob", err)
	}, false)
}

// referred selects the blobs that datasets refer to, and jobs and trials of
// sweeps.
const referred = `SELECT b.value ->> '$.hash' FROM datasets d, json_each(d.manifest, '$.shards') b
	UNION SELECT b.value ->> '$.hash' FROM datasets d, json_each(d.manifest, '$.test') b
	UNION SELECT version FROM datasets
	UNION SELECT checkpoint ->> '$.blob' FROM jobs WHERE checkpoint IS NOT NULL
	UNION SELECT sha256 FROM artifacts`

// LooseBlobs returns the blobs noted by Loosen and DeleteDataset
// that nothing refers to. The answer holds as long as no table is taken in.
func (r *Reader) LooseBlobs(ctx context.Context) ([]string, error) {
	var hashes []string
	err := r.db.SelectContext(ctx, &hashes, `SELECT hash FROM loose WHERE hash NOT IN (`+referred+`) ORDER BY hash`)
	return hashes, sqlError("read loose blobs", err)
}

// ForgetLoose says that blobs that LooseBlobs has returned are removed. Until
// then test shards among them stay sealed. It also ends what is noted of blobs
// that a dataset refers to now, and nothing that was noted since.
func (s *Store) ForgetLoose(ctx context.Context, removed []string) error {
	const op = "forget loose blobs"
	list, err := encodeJSON("hashes", removed)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	const done = `hash IN (SELECT value FROM json_each(?)) OR hash IN (` + referred + `)`
	return s.writer.submit(ctx, func(t *tx) error {
		if _, err := t.exec(`DELETE FROM sealed WHERE hash IN (SELECT hash FROM loose WHERE `+done+`)
			AND version NOT IN (SELECT version FROM datasets)`, list); err != nil {
			return sqlError(op, err)
		}
		_, err := t.exec(`DELETE FROM loose WHERE `+done, list)
		return sqlError(op, err)
	}, false)
}

func (r *datasetRow) dataset() (d tourney.Dataset, err error) {
	err = decodeJSON("manifest of dataset "+r.Name+"@"+r.Version, r.Manifest, &d)
	d.Name, d.Version, d.CreatedAt = r.Name, r.Version, fromMicros(r.Created)
	return d, err
}

func (r *Reader) selectDatasets(ctx context.Context, where string, args ...any) ([]tourney.Dataset, error) {
	var rows []datasetRow
	if err := r.db.SelectContext(ctx, &rows, `SELECT `+datasetColumns+` FROM datasets d `+where, args...); err != nil {
		return nil, sqlError("read datasets", err)
	}
	datasets := make([]tourney.Dataset, len(rows))
	for i := range rows {
		var err error
		if datasets[i], err = rows[i].dataset(); err != nil {
			return nil, err
		}
	}
	return datasets, nil
}

// Dataset returns a dataset by name (its newest version), NAME@VERSION (a
// prefix of at least 8 digits will do) or version.
func (r *Reader) Dataset(ctx context.Context, ref string) (tourney.Dataset, error) {
	name, version, versioned := strings.Cut(ref, "@")
	if versioned {
		return r.datasetVersion(ctx, name, version)
	}
	found, err := r.selectDatasets(ctx, `WHERE d.name = ? ORDER BY d.id DESC LIMIT 1`, ref)
	if err == nil && len(found) == 0 {
		found, err = r.selectDatasets(ctx, `WHERE d.version = ? ORDER BY d.id DESC LIMIT 1`, ref)
	}
	return first(found, "dataset "+ref, err)
}

func (r *Reader) datasetVersion(ctx context.Context, name, version string) (tourney.Dataset, error) {
	if !prefixRE.MatchString(version) {
		return tourney.Dataset{}, tourney.Invalid("dataset", "%q is no version: give at least its first 8 digits, of 0-9 and a-f", version)
	}
	found, err := r.selectDatasets(ctx, `WHERE d.name = ? AND substr(d.version, 1, ?) = ? ORDER BY d.id DESC LIMIT 2`, name, len(version), version)
	if err == nil && len(found) > 1 {
		return tourney.Dataset{}, tourney.Invalid("dataset", "%s has several versions that begin with %s; give more digits", name, version)
	}
	return first(found, "dataset "+name+"@"+version, err)
}

func first(found []tourney.Dataset, what string, err error) (tourney.Dataset, error) {
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s: %w", what, tourney.ErrNotFound)
	}
	if err != nil {
		return tourney.Dataset{}, err
	}
	return found[0], nil
}

// DatasetBySource returns the dataset made of these bytes and options, the one
// registered last if there are several, or tourney.ErrNotFound.
func (r *Reader) DatasetBySource(ctx context.Context, source string) (tourney.Dataset, error) {
	found, err := r.selectDatasets(ctx, `WHERE d.source = ? ORDER BY d.id DESC LIMIT 1`, source)
	return first(found, "dataset of source "+source, err)
}

// Datasets lists the newest version of each dataset, by name.
func (r *Reader) Datasets(ctx context.Context, page tourney.Page) ([]tourney.Dataset, string, error) {
	after, err := readCursor("datasets", page.Cursor, "")
	if err != nil {
		return nil, "", err
	}
	size := pageSize(page.Limit)
	datasets, err := r.selectDatasets(ctx, `WHERE d.id IN (SELECT max(id) FROM datasets WHERE name > ? GROUP BY name ORDER BY name LIMIT ?)
		ORDER BY d.name`, after, size+1)
	if err != nil {
		return nil, "", err
	}
	return cut("datasets", datasets, size, func(d *tourney.Dataset) string { return d.Name })
}

// SealedIn returns the versions of the datasets of which the blob is a test
// shard.
func (r *Reader) SealedIn(ctx context.Context, hash string) ([]string, error) {
	var list []string
	err := r.db.SelectContext(ctx, &list, `SELECT version FROM sealed WHERE hash = ? ORDER BY version`, hash)
	return list, sqlError("read sealed blobs", err)
}
