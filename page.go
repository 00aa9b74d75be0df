package tourney

import "time"

// Page asks for a part of a list.
type Page struct {
	Limit  int    // at most MaxPage; 0: DefaultPage
	Cursor string // what the part before said comes next; empty: from the start
}

// The sizes of a page.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// HistoryPoint is one report as folded, for the curve of the best so far.
type HistoryPoint struct {
	At    time.Time `json:"at"`
	Trial int       `json:"trial"`
	Rung  int       `json:"rung"`
	Step  int       `json:"step"`
	Value float64   `json:"value"`
	Best  float64   `json:"best"` // of this point and those before it
}
