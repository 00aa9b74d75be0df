package sql_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tourney/dataset/sql"
)

// A query reads the files that it is given and nothing else, and changes
// nothing.
func TestQueriesThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret.csv")
	work := filepath.Join(dir, "work")
	if err := errors.Join(os.Mkdir(work, 0o700), os.WriteFile(secret, []byte("secret\n1\n"), 0o600), os.WriteFile(work+"/a.csv", []byte("x\n1\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Chdir(work)
	if err := sql.Answer("SELECT * FROM a"); err != nil {
		t.Fatal(err) // else the rest proves nothing
	}
	out := filepath.Join(dir, "out")
	before := list(t, dir)
	for query, words := range map[string]string{
		"SELECT * FROM '/etc/passwd'":                                                  "does not exist",
		"SELECT * FROM '" + secret + "'":                                               "disabled by configuration",
		"SELECT * FROM '../secret.csv'":                                                "disabled by configuration",
		"SELECT * FROM 'http://127.0.0.1:1/x.csv'":                                     "disabled by configuration",
		"SELECT * FROM 's3://bucket/x.parquet'":                                        "disabled by configuration",
		"SELECT * FROM read_text('/etc/passwd')":                                       "read_text is refused",
		"SELECT * FROM READ_BLOB('/etc/passwd')":                                       "read_blob is refused",
		"SELECT * FROM read_csv('" + secret + "')":                                     "read_csv is refused",
		"SELECT * FROM read_duckdb('result.db')":                                       "read_duckdb is refused",
		"SELECT * FROM glob('/etc/*')":                                                 "glob is refused",
		"SELECT * FROM parquet_metadata('/etc/passwd')":                                "parquet_metadata is refused",
		"SELECT * FROM query('COPY a TO ''" + out + "''')":                             "query is refused",
		"SELECT (SELECT content FROM read_text('/etc/passwd')) FROM a":                 "read_text is refused",
		"WITH w AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM w":           "read_text is refused",
		"SELECT * FROM a UNION ALL SELECT size FROM read_blob('/etc/passwd')":          "read_blob is refused",
		"SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))":    "json_execute_serialized_sql is refused",
		"SELECT * FROM enable_logging(storage = 'file', storage_path = '" + dir + "')": "enable_logging is refused",
		"SELECT * FROM enable_profiling(save_location = '" + out + "')":                "enable_profiling is refused",
		"SELECT * FROM duckdb_settings()":                                              "duckdb_settings is refused",
		"COPY a TO '" + out + "'":                                                      "COPY is refused",
		"EXPORT DATABASE '" + out + "'":                                                "EXPORT is refused",
		"ATTACH '" + out + "' AS o":                                                    "ATTACH is refused",
		"INSTALL httpfs":                                                               "INSTALL is refused",
		"LOAD httpfs":                                                                  "LOAD is refused",
		"PRAGMA database_list":                                                         "PRAGMA is refused",
		"/* SELECT */ PRAGMA database_list -- SELECT":                                  "PRAGMA is refused",
		"SET enable_external_access = true":                                            "SET is refused",
		"CREATE TABLE t AS SELECT 1":                                                   "CREATE is refused",
		"DELETE FROM a":                                                                "DELETE is refused",
		"CALL enable_logging()":                                                        "CALL is refused",
		"PREPARE p AS SELECT 1":                                                        "PREPARE is refused",
		"EXPLAIN SELECT 1":                                                             "EXPLAIN is refused",
		"CHECKPOINT":                                                                   "CHECKPOINT is refused",
		"SELECT 1; SELECT 2":                                                           "2 statements",
		"SELECT 1; COPY a TO '" + out + "'":                                            "2 statements",
		"SELECT 1) TO '" + out + "'; COPY (SELECT 1":                                   "syntax error",
		"-- nothing":                       "no statement",
		";":                                "no statement",
		"PIVOT a ON x":                     "PIVOT must say",
		"SELECT $1 FROM a":                 "parameters",
		"SELECT x\nFROM a\nWHERE nope > 1": "line 3: sql: Binder Error: Referenced column \"nope\" not found",
		"SELEC x FROM a":                   "line 1: sql: Parser Error",
		"SELECT x,\n(SELECT x y z\nFROM a": "line 2: sql: Parser Error",
		"SELECT CAST('twelve' || x AS INTEGER) FROM a": "Conversion Error: Could not convert string 'twelve1' to INT32",
		"SELECT error('stop') FROM a":                  "stop",
		"SELECT * FROM nowhere":                        "The tables of this query are: a, data",
	} {
		checkInvalid(t, query, sql.Answer(query), "sql", words)
	}
	if after := list(t, dir); after != before {
		t.Errorf("the directory held %s before and holds %s after", before, after)
	}
}

// The same as a program meets it, with the words that people see.
func TestQueryErrorsTellNoPaths(t *testing.T) {
	for query, words := range map[string]string{
		"SELECT * FROM read_text('/etc/passwd')":      "read_text is refused",
		"SELECT * FROM '../../../secret.csv'":         "disabled by configuration",
		"SELECT * FROM './*.csv'":                     "disabled by configuration",
		"SELECT x\nFROM a\nWHERE nope > 1":            "line 3: sql: Binder Error",
		"SELECT 'a\x00b'":                             "NUL",
		"SELECT '" + strings.Repeat("x", 1<<20) + "'": "at most 1048576",
	} {
		_, err := tryOpen(t, sql.Request{Files: []sql.File{file(t, "a.csv", "x\n1\n")}, Query: query})
		checkInvalid(t, query, err, "sql", words)
		if err != nil && (strings.Contains(err.Error(), "in/0") || strings.Contains(err.Error(), "tourney-sql-")) {
			t.Errorf("%s: the error tells our own paths: %v", query, err)
		}
	}
}

func list(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// The engine itself holds what the check of the query is there to keep from
// it.
func TestEngineIsShut(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"given.csv", "other.csv"} {
		if err := os.WriteFile(name, []byte("x\n1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	given := []string{"given.csv"}
	for _, statement := range []string{"SELECT * FROM 'given.csv'", "SELECT * FROM read_text('given.csv')"} {
		if err := sql.Locked(given, statement); err != nil {
			t.Errorf("%s: %v", statement, err) // else the rest proves nothing
		}
	}
	before := list(t, ".")
	for _, statement := range []string{
		"SELECT * FROM 'other.csv'",
		"SELECT * FROM '*.csv'",
		"SELECT * FROM './../" + filepath.Base(mustGetwd(t)) + "/other.csv'",
		"SELECT * FROM read_text('other.csv')",
		"SELECT * FROM read_blob('/etc/passwd')",
		"SELECT * FROM read_csv('/proc/self/environ')",
		"SELECT * FROM glob('*')",
		"SELECT * FROM sniff_csv('other.csv')",
		"COPY (SELECT 1) TO 'out.csv'",
		"EXPORT DATABASE 'out'",
		"ATTACH 'out.db'",
		"INSTALL httpfs",
		"LOAD httpfs",
		"LOAD 'given.csv'",
		"CREATE SECRET (TYPE s3)",
		"SET enable_external_access = true",
		"SET allowed_paths = ['other.csv']",
		"SET memory_limit = '100GB'",
		"RESET threads",
		"PRAGMA threads = 4",
	} {
		if err := sql.Locked(given, statement); err == nil {
			t.Errorf("%s: done", statement)
		}
	}
	if after := list(t, "."); after != before {
		t.Errorf("the directory held %s before and holds %s after", before, after)
	}
}

func mustGetwd(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRequestsThatAreRefused(t *testing.T) {
	a := file(t, "a.csv", "x\n1\n")
	for name, test := range map[string]struct {
		req         sql.Request
		path, words string
	}{
		"no file":       {sql.Request{Query: "SELECT 1"}, "files", "no file"},
		"little memory": {sql.Request{Files: []sql.File{a}, Query: "SELECT 1", Memory: 1 << 20}, "memory", "at least 128 MiB"},
		"no threads":    {sql.Request{Files: []sql.File{a}, Query: "SELECT 1", Threads: -1}, "threads", "between 1 and"},
		"no query":      {sql.Request{Files: []sql.File{a}}, "", "a.csv: it is no Parquet file"},
		"no such file":  {sql.Request{Files: []sql.File{{Name: "b.csv", Path: a.Path + "x"}}, Query: "SELECT 1"}, "", "b.csv: there is no such file"},
		"a directory":   {sql.Request{Files: []sql.File{{Name: "b.csv", Path: filepath.Dir(a.Path)}}, Query: "SELECT 1"}, "", "b.csv: it is not a regular file"},
		"an empty file": {sql.Request{Files: []sql.File{file(t, "b.csv", "")}, Query: "SELECT 1"}, "", "b.csv: it is empty"},
		"a spreadsheet": {sql.Request{Files: []sql.File{{Name: "b.xlsx", Path: a.Path}}, Query: "SELECT 1"}, "", "b.xlsx: its name does not say"},
		"packed twice":  {sql.Request{Files: []sql.File{{Name: "b.parquet.gz", Path: a.Path}}, Query: "SELECT 1"}, "", "unpack"},
	} {
		_, err := tryOpen(t, test.req)
		checkInvalid(t, name, err, test.path, test.words)
	}
}
