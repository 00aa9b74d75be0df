package tourney

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Series is numbers of which some are not known: NaN, written as null.
type Series []float64

// MarshalJSON writes what is not finite as null.
func (s Series) MarshalJSON() ([]byte, error) {
	out := append(make([]byte, 0, 2+12*len(s)), '[')
	for i, x := range s {
		if i > 0 {
			out = append(out, ',')
		}
		if math.IsNaN(x) || math.IsInf(x, 0) {
			out = append(out, "null"...)
			continue
		}
		text, err := json.Marshal(x)
		if err != nil {
			return nil, err
		}
		out = append(out, text...)
	}
	return append(out, ']'), nil
}

// UnmarshalJSON reads null as NaN.
func (s *Series) UnmarshalJSON(data []byte) error {
	var list []*float64
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	*s = make(Series, len(list))
	for i, x := range list {
		(*s)[i] = math.NaN()
		if x != nil {
			(*s)[i] = *x
		}
	}
	return nil
}

// Clause is a condition on the trials that a view is of: a closed range of a
// number, or places in the list of values of a parameter. Names that begin with
// @ are the trial's own: @value, @rung, @step, @number, @state (a place in
// TrialStates), @duration (seconds), and @metric.NAME for an objective.
type Clause struct {
	Name   string
	Low    float64 // -Inf: open
	High   float64 // +Inf: open
	Places []int   // nil: a range
}

// maxClauses is how many clauses one selection may have.
const maxClauses = 64

// ParseWhere reads a selection, as "lr:0.001..0.1;optimizer:0,2;@value:0.9..".
func ParseWhere(text string) ([]Clause, error) {
	var clauses []Clause
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ";") {
		name, rest, ok := strings.Cut(part, ":")
		if !ok || name == "" || len(clauses) == maxClauses {
			return nil, Invalid("where", "%q is no condition; write NAME:LOW..HIGH or NAME:PLACE,PLACE, with ; between them", part)
		}
		c := Clause{Name: name, Low: math.Inf(-1), High: math.Inf(1)}
		low, high, ranged := strings.Cut(rest, "..")
		if ranged {
			if !side(low, &c.Low) || !side(high, &c.High) {
				return nil, Invalid("where", "%q is no range of numbers; write LOW..HIGH, of which one may be left out", rest)
			}
			clauses = append(clauses, c)
			continue
		}
		for place := range strings.SplitSeq(rest, ",") {
			n, err := strconv.Atoi(place)
			if err != nil || n < 0 {
				return nil, Invalid("where", "%q is no place in a list; places count from 0", place)
			}
			c.Places = append(c.Places, n)
		}
		clauses = append(clauses, c)
	}
	return clauses, nil
}

// side reads one end of a range, which stays as it is if there is no text.
func side(text string, x *float64) bool {
	if text == "" {
		return true
	}
	v, err := strconv.ParseFloat(text, 64)
	*x = v
	return err == nil && !math.IsNaN(v)
}

// Has reports whether the clause holds for a number, or for a place.
func (c *Clause) Has(x float64) bool {
	if c.Places != nil {
		return slices.Contains(c.Places, int(x)) && !math.IsNaN(x)
	}
	return x >= c.Low && x <= c.High // never for NaN
}

// ViewRequest asks for a view of a sweep's trials. Each view reads what it
// needs of it.
type ViewRequest struct {
	Where  []Clause // which trials; nil: all
	Sort   string   // number, rung, state, value, step, duration, NAME of an axis, with - before it the other way round; empty: as the board
	Axis   string   // the axis of a slice, or the one across of a contour
	Other  string   // the one upwards of a contour
	Metric string   // of learning curves; empty: the sweep's
	Pick   string   // of learning curves: best, random or latest
	Offset int
	Limit  int     // 0: the view's own
	Price  float64 // of an hour of a slot; 0: unknown
}

// Axis is one parameter, or one objective, as charts show it.
type Axis struct {
	Name   string   `json:"name"`
	Low    float64  `json:"low"` // of the values that are shown
	High   float64  `json:"high"`
	Log    bool     `json:"log,omitempty"`
	Levels []string `json:"levels,omitempty"` // values are places in it; absent: numbers
}

// ViewTable is a stretch of the trials of a selection, in some order.
type ViewTable struct {
	Offset int     `json:"offset"`
	Total  int     `json:"total"` // trials of the selection
	Of     int     `json:"of"`    // trials of the sweep
	Items  []Trial `json:"items"`
}

// ViewParallel is a sample of trials as columns: with the best of the
// selection, and the lowest and the highest on each axis.
type ViewParallel struct {
	Total   int      `json:"total"`
	Of      int      `json:"of"`
	Axes    []Axis   `json:"axes"`
	Trials  []int    `json:"trials"`
	Rungs   []int    `json:"rungs"`
	Values  Series   `json:"values"`
	Columns []Series `json:"columns"` // one for each axis
}

// ViewGrid is trials in cells, column by column; empty cells are left out.
type ViewGrid struct {
	X      []float64 `json:"x"` // edges
	Y      []float64 `json:"y"`
	Column []int     `json:"column"` // of each cell, from 0
	Row    []int     `json:"row"`
	Trials []int     `json:"trials"` // how many are in it
	Mean   []float64 `json:"mean"`   // of their values
	Best   []float64 `json:"best"`
	Winner []int     `json:"winner"` // the trial with the best value
}

