package tourney

import (
	"encoding/json"
	"fmt"
	"time"
)

// Event is one entry of a sweep's log. A sweep is its spec and its committed
// events in order, and nothing else.
type Event struct {
	ID    int64     // over all sweeps, growing in the order of commits
	Sweep string    // the sweep's id
	Seq   int64     // in the sweep, from 1 without gaps
	At    time.Time // when it was committed; never looked at by the search
	Body  EventBody
}

// EventBody is what happened. Inputs come from outside; decisions are what the
// search made of them, in the order in which it made them.
type EventBody interface {
	Kind() string
	// Decision reports whether the search decided it.
	Decision() bool
}

// The inputs.
type (
	// Engine says which program goes on with the sweep from here. Replay is
	// exact on the same version and architecture.
	Engine struct {
		Version string `json:"version"`
		Arch    string `json:"arch"`
	}
	// Reported is the end of a job as folded, in the sweep's order.
	Reported struct {
		Trial int `json:"trial"`
		Rung  int `json:"rung"`
		End
	}
	// Lost says that an attempt ended without a result. The search ignores it.
	Lost struct {
		Trial   int     `json:"trial"`
		Attempt int     `json:"attempt"`
		Outcome Outcome `json:"outcome"`
		Reason  Reason  `json:"reason,omitempty"`
		Error   string  `json:"error,omitempty"`
	}
	// Acted is something that a user did to the sweep.
	Acted struct {
		Action Action `json:"action"`
	}
	// Extended says that a user has given a sweep more trials, or other limits.
	// One that is completed goes on.
	Extended struct {
		RunCap int     `json:"run_cap,omitempty"` // 0: as it was
		Limits *Limits `json:"limits,omitempty"`  // nil: as they were
	}
	// Retried says that a user wants a failed trial tried again. It stays as it
	// is; the next proposal is a new trial with its parameters.
	Retried struct {
		Trial int `json:"trial"`
	}
	// Asked says that so many trials were asked for, in a sweep whose trials are
	// trained outside. Only then does its search propose or promote.
	Asked struct {
		Trials int `json:"trials"`
	}
	// Warmed brings what a past sweep has learnt. It comes before the first
	// engine, and so before every decision.
	Warmed struct {
		Sweep  string `json:"sweep"`
		Trials []Past `json:"trials"`
	}
	// Limited says that a limit was reached that the search cannot see: of
	// time, work or money.
	Limited struct {
		Limit string `json:"limit"` // wall, worker_hours or cost
	}
)

// Past is a finished trial of a past sweep.
type Past struct {
	Params Params   `json:"params"`
	Value  *float64 `json:"value"` // of the first objective, with the past sweep's sign; nil: failed or diverged
}

// The decisions.
type (
	// Proposed is a new trial.
	Proposed struct {
		Trial  int     `json:"trial"`
		Params Params  `json:"params"`
		Parent *Parent `json:"parent,omitempty"` // whose state it goes on from; nil: it starts from 0

		RetryOf *int `json:"retry_of,omitempty"` // the failed trial that it tries again
	}
	// Queued is a job that may be claimed from now on. Start and Finish are
	// its place in virtual time, in steps.
	Queued struct {
		Trial  int     `json:"trial"`
		Rung   int     `json:"rung"`
		For    JobKind `json:"for"`
		Budget int     `json:"budget"`
		Start  int64   `json:"start"`
		Finish int64   `json:"finish"`
	}
	// Ended is a trial's end.
	Ended struct {
		Trial int        `json:"trial"`
		State TrialState `json:"state"`
	}
	// Halted says that a limit was reached that the search sees by itself:
	// target or no_improvement. Nothing is proposed or promoted after it.
	Halted struct {
		Limit string `json:"limit"`
	}
	// Turned is a new state of the sweep.
	Turned struct {
		State  SweepState `json:"state"`
		Reason string     `json:"reason,omitempty"`
	}
)

// Parent is a state of a trial that another goes on from.
type Parent struct {
	Trial int `json:"trial"`
	Step  int `json:"step"`
}

// Action is a user's action.
type Action string

// The actions.
const (
	ActionPause  Action = "pause"
	ActionResume Action = "resume"
	ActionCancel Action = "cancel"
)

// Kind names the event in the log.
func (Engine) Kind() string   { return "engine" }
func (Reported) Kind() string { return "reported" }
func (Lost) Kind() string     { return "lost" }
func (Acted) Kind() string    { return "acted" }
func (Asked) Kind() string    { return "asked" }
func (Extended) Kind() string { return "extended" }
func (Retried) Kind() string  { return "retried" }
func (Proposed) Kind() string { return "proposed" }
func (Queued) Kind() string   { return "queued" }
func (Ended) Kind() string    { return "ended" }
func (Turned) Kind() string   { return "turned" }
func (Warmed) Kind() string   { return "warmed" }
func (Limited) Kind() string  { return "limited" }
func (Halted) Kind() string   { return "halted" }

// Decision reports whether the search decided it.
func (Engine) Decision() bool   { return false }
func (Reported) Decision() bool { return false }
func (Lost) Decision() bool     { return false }
func (Acted) Decision() bool    { return false }
func (Asked) Decision() bool    { return false }
func (Extended) Decision() bool { return false }
func (Retried) Decision() bool  { return false }
func (Proposed) Decision() bool { return true }
func (Queued) Decision() bool   { return true }
func (Ended) Decision() bool    { return true }
func (Turned) Decision() bool   { return true }
func (Warmed) Decision() bool   { return false }
func (Limited) Decision() bool  { return false }
func (Halted) Decision() bool   { return true }

// DecodeEvent is the reverse of json.Marshal on a body of that kind.
func DecodeEvent(kind string, data []byte) (EventBody, error) {
	if body, ok := decodeFlat(kind, data); ok {
		return body, nil
	}
	switch kind {
	case "engine":
		return decodeEvent[Engine](data)
	case "reported":
		return decodeEvent[Reported](data)
	case "lost":
		return decodeEvent[Lost](data)
	case "acted":
		return decodeEvent[Acted](data)
	case "extended":
		return decodeEvent[Extended](data)
	case "retried":
		return decodeEvent[Retried](data)
	case "asked":
		return decodeEvent[Asked](data)
	case "proposed":
		return decodeEvent[Proposed](data)
	case "queued":
		return decodeEvent[Queued](data)
	case "ended":
		return decodeEvent[Ended](data)
	case "turned":
		return decodeEvent[Turned](data)
	case "warmed":
		return decodeEvent[Warmed](data)
	case "limited":
		return decodeEvent[Limited](data)
	case "halted":
		return decodeEvent[Halted](data)
	}
	return nil, fmt.Errorf("decode event: no such kind %q", kind)
}

func decodeEvent[T EventBody](data []byte) (EventBody, error) {
	var body T
	if err := json.Unmarshal(data, &body); err != nil {
		return nil, fmt.Errorf("decode event %s: %w", body.Kind(), err)
	}
	return body, nil
}
