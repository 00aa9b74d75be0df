package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tourney"
	"tourney/blob"
	"tourney/failpoint"
	"tourney/store"
)

// The names in a backup: of a directory they are those of a data directory, so
// that tourney verify reads it.
const (
	backupDB    = "tourney.db"
	backupBlobs = "blobs"
)

// copied says what a backup or a restore has copied.
type copied struct {
	Blobs  int   `json:"blobs"`
	Bytes  int64 `json:"bytes"`
	Absent int   `json:"absent"` // checkpoints that were collected meanwhile: their trials start over
}

func newBackup() *cobra.Command {
	var dataDir, where string
	var noBlobs, asJSON bool
	cmd := &cobra.Command{
		Use:   "backup DIR|FILE.tar",
		Short: "Copy a data directory as it is at one moment, while the server runs or not",
		Long: `Backup copies the database as of one moment, and every blob that it refers to:
the rows of datasets, checkpoints and models. The server may run meanwhile and
notices nothing. A directory that holds a backup already is brought up to date;
only blobs that it lacks are copied. With --no-blobs the blobs are left where
they are, as for those in a bucket.`,
		Example: `  tourney backup /backups/monday --data-dir tourney-data
  tourney backup sweeps.tar --data-dir tourney-data`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			done, err := backUp(cmd.Context(), dataDir, where, args[0], !noBlobs)
			if err != nil {
				return interrupted(cmd.Context(), err)
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), done)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "backed up to %s: the database and %d blobs of %d bytes\n", args[0], done.Blobs, done.Bytes)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&dataDir, "data-dir", "tourney-data", "directory to back up")
	f.StringVar(&where, "blobs", "", "where the server keeps blobs, if not in --data-dir")
	f.BoolVar(&noBlobs, "no-blobs", false, "copy the database alone, and leave blobs where they are")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// target takes in what is backed up.
type target interface {
	// has reports whether a blob is there already.
	has(ctx context.Context, hash string) bool
	put(ctx context.Context, hash string, size int64, r io.Reader) error
	// finish takes the database, last of all.
	finish(db string) error
	// discard is called instead when something went wrong.
	discard() error
}

// backUp copies the database of a data directory, and its blobs if they are
// wanted.
func backUp(ctx context.Context, dataDir, where, to string, withBlobs bool) (done copied, err error) {
	if _, err := os.Stat(filepath.Join(dataDir, backupDB)); err != nil {
		return done, usageError{fmt.Errorf("%s is no data directory: %w", dataDir, err)}
	}
	out, err := newTarget(to)
	if err != nil {
		return done, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, out.discard())
		}
	}()
	temp, err := os.MkdirTemp(filepath.Dir(filepath.Clean(to)), ".tourney-backup-")
	if err != nil {
		return done, fmt.Errorf("back up: %w", err)
	}
	defer os.RemoveAll(temp) //nolint:errcheck // a temporary directory
	db := filepath.Join(temp, backupDB)
	if err := store.Snapshot(ctx, dataDir, db); err != nil {
		return done, err
	}
	if withBlobs {
		from, err := openBlobs(ctx, where, dataDir)
		if err != nil {
			return done, err
		}
		defer from.Close()
		if done, err = copyBlobs(ctx, db, from, out); err != nil {
			return done, err
		}
	}
	failpoint.Pass(failpoint.BackupCopied)
	return done, out.finish(db)
}

// copyBlobs copies what the rows of a snapshot refer to.
func copyBlobs(ctx context.Context, db string, from blob.Store, out target) (done copied, err error) {
	r, err := store.OpenSnapshot(ctx, db)
	if err != nil {
		return done, err
	}
	defer r.Close()
	refs, err := r.Blobs(ctx)
	if err != nil {
		return done, err
	}
	for _, ref := range refs {
		if out.has(ctx, ref.Hash) {
			continue
		}
		body, size, err := from.Open(ctx, ref.Hash)
		if errors.Is(err, tourney.ErrNotFound) && !ref.Needed {
			done.Absent++
			continue
		}
		if err != nil {
			return done, fmt.Errorf("back up: blob %s: %w", ref.Hash, err)
		}
		if err := errors.Join(out.put(ctx, ref.Hash, size, body), body.Close()); err != nil {
			return done, fmt.Errorf("back up: blob %s: %w", ref.Hash, err)
		}
		failpoint.Pass(failpoint.BackupBlob)
		done.Blobs++
		done.Bytes += size
	}
	return done, nil
}

