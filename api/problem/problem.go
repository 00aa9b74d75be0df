// Package problem hides how an error crosses the wire: which status and name
// each sentinel of the root package has in a problem document (RFC 9457), and
// which sentinel a document stands for.
//
// The server and the client both read its one table, so an error is the same
// for errors.Is on either side. It knows no framework.
package problem

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"tourney"
)

// MediaType is the media type of a problem document.
const MediaType = "application/problem+json"

// Problem is a problem document.
type Problem struct {
	Type   string               `json:"type"` // names the error, not the occurrence
	Title  string               `json:"title"`
	Status int                  `json:"status"`
	Detail string               `json:"detail"`
	Errors []tourney.FieldError `json:"errors,omitempty"`
	ID     string               `json:"id,omitempty"` // of the request in the server's log
}

// kinds is the table. The first entry that an error is counts, and for a
// document without a known type the first with its status.
var kinds = []struct {
	sentinel error
	urn      string
	status   int
	title    string
}{
	{tourney.ErrInvalid, "urn:tourney:invalid", http.StatusBadRequest, "Invalid request"},
	{tourney.ErrNotFound, "urn:tourney:not-found", http.StatusNotFound, "Not found"},
	{tourney.ErrConflict, "urn:tourney:conflict", http.StatusConflict, "Conflict"},
	{tourney.ErrStale, "urn:tourney:stale", http.StatusConflict, "Stale token"},
	{tourney.ErrInUse, "urn:tourney:in-use", http.StatusConflict, "In use"},
	{tourney.ErrRefused, "urn:tourney:refused", http.StatusForbidden, "Refused"},
	{tourney.ErrUnavailable, "urn:tourney:unavailable", http.StatusServiceUnavailable, "Unavailable"},
}

// Of returns the document for an error that is one of the sentinels. For any
// other error it is false, and the document says no more than that the server
// failed.
func Of(err error) (Problem, bool) {
	for _, k := range kinds {
		if !errors.Is(err, k.sentinel) {
			continue
		}
		p := Problem{Type: k.urn, Title: k.title, Status: k.status, Detail: err.Error()}
		if inv := tourney.AsInvalid(err); inv != nil {
			p.Errors, p.Detail = shortened(inv.Fields), summary(inv)
		}
		p.Detail = cut(p.Detail, maxMessage)
		return p, true
	}
	return Problem{
		Type: "about:blank", Title: http.StatusText(http.StatusInternalServerError),
		Status: http.StatusInternalServerError, Detail: "the server failed",
	}, false
}

// A document may quote what was sent, but not all of it: an answer is not to be
// as long as a body.
const (
	maxFields  = 100  // that are named; the detail says how many there are
	maxPath    = 256  // characters
	maxMessage = 1024 // characters
)

func shortened(fields []tourney.FieldError) []tourney.FieldError {
	out := slices.Clone(fields[:min(len(fields), maxFields)])
	for i := range out {
		out[i].Path, out[i].Message = cut(out[i].Path, maxPath), cut(out[i].Message, maxMessage)
	}
	return out
}

// cut shortens a text that has more characters than it may.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}

// summary says in one line what is wrong with an input.
func summary(inv *tourney.InvalidError) string {
	switch len(inv.Fields) {
	case 0:
		return "the request is invalid"
	case 1:
		return inv.Error()
	}
	first := &tourney.InvalidError{Source: inv.Source, Fields: inv.Fields[:1]}
	return fmt.Sprintf("%d fields are wrong; the first is %s", len(inv.Fields), first.Error())
}

// Err returns the error that the document stands for. It is the sentinel of
// the document's type for errors.Is, and a *tourney.InvalidError if the
// document lists fields.
func (p Problem) Err() error {
	if len(p.Errors) > 0 {
		return &tourney.InvalidError{Fields: p.Errors}
	}
	return &Error{Problem: p}
}

// Error is a problem document as an error.
type Error struct {
	Problem Problem
}

// Error returns the document's detail.
func (e *Error) Error() string {
	text := e.Problem.Detail
	if text == "" {
		text = fmt.Sprintf("%s (status %d)", e.Problem.Title, e.Problem.Status)
	}
	if e.Problem.ID != "" {
		text += " (request " + e.Problem.ID + " in the server's log)"
	}
	return text
}

// Unwrap returns the sentinel, or nil if the document stands for none.
func (e *Error) Unwrap() error {
	for _, k := range kinds {
		if k.urn == e.Problem.Type {
			return k.sentinel
		}
	}
	for _, k := range kinds {
		if k.status == e.Problem.Status {
			return k.sentinel
		}
	}
	return nil
}