// ViewSlice is values over one parameter: points, or cells where there are many.
type ViewSlice struct {
	Total  int       `json:"total"`
	Of     int       `json:"of"`
	Axis   Axis      `json:"axis"`
	Trials []int     `json:"trials"`
	X      []float64 `json:"x"`
	Values []float64 `json:"values"`
	Rungs  []int     `json:"rungs"`
	Grid   *ViewGrid `json:"grid,omitempty"`
}

// ViewContour is values over two parameters, in cells.
type ViewContour struct {
	Total int      `json:"total"`
	Of    int      `json:"of"`
	X     Axis     `json:"x"`
	Y     Axis     `json:"y"`
	Grid  ViewGrid `json:"grid"`
}

// ViewCurve is the learning curve of one trial.
type ViewCurve struct {
	Trial  int        `json:"trial"`
	Rung   int        `json:"rung"`
	State  TrialState `json:"state"`
	Steps  []int      `json:"steps"`
	Values []float64  `json:"values"`
}

// ViewCurves is learning curves of some trials of a selection.
type ViewCurves struct {
	Metric  string      `json:"metric"`
	Metrics []string    `json:"metrics"` // that these trials report
	Total   int         `json:"total"`
	Curves  []ViewCurve `json:"curves"`
}

// ViewDistribution is the empirical distribution of values: at each value, the
// share of trials that are as good or better.
type ViewDistribution struct {
	Total  int       `json:"total"`
	Values []float64 `json:"values"` // best first
	Share  []float64 `json:"share"`
	Trials []int     `json:"trials"`
}

// ViewBar is an attempt of a trial on a worker. Times are seconds since From.
type ViewBar struct {
	Worker  int     `json:"worker"` // its place among the workers
	Trial   int     `json:"trial"`
	Attempt int     `json:"attempt"`
	Rung    int     `json:"rung"`
	Start   float64 `json:"start"`
	End     float64 `json:"end"`
	Outcome Outcome `json:"outcome,omitempty"` // absent: it runs
}

// ViewTimeline is what workers did when: attempts, or where there are many, how
// many ran on average in each stretch of time.
type ViewTimeline struct {
	From    time.Time   `json:"from"`
	Seconds float64     `json:"seconds"` // that it covers
	Workers []string    `json:"workers"`
	Hidden  int         `json:"hidden"` // workers that are left out
	Total   int         `json:"total"`  // attempts
	Bars    []ViewBar   `json:"bars"`
	Busy    [][]float64 `json:"busy,omitempty"` // attempts at a time, by worker and stretch
	Losses  [][]int     `json:"losses,omitempty"`
}

// ViewFault is trials that ended badly in the same way.
type ViewFault struct {
	State   TrialState `json:"state"`
	Reason  Reason     `json:"reason,omitempty"`
	Line    string     `json:"line"`  // the last line of their errors, numbers left out
	Error   string     `json:"error"` // of the newest of them
	Count   int        `json:"count"`
	Trials  []int      `json:"trials"` // the newest
	Newest  *time.Time `json:"newest,omitempty"`
	Attempt int        `json:"attempts"` // of all of them
}

// ViewFailures is the trials that failed or diverged, the most frequent first.
type ViewFailures struct {
	Total  int         `json:"total"`
	Of     int         `json:"of"`
	Groups []ViewFault `json:"groups"`
}

// ViewImprovement is a report that was better than all before it, and what had
// been spent by then since the one before.
type ViewImprovement struct {
	At        time.Time `json:"at"`
	Trial     int       `json:"trial"`
	Value     float64   `json:"value"`
	Trials    int       `json:"trials"` // reports since the one before
	SlotHours float64   `json:"slot_hours"`
	Cost      *float64  `json:"cost,omitempty"`
}

// ViewProgress is how fast a sweep goes and what it has cost.
type ViewProgress struct {
	Rate         float64           `json:"rate"`           // reports a minute, of late
	Left         *float64          `json:"left,omitempty"` // seconds until all its trials have started, at the rate of late
	SlotHours    float64           `json:"slot_hours"`     // of all attempts so far
	Cost         *float64          `json:"cost,omitempty"` // absent: no price is known
	Improvements []ViewImprovement `json:"improvements"`   // the newest, oldest first
	Stalled      int               `json:"since_best"`     // reports since the last of them
}

// Fate is what became of a trial at a rung.
type Fate string

// The fates.
const (
	FateAdvanced Fate = "advanced" // finished it and went on
	FateWaiting  Fate = "waiting"  // finished it and may go on
	FateOut      Fate = "out"      // finished it and stopped there
	FateTraining Fate = "training" // on the way to it
	FateWon      Fate = "won"      // the best of the highest rung
)

// ViewSeat is a trial at a rung.
type ViewSeat struct {
	Trial int      `json:"trial"`
	Value *float64 `json:"value"` // there; null: on the way to it
	Fate  Fate     `json:"fate"`
}

// ViewRound is one rung of a tournament.
type ViewRound struct {
	RungCount
	Best   *float64   `json:"best"`
	Median *float64   `json:"median"`
	Cut    *float64   `json:"cut"` // the worst value that went on
	Seats  []ViewSeat `json:"seats"`
}

// ViewBracket is a tournament as rounds, the lowest first. Of each, the best
// seats are told, and those whose trials sit further up.
type ViewBracket struct {
	Rounds []ViewRound `json:"rounds"`
}
