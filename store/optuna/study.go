package optuna

import (
	"encoding/json"
	"time"

	"tourney"
)

// Study is what Optuna calls a search.
type Study struct {
	Name        string
	Directions  []tourney.Goal // one an objective; empty: Optuna's NOT_SET
	UserAttrs   map[string]json.RawMessage
	SystemAttrs map[string]json.RawMessage
	Trials      []Trial // by number, from 0
}

// Trial is one trial of a study.
type Trial struct {
	State       State
	Params      []Param           // sorted by name
	Values      []float64         // one an objective, or none; they may be infinite
	Curve       map[int64]float64 // values on the way by step; they may be infinite or not a number
	Start, End  *time.Time
	UserAttrs   map[string]json.RawMessage
	SystemAttrs map[string]json.RawMessage
}

// Param is a value with the distribution that it was drawn from.
type Param struct {
	Name         string
	Distribution Distribution
	Value        any // nil, bool, int64, float64 or string
}

// State is where a trial stands, as Optuna numbers it.
type State int

// The states.
const (
	Running State = iota
	Complete
	Pruned
	Fail
	Waiting
)

var stateNames = []string{"RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING"}

// String returns Optuna's name for the state.
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return "UNKNOWN"
	}
	return stateNames[s]
}

// ended reports whether nothing more comes of such a trial.
func (s State) ended() bool { return s == Complete || s == Pruned || s == Fail }

// The system attributes of Optuna that are known here.
const (
	metricNamesKey = "study:metric_names" // a list, one an objective
	constraintsKey = "constraints"        // a list: more than 0 is a violation
	fixedKey       = "fixed_params"       // of a waiting trial: what it is to try
)

// constraintPrefix begins the system attributes in which Optuna 5 keeps
// constraints that have names.
const constraintPrefix = constraintsKey + ":"