func newTarget(to string) (target, error) {
	if strings.HasSuffix(to, ".tar") {
		f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, usageError{fmt.Errorf("back up to %s: %w", to, err)}
		}
		return &tarTarget{f: f, w: tar.NewWriter(f)}, nil
	}
	blobs, err := blob.OpenDir(filepath.Join(to, backupBlobs))
	if err != nil {
		return nil, usageError{fmt.Errorf("back up to %s: %w", to, err)}
	}
	return &dirTarget{to, blobs}, nil
}

// dirTarget is a directory like a data directory.
type dirTarget struct {
	dir   string
	blobs *blob.Dir
}

func (t *dirTarget) has(ctx context.Context, hash string) bool {
	_, err := t.blobs.Stat(ctx, hash)
	return err == nil
}

func (t *dirTarget) put(ctx context.Context, hash string, _ int64, r io.Reader) error {
	got, _, err := t.blobs.Put(ctx, r)
	if err == nil && got != hash {
		err = fmt.Errorf("%w: it hashes to %s", blob.ErrCorrupt, got)
	}
	return err
}

func (t *dirTarget) finish(db string) error {
	err := os.Rename(db, filepath.Join(t.dir, backupDB))
	return errors.Join(err, t.blobs.Close())
}

func (t *dirTarget) discard() error { return t.blobs.Close() }

// tarTarget is one file: the blobs, then the database.
type tarTarget struct {
	f *os.File
	w *tar.Writer
}

func (t *tarTarget) has(context.Context, string) bool { return false }

func (t *tarTarget) put(_ context.Context, hash string, size int64, r io.Reader) error {
	return t.entry(backupBlobs+"/"+hash, size, r)
}

func (t *tarTarget) entry(name string, size int64, r io.Reader) error {
	if err := t.w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err := io.Copy(t.w, r)
	return err
}

func (t *tarTarget) finish(db string) error {
	f, err := os.Open(db)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return errors.Join(t.entry(backupDB, info.Size(), f), t.w.Close(), t.f.Sync(), t.f.Close())
}

func (t *tarTarget) discard() error { return errors.Join(t.f.Close(), os.Remove(t.f.Name())) }

func newRestore() *cobra.Command {
	var dataDir, where string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "restore DIR|FILE.tar",
		Short: "Make a data directory of a backup",
		Long: `Restore makes a new data directory of what tourney backup has written. What was
trained when the backup was made is trained again, from its last checkpoint.
Workers that are alive still and report what they trained after the backup are
refused: the directory begins a new epoch, to which their tokens do not belong.
Access tokens that were revoked after the backup are valid again; revoke them.`,
		Example: `  tourney restore /backups/monday --data-dir new-data
  tourney up --data-dir new-data`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			done, blobs, err := restore(cmd.Context(), args[0], dataDir, where)
			if err != nil {
				return interrupted(cmd.Context(), err)
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), struct {
					store.Restored
					copied
				}{done, blobs})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "restored to %s: %d blobs, %d attempts to be made again; epoch %s\n", dataDir, blobs.Blobs, done.Requeued, done.Epoch)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&dataDir, "data-dir", "tourney-data", "directory to make; it must hold no database")
	f.StringVar(&where, "blobs", "", "where the server is to keep blobs, if not in --data-dir")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// restore makes a data directory of a backup. The database comes last, so that
