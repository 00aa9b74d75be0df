package sql

import (
	"context"
	"errors"
	"fmt"

	"tourney"
	"tourney/dataset/table"
)

// greeting is the first line on a child's stdout. Whatever else answers is
// another program.
const greeting = "tourney-sql 1\n"

// job is what a child is to do, one JSON document on its stdin, which stays
// open as long as the parent lives. The child's working directory is the one
// it was given, and all paths are relative to that.
type job struct {
	Files   []jobFile `json:"files"`
	Query   string    `json:"query"`
	Memory  int64     `json:"memory"`
	Threads int       `json:"threads"`
	// Scan are the fields that are to be yielded, as an Arrow IPC stream. None
	// means to run the query and to answer with an opened.
	Scan []field `json:"scan,omitempty"`
}

// jobFile is a file of a job.
type jobFile struct {
	Name        string `json:"name"`
	Link        string `json:"link"` // path
	Table       string `json:"table"`
	Format      string `json:"format"`
	Compression string `json:"compression"` // empty if the engine is to find out
}

// opened is the answer to a job without Scan, one JSON document.
type opened struct {
	Fields []field  `json:"fields"`
	Read   []string `json:"read"` // for people
}

// field is a column of the table and the expression that yields it, as a
// DOUBLE or, for a text, as a VARCHAR.
type field struct {
	Name string     `json:"name"`
	Type table.Type `json:"type"`
	SQL  string     `json:"sql"`
}

// The kinds of failure.
const (
	failQuery  = "query"  // the query is wrong
	failFile   = "file"   // a file is wrong
	failMemory = "memory" // the limit is too low
	failEngine = "engine" // something else, not the user's doing
)

// failure is why a child did not do its job, one JSON document on its stderr.
type failure struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
}

func (f *failure) Error() string { return f.Message }

// fail makes a failure.
func fail(kind, format string, args ...any) *failure {
	return &failure{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// explain turns a failure into an error for the caller.
func explain(f *failure, memory int64) error {
	switch f.Kind {
	case failQuery:
		return &tourney.InvalidError{Fields: []tourney.FieldError{{Path: "sql", Message: f.Message, Line: f.Line}}}
	case failFile:
		return &tourney.InvalidError{Source: f.File, Fields: []tourney.FieldError{{Message: f.Message, Line: f.Line}}}
	case failMemory:
		return tourney.Invalid("sql", "%s; raise the limit of %d MiB, or let the query take fewer columns or rows at a time", f.Message, memory>>20)
	}
	return fmt.Errorf("the SQL engine failed: %w", errors.New(f.Message))
}

// ended returns why a context has ended, nil if it has not.
func ended(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}
