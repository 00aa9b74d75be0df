package ingest_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset/ingest"
	"tourney/dataset/sql"
)

func TestMain(m *testing.M) {
	sql.Main() // this program is the SQL engine, too
	os.Exit(m.Run())
}

// A query makes one table of two files; what is wrong with it says so.
func TestQuery(t *testing.T) {
	dir := t.TempDir()
	var files []ingest.File
	for name, text := range map[string]string{"people.csv": "id,age,town\n1,30,a\n2,40,b\n3,50,a\n4,60,b\n5,20,a\n", "towns.csv": "town,rich\na,1\nb,0\n"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, ingest.File{Name: name, Path: path})
	}
	query := "SELECT id, age, rich FROM people JOIN towns USING (town) WHERE age < 55 ORDER BY id"
	ds, _ := addFiles(t, tourney.DatasetRequest{Target: "rich", SQL: query}, files...)
	if ds.Rows != 4 || len(ds.Columns) != 3 || ds.Task != tourney.Classification {
		t.Errorf("%d rows, %d columns, %s", ds.Rows, len(ds.Columns), ds.Task)
	}
	m := newMemory()
	_, err := ingest.New(m, m, ingest.Options{TempDir: t.TempDir()}).Add(t.Context(), tourney.DatasetRequest{Name: "t", Target: "rich", SQL: "SELECT nothing FROM people"}, files, nil)
	if !errors.Is(err, tourney.ErrInvalid) || !strings.Contains(err.Error(), "sql") {
		t.Error(err)
	}
}
