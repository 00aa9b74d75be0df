package store_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tourney"
	"tourney/store"
)

// closedDir returns a directory in which a store with a sweep was closed.
func closedDir(t *testing.T) (dir, db string) {
	t.Helper()
	dir = t.TempDir()
	s, err := store.Open(t.Context(), dir)
	must(t, err)
	must(t, s.Commit(t.Context(), newSweep(t, "a")))
	must(t, s.Commit(t.Context(), trial("a", 0, 1)))
	must(t, s.Close())
	return dir, filepath.Join(dir, "tourney.db")
}

// tamper runs statements on a database that no store holds.
func tamper(t *testing.T, file string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite3", file)
	must(t, err)
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func listDir(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestOpenMakesAPrivateDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x?y#z %41", "data")
	s, err := store.Open(t.Context(), dir)
	must(t, err)
	must(t, s.Commit(t.Context(), newSweep(t, "a")))
	for name, want := range map[string]fs.FileMode{".": 0o700, "tourney.db": 0o600, "tourney.db-wal": 0o600, "lock": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode().Perm(), want)
		}
	}
	must(t, s.Close())
	if got := listDir(t, dir); got != "lock tourney.db" {
		t.Errorf("a closed directory holds %s", got)
	}
}

func TestADirectoryInUseIsRefusedWithItsHolder(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), dir)
	must(t, err)
	_, again := store.Open(t.Context(), dir)
	_, reader := store.OpenReadOnly(t.Context(), dir)
	for _, err := range []error{again, reader} {
		if !errors.Is(err, tourney.ErrInUse) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
			t.Errorf("error is %v", err)
		}
	}
	must(t, s.Close())
	r, err := store.OpenReadOnly(t.Context(), dir)
	must(t, err)
	if _, err := store.Open(t.Context(), dir); !errors.Is(err, tourney.ErrInUse) {
		t.Errorf("opened while it is verified: %v", err)
	}
	must(t, r.Close())
}

// TestWhatIsNotOursOrNotWholeIsRefused also looks that nothing is changed.
func TestWhatIsNotOursOrNotWholeIsRefused(t *testing.T) {
	overwrite := func(t *testing.T, db string, at, n int) {
		data, err := os.ReadFile(db)
		must(t, err)
		copy(data[at:], bytes.Repeat([]byte{0xa5}, n))
		must(t, os.WriteFile(db, data, 0o600))
	}
	tests := []struct {
		name string
		do   func(t *testing.T, db string)
		says string
	}{
		{"another file", func(t *testing.T, db string) { must(t, os.WriteFile(db, []byte("name,age\nada,36\n"), 0o600)) }, "not a SQLite file"},
		{"an empty file", func(t *testing.T, db string) { must(t, os.WriteFile(db, nil, 0o600)) }, "not a SQLite file"},
		{"a damaged first page", func(t *testing.T, db string) { overwrite(t, db, 0, 100) }, "not a SQLite file"},
		{"a damaged schema", func(t *testing.T, db string) { overwrite(t, db, 100, 3000) }, "damaged"},
		{"a damaged page", func(t *testing.T, db string) { overwrite(t, db, 2*4096, 4096) }, "damaged"},
		{"a file cut short", func(t *testing.T, db string) { must(t, os.Truncate(db, 10*4096)) }, "damaged"},
		{"another program's database", func(t *testing.T, db string) {
			must(t, os.Remove(db))
			tamper(t, db, "CREATE TABLE t (x)")
		}, "another program"},
		{"a newer schema", func(t *testing.T, db string) {
			tamper(t, db, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (4711, 1)")
		}, "version 4711 and this program knows versions up to"},
		{"a log without its database", func(t *testing.T, db string) { must(t, os.Rename(db, db+"-wal")) }, "it is gone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, db := closedDir(t)
			tt.do(t, db)
			files := listDir(t, dir)
			before, _ := os.ReadFile(db)
			_, err := store.Open(t.Context(), dir)
			if !errors.Is(err, tourney.ErrRefused) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), db) {
				t.Errorf("error is %v", err)
			}
			after, _ := os.ReadFile(db)
			if got := listDir(t, dir); !bytes.Equal(before, after) || got != files {
				t.Errorf("the directory was changed from %s to %s", files, got)
			}
			if before == nil {
				return
			}
			if _, err := store.OpenReadOnly(t.Context(), dir); !errors.Is(err, tourney.ErrRefused) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("reading: error is %v", err)
			}
		})
	}
}

