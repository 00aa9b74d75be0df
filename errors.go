package tourney

import (
	"errors"
	"fmt"
	"strings"
)

// The sentinels that every layer agrees on. They are mapped once to an HTTP
// status (package api) and once to an exit code (cmd/tourney).
var (
	// ErrInvalid means that the caller asked for something that cannot be.
	ErrInvalid = errors.New("invalid")
	// ErrNotFound means that there is nothing by that name.
	ErrNotFound = errors.New("not found")
	// ErrConflict means that it is there already, has ended, or has changed.
	ErrConflict = errors.New("conflict")
	// ErrStale means that a fencing token is no longer the current one.
	ErrStale = errors.New("stale token")
	// ErrRefused means that the service will not do this because it is unsafe.
	ErrRefused = errors.New("refused")
	// ErrInUse means that another process holds the resource.
	ErrInUse = errors.New("in use")
	// ErrKeyUsed means that an idempotency key was used before with another
	// request. It is an ErrConflict.
	ErrKeyUsed = fmt.Errorf("%w: the idempotency key was used before with another request", ErrConflict)
	// ErrChanged means that somebody else has changed it in between. It is an
	// ErrConflict.
	ErrChanged = fmt.Errorf("%w: it was changed in between", ErrConflict)
	// ErrUnavailable means that it cannot be done now and may be tried again.
	ErrUnavailable = errors.New("unavailable")
)

// FieldError says what is wrong with one field of an input and what would be
// right.
type FieldError struct {
	Path    string `json:"path"`           // as in "parameters.lr.min"; empty for the whole input
	Message string `json:"message"`        // what is wrong and what would be right
	Line    int    `json:"line,omitempty"` // in the file, from 1; 0 if there is no file
}

// InvalidError is an input with one or more wrong fields. It is an ErrInvalid.
type InvalidError struct {
	Source string // a file name, or empty
	Fields []FieldError
}

// Invalid returns an InvalidError with one field.
func Invalid(path, format string, args ...any) *InvalidError {
	return &InvalidError{Fields: []FieldError{{Path: path, Message: fmt.Sprintf(format, args...)}}}
}

// Error lists the fields, one a line.
func (e *InvalidError) Error() string {
	lines := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		var b strings.Builder
		switch {
		case e.Source != "" && f.Line > 0:
			fmt.Fprintf(&b, "%s:%d: ", e.Source, f.Line)
		case e.Source != "":
			b.WriteString(e.Source + ": ")
		case f.Line > 0:
			fmt.Fprintf(&b, "line %d: ", f.Line)
		}
		if f.Path != "" {
			b.WriteString(f.Path + ": ")
		}
		b.WriteString(f.Message)
		lines[i] = b.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap makes errors.Is(err, ErrInvalid) true.
func (e *InvalidError) Unwrap() error { return ErrInvalid }
