package tourney

import "time"

// Page asks for a part of a list.
type Page struct {
	Limit  int    // at most MaxPage; 0: DefaultPage
	Cursor string // what the part before said comes next; empty: from the start

	// Of lists of trials.
	Sort  TrialSort // their order; empty: by number. The board has its own
	Where TrialFilter
}

// The sizes of a page.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// RungCount says how many trials a rung has seen.
type RungCount struct {
	Rung     int `json:"rung"`
	Budget   int `json:"budget"`   // steps in all
	Reached  int `json:"reached"`  // trials that have finished it
	Promoted int `json:"promoted"` // of those, went on to a higher one
	Stopped  int `json:"stopped"`  // of those, ended there
	Waiting  int `json:"waiting"`  // of those, neither yet
	Training int `json:"training"` // trials on their way to it; those that have finished none are counted at the lowest
}

// HistoryPoint is one report as folded, for the curve of the best so far.
type HistoryPoint struct {
	At    time.Time `json:"at"`
	Trial int       `json:"trial"`
	Rung  int       `json:"rung"`
	Step  int       `json:"step"`
	Value float64   `json:"value"`
	Best  float64   `json:"best"` // of this point and those before it
}
