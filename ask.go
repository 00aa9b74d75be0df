package tourney

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// AskRequest asks for trials of a sweep whose trials are trained outside.
type AskRequest struct {
	Count  int     `json:"count,omitempty"`  // trials at most; 0: 1
	Worker string  `json:"worker,omitempty"` // who asks, for people
	Lease  float64 `json:"lease,omitempty"`  // seconds that a trial may go unheard; 0: DefaultAskLease
}

// The bounds of an AskRequest.
const (
	MaxAsk          = 1000
	DefaultAskLease = 5 * time.Minute
	MaxAskLease     = 30 * 24 * time.Hour
)

// Check fills in the defaults and returns what is wrong with the request.
func (r *AskRequest) Check() error {
	inv := &InvalidError{}
	bad := func(path, format string, args ...any) {
		inv.Fields = append(inv.Fields, FieldError{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	if r.Count == 0 {
		r.Count = 1
	}
	if r.Lease == 0 {
		r.Lease = DefaultAskLease.Seconds()
	}
	if r.Count < 1 || r.Count > MaxAsk {
		bad("count", "must be between 1 and %d, not %d", MaxAsk, r.Count)
	}
	if r.Worker != "" && CheckName(r.Worker) != nil {
		bad("worker", "%q is no name: use letters, digits, '.', '_' and '-', at most 128, the first a letter or digit", r.Worker)
	}
	if !(r.Lease >= 1 && r.Lease <= MaxAskLease.Seconds()) {
		bad("lease", "must be between 1 second and 30 days, not %v seconds", r.Lease)
	}
	if len(inv.Fields) > 0 {
		return inv
	}
	return nil
}

// What an AskRequest gets.
type (
	// AskReply is what was had. It may be fewer trials than were asked for, and
	// is none while the sweep is paused, when all that may be out at a time are
	// out, and when it has ended.
	AskReply struct {
		State  SweepState   `json:"state"` // of the sweep: once it has ended nothing more comes
		Trials []AskedTrial `json:"trials"`
	}
	// AskedTrial is a trial that is to be trained outside, up to a budget.
	AskedTrial struct {
		Trial  int    `json:"trial"`
		Params Params `json:"params"`
		Rung   int    `json:"rung"`
		From   int    `json:"from"`   // steps that it has trained already
		Budget int    `json:"budget"` // steps that it is to have trained in all
		Seed   uint64 `json:"seed"`   // its own

		Token   string    `json:"token"` // says it is yours; goes with each tell
		Lease   float64   `json:"lease"` // seconds, anew with each tell
		Expires time.Time `json:"expires_at"`
	}
)

// Tell says what came of a trial, or that it is alive. With an outcome, a value
// or metrics it is the end of this task; with points alone, or with nothing, it
// is a sign of life.
type Tell struct {
	Token   string   `json:"token"`
	Value   *float64 `json:"value,omitempty"`   // of the sweep's metric
	Metrics Metrics  `json:"metrics,omitempty"` // others; if it holds the sweep's metric, Value may be absent
	Step    int      `json:"step,omitempty"`    // of Value and Metrics; 0: the task's budget
	Points  []Point  `json:"points,omitempty"`  // of the learning curve
	Outcome Outcome  `json:"outcome,omitempty"` // done, diverged, failed or preempted (given back)
	Reason  Reason   `json:"reason,omitempty"`  // of a failure
	Error   string   `json:"error,omitempty"`   // likewise
}

// Ends reports whether the tell is the last word on its task.
func (t *Tell) Ends() bool {
	return t.Outcome != "" || t.Value != nil || len(t.Metrics) > 0 || t.Reason != "" || t.Error != ""
}

// Told is the answer to a Tell.
type Told struct {
	Trial int        `json:"trial"`
	State TrialState `json:"state"` // after it
	Stop  bool       `json:"stop"`  // train it no more: it has ended, or is somebody else's by now
}

// MaxTells is the most tells of a request.
const MaxTells = 1000

// ParseToken reads what Token.String writes.
func ParseToken(text string) (Token, error) {
	parts := strings.Split(text, "/")
	if len(parts) == 4 {
		trial, err1 := strconv.Atoi(parts[2])
		attempt, err2 := strconv.Atoi(parts[3])
		t := Token{Epoch: parts[0], Sweep: parts[1], Trial: trial, Attempt: attempt}
		if err1 == nil && err2 == nil && trial >= 0 && attempt > 0 && t.String() == text {
			return t, nil
		}
	}
	return Token{}, fmt.Errorf("%w: %.100q is no token that was given with a trial", ErrInvalid, text)
}
