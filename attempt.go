package tourney

import "time"

// Attempt is one claim of a trial by a worker, as it is told to people.
type Attempt struct {
	Number  int        `json:"attempt"` // from 1
	Rung    int        `json:"rung"`
	Worker  string     `json:"worker"`
	Host    string     `json:"host,omitempty"` // of the worker, as far as it is still known
	Pool    string     `json:"pool,omitempty"`
	Outcome string     `json:"outcome,omitempty"` // an Outcome; empty while it runs
	Step    int        `json:"step"`              // committed when it ended
	Started time.Time  `json:"started_at"`
	Ended   *time.Time `json:"ended_at,omitempty"`
}