// a directory that holds one is whole.
func restore(ctx context.Context, from, dataDir, where string) (done store.Restored, blobs copied, err error) {
	if _, err := os.Stat(filepath.Join(dataDir, backupDB)); !errors.Is(err, fs.ErrNotExist) {
		return done, blobs, fmt.Errorf("restore to %s: %w: it holds a database; give a new directory", dataDir, tourney.ErrConflict)
	}
	info, err := os.Stat(from)
	if err != nil {
		return done, blobs, usageError{fmt.Errorf("restore: %w", err)}
	}
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return done, blobs, fmt.Errorf("restore: %w", err)
	}
	to, err := openBlobs(ctx, where, dataDir)
	if err != nil {
		return done, blobs, err
	}
	defer to.Close()
	db := filepath.Join(from, backupDB)
	if info.IsDir() {
		blobs, err = restoreDir(ctx, from, to)
	} else {
		temp, tempErr := os.MkdirTemp(dataDir, ".restore-")
		if tempErr != nil {
			return done, blobs, fmt.Errorf("restore: %w", tempErr)
		}
		defer os.RemoveAll(temp) //nolint:errcheck // a temporary directory
		db = filepath.Join(temp, backupDB)
		blobs, err = restoreTar(ctx, from, db, to)
	}
	if err != nil {
		return done, blobs, err
	}
	if err := wholeIn(ctx, db, to); err != nil {
		return done, blobs, err
	}
	done, err = store.Restore(ctx, db, dataDir)
	return done, blobs, err
}

// restoreDir copies the blobs of a backup that is a directory.
func restoreDir(ctx context.Context, from string, to blob.Store) (done copied, err error) {
	src, err := blob.OpenDir(filepath.Join(from, backupBlobs))
	if err != nil {
		return done, fmt.Errorf("restore: %w", err)
	}
	defer src.Close()
	err = src.Walk(ctx, func(hash string, size int64) error {
		if _, err := to.Stat(ctx, hash); err == nil {
			return nil
		}
		body, _, err := src.Open(ctx, hash)
		if err != nil {
			return err
		}
		defer body.Close()
		return done.take(ctx, to, hash, size, body)
	})
	return done, err
}

// restoreTar copies the blobs of a backup that is one file, and its database to
// the file db.
func restoreTar(ctx context.Context, from, db string, to blob.Store) (done copied, err error) {
	f, err := os.Open(from)
	if err != nil {
		return done, fmt.Errorf("restore: %w", err)
	}
	defer f.Close()
	bad := func(why any) error {
		return fmt.Errorf("restore: %w: %s is no backup: %v", tourney.ErrRefused, from, why)
	}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return done, bad(err)
		}
		hash, isBlob := strings.CutPrefix(h.Name, backupBlobs+"/")
		switch {
		case isBlob && blob.IsHash(hash):
			if err := done.take(ctx, to, hash, h.Size, r); err != nil {
				return done, err
			}
		case h.Name == backupDB:
			if err := writeFrom(db, r); err != nil {
				return done, fmt.Errorf("restore: %w", err)
			}
		default:
			return done, bad(fmt.Sprintf("it holds %q", h.Name))
		}
	}
	if _, err := os.Stat(db); err != nil {
		return done, bad("it holds no database")
	}
	return done, nil
}

// take stores a blob that must be what its name says.
func (c *copied) take(ctx context.Context, to blob.Store, hash string, size int64, r io.Reader) error {
	got, _, err := to.Put(ctx, r)
	if err != nil {
		return fmt.Errorf("restore: blob %s: %w", hash, err)
	}
	if got != hash {
		return errors.Join(fmt.Errorf("restore: blob %s: %w: it hashes to %s", hash, blob.ErrCorrupt, got), to.Delete(ctx, got))
	}
	failpoint.Pass(failpoint.RestoreBlob)
	c.Blobs++
	c.Bytes += size
	return nil
}

func writeFrom(name string, r io.Reader) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// wholeIn refuses a database whose rows or models are not among the blobs.
func wholeIn(ctx context.Context, db string, blobs blob.Store) error {
	r, err := store.OpenSnapshot(ctx, db)
	if err != nil {
		return err
	}
	defer r.Close()
	refs, err := r.Blobs(ctx)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if !ref.Needed {
			continue
		}
		if _, err := blobs.Stat(ctx, ref.Hash); err != nil {
			return fmt.Errorf("restore: blob %s, which a dataset or a model needs, is in neither the backup nor --blobs: %w", ref.Hash, err)
		}
	}
	return nil
}
