package search

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"

	"tourney"
)

// DivergedError is a place where a log and this program part.
type DivergedError struct {
	Seq  int64             // of the log's event, or of the one after its last
	Want tourney.EventBody // what the log has; nil if it has no decision there
	Got  tourney.EventBody // what the search decides; nil if it decides nothing
}

// Error names both sides.
func (e *DivergedError) Error() string {
	return fmt.Sprintf("replay parts from the log at event %d: the log has %s, the search decides %s", e.Seq, show(e.Want), show(e.Got))
}

func show(body tourney.EventBody) string {
	if body == nil {
		return "nothing"
	}
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Sprintf("%s %v", body.Kind(), body)
	}
	return body.Kind() + " " + string(data)
}

// Replay applies the inputs of a log to a fresh search, decides after each of
// them, and compares the decisions with those of the log. It returns how many
// were equal. A difference is a *DivergedError; an input that the search
// refuses, or an error of the log itself, comes back wrapped.
func Replay(spec tourney.Spec, plan tourney.Plan, events iter.Seq2[tourney.Event, error]) (n int, err error) {
	s, err := New(spec, plan)
	if err != nil {
		return 0, fmt.Errorf("replay: %w", err)
	}
	var made []tourney.EventBody // decided, not yet seen in the log
	var last int64
	for event, err := range events {
		if err != nil {
			return n, fmt.Errorf("replay: read event %d: %w", last+1, err)
		}
		last = event.Seq
		if event.Body == nil {
			return n, fmt.Errorf("replay: event %d is empty: %w", last, tourney.ErrInvalid)
		}
		if event.Body.Decision() {
			if len(made) == 0 {
				return n, &DivergedError{Seq: last, Want: event.Body}
			}
			if !equal(event.Body, made[0]) {
				return n, &DivergedError{Seq: last, Want: event.Body, Got: made[0]}
			}
			made = made[1:]
			n++
			continue
		}
		if len(made) > 0 {
			return n, &DivergedError{Seq: last, Got: made[0]}
		}
		if err := s.Apply(event.Body); err != nil {
			return n, fmt.Errorf("replay: event %d: %w", last, err)
		}
		made = s.Decide()
	}
	if len(made) > 0 {
		return n, &DivergedError{Seq: last + 1, Got: made[0]}
	}
	return n, nil
}

// equal compares two events as a log would hold them, since one of them has
// been through it: there a float that is whole is an integer.
func equal(a, b tourney.EventBody) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
