package sql

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// Make runs statements in an engine that nothing is kept from, to make files.
func Make(statements ...string) error {
	e, err := openEngine(":memory:", [2]string{"threads", "1"})
	if err != nil {
		return err
	}
	defer e.close()
	for _, s := range statements {
		if err := e.exec(s); err != nil {
			return err
		}
	}
	return nil
}

// Locked runs a statement in an engine that has been shut and locked as a
// child's is, but without the check of the query, in the present directory.
func Locked(files []string, statement string) error {
	j := &job{Memory: defaultMemory, Threads: 1}
	for _, f := range files {
		j.Files = append(j.Files, jobFile{Link: f})
	}
	e, err := openJob(j, "", "AUTOMATIC")
	if err != nil {
		return err
	}
	defer e.close()
	if err := e.lock(); err != nil {
		return err
	}
	return e.exec(statement)
}

// TableName is how a table is called.
func TableName(s string) string {
	return tableName(s, []string{"order", "left"})
}

// Answer does what a child does with a query over a.csv in the present
// directory, in this process, which is faster.
func Answer(query string) error {
	if err := os.Remove(resultFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	j := &job{Files: []jobFile{{Name: "a.csv", Link: "a.csv", Table: "a", Format: formatCSV}}, Query: query, Memory: defaultMemory, Threads: 1}
	err := answer(j, io.Discard)
	if f, ok := errors.AsType[*failure](err); ok {
		return explain(f, j.Memory)
	}
	return err
}
