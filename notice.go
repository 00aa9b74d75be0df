package tourney

import "time"

// Notice is a message to somebody outside that a sweep has ended. It is written
// with the change that ends the sweep, and sent until it is taken.
type Notice struct {
	ID    string // the same however often it is sent
	Sweep string
	URL   string
	Body  []byte // JSON
	Tries int    // so far
	Due   time.Time
}

// Ending is the body of a notice.
type Ending struct {
	ID        string             `json:"id"`   // of the notice
	Type      string             `json:"type"` // sweep.ended
	Sweep     string             `json:"sweep"`
	Name      string             `json:"name"`
	State     SweepState         `json:"state"`
	Reason    string             `json:"reason,omitempty"`
	Counts    map[TrialState]int `json:"counts"`
	Best      *BestTrial         `json:"best,omitempty"`
	CreatedAt time.Time          `json:"created_at"`
	EndedAt   time.Time          `json:"ended_at"`
}

// BestTrial is the winner of a sweep, in short.
type BestTrial struct {
	Number  int     `json:"number"`
	Value   float64 `json:"value"`
	Params  Params  `json:"params"`
	Metrics Metrics `json:"metrics"`
}