func TestAHalfBuiltDatabaseIsBuiltAnew(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"tourney.db.new", "tourney.db.new-journal"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600))
	}
	s, err := store.Open(t.Context(), dir)
	must(t, err)
	must(t, s.Close())
	if got := listDir(t, dir); got != "lock tourney.db" {
		t.Errorf("the directory holds %s", got)
	}
}

func TestReadOnly(t *testing.T) {
	empty := t.TempDir()
	if _, err := store.OpenReadOnly(t.Context(), empty); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("an empty directory: %v", err)
	}
	if got := listDir(t, empty); got != "" {
		t.Errorf("reading left %s", got)
	}

	dir, db := closedDir(t)
	before, err := os.ReadFile(db)
	must(t, err)
	r, err := store.OpenReadOnly(t.Context(), dir)
	must(t, err)
	if _, err := r.Trial(t.Context(), "a", 0); err != nil {
		t.Error(err)
	}
	must(t, r.Close())
	if after, _ := os.ReadFile(db); !bytes.Equal(before, after) {
		t.Error("reading has changed the database")
	}

	tamper(t, db, "DELETE FROM goose_db_version WHERE version_id > 0")
	if _, err := store.OpenReadOnly(t.Context(), dir); !errors.Is(err, tourney.ErrRefused) || !strings.Contains(err.Error(), "older") {
		t.Errorf("an older schema: %v", err)
	}
}

// A crash leaves the log beside the database, with what was committed last.
func TestReadOnlySeesTheLogOfACrash(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), dir)
	must(t, err)
	must(t, s.Commit(t.Context(), newSweep(t, "a")))
	must(t, s.Commit(t.Context(), trial("a", 0, 1)))
	crashed := t.TempDir()
	for _, name := range []string{"tourney.db", "tourney.db-wal"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(crashed, name), data, 0o600))
	}
	must(t, s.Close())
	r, err := store.OpenReadOnly(t.Context(), crashed)
	must(t, err)
	defer r.Close()
	if _, err := r.Trial(t.Context(), "a", 0); err != nil {
		t.Error(err)
	}
	if r.Epoch() != s.Epoch() {
		t.Errorf("epoch is %s, want %s", r.Epoch(), s.Epoch())
	}
}

// A log that was cut anywhere gives whole changes, the first ones.
func TestACutLogGivesWholeChanges(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), dir)
	must(t, err)
	must(t, s.Commit(t.Context(), newSweep(t, "a")))
	const changes = 8
	for n := range changes {
		must(t, s.Commit(t.Context(), trial("a", n, int64(n)+1)))
	}
	db, err := os.ReadFile(filepath.Join(dir, "tourney.db"))
	must(t, err)
	log, err := os.ReadFile(filepath.Join(dir, "tourney.db-wal"))
	must(t, err)
	must(t, s.Close())
	most, least := 0, changes
	for cut := len(log); cut >= 0; cut -= len(log)/23 + 1 {
		crashed := t.TempDir()
		must(t, os.WriteFile(filepath.Join(crashed, "tourney.db"), db, 0o600))
		must(t, os.WriteFile(filepath.Join(crashed, "tourney.db-wal"), log[:cut], 0o600))
		s, err := store.Open(t.Context(), crashed)
		must(t, err)
		n := 0
		if sw, err := s.Sweep(t.Context(), "a"); err == nil {
			n = sw.Counts[tourney.TrialPaused]
		}
		events, err := s.EventsAfter(t.Context(), "", 0, 100)
		must(t, err)
		if len(events) != n {
			t.Errorf("a log cut at %d of %d gave %d trials and %d events", cut, len(log), n, len(events))
		}
		if faults, err := s.Check(t.Context()); err != nil || len(faults) > 0 {
			t.Errorf("a log cut at %d: %v, %v", cut, faults, err)
		}
		must(t, s.Close())
		most, least = max(most, n), min(least, n)
	}
	if most != changes || least != 0 {
		t.Errorf("the cuts left %d to %d changes", least, most)
	}
}
